"""How far each channel can be believed, estimated without labels.

The channels are observers who vote on one hidden fact a step, "is this step right" (Dawid & Skene 1979),
fitted by stepwise EM with running sums (Cappe & Moulines 2009). Each has two rates: a rule that sees one
kind of mistake is believed when it refutes, and says little when it verifies. With a single accuracy a
channel, the rule that finds most mistakes was taken for the liar. The sums of a batch are sums over its
steps, wherever on the mesh these are.
"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from sept_jax.records import CHANNELS, Evidence, Reliability

PRIOR_VOTES = np.array([[25.0, 25.0], [5.0, 95.0]], np.float32)
"""Votes that every channel starts with, as in `Reliability.confusion`: right steps are seldom refuted, of
wrong ones anything may be missed. It tells right from wrong, and keeps small batches from moving much."""

PRIOR_STEPS = np.array([10.0, 10.0], np.float32)
"""Wrong and right steps that the rate of right steps starts with."""

RATE = (0.01, 0.99)
"""Bounds of a channel's rates: none is beyond doubt."""

RIGHT_RATE = (0.1, 0.9)
"""Bounds of the rate of right steps, the score of a step that nothing is known of."""

_FACTS = np.arange(2)


def init_reliability() -> Reliability:
    """No votes seen."""
    return Reliability(confusion=np.zeros((2, 2, len(CHANNELS)), np.float32), steps=np.zeros(2, np.float32))


def vote_rates(reliability: Reliability) -> Float[Array, "2 2 C"]:
    """P(vote | fact) of each channel, indexed as `Reliability.confusion`: the mean of the posterior under the
    Beta prior of `PRIOR_VOTES`, within [0.01, 0.99]."""
    votes = reliability.confusion + PRIOR_VOTES[..., None]
    return jnp.clip(votes / votes.sum(1, keepdims=True), *RATE)


def right_rate(reliability: Reliability) -> Float[Array, ""]:
    """The share of steps that are right, within [0.1, 0.9]."""
    steps = reliability.steps + PRIOR_STEPS
    return jnp.clip(steps[1] / steps.sum(), *RIGHT_RATE)


def log_odds_weights(reliability: Reliability) -> tuple[Float[Array, "2 C"], Float[Array, ""]]:
    """Weights (of refutations, of verifications) and bias, nats, for `combine.score_steps`.

    log(P(-|wrong) / P(-|right)) and log(P(+|right) / P(+|wrong)), at least 0: no channel counts against its
    own word. With them a step's score is the posterior probability that it is right, graded verdicts being
    parts of a vote.
    """
    log_rate = jnp.log(vote_rates(reliability))
    weights = jnp.maximum(log_rate[_FACTS, _FACTS] - log_rate[1 - _FACTS, _FACTS], 0.0)
    return weights, jax.scipy.special.logit(right_rate(reliability))


@jax.jit
def count_votes(evidence: Evidence, count: Int[Array, "B G"], reliability: Reliability) -> Reliability:
    """The E-step: one batch's sums, given the rates so far.

    A step is right with p = sigmoid(bias + sum of weight x verdict); a verdict v is a vote of mass |v|, and
    counts by p in the rates on right steps, by 1 - p in those on wrong ones. Only steps that two channels
    or more vote on count: what one channel alone says is no evidence of its worth. `count` is the number of
    steps of each path; later places do not count.
    """
    inside = jnp.arange(evidence.verdict.shape[2]) < count[..., None]
    vote = jnp.where(evidence.known & inside[..., None], evidence.verdict, 0.0)
    mass = jnp.stack([jnp.maximum(-vote, 0.0), jnp.maximum(vote, 0.0)])
    weights, bias = log_odds_weights(reliability)
    right = jax.nn.sigmoid(bias + mass[1] @ weights[1] - mass[0] @ weights[0])
    fact = jnp.stack([1.0 - right, right]) * ((vote != 0.0).sum(-1) >= 2)
    return Reliability(confusion=jnp.einsum("fbgs,vbgsc->fvc", fact, mass), steps=fact.sum((1, 2, 3)))


def update_reliability(reliability: Reliability, votes: Reliability, memory: float) -> Reliability:
    """The M-step: the sums after a batch, old x `memory` + new, with `memory` in [0, 1)."""
    return jax.tree.map(lambda old, new: memory * old + new, reliability, votes)
