"""Objectives, as pure functions of log-probabilities. All are to be minimised.

Each returns a sum over its tokens or pairs, so that micro-batches add up; the caller divides by the count of
the whole batch.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int


def policy_gradient(
    logprob: Float[Array, "B G T"],
    rollout_logprob: Float[Array, "B G T"],
    advantage: Float[Array, "B G T"],
    mask: Bool[Array, "B G T"],
    clip_low: float,
    clip_high: float,
    importance_cap: float,
) -> Float[Array, ""]:
    """Sum over tokens of -min(r A, clip(r, 1 - clip_low, 1 + clip_high) A), r = exp(logprob - rollout's).

    PPO's clipped surrogate (Schulman et al. 2017, equation 7); two bounds as in DAPO (Yu et al. 2025). r also
    corrects for a sampler that rounds otherwise than the update does; it weighs at most `importance_cap`
    (truncated importance sampling, Ionides 2008), since for A < 0 no clip bounds it from above.
    """
    change = logprob - rollout_logprob
    above = jax.lax.stop_gradient(jnp.maximum(change - jnp.log(importance_cap), 0.0))
    ratio = jnp.exp(change - above)
    clipped = jnp.clip(ratio, 1.0 - clip_low, 1.0 + clip_high)
    return -jnp.sum(jnp.where(mask, jnp.minimum(ratio * advantage, clipped * advantage), 0.0))


def likelihood(logprob: Float[Array, "B G T"], mask: Bool[Array, "B G T"]) -> Float[Array, ""]:
    """Sum over tokens of -log p: supervised training on the given paths, nats."""
    return -jnp.sum(jnp.where(mask, logprob, 0.0))


def first_difference(
    first: Int[Array, "B T"],
    second: Int[Array, "B T"],
    length_first: Int[Array, " B"],
    length_second: Int[Array, " B"],
) -> Int[Array, " B"]:
    """Index of the first token in which two right-padded paths differ; T when they are the same path."""
    at = jnp.arange(first.shape[-1])
    inside_first, inside_second = at < length_first[:, None], at < length_second[:, None]
    differ = ((first != second) & inside_first & inside_second) | (inside_first != inside_second)
    return jnp.where(differ.any(-1), jnp.argmax(differ, -1), first.shape[-1])


def contrastive(
    logprob: Float[Array, "B G T"],
    rollout_logprob: Float[Array, "B G T"],
    tokens: Int[Array, "B G T"],
    length: Int[Array, "B G"],
    step_id: Int[Array, "B G T"],
    quality: Float[Array, "B G"],
    beta: float,
    min_gap: float,
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """Sum over groups of -log sigmoid(beta (D_best - D_worst)), and the number of groups that count.

    D is the mean over tokens, from the first differing step on, of logprob - rollout_logprob; best and worst
    are the group's extremes of quality. A gap below `min_gap` leaves the group out. The preference loss of
    DPO (Rafailov et al. 2023, equation 7) with the rollout policy as reference, length-normalised, and
    limited to where the two paths part.
    """
    best, worst = jnp.argmax(quality, -1), jnp.argmin(quality, -1)

    def pick(x, index):
        return jnp.take_along_axis(x, index.reshape(-1, *[1] * (x.ndim - 1)), 1)[:, 0]

    parts = first_difference(
        pick(tokens, best), pick(tokens, worst), pick(length, best), pick(length, worst)
    )  # fmt: skip
    width = tokens.shape[-1]

    def drift(index):
        ids, end = pick(step_id, index), pick(length, index)
        at = jnp.minimum(jnp.minimum(parts, end - 1), width - 1)
        start = jnp.take_along_axis(ids, jnp.maximum(at, 0)[:, None], -1)
        mask = (ids >= start) & (ids >= 0)
        change = jnp.where(mask, pick(logprob, index) - pick(rollout_logprob, index), 0.0)
        return change.sum(-1) / jnp.maximum(mask.sum(-1), 1)

    gap = jnp.take_along_axis(quality, best[:, None], 1) - jnp.take_along_axis(quality, worst[:, None], 1)
    counts = (gap[:, 0] >= min_gap) & (parts < width)
    loss = -jax.nn.log_sigmoid(beta * (drift(best) - drift(worst)))
    return jnp.sum(jnp.where(counts, loss, 0.0)), jnp.sum(counts, dtype=jnp.float32)


def kl_estimate(
    logprob: Float[Array, "B G T"], reference_logprob: Float[Array, "B G T"], mask: Bool[Array, "B G T"]
) -> Float[Array, ""]:
    """Sum over tokens of exp(d) - d - 1, d = reference - policy: an unbiased, non-negative estimate of
    KL(policy || reference) on the policy's own samples (Schulman 2020, k3), nats."""
    return jnp.sum(jnp.where(mask, _k3(logprob, reference_logprob), 0.0))


def kl_penalty(
    logprob: Float[Array, "B G T"],
    rollout_logprob: Float[Array, "B G T"],
    reference_logprob: Float[Array, "B G T"],
    mask: Bool[Array, "B G T"],
    importance_cap: float,
) -> Float[Array, ""]:
    """`kl_estimate` with each term times the token's probability over that at which it was drawn, up to
    `importance_cap`. That factor is near 1 and makes the gradient right: k3 alone, differentiated on the
    policy's own samples as in GRPO (Shao et al. 2024, equation 4), has on average the gradient of
    KL(reference || policy)."""
    weight = jnp.minimum(jnp.exp(logprob - rollout_logprob), importance_cap)
    return jnp.sum(jnp.where(mask, weight * _k3(logprob, reference_logprob), 0.0))


def _k3(logprob: Float[Array, "*shape"], reference_logprob: Float[Array, "*shape"]) -> Float[Array, "*shape"]:
    difference = reference_logprob - logprob
    return jnp.exp(difference) - difference - 1.0
