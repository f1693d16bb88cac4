"""One decoder for the Llama, Qwen2 and Qwen3 families, and the passes over it.

Parameters are a nested dict, layers stacked on axis 0. All passes share `Block`; they differ in what its
`attend` closure does with queries, keys and values. Prompts and paths are right-padded. The G paths of a
prompt never copy its keys and values: they attend to them beside their own.
"""

import functools
import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike
from jaxtyping import Array, BFloat16, Bool, Float, Int, PyTree, UInt16

from sept_jax.models.config import ModelConfig
from sept_jax.records import Prompts
from sept_jax.sharding import constrain, constrain_batch, platform

PromptCache = tuple[Float[Array, "B Hkv K P"], Float[Array, "B Hkv P K"]]
PathCache = tuple[Float[Array, "N Hkv K T"], Float[Array, "N Hkv T K"]]
Attend = Callable[[Array, Array, Array], tuple[Array, Any]]

QUERIES = 256
"""Of a path that are attended for at a time, where it is taught."""


def working_type(dtype: DTypeLike) -> DTypeLike:
    """The type of a layer's activations, keys and values, where the compute type is `dtype`: f32 on CPUs.

    XLA's CPU backend knows no bf16 beside the plain matrix product. It widens all else, at each use, and not
    always after the rounding that was asked for: a sampler and a trainer that round elsewhere drift apart.
    """
    return jnp.float32 if platform() == "cpu" else dtype


def rounded(x: Float[Array, "*shape"], dtype: DTypeLike) -> Float[Array, "*shape"]:
    """`x` in `dtype`, by a rounding that XLA may not leave out."""
    if x.dtype == dtype:
        return x
    kind = jnp.finfo(dtype)
    return jax.lax.reduce_precision(x, kind.nexp, kind.nmant).astype(dtype)


@jax.custom_jvp
def _bits(x: BFloat16[Array, "*shape"]) -> UInt16[Array, "*shape"]:
    return jax.lax.bitcast_convert_type(x, jnp.uint16)


@_bits.defjvp
def _refuse(primals, tangents):
    raise TypeError("bf16 parameters are frozen and have no gradient: differentiate f32 ones")


def _packed(tree: PyTree) -> PyTree:
    """bf16 arrays as bits, which cannot be differentiated. What XLA's CPU backend does to bf16 beside
    products it does in f32: of a stack that a loop slices it makes a copy. Bits it leaves as they are."""
    return jax.tree.map(lambda x: _bits(x) if x.dtype == jnp.bfloat16 else x, tree)


def _unpacked(tree: PyTree) -> PyTree:
    """What `_packed` was given."""
    return jax.tree.map(
        lambda x: jax.lax.bitcast_convert_type(x, jnp.bfloat16) if x.dtype == jnp.uint16 else x, tree
    )


@jax.custom_vjp
def transposed(x: Float[Array, "I O"]) -> Float[Array, "O I"]:
    """`x.T`, laid out anew on CPUs. XLA's backend for them folds a transpose into the product, and multiplies
    a bf16 product with folds in f32, at half the speed; two transposes joined are left as they are."""
    if platform() != "cpu":
        return x.T
    half, x = x.shape[0] // 2, _packed(x)
    return _unpacked(jnp.concatenate([x[:half].T, x[half:].T], axis=1))


transposed.defvjp(lambda x: (transposed(x), None), lambda _, gradient: (transposed(gradient),))


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def dense(
    x: Float[Array, "*rows I"], weight: Float[Array, "I O"], dtype: DTypeLike
) -> Float[Array, "*rows O"]:
    """`x @ weight`, multiplied in x's type, accumulated in f32, returned in `dtype`; the weight's gradient
    keeps the weight's own type, so that f32 master weights get f32 gradients."""
    return jnp.matmul(x, weight.astype(x.dtype), preferred_element_type=jnp.float32).astype(dtype)


def _dense_forward(x, weight, dtype):
    return dense(x, weight, dtype), (x, weight)


def _dense_backward(dtype, saved, gradient):
    x, weight = saved
    gradient = gradient.astype(x.dtype)
    dx = jnp.matmul(gradient, transposed(weight.astype(x.dtype)), preferred_element_type=jnp.float32)
    rows, out = x.reshape(-1, x.shape[-1]), gradient.reshape(-1, gradient.shape[-1])
    dweight = jnp.matmul(transposed(rows), out, preferred_element_type=jnp.float32)
    return dx.astype(x.dtype), dweight.astype(weight.dtype)


