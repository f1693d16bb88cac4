"""From evidence to one score a step and one quality a path."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sept_jax.records import Evidence, StepScores


def path_quality(score: Float[Array, "B G S"], count: Int[Array, "B G"]) -> Float[Array, "B G"]:
    """The mean score of the path's steps; 0 for a path without steps. The one definition that pairs, the
    curriculum and reports use."""
    return score.sum(-1) / jnp.maximum(count, 1)


@jax.jit
def score_steps(
    evidence: Evidence,
    count: Int[Array, "B G"],
    weights: Float[Array, "C"],
    bias: float | Float[Array, ""],
) -> StepScores:
    """s = sigmoid(bias + sum over channels of weight x known x verdict): log-odds of independent evidence.

    `count` is the number of steps of each path.
    """
    share = weights * jnp.where(evidence.known, evidence.verdict, 0.0)
    valid = jnp.arange(share.shape[2]) < count[..., None]
    score = jnp.where(valid, jax.nn.sigmoid(bias + share.sum(-1)), 0.0)
    return StepScores(
        score=score, channel=jnp.where(valid[..., None], share, 0.0), quality=path_quality(score, count)
    )
