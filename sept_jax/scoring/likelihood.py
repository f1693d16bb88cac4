"""What the model makes of a continuation after each prefix of a path: one teacher-forced pass.

A path's S + 1 prefixes are no rows of their own. Prompt and path are computed once; the continuation, a
branch, is laid after each prefix and attends to the prompt, to the path up to that prefix's end, and to
itself. That costs T + K A tokens a path, where one row a prefix would cost K (P + T / 2 + A).
"""

import functools

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from sept_jax.models import decoder
from sept_jax.models.config import ModelConfig
from sept_jax.records import Prompts
from sept_jax.sharding import constrain_batch, in_pieces


def _attend_branch(
    query: Float[Array, "B N H K"],
    own: tuple[Float[Array, "B Hkv K N"], Float[Array, "B Hkv N K"]],
    before: decoder.PromptCache,
    visible: Bool[Array, "B M"],
) -> Float[Array, "B N H K"]:
    """Causal attention of one branch to itself, and to what of `before` is visible to it."""
    keys, values = (x[:, None] for x in own)
    return decoder.attention(query[:, None], (keys, values), _causal(query.shape[1]), before, visible)[:, 0]


_attend_branches = jax.vmap(
    jax.vmap(_attend_branch, in_axes=(1, 1, None, 1), out_axes=1), in_axes=(1, 1, 1, 1), out_axes=1
)
"""The K branches of a path see the same keys and values, each up to a place of its own; no copies."""


def _causal(size: int) -> Bool[Array, "N N"]:
    return jnp.tril(jnp.ones((size, size), bool))


def branch_hidden(
    params: PyTree,
    model: ModelConfig,
    prompts: Prompts,
    tokens: Int[Array, "B G T"],
    cut: Int[Array, "B G K"],
    branches: Int[Array, "B G A"],
    dtype: DTypeLike,
) -> Float[Array, "B G K A D"]:
    """Hidden states of each path's branch, laid after its prompt and its first `cut` tokens, for K cuts.

    A layer's keys and values are kept for no longer than that layer; scores take B G H K A (P + T) floats.
    """
    problems, paths, count = tokens.shape
    width, size = prompts.tokens.shape[1], branches.shape[2]
    prompt_positions = jnp.broadcast_to(jnp.arange(width), prompts.tokens.shape)
    inside = prompt_positions < prompts.length[:, None]
    start = prompts.length[:, None, None]
    positions = jnp.broadcast_to(start + jnp.arange(count), tokens.shape)
    branch_positions = (start + cut)[..., None] + jnp.arange(size)
    visible = jnp.concatenate(
        [
            jnp.broadcast_to(inside[:, None, None], (*cut.shape, width)),
            jnp.arange(count) < cut[..., None],
        ],
        axis=-1,
    )

    def layer_pass(carry, layer):
        module = decoder.block(model, layer)
        prompt_x, path_x, branch_x = carry

        def attend_prompt(query, key, value):
            own = decoder.kept(key, value)
            return decoder.attention(query, own, _causal(width)), own

        def attend_path(query, key, value):
            own = decoder.kept(key, value)
            return decoder.attention(query, own, _causal(count), of_prompt, inside), own

        def attend_branch(query, key, value):
            own = decoder.kept(key, value)
            return _attend_branches(query, own, before, visible), None

        prompt_x, of_prompt = module(prompt_x, prompt_positions, attend_prompt)
        path_x, of_path = module(path_x, positions, attend_path)
        before = tuple(
            jnp.concatenate([jnp.broadcast_to(p[:, None], (problems, paths, *p.shape[1:])), own], axis=axis)
            for p, own, axis in zip(of_prompt, of_path, (-1, -2), strict=True)
        )
        branch_x, _ = module(branch_x, branch_positions, attend_branch)
        return tuple(map(constrain_batch, (prompt_x, path_x, branch_x))), None

    branch_x = decoder.embed(params, branches, dtype)[:, :, None]
    carry = (
        decoder.embed(params, prompts.tokens, dtype),
        decoder.embed(params, tokens, dtype),
        jnp.broadcast_to(branch_x, (*cut.shape, size, branch_x.shape[-1])),
    )
    return jax.lax.scan(layer_pass, carry, params["layers"])[0][2]


@functools.partial(jax.jit, static_argnames=("model", "dtype", "micro_batches"))
def continuation_logprobs(
    params: PyTree,
    prompts: Prompts,
    tokens: Int[Array, "B G T"],
    cut: Int[Array, "B G K"],
    branches: Int[Array, "B G A"],
    scored: Bool[Array, "B G A"],
    *,
    model: ModelConfig,
    dtype: DTypeLike,
    micro_batches: int = 1,
) -> Float[Array, "B G K"]:
    """Log-probability (nats) of a branch's `scored` tokens after the first `cut` tokens of its path.

    A branch's first token is given and never scored. `micro_batches` divides B; one is in memory at a time,
    its logits for one cut at a time.
    """
    params = decoder.with_head(params)

    def one(piece):
        prompts, tokens, cut, branches, scored = piece
        hidden = branch_hidden(params, model, prompts, tokens, cut, branches, dtype)

        def at_cut(states):
            logits = decoder.head_logits(params, model, states)
            said = jnp.take_along_axis(logits, branches[..., 1:, None], -1)[..., 0]
            return jnp.where(scored[..., 1:], said - jax.nn.logsumexp(logits, -1), 0.0).sum(-1)

        return jnp.moveaxis(jax.lax.map(at_cut, jnp.moveaxis(hidden[..., :-1, :], 2, 0)), 0, 2)

    return in_pieces(one, (prompts, tokens, cut, branches, scored), micro_batches)


@functools.partial(jax.jit, static_argnames=("model", "dtype", "micro_batches"))
def choice_logits(
    params: PyTree,
    prompts: Prompts,
    tokens: Int[Array, "B G T"],
    cut: Int[Array, "B G K"],
    branch: Int[Array, " A"],
    choices: Int[Array, " N"],
    *,
    model: ModelConfig,
    dtype: DTypeLike,
    micro_batches: int = 1,
) -> Float[Array, "B G K N"]:
    """Logits of the next token being each of `choices`, after the first `cut` tokens of a path and `branch`.

    Their differences are log-odds. The rest of the vocabulary is never multiplied out.
    """
    if model.tie_embeddings:
        head = {"embed": params["embed"][choices]}
    else:
        head = {"head": params["head"][:, choices]}
    head["final_norm"] = params["final_norm"]

    def one(piece):
        prompts, tokens, cut = piece
        branches = jnp.broadcast_to(branch, (*tokens.shape[:2], branch.shape[0]))
        hidden = branch_hidden(params, model, prompts, tokens, cut, branches, dtype)
        return decoder.head_logits(head, model, hidden[..., -1, :])

    return in_pieces(one, (prompts, tokens, cut), micro_batches)
