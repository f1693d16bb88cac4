"""From evidence to one score a step and one quality a path."""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sept_jax.records import CHANNELS, Evidence, Host, StepScores
from sept_jax.scoring.agreement import answer_posterior

RULES = ("arithmetic", "algebra", "counterexample", "provenance", "contradiction", "code")
"""The channels whose refutation of one step is a doubt of the whole path; the others grade."""

_IS_RULE = np.asarray([name in RULES for name in CHANNELS], np.float32)
_AGREEMENT = CHANNELS.index("agreement")

TRUST = 0.9
"""At most this share of a path's quality is the group's: of two paths to one answer, better steps win."""


def path_log_odds(share: Float[Host, "B G S C"]) -> Float[Host, "B G"]:
    """Log-odds (nats, at most 0) that the rules leave a path: the sum of what they say against its steps.

    A path is right only if every step is, so doubts add up over steps, and verifications do not. `share` is
    weight x known x verdict.
    """
    return (share.clip(max=0.0) * _IS_RULE).sum((-1, -2))


def path_quality(score: Float[Array, "B G S"], count: Int[Array, "B G"]) -> Float[Array, "B G"]:
    """The mean score of the path's steps; 0 for a path without steps."""
    return score.sum(-1) / jnp.maximum(count, 1)


@jax.jit
def score_steps(
    evidence: Evidence,
    count: Int[Array, "B G"],
    weights: Float[Array, " C"] | Float[Array, "2 C"],
    bias: float | Float[Array, ""],
) -> StepScores:
    """Scores of steps and paths; `count` is the number of steps of each path.

    A step's score is s = sigmoid(bias + sum over channels of weight x known x verdict): log-odds of
    independent evidence. Weights are one a channel, or two: of refutations, then of verifications (fixed, as
    `ScoringConfig.log_odds`, or estimated, as `reliability.log_odds_weights`).

    In a group of which some path states a final answer, the last step of one that states none scores 0: it
    has not solved the problem, and its mean would else rise with what it leaves out.

    A path's quality is m + min(w, TRUST) (p - m), with m the mean score of its steps, w the weight of
    `agreement`'s verifications, and p the probability that its answer is right (`agreement.answer_posterior`,
    each vote weighted by the doubts that the rules have of the voter). Where the group is not asked (w = 0,
    or it says nothing) it is m. The one definition that pairs, the curriculum and reports use.
    """
    against, favour = jnp.broadcast_to(weights, (2, weights.shape[-1]))
    verdict = jnp.where(evidence.known, evidence.verdict, 0.0)
    valid = jnp.arange(verdict.shape[2]) < count[..., None]
    share = jnp.where(valid[..., None], jnp.where(verdict < 0.0, against, favour) * verdict, 0.0)
    stated = evidence.answer_id >= 0
    last = jnp.arange(verdict.shape[2]) == count[..., None] - 1
    unfinished = last & (stated.any(1, keepdims=True) & ~stated)[..., None]
    score = jnp.where(valid & ~unfinished, jax.nn.sigmoid(bias + share.sum(-1)), 0.0)
    mean = path_quality(score, count)
    right = answer_posterior(evidence.answer_id, path_log_odds(share))
    asked = evidence.known[..., _AGREEMENT].any((1, 2))[:, None]
    trust = jnp.where(asked, jnp.clip(favour[_AGREEMENT], 0.0, TRUST), 0.0)
    quality = jnp.where(trust > 0.0, mean + trust * (right - mean), mean)
    return StepScores(score=score, channel=share, quality=quality)
