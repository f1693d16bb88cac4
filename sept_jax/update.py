"""The optax step: the objective's gradient, micro-batch by micro-batch, never an array of [B, G, T, V]."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from sept_jax import losses
from sept_jax.models import decoder, lora
from sept_jax.models.config import PROJECTIONS, ModelConfig
from sept_jax.processes import largest
from sept_jax.records import Prompts, Rollouts, TrainState, UpdateBatch
from sept_jax.sharding import batch_total, in_pieces, place_batch


@dataclasses.dataclass(frozen=True)
class UpdateConfig:
    """What one optimizer step minimises and how it is computed; static under jit.

    `objective` is `policy_gradient` or `likelihood` (supervised, advantages unused).
    """

    objective: str = "policy_gradient"
    clip_low: float = 0.2
    clip_high: float = 0.2
    importance_cap: float = 5.0
    contrastive_weight: float = 0.0
    contrastive_beta: float = 1.0
    contrastive_min_gap: float = 0.1
    kl_weight: float = 0.0
    remat: bool = True
    logit_chunk: int = 128


_ADAM_RMS = 0.2
"""Root mean square of an AdamW step of learning rate 1 (Liu et al. 2025)."""


@functools.lru_cache(maxsize=16)  # one object a setting: `update` is compiled once for it
def make_optimizer(
    learning_rate: float,
    warmup_steps: int,
    weight_decay: float,
    clip_norm: float,
    b2: float,
    decay_steps: int = 0,
    muon: bool = False,
) -> optax.GradientTransformation:
    """AdamW behind a clip by global norm; linear warm-up, then constant, or with `decay_steps` cosine to zero
    at that step.

    Biases and norms are not decayed. With `muon` the matrices of the layers follow Muon (Jordan 2024), at
    AdamW's size of a step (Liu et al. 2025, arXiv 2502.16982, equation 4), and those alone are decayed; the
    rest then follows Adam with Nesterov's step, as in `optax.contrib.muon`. The last link's `step_size`
    scales every update and can be set in the state (`optax.tree.set(state, step_size=...)`).
    """
    warmup_steps = max(warmup_steps, 1)
    warm_up = optax.linear_schedule(learning_rate / warmup_steps, learning_rate, warmup_steps - 1)
    if decay_steps:
        after = optax.cosine_decay_schedule(learning_rate, max(decay_steps - warmup_steps, 1))
        schedule = optax.join_schedules([warm_up, after], [warmup_steps])
    else:
        schedule = warm_up

    def decayed(params: PyTree) -> PyTree:
        return jax.tree_util.tree_map_with_path(
            lambda path, _: not path[-1].key.endswith(("norm", "bias")), params
        )

    if muon:
        rule = optax.contrib.muon(
            schedule,
            adam_b2=b2,
            weight_decay=weight_decay,
            muon_weight_dimension_numbers=_projections,
            consistent_rms=_ADAM_RMS,
        )
    else:
        rule = optax.adamw(schedule, b2=b2, weight_decay=weight_decay, mask=decayed)
    return optax.chain(
        clip_by_global_norm(clip_norm), rule, optax.inject_hyperparams(optax.scale)(step_size=1.0)
    )


def _projections(params: PyTree) -> PyTree:
    """The axes of the layers' matrices that Muon makes orthogonal, `[layer, in, out]`; None elsewhere."""
    axes = optax.contrib.MuonDimensionNumbers(reduction_axis=1, output_axis=2)
    return jax.tree_util.tree_map_with_path(
        lambda path, _: axes if path[-1].key in PROJECTIONS else None, params
    )


def clip_by_global_norm(limit: float) -> optax.GradientTransformation:
    """`optax.clip_by_global_norm`, with the division of the scale alone. XLA repeats a product wherever the
    clipped gradient is read; a quotient it would keep, as a second gradient."""

    def clipped(gradient: PyTree, _: PyTree | None) -> PyTree:
        scale = limit / jnp.maximum(optax.tree.norm(gradient), limit)
        return jax.tree.map(lambda g: g * scale.astype(g.dtype), gradient)

    return optax.stateless(clipped)