dense.defvjp(_dense_forward, _dense_backward)


def rms_norm(
    x: Float[Array, "*rows D"], scale: Float[Array, " D"], epsilon: float
) -> Float[Array, "*rows D"]:
    """Root-mean-square normalisation (Zhang and Sennrich 2019, equation 4), computed in f32."""
    wide = x.astype(jnp.float32)
    wide = wide * jax.lax.rsqrt(jnp.mean(wide * wide, axis=-1, keepdims=True) + epsilon)
    return (wide * scale.astype(jnp.float32)).astype(x.dtype)


def rope_frequencies(config: ModelConfig) -> np.ndarray:
    """Angular frequency of each of the head's K/2 planes, in radians a position, with llama3 scaling."""
    half = config.head_dim // 2
    frequency = config.rope_theta ** (-np.arange(half, dtype=np.float64) / half)
    if scaling := config.rope_scaling:
        turns = scaling.original_max_length * frequency / (2 * math.pi)
        smooth = (turns - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor)
        smooth = np.clip(smooth, 0.0, 1.0)
        frequency = frequency * (smooth + (1 - smooth) / scaling.factor)
    return frequency.astype(np.float32)


def rope(
    x: Float[Array, "*rows H K"], positions: Int[Array, "*rows"], frequencies: Float[np.ndarray, " half"]
) -> Float[Array, "*rows H K"]:
    """Rotary position embedding (Su et al. 2021), planes made of the head's two halves."""
    angle = positions[..., None, None].astype(jnp.float32) * frequencies
    cos, sin = jnp.cos(angle), jnp.sin(angle)
    first, second = jnp.split(x.astype(jnp.float32), 2, axis=-1)
    turned = jnp.concatenate([first * cos - second * sin, second * cos + first * sin], axis=-1)
    return turned.astype(x.dtype)


def kept(
    key: Float[Array, "*rows N H K"], value: Float[Array, "*rows N H K"]
) -> tuple[Float[Array, "*rows H K N"], Float[Array, "*rows H N K"]]:
    """Keys and values in the layout that they are kept and attended to in: each a head's matrix, as the right
    side of its product."""
    return jnp.moveaxis(key, -3, -1), jnp.swapaxes(value, -2, -3)


_product = functools.partial(jnp.matmul, preferred_element_type=jnp.float32)


def attention(
    query: Float[Array, "B *G N H K"],
    own: tuple[Float[Array, "*BG Hkv K M"], Float[Array, "*BG Hkv M K"]],
    own_mask: Bool[Array, "N M"],
    prompt: PromptCache | None = None,
    prompt_mask: Bool[Array, "B P"] | None = None,
) -> Float[Array, "B *G N H K"]:
    """Grouped-query attention of paths to themselves and, beside it, to their prompt's keys and values.

    `own` and `prompt` are keys and values as `kept` lays them; the paths' own may have B and G as one axis.
    The prompt's are shared by the G paths, which meet them as the rows of one product. One softmax, in f32,
    runs over both.
    """
    dtype, head_dim = query.dtype, query.shape[-1]
    *rows, count, _, _ = query.shape
    groups = own[0].shape[-3]
    query = query * jnp.asarray(head_dim**-0.5, dtype)
    query = jnp.moveaxis(query.reshape(*rows, count, groups, -1, head_dim), -4, -2)  # [B *G Hkv R N K]
    heads = query.shape[:-1]
    low = jnp.finfo(jnp.float32).min

    def against(query, keys):
        return _product(query.reshape(*keys.shape[:-2], -1, head_dim), keys)

    scores = jnp.where(own_mask, against(query, own[0]).reshape(*heads, -1), low)
    top = scores.max(-1, keepdims=True)
    if prompt is not None:
        shared = jnp.swapaxes(query, 1, 2)  # [B Hkv G R N K]
        beside = jnp.where(prompt_mask[:, None, None, :], against(shared, prompt[0]), low)
        beside = beside.reshape(*shared.shape[:-1], -1)
        top = jnp.maximum(top, jnp.swapaxes(beside.max(-1, keepdims=True), 1, 2))
    top = jax.lax.stop_gradient(top)
    scores = jnp.exp(scores - top)
    total = scores.sum(-1, keepdims=True)
    if prompt is not None:
        beside = jnp.exp(beside - jnp.swapaxes(top, 1, 2))
        total += jnp.swapaxes(beside.sum(-1, keepdims=True), 1, 2)

    def mixture(weights, values):
        flat = weights.astype(dtype).reshape(*values.shape[:-2], -1, weights.shape[-1])
        return _product(flat, values).reshape(*weights.shape[:-1], head_dim)

    mixed = mixture(scores / total, own[1])
    if prompt is not None:
        mixed += jnp.swapaxes(mixture(beside / jnp.swapaxes(total, 1, 2), prompt[1]), 1, 2)
    return jnp.moveaxis(mixed, -2, -4).reshape(*rows, count, -1, head_dim).astype(dtype)


