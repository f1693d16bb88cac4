"""Credit assignment: from step scores to one advantage a token, with statistics taken within the group."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from sept_jax.records import Steps, StepScores

SIGMA_FLOOR = 0.1
"""Spreads of scores below this are not blown up to unit size."""

NEARLY = 0.1
"""Scores that differ by less are taken for equally low."""

_ROUNDING = 1e-5
"""Spreads up to this are float32 rounding of equal scores, which Adam would blow up: they count as none."""


def valid_steps(steps: Steps, width: int) -> Bool[Array, "B G S"]:
    """Which of the S places hold a step of the path."""
    return jnp.arange(width) < steps.count[..., None]


def group_statistics(
    score: Float[Array, "B G S"], valid: Bool[Array, "B G S"]
) -> tuple[Float[Array, "B 1 1"], Float[Array, "B 1 1"]]:
    """mu, the mean over the group's paths of each path's mean score, and sigma, the root of the same mean of
    (s - mu)^2: every path weighs the same, whatever its number of steps. Paths without steps do not count."""
    count = valid.sum(-1)
    weight = (count > 0) / jnp.maximum((count > 0).sum(-1, keepdims=True), 1)

    def mean(x):
        by_path = jnp.where(valid, x, 0.0).sum(-1) / jnp.maximum(count, 1)
        return (weight * by_path).sum(-1)[:, None, None]

    mu = mean(score)
    return mu, jnp.sqrt(mean((score - mu) ** 2))


def _per_spread(sigma: Float[Array, "..."]) -> Float[Array, "..."]:
    """1 / max(sigma, 0.1), and 0 without spread."""
    return jnp.where(sigma > _ROUNDING, 1.0 / jnp.maximum(sigma, SIGMA_FLOOR), 0.0)


def to_go(score: Float[Array, "B G S"], valid: Bool[Array, "B G S"]) -> Float[Array, "B G S"]:
    """A_k = (R_k - b_k) / max(sigma, 0.1), R_k = mean over j >= k of s_j.

    A mean, not a sum: a sum pays for extra lines that are true but useless. The baseline b_k is the group's
    mean of R_k, a path that has ended by k counting with mu: mistakes lie late in a path, so one baseline
    for all k would blame more tokens than it praises.
    """
    mu, sigma = group_statistics(score, valid)
    remaining = jnp.cumsum(valid[..., ::-1], -1)[..., ::-1]
    returns = jnp.cumsum(jnp.where(valid, score, 0.0)[..., ::-1], -1)[..., ::-1] / jnp.maximum(remaining, 1)
    baseline = jnp.where(valid, returns, mu).mean(1, keepdims=True)
    return jnp.where(valid, (returns - baseline) * _per_spread(sigma), 0.0)


def gain(score: Float[Array, "B G S"], valid: Bool[Array, "B G S"]) -> Float[Array, "B G S"]:
    """A_k = (Phi_k - Phi_{k-1}) / max(sigma, 0.1), Phi_k the mean of s_1..s_k and Phi_0 = mu: the change that
    step k makes to the running mean, as a potential difference (Ng, Harada and Russell 1999)."""
    mu, sigma = group_statistics(score, valid)
    running = jnp.cumsum(jnp.where(valid, score, 0.0), -1) / jnp.arange(1, score.shape[-1] + 1)
    before = jnp.concatenate([jnp.broadcast_to(mu, (*score.shape[:2], 1)), running[..., :-1]], -1)
    return jnp.where(valid, (running - before) * _per_spread(sigma), 0.0)


def _group_z(x: Float[Array, "B G"]) -> Float[Array, "B G 1"]:
    centred = x - x.mean(-1, keepdims=True)
    return (centred * _per_spread(x.std(-1, keepdims=True)))[..., None]


def path(quality: Float[Array, "B G"], valid: Bool[Array, "B G S"]) -> Float[Array, "B G S"]:
    """One number a path, the group's z of its quality, spreads floored as for steps."""
    return jnp.where(valid, _group_z(quality), 0.0)


def grpo(reward: Float[Array, "B G"], valid: Bool[Array, "B G S"]) -> Float[Array, "B G S"]:
    """One number a path, (r - mean) / std within the group, whatever the spread (GRPO, Shao et al. 2024,
    section 4.1.2): for rewards of any unit."""
    centred = reward - reward.mean(-1, keepdims=True)
    spread = reward.std(-1, keepdims=True)
    z = jnp.where(spread > _ROUNDING, centred / jnp.maximum(spread, _ROUNDING), 0.0)
    return jnp.where(valid, z[..., None], 0.0)


def minimum(score: Float[Array, "B G S"], valid: Bool[Array, "B G S"]) -> Float[Array, "B G S"]:
    """The group's z of min_k s_k, on the steps up to and including that minimum, zero after it (min-form
    credit, Cheng et al. 2025). A path without steps takes 0 as its minimum."""
    masked = jnp.where(valid, score, jnp.inf)
    lowest = jnp.where(valid.any(-1), masked.min(-1), 0.0)
    up_to = jnp.arange(score.shape[-1]) <= jnp.argmin(masked, -1)[..., None]
    return jnp.where(valid & up_to, _group_z(lowest), 0.0)


def first_low(
    score: Float[Array, "B G S"], quality: Float[Array, "B G"], valid: Bool[Array, "B G S"]
) -> Float[Array, "B G S"]:
    """The group's z of a path's quality, shared out among its steps: evenly where it is above 0, else all of
    it to the first step whose score is within `NEARLY` of the path's lowest.

    A path's advantages add up to its z, whatever its number of steps. Right steps are right together, but it
    is the first wrong step that costs the path its value; what follows from it looks no better.
    """
    z = _group_z(quality)
    lowest = jnp.where(valid, score, jnp.inf).min(-1, keepdims=True)
    low = valid & (score <= lowest + NEARLY)
    first = low & (jnp.cumsum(low, -1) == 1)
    evenly = valid / jnp.maximum(valid.sum(-1, keepdims=True), 1)
    return jnp.where(z < 0, z * first, z * evenly)


ESTIMATORS = ("first_low", "to_go", "gain", "path", "min", "grpo")


@functools.partial(jax.jit, static_argnames="estimator")
def step_advantages(scores: StepScores, steps: Steps, estimator: str) -> Float[Array, "B G T"]:
    """One advantage a token: that of its step, zero past the path's end."""
    valid = valid_steps(steps, scores.score.shape[-1])
    by_step = {
        "first_low": lambda: first_low(scores.score, scores.quality, valid),
        "to_go": lambda: to_go(scores.score, valid),
        "gain": lambda: gain(scores.score, valid),
        "path": lambda: path(scores.quality, valid),
        "grpo": lambda: grpo(scores.quality, valid),
        "min": lambda: minimum(scores.score, valid),
    }[estimator]()
    spread = jnp.take_along_axis(by_step, jnp.maximum(steps.step_id, 0), axis=-1)
    return jnp.where(steps.step_id >= 0, spread, 0.0)