def _token_statistics(
    params: PyTree,
    model: ModelConfig,
    prompts: Prompts,
    rollouts: Rollouts,
    dtype: DTypeLike,
    remat: bool,
    logit_chunk: int,
    statistics: Callable[[Float[Array, "B G t V"], Int[Array, "B G t"]], tuple[Float[Array, "B G t"], ...]],
) -> tuple[Float[Array, "B G T"], ...]:
    """`statistics(log-probabilities, tokens)` of every token, teacher-forced; 0 past the ends.

    Logits are made for `logit_chunk` positions of each path at a time, and again in the backward pass.
    """
    hidden = decoder.group_hidden(params, model, prompts, rollouts.tokens, dtype, remat)
    params = decoder.with_head(params)
    *rows, count, _ = hidden.shape
    chunk = min(logit_chunk, count)
    fill = -count % chunk

    def chunks(x):
        x = jnp.pad(x, [(0, 0), (0, 0), (0, fill)] + [(0, 0)] * (x.ndim - 3))
        return jnp.moveaxis(x.reshape(*rows, -1, chunk, *x.shape[3:]), 2, 0)

    @jax.checkpoint
    def one(carry, piece):
        states, tokens = piece
        return carry, statistics(jax.nn.log_softmax(decoder.head_logits(params, model, states), -1), tokens)

    _, pieces = jax.lax.scan(one, None, (chunks(hidden), chunks(rollouts.tokens)))
    inside = jnp.arange(count) < rollouts.length[..., None]
    return tuple(
        jnp.where(inside, jnp.moveaxis(x, 0, 2).reshape(*rows, -1)[..., :count], 0.0) for x in pieces
    )


def path_logprobs(
    params: PyTree,
    model: ModelConfig,
    prompts: Prompts,
    rollouts: Rollouts,
    dtype: DTypeLike,
    remat: bool = False,
    logit_chunk: int = 128,
) -> tuple[Float[Array, "B G T"], Float[Array, "B G T"]]:
    """Teacher-forced log-probability and entropy of every token at temperature 1, nats; 0 past the ends."""

    def statistics(logprobs, tokens):
        entropy = -jnp.sum(jnp.exp(logprobs) * logprobs, -1)
        return jnp.take_along_axis(logprobs, tokens[..., None], -1)[..., 0], entropy

    return _token_statistics(params, model, prompts, rollouts, dtype, remat, logit_chunk, statistics)


@functools.partial(jax.jit, static_argnames=("model", "dtype", "logit_chunk", "micro_batches"))
def path_certainty(
    params: PyTree,
    model: ModelConfig,
    prompts: Prompts,
    rollouts: Rollouts,
    dtype: DTypeLike,
    logit_chunk: int = 128,
    micro_batches: int = 1,
) -> Float[Array, "B G T"]:
    """KL(uniform || policy) of the next-token distribution at every token, nats; 0 past the ends: the
    self-certainty of a token (Kang et al. 2025, equation 5). `micro_batches` divides B; one is in memory at a
    time."""

    def statistics(logprobs, tokens):
        return (-jnp.log(logprobs.shape[-1]) - jnp.mean(logprobs, -1),)

    def one(piece):
        prompts, rollouts = piece
        return _token_statistics(params, model, prompts, rollouts, dtype, False, logit_chunk, statistics)[0]

    return in_pieces(one, (prompts, rollouts), micro_batches)


jitted_path_logprobs = jax.jit(path_logprobs, static_argnames=("model", "dtype", "remat", "logit_chunk"))


def loss(
    params: PyTree,
    batch: UpdateBatch,
    totals: dict[str, Float[Array, ""]],
    model: ModelConfig,
    config: UpdateConfig,
    dtype: DTypeLike,
) -> tuple[Float[Array, ""], dict[str, Float[Array, ""]]]:
    """The objective of a micro-batch as its share of the whole batch's, and its parts.

    `totals` are the whole batch's counts: `tokens`, over which the token terms are normalised, and `groups`.
    """
    mask = batch.steps.step_id >= 0
    logprob, _ = path_logprobs(
        params, model, batch.prompts, batch.rollouts, dtype, config.remat, config.logit_chunk
    )
    rollouts, parts = batch.rollouts, {}
    if config.objective == "likelihood":
        total = parts["nll"] = losses.likelihood(logprob, mask) / totals["tokens"]
        return total, parts
    surrogate = losses.policy_gradient(
        logprob, rollouts.logprob, batch.advantage, mask,
        config.clip_low, config.clip_high, config.importance_cap,
    )  # fmt: skip
    total = parts["policy_loss"] = surrogate / totals["tokens"]
    if config.contrastive_weight > 0:
        pair_loss, pairs = losses.contrastive(
            logprob, rollouts.logprob, rollouts.tokens, rollouts.length, batch.steps.step_id, batch.quality,
            config.contrastive_beta, config.contrastive_min_gap,
        )  # fmt: skip
        parts["contrastive_loss"] = pair_loss / totals["groups"]
        parts["contrastive_pairs"] = pairs
        total += config.contrastive_weight * parts["contrastive_loss"]
    if config.kl_weight > 0:
        penalty = losses.kl_penalty(
            logprob, rollouts.logprob, batch.reference_logprob, mask, config.importance_cap
        )
        parts["kl"] = losses.kl_estimate(logprob, batch.reference_logprob, mask) / totals["tokens"]
        total += config.kl_weight * penalty / totals["tokens"]
    trained = jax.lax.stop_gradient(logprob)
    drift = jnp.where(mask, trained - rollouts.logprob, 0.0)
    parts["sampler_gap_nats"] = jnp.abs(drift).sum() / totals["tokens"]
    parts["sampler_kl_nats"] = losses.kl_estimate(rollouts.logprob, trained, mask) / totals["tokens"]
    return total, parts