def attention_in_parts(
    query: Float[Array, "B G N H K"],
    own: tuple[Float[Array, "B G Hkv K N"], Float[Array, "B G Hkv N K"]],
    prompt: PromptCache,
    prompt_mask: Bool[Array, "B P"],
) -> Float[Array, "B G N H K"]:
    """Causal `attention` of paths, `QUERIES` queries at a time, each part to the keys up to its end; the
    scores of a long path are made again, part by part, for the backward pass."""
    count = query.shape[2]
    mask = jnp.tril(jnp.ones((count, count), bool))
    if count <= QUERIES:
        return attention(query, own, mask, prompt, prompt_mask)
    parts = []
    for first in range(0, count, QUERIES):
        last = min(first + QUERIES, count)
        seen = own[0][..., :last], own[1][..., :last, :]
        part = jax.checkpoint(attention)
        parts.append(part(query[:, :, first:last], seen, mask[first:last, :last], prompt, prompt_mask))
    return jnp.concatenate(parts, axis=2)


class Block(nnx.Module):
    """One pre-norm layer: attention, then a gated MLP (SwiGLU, Shazeer 2020)."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        c = self.config = config
        query, key_value = c.num_heads * c.head_dim, c.num_kv_heads * c.head_dim

        def weight(rows: int, columns: int, scale: float = 1.0) -> nnx.Param:
            return nnx.Param(
                scale * jax.random.normal(rngs.params(), (rows, columns), jnp.float32) / rows**0.5
            )

        residual = (2 * c.num_layers) ** -0.5
        self.attention_norm = nnx.Param(jnp.ones(c.width))
        self.query = weight(c.width, query)
        self.key = weight(c.width, key_value)
        self.value = weight(c.width, key_value)
        self.output = weight(query, c.width, residual)
        if c.qkv_bias:
            self.query_bias = nnx.Param(jnp.zeros(query))
            self.key_bias = nnx.Param(jnp.zeros(key_value))
            self.value_bias = nnx.Param(jnp.zeros(key_value))
        if c.qk_norm:
            self.query_norm = nnx.Param(jnp.ones(c.head_dim))
            self.key_norm = nnx.Param(jnp.ones(c.head_dim))
        self.mlp_norm = nnx.Param(jnp.ones(c.width))
        self.gate = weight(c.width, c.mlp_width)
        self.up = weight(c.width, c.mlp_width)
        self.down = weight(c.mlp_width, c.width, residual)
        for name in c.lora.projections if c.lora else ():
            rows, columns = getattr(self, name).shape
            setattr(self, f"{name}_lora_a", weight(rows, c.lora.rank))
            setattr(self, f"{name}_lora_b", nnx.Param(jnp.zeros((c.lora.rank, columns))))

    def _project(self, name: str, x: Float[Array, "*rows I"], dtype: DTypeLike) -> Float[Array, "*rows O"]:
        """`x` times the projection's weight, and the adapter's share where it has one; multiplied in `dtype`,
        returned in x's type."""
        lora, out = self.config.lora, dense(rounded(x, dtype), getattr(self, name)[...], x.dtype)
        if lora is None or name not in lora.projections:
            return out
        low = dense(rounded(x, dtype), getattr(self, f"{name}_lora_a")[...], x.dtype) * lora.scale
        return out + dense(rounded(low, dtype), getattr(self, f"{name}_lora_b")[...], x.dtype)

    def __call__(
        self, x: Float[Array, "*rows D"], positions: Int[Array, "*rows"], attend: Attend
    ) -> tuple[Float[Array, "*rows D"], Any]:
        """The layer's output, and whatever `attend(query, key, value)` returns beside its mixture. `x` is in
        the compute type, and so is the output; between them activations are in the `working_type`."""
        c, dtype = self.config, x.dtype
        x = x.astype(working_type(dtype))
        normed = rms_norm(x, self.attention_norm[...], c.norm_eps)
        query, key, value = (self._project(name, normed, dtype) for name in ("query", "key", "value"))
        if c.qkv_bias:
            query += self.query_bias[...].astype(x.dtype)
            key += self.key_bias[...].astype(x.dtype)
            value += self.value_bias[...].astype(x.dtype)
        query, key, value = (a.reshape(*x.shape[:-1], -1, c.head_dim) for a in (query, key, value))
        if c.qk_norm:
            query = rms_norm(query, self.query_norm[...], c.norm_eps)
            key = rms_norm(key, self.key_norm[...], c.norm_eps)
        frequencies = rope_frequencies(c)
        mixed, rest = attend(rope(query, positions, frequencies), rope(key, positions, frequencies), value)
        x = x + self._project("output", mixed.reshape(*x.shape[:-1], -1), dtype)
        normed = rms_norm(x, self.mlp_norm[...], c.norm_eps)
        gate, up = (self._project(name, normed, dtype) for name in ("gate", "up"))
        hidden = jax.nn.silu(gate) * up
        hidden = constrain(hidden, ("batch", *[None] * (x.ndim - 2), "mlp"))  # else XLA gathers the weights
        return rounded(x + self._project("down", hidden, dtype), dtype), rest


