"""Do the other paths of the group derive the same values, and reach the same answer?"""

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

PRIOR = -0.5
"""Log-odds that a path without doubts ends in the right answer, before the group is seen.

This, `DIFFICULTY` and `SCATTER` are round numbers near the maximum of the answers' likelihood over the first
half of GSM8K's example solutions (-0.9, 1.7 and 10), right and wrong unseen; halves and doubles do as well.
"""

DIFFICULTY = 2.0
"""Its standard deviation between problems: the paths of one problem succeed and fail together."""

SCATTER = 10.0
"""Concentration of wrong answers: one wrong path meets another one's answer with probability
1 / (1 + SCATTER)."""

_NODES, _MASS = np.polynomial.hermite_e.hermegauss(7)
_NODES, _LOG_MASS = _NODES.astype(np.float32), np.log(_MASS / _MASS.sum()).astype(np.float32)


@jax.jit
def answer_posterior(answer_id: Int[Array, "B G"], log_odds: Float[Array, "B G"]) -> Float[Array, "B G"]:
    """Probability that each path's final answer is right, from the group's answers alone; 0 without one.

    A vote with its doubts counted. `log_odds` (nats) says how likely each path is right by itself, less the
    prior; path g is right with log-odds t_g = log_odds_g + PRIOR + u, u ~ N(0, DIFFICULTY^2) common to the
    problem. Right paths share one answer; k wrong ones fall on theirs as in a Chinese restaurant (Ewens
    1972) of concentration a = SCATTER. Of the hypotheses "no path is right" and "class A is right", with k
    of the group's n answers, the odds of the second to the first at a given u are

        exp(sum over g in A of t_g) Gamma(a + n) / (Gamma(a + n - k) a (k - 1)!),

    and u is integrated out by Gauss-Hermite quadrature. Permutes with the paths. A second vote counts for
    much, a further one for less, a doubted voter for little, and a group that scatters leaves all in doubt.
    """
    stated = answer_id >= 0
    same = (answer_id[:, :, None] == answer_id[:, None, :]) & stated[:, :, None]
    size = same.sum(-1)[..., None].astype(jnp.float32)
    total = stated.sum(-1)[:, None, None].astype(jnp.float32)
    odds = (log_odds + PRIOR)[..., None] + DIFFICULTY * _NODES
    lgamma = jax.scipy.special.gammaln
    meeting = (
        lgamma(SCATTER + total) - lgamma(SCATTER + total - size)
        - lgamma(jnp.maximum(size, 1.0)) - jnp.log(SCATTER)
    )  # fmt: skip
    gain = jnp.einsum("bgh,bhn->bgn", same.astype(jnp.float32), odds) + meeting
    gain = jnp.where(stated[..., None], gain, -jnp.inf)
    all_wrong = jnp.where(stated[..., None], jax.nn.log_sigmoid(-odds), 0.0).sum(1) + _LOG_MASS
    each = all_wrong[:, None, :] + gain
    once = each - jnp.log(jnp.maximum(size, 1.0))
    evidence = jax.nn.logsumexp(jnp.concatenate([all_wrong[:, None, :], once], 1), (1, 2))
    return jnp.exp(jax.nn.logsumexp(each, -1) - evidence[:, None])


def check_agreement(
    value_id: Int[np.ndarray, "B G S"],
    answer_id: Int[np.ndarray, "B G"],
    count: Int[np.ndarray, "B G"],
    log_odds: Float[np.ndarray, "B G"],
) -> tuple[Float[np.ndarray, "B G S"], Bool[np.ndarray, "B G S"]]:
    """Verdicts and whether they are known: does a step go the way of the paths that end right?

    With P(A) the probability that answer A is right (`answer_posterior`, votes weighted by `log_odds`), the
    verdict is the expectation over A of: +1 for a step whose value some other path with answer A has; -1 for
    the first step whose value none of them has, in a path with another answer; 0 from there on, since what
    follows a deviation tells nothing, and in a path with answer A for what it alone derives. The last step
    of a path that comes to its final answer, and all after it, have that answer for their value, and -1 where
    it is another than A. So the answers decide whether a path is wrong, and the values where; a weak or
    scattered group, where no P(A) is large, says little. Unknown without a value, and where the verdict is 0.
    """
    batch, group, width = value_id.shape
    posterior = np.asarray(answer_posterior(answer_id, log_odds.astype(np.float32)))
    stated = answer_id >= 0
    member = (answer_id[:, :, None] == answer_id[:, None, :]) & stated[:, :, None]  # [B, path, class]
    first = np.argmax(member, 2) == np.arange(group)  # a class is called by its first path
    probability = np.where(first & stated, posterior, 0.0)[:, None, None, :]
    at, end = np.arange(width), count[..., None]
    comes_to_it = (value_id == answer_id[..., None]) & (at < end)
    arrived = np.where(comes_to_it, at, -1).max(-1, initial=-1, keepdims=True)
    last = (at >= np.where(arrived >= 0, arrived, end - 1)) & (at < end) & stated[..., None]

    rows, paths = np.arange(batch)[:, None, None], np.arange(group)[:, None]
    derives = np.zeros((batch, group, value_id.max(initial=-1) + 2), np.float32)  # id -1 is the last column
    derives[rows, paths, value_id] = 1.0
    by_class = (np.swapaxes(member, 1, 2).astype(np.float32) @ derives).swapaxes(1, 2)
    others = by_class[rows, value_id] - member[:, :, None, :]  # [B, path, step, class]
    voters = (member.sum(1)[:, None, :] - 1) * member  # [B, path, class]
    shared = np.where(last[..., None], voters[:, :, None, :], others) > 0
    valued = ((value_id >= 0) | last)[..., None]
    outside = ~member[:, :, None, :]
    missing = valued & ~shared & outside
    before = np.cumsum(missing, 2) - missing == 0
    verdict = np.where(valued & shared & (before | ~outside), probability, 0.0)
    verdict -= np.where(missing & (before | last[..., None]), probability, 0.0)
    verdict = np.clip(verdict.sum(-1), -1.0, 1.0).astype(np.float32)
    return verdict, verdict != 0.0


def explain_agreement(verdict: float) -> str:
    """Why a step has this verdict, in words."""
    what = "derive this too" if verdict > 0 else "do not derive this"
    return f"paths to likely answers {what} ({abs(verdict):.0%})"