def micro_batches(batch: UpdateBatch, count: int, length_parts: int) -> list[UpdateBatch]:
    """This process's rows of a batch, on the host, in `count` pieces of equally many, which `count` divides.

    Problems with like longest paths lie together, and each piece's T axis is cut to the shortest of
    `length_parts` equal fractions of T that holds its longest path, in any process: few lengths to compile
    for, and little padding to pay for.
    """
    longest, width = np.max(batch.rollouts.length, axis=1), batch.rollouts.tokens.shape[2]
    pieces = []
    for rows in np.split(np.argsort(longest, kind="stable"), count):
        bucket = bucket_length(largest(int(longest[rows].max())), width, length_parts)
        pieces.append(
            jax.tree.map(lambda x, r=rows, t=bucket: x[r, :, :t] if np.ndim(x) == 3 else x[r], batch)
        )
    return pieces


def bucket_length(longest: int, width: int, parts: int) -> int:
    """The shortest of `parts` equal fractions of `width`, rounded up, that is not below `longest`."""
    return min(-(-width * (i + 1) // parts) for i in range(parts) if width * (i + 1) >= longest * parts)


@functools.partial(jax.jit, static_argnames=("model", "config", "dtype"), donate_argnames=("total",))
def add_gradient(
    total: PyTree | None,
    trainable: PyTree,
    frozen: PyTree,
    piece: UpdateBatch,
    totals: dict[str, Float[Array, ""]],
    model: ModelConfig,
    config: UpdateConfig,
    dtype: DTypeLike,
) -> tuple[PyTree, dict[str, Float[Array, ""]]]:
    """`total`, if there is one, with a micro-batch's gradient added, and the parts of its loss."""

    def of(trainable):
        return loss(lora.join(trainable, frozen), piece, totals, model, config, dtype)

    (value, parts), gradient = jax.value_and_grad(of, has_aux=True)(trainable)
    if total is not None:
        gradient = jax.tree.map(jnp.add, total, gradient)
    return gradient, {"loss": value, **parts}


@functools.partial(jax.jit, static_argnames=("optimizer",), donate_argnames=("state",))
def apply_gradient(
    state: TrainState,
    gradient: PyTree,
    parts: list[dict[str, Float[Array, ""]]],
    optimizer: optax.GradientTransformation,
) -> tuple[TrainState, dict[str, Float[Array, ""]]]:
    """The state after the optimizer's step, in the buffers of the one before, and the parts of the loss,
    summed over micro-batches. What is not finite changes the number of the step alone."""
    metrics = jax.tree.map(lambda *values: sum(values), *parts)
    norm = optax.tree.norm(gradient)
    finite = jnp.isfinite(norm) & jnp.isfinite(metrics["loss"])

    def apply(state: TrainState) -> TrainState:
        updates, opt_state = optimizer.update(gradient, state.opt_state, state.trainable)
        return state.replace(trainable=optax.apply_updates(state.trainable, updates), opt_state=opt_state)

    # a branch is computed in place; to choose between old and new values would hold both
    new = jax.lax.cond(finite, apply, lambda state: state, state)
    metrics |= {"grad_norm": norm, "skipped": 1.0 - finite}
    return new.replace(step=state.step + 1), metrics


def update(
    state: TrainState,
    pieces: Sequence[UpdateBatch],
    *,
    optimizer: optax.GradientTransformation,
    model: ModelConfig,
    config: UpdateConfig,
    dtype: DTypeLike,
) -> tuple[TrainState, dict[str, Float[Array, ""]]]:
    """One optimizer step on a batch in pieces, of which a process gives its rows, and one of which is on the
    mesh in use at a time; their gradients are summed in f32.

    Loss or gradients that are not finite leave parameters and optimizer as they were, and `skipped` is 1. The
    state is donated, but for what is frozen. Compiled once for each shape of a piece.
    """
    mesh = jax.sharding.get_mesh()
    tokens = sum(np.sum(np.asarray(piece.steps.step_id) >= 0) for piece in pieces)
    groups = sum(len(piece.quality) for piece in pieces)
    tokens, groups = batch_total(np.array([tokens, groups], np.float64), mesh)
    totals = {"tokens": np.float32(max(tokens, 1)), "groups": np.float32(groups)}
    gradient, parts = None, []
    if len(pieces) > 1:
        gradient = jax.tree.map(jnp.zeros_like, state.trainable)
    for piece in pieces:
        piece = place_batch(piece, mesh)
        gradient, part = add_gradient(
            gradient, state.trainable, state.frozen, piece, totals, model, config, dtype
        )
        parts.append(part)
    new, metrics = apply_gradient(state.replace(frozen={}), gradient, parts, optimizer)
    return new.replace(frozen=state.frozen), metrics