class Decoder(nnx.Module):
    """Embedding, stacked blocks, final norm, and a head unless it is tied to the embedding."""

    def __init__(self, config: ModelConfig, rngs: nnx.Rngs):
        self.embed = nnx.Param(0.02 * jax.random.normal(rngs.params(), (config.vocab_size, config.width)))
        stack = nnx.split_rngs(splits=config.num_layers)(nnx.vmap(lambda rngs: Block(config, rngs)))
        self.layers = stack(rngs)
        self.final_norm = nnx.Param(jnp.ones(config.width))
        if not config.tie_embeddings:
            self.head = nnx.Param(
                jax.random.normal(rngs.params(), (config.width, config.vocab_size)) / config.width**0.5
            )


@functools.lru_cache(maxsize=16)
def _split(config: ModelConfig) -> tuple[nnx.GraphDef, nnx.GraphDef, PyTree]:
    """Graph definitions of the decoder and of one block, and the abstract parameters."""
    graphdef, state = nnx.split(nnx.eval_shape(lambda: Decoder(config, nnx.Rngs(0))))
    block, _ = nnx.split(nnx.eval_shape(lambda: Block(config, nnx.Rngs(0))))
    return graphdef, block, nnx.to_pure_dict(state)


def abstract_params(config: ModelConfig) -> PyTree:
    """Shapes and types of the parameters (f32), before any of them exists."""
    return jax.tree.map(lambda leaf: jax.ShapeDtypeStruct(leaf.shape, leaf.dtype), _split(config)[2])


def init_params(config: ModelConfig, key: Array) -> PyTree:
    """Random parameters in f32: fan-in normal, residual outputs scaled by 1/sqrt(2 L)."""
    return nnx.to_pure_dict(nnx.split(Decoder(config, nnx.Rngs(params=key)))[1])


def logical_axes(config: ModelConfig) -> PyTree:
    """Names of every parameter's axes, for the table in `sharding`."""
    by_name = {
        "embed": ("vocab", "embed"),
        "head": ("embed", "vocab"),
        "final_norm": ("norm",),
        "attention_norm": ("layers", "norm"),
        "mlp_norm": ("layers", "norm"),
        "query_norm": ("layers", "norm"),
        "key_norm": ("layers", "norm"),
        "query": ("layers", "embed", "heads"),
        "key": ("layers", "embed", "kv_heads"),
        "value": ("layers", "embed", "kv_heads"),
        "output": ("layers", "heads", "embed"),
        "query_bias": ("layers", "heads"),
        "key_bias": ("layers", "kv_heads"),
        "value_bias": ("layers", "kv_heads"),
        "gate": ("layers", "embed", "mlp"),
        "up": ("layers", "embed", "mlp"),
        "down": ("layers", "mlp", "embed"),
    }
    for name in config.lora.projections if config.lora else ():
        layers, rows, columns = by_name[name]
        by_name |= {f"{name}_lora_a": (layers, rows, "rank"), f"{name}_lora_b": (layers, "rank", columns)}
    return jax.tree_util.tree_map_with_path(lambda path, _: by_name[path[-1].key], abstract_params(config))


def for_compute(params: PyTree, dtype: DTypeLike) -> PyTree:
    """The parameters in the compute type, but for norms."""
    return jax.tree_util.tree_map_with_path(
        lambda path, p: p if path[-1].key.endswith("norm") else p.astype(dtype), params
    )


def block(config: ModelConfig, layer: PyTree) -> Block:
    """The module of one layer, from that layer's slice of the stacked parameters."""
    return nnx.merge(_split(config)[1], layer)


def embed(params: PyTree, tokens: Int[Array, "*rows"], dtype: DTypeLike) -> Float[Array, "*rows D"]:
    """Token embeddings in the compute type."""
    return constrain_batch(params["embed"][tokens].astype(dtype))


def with_head(params: PyTree) -> PyTree:
    """The parameters with a head `[D, V]`, where it is tied to the embedding, too: for many `head_logits`."""
    return params if "head" in params else {**params, "head": transposed(params["embed"])}


def head_logits(
    params: PyTree, config: ModelConfig, hidden: Float[Array, "*rows D"]
) -> Float[Array, "*rows V"]:
    """Final norm and head; f32, never rounded to the compute type."""
    normed = rms_norm(hidden, params["final_norm"], config.norm_eps)
    return dense(normed, with_head(params)["head"], jnp.float32)


def _attend_causally(positions: Int[Array, "... N"]) -> Attend:
    mask = jnp.tril(jnp.ones((positions.shape[-1],) * 2, bool))

    def attend(query, key, value):
        own = kept(key, value)
        return attention(query, own, mask), own

    return attend


def prefill(
    params: PyTree, config: ModelConfig, prompts: Prompts, dtype: DTypeLike
) -> tuple[Float[Array, "B D"], list[PromptCache]]:
    """Each prompt's last hidden state, and a layer's keys and values, as `kept`, for every layer."""
    positions = jnp.broadcast_to(jnp.arange(prompts.tokens.shape[1]), prompts.tokens.shape)
    x, caches = embed(params, prompts.tokens, dtype), []
    for layer in range(config.num_layers):
        module = block(config, jax.tree.map(lambda p, layer=layer: p[layer], params["layers"]))
        x, cache = module(x, positions, _attend_causally(positions))
        caches.append(cache)
    return _last(x, prompts.length), caches


def _last(x: Float[Array, "B P D"], length: Int[Array, " B"]) -> Float[Array, "B D"]:
    return jnp.take_along_axis(x, (length - 1)[:, None, None], axis=1)[:, 0]


def empty_caches(
    config: ModelConfig, problems: int, paths: int, new: int, dtype: DTypeLike
) -> list[PathCache]:
    """Zeroed keys and values of N = B * G paths, one pair a layer.

    Problems and paths are one axis: where either is 1, XLA would drop it ahead of the product, and then copy
    the caches at every token.
    """
    rows, head_dim = (problems * paths, config.num_kv_heads), config.head_dim
    return [
        tuple(
            constrain_batch(jnp.zeros((*rows, *matrix), working_type(dtype)))
            for matrix in ((head_dim, new), (new, head_dim))
        )
        for _ in range(config.num_layers)
    ]


def with_room(
    caches: list[PathCache], new: int
) -> list[tuple[Float[Array, "N Hkv K {new}"], Float[Array, "N Hkv {new} K"]]]:
    """The caches with room for `new` tokens, which is no less than they have."""

    def grown(x, axis):
        return jnp.pad(x, [(0, new - size if at == axis else 0) for at, size in enumerate(x.shape)])

    return [(grown(keys, 3), grown(values, 2)) for keys, values in caches]


def decode(
    params: PyTree,
    layers: list[PyTree],
    config: ModelConfig,
    tokens: Int[Array, "B G"],
    at: Int[Array, ""],
    length: Int[Array, " B"],
    prompt_caches: list[PromptCache],
    caches: list[PathCache],
    dtype: DTypeLike,
) -> tuple[Float[Array, "B G V"], list[PathCache]]:
    """Logits after the paths' token number `at`, and the caches with that token written in place.

    `layers` are the stacked parameters cut apart once, outside the loop over tokens.
    """
    positions = (length[:, None] + at + jnp.zeros_like(tokens))[..., None]
    prompt_mask = jnp.arange(prompt_caches[0][0].shape[3]) < length[:, None]
    own_mask = (jnp.arange(caches[0][0].shape[3]) <= at)[None, :]
    x, written = embed(params, tokens[..., None], dtype), []
    for layer, prompt_cache, (keys, values) in zip(layers, prompt_caches, caches, strict=True):

        def attend(query, key, value, prompt_cache=prompt_cache, keys=keys, values=values):
            new_key, new_value = (x.reshape(-1, *x.shape[2:]) for x in kept(key, value))
            keys = jax.lax.dynamic_update_slice_in_dim(keys, new_key, at, axis=3)
            values = jax.lax.dynamic_update_slice_in_dim(values, new_value, at, axis=2)
            mixed = attention(query, (keys, values), own_mask, prompt_cache, prompt_mask)
            return mixed, (keys, values)

        x, cache = block(config, layer)(x, positions, attend)
        written.append(cache)
    return head_logits(params, config, x[:, :, 0]), written


def _recomputed(layer_pass: Callable[..., PyTree]) -> Callable[..., PyTree]:
    """`layer_pass(x, layer, length)`, made again for the backward pass, which keeps its arguments alone. The
    barrier is for a single layer: without a loop around it XLA would join both passes, and keep all."""

    @jax.custom_vjp
    def one(x, layer, length):
        return layer_pass(x, layer, length)

    def forward(x, layer, length):
        return layer_pass(x, layer, length), (_packed(x), layer, length)

    def backward(saved, gradient):
        bits, layer, length = jax.lax.optimization_barrier(saved)
        _, pull = jax.vjp(lambda x, layer: layer_pass(x, layer, length), _unpacked(bits), layer)
        return *pull(gradient), None

    one.defvjp(forward, backward)
    return one


def group_hidden(
    params: PyTree,
    config: ModelConfig,
    prompts: Prompts,
    tokens: Int[Array, "B G T"],
    dtype: DTypeLike,
    remat: bool,
) -> Float[Array, "B G T D"]:
    """Teacher forcing: at [b, g, t] the hidden state from which token t of the path is predicted.

    A prompt is computed once for its G paths. With `remat` only each layer's input is kept for the backward
    pass.
    """
    width, count = prompts.tokens.shape[1], tokens.shape[2]

    def layer_pass(x, layer, length):
        module, (prompt_x, path_x) = block(config, _unpacked(layer)), x
        prompt_positions = jnp.broadcast_to(jnp.arange(width), prompt_x.shape[:-1])
        prompt_x, prompt_cache = module(prompt_x, prompt_positions, _attend_causally(prompt_positions))
        prompt_mask = prompt_positions < length[:, None]

        def attend(query, key, value):
            return attention_in_parts(query, kept(key, value), prompt_cache, prompt_mask), None

        positions = jnp.broadcast_to(length[:, None, None] + jnp.arange(count), path_x.shape[:-1])
        path_x, _ = module(path_x, positions, attend)
        return constrain_batch(prompt_x), constrain(path_x, ("batch", None, "sequence", None))

    one = _recomputed(layer_pass) if remat else layer_pass
    start = embed(params, prompts.tokens, dtype), embed(params, tokens, dtype)
    layers = _packed(params["layers"])  # those in bf16 are frozen
    (prompt_x, x), _ = jax.lax.scan(lambda x, layer: (one(x, layer, prompts.length), None), start, layers)
    first = jnp.broadcast_to(_last(prompt_x, prompts.length)[:, None, None], (*x.shape[:2], 1, x.shape[-1]))
    return jnp.concatenate([first, x[:, :, :-1]], axis=2)


def logits(
    params: PyTree, tokens: Int[Array, "N T"], config: ModelConfig, dtype: DTypeLike = jnp.float32
) -> Float[Array, "N T V"]:
    """Plain causal forward pass over whole sequences; for tests and short texts (it holds [N, T, V])."""
    positions = jnp.broadcast_to(jnp.arange(tokens.shape[1]), tokens.shape)

    def layer_pass(x, layer):
        return block(config, layer)(x, positions, _attend_causally(positions))[0], None

    x, _ = jax.lax.scan(layer_pass, embed(params, tokens, dtype), params["layers"])
    return head_logits(params, config, x)
