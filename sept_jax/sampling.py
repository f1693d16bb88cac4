"""Jitted sampling of G paths a prompt from one prefill, and the draw itself."""

import dataclasses
import functools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, Int, PyTree

from sept_jax.models import decoder
from sept_jax.models.config import ModelConfig
from sept_jax.records import Prompts, Rollouts
from sept_jax.sharding import batch_shards, constrain_batch, gather_fsdp

_BLOCK = 128


@dataclasses.dataclass(frozen=True)
class SamplingConfig:
    """How paths are drawn; static under jit.

    `temperature` 0 is greedy; `top_k` 0 and `top_p` 1 leave the distribution whole. `stop` holds token
    sequences that end a path beside `eos_ids`; both are kept in the path. `compactions` is how often the
    paths that go on are packed into half as many rows, `growths` how often the arrays of their keys and
    values, which each token reads whole, double before they hold `max_new_tokens`; each of either is one more
    decoding pass to compile.
    """

    group_size: int
    max_new_tokens: int
    temperature: float = 1.0
    top_k: int = 0
    top_p: float = 1.0
    eos_ids: tuple[int, ...] = ()
    stop: tuple[tuple[int, ...], ...] = ()
    pad_id: int = 0
    compactions: int = 0
    growths: int = 0


def _threshold(values: Float[Array, "... V"], enough) -> Float[Array, "... 1"]:
    """Largest value v for which `enough(values >= v)` holds, exact, by bisection over the float32 bits.

    `values` are non-negative, so that their bits are ordered as they are; `enough` is monotone and holds for
    the whole row. No sort.
    """
    bits = jax.lax.bitcast_convert_type(values, jnp.int32)
    low, high = jnp.zeros_like(bits[..., :1]), bits.max(-1, keepdims=True)

    def halve(_, bounds):
        low, high = bounds
        middle = low + (high - low + 1) // 2
        holds = enough(bits >= middle)
        return jnp.where(holds, middle, low), jnp.where(holds, high, middle - 1)

    low, _ = jax.lax.fori_loop(0, 31, halve, (low, high))
    return jax.lax.bitcast_convert_type(low, jnp.float32)


def truncate(probabilities: Float[Array, "... V"], top_k: int, top_p: float) -> Float[Array, "... V"]:
    """Zeroes what top-k, then top-p (Holtzman et al. 2020) leave out; not renormalised.

    Tokens tied at the threshold all stay.
    """
    if 0 < top_k < probabilities.shape[-1]:
        edge = _threshold(probabilities, lambda kept: kept.sum(-1, keepdims=True) >= top_k)
        probabilities = jnp.where(probabilities >= edge, probabilities, 0.0)
    if top_p < 1.0:
        mass = top_p * probabilities.sum(-1, keepdims=True)
        edge = _threshold(
            probabilities, lambda kept: jnp.where(kept, probabilities, 0.0).sum(-1, keepdims=True) >= mass
        )
        probabilities = jnp.where(probabilities >= edge, probabilities, 0.0)
    return probabilities


def draw(weights: Float[Array, "... V"], uniform: Float[Array, "..."]) -> Int[Array, "..."]:
    """Index drawn in proportion to `weights` by inverting their cumulative sum with one uniform in [0, 1).

    Two levels, sums of blocks and then one block, so that no cumulative sum runs over the vocabulary. An
    index of weight zero is never drawn.
    """
    *rows, size = weights.shape
    padded = jnp.pad(weights, [(0, 0)] * len(rows) + [(0, -size % _BLOCK)])
    blocks = padded.reshape(*rows, -1, _BLOCK)
    sums = blocks.sum(-1)

    def invert(mass, target):
        total = jnp.cumsum(mass, -1)
        index = (total <= target[..., None]).sum(-1)
        last = mass.shape[-1] - 1 - jnp.argmax(mass[..., ::-1] > 0, -1)
        index = jnp.minimum(index, last)
        before = jnp.take_along_axis(total - mass, index[..., None], -1)[..., 0]
        return index, target - before

    block, rest = invert(sums, uniform * sums.sum(-1))
    inside = jnp.take_along_axis(blocks, block[..., None, None], -2)[..., 0, :]
    index, _ = invert(inside, jnp.maximum(rest, 0.0))
    return (block * _BLOCK + index).astype(jnp.int32)


def next_token(
    logits: Float[Array, "... V"],
    uniform: Float[Array, "..."],
    temperature: float | Float[Array, ""],
    config: SamplingConfig,
) -> tuple[Int[Array, "..."], Float[Array, "..."], Float[Array, "..."], Float[Array, "..."]]:
    """A token, its log-probability at temperature 1, that under the distribution drawn from, and the
    entropy at temperature 1; nats. A temperature that is a number, not an array, may be 0 (greedy)."""
    logprobs = jax.nn.log_softmax(logits.astype(jnp.float32), -1)
    plain = jnp.exp(logprobs)
    entropy = -jnp.sum(jnp.where(plain > 0, plain * logprobs, 0.0), -1)

    def of(token, values):
        return jnp.take_along_axis(values, token[..., None], -1)[..., 0]

    known = not isinstance(temperature, jax.Array)
    if known and temperature == 0.0:
        token = jnp.argmax(logits, -1).astype(jnp.int32)
        return token, of(token, logprobs), jnp.zeros_like(entropy), entropy
    whole = config.top_k == 0 and config.top_p >= 1.0
    if known and temperature == 1.0 and whole:
        token = draw(plain, uniform)
        logprob = of(token, logprobs)
        return token, logprob, logprob, entropy
    tempered = jax.nn.softmax(logits.astype(jnp.float32) / temperature, -1)
    weights = tempered if whole else truncate(tempered, config.top_k, config.top_p)
    token = draw(weights, uniform)
    return token, of(token, logprobs), jnp.log(of(token, weights) / weights.sum(-1)), entropy


def _ended(tokens: Int[Array, "B G T"], at: Int[Array, ""], config: SamplingConfig) -> Bool[Array, "B G"]:
    """Whether the token at position `at` ends its path: an end token, or a stop sequence completed."""
    new = tokens[:, :, at]
    done = jnp.isin(new, jnp.asarray(config.eos_ids, jnp.int32)) if config.eos_ids else new < 0
    for stop in config.stop:
        matched = at >= len(stop) - 1
        for back, wanted in enumerate(reversed(stop)):
            matched &= tokens[:, :, jnp.maximum(at - back, 0)] == wanted
        done |= matched
    return done


def sample_groups(
    params: PyTree,
    prompts: Prompts,
    key: Array,
    first: int | Int[Array, ""] = 0,
    *,
    model: ModelConfig,
    config: SamplingConfig,
    dtype: DTypeLike,
) -> Rollouts:
    """Draws G paths for each of B prompts.

    A prompt is prefilled once and its keys and values are shared by its paths. Whenever the paths that go on
    fit into half of the rows, on each device for itself, they are packed into these, as often as
    `config.compactions` says; the loop ends with the last path. Keys and values of paths are kept in arrays
    that double `config.growths` times. Path g of prompt b draws its token t from key, `first` + b, g and t
    alone: chunks of a batch, each with the number of prompts before it as `first`, draw what the batch would,
    and so does one that is packed or whose arrays grow.
    """
    temperature = None
    if config.temperature not in (0.0, 1.0):  # one program for all of them
        temperature = jnp.float32(config.temperature)
        config = dataclasses.replace(config, temperature=1.0)
    return _sample(params, prompts, key, first, temperature, model=model, config=config, dtype=dtype)


def compilations() -> int:
    """How many programs `sample_groups` has compiled."""
    return _sample._cache_size()


@functools.partial(jax.jit, static_argnames=("model", "config", "dtype"))
def _sample(
    params: PyTree,
    prompts: Prompts,
    key: Array,
    first: int | Int[Array, ""],
    temperature: Float[Array, ""] | None,
    *,
    model: ModelConfig,
    config: SamplingConfig,
    dtype: DTypeLike,
) -> Rollouts:
    """`sample_groups`; the config's temperature is 0 or 1, and counts where none is given."""
    temperature = config.temperature if temperature is None else temperature
    problems, paths, width = prompts.tokens.shape[0], config.group_size, config.max_new_tokens
    params = gather_fsdp(decoder.for_compute(params, dtype), decoder.logical_axes(model))
    params = decoder.with_head(params)
    hidden, prompt_caches = decoder.prefill(params, model, prompts, dtype)
    layers = [
        jax.tree.map(lambda p, layer=layer: p[layer], params["layers"]) for layer in range(model.num_layers)
    ]
    hidden = jnp.broadcast_to(hidden[:, None], (problems, paths, hidden.shape[-1]))
    opening = decoder.head_logits(params, model, hidden)
    rows = jnp.arange(problems * paths).reshape(problems, paths)
    row_keys = jax.vmap(jax.vmap(lambda row: jax.random.fold_in(key, row)))(first * paths + rows)

    def write(rollouts: Rollouts, row_keys, logits, at) -> Rollouts:
        uniform = jax.vmap(jax.vmap(lambda k: jax.random.uniform(jax.random.fold_in(k, at))))(row_keys)
        token, logprob, sample_logprob, entropy = next_token(logits, uniform, temperature, config)
        live = ~rollouts.finished
        tokens = rollouts.tokens.at[:, :, at].set(jnp.where(live, token, config.pad_id))
        return Rollouts(
            tokens=tokens,
            length=rollouts.length + live,
            logprob=rollouts.logprob.at[:, :, at].set(jnp.where(live, logprob, 0.0)),
            sample_logprob=rollouts.sample_logprob.at[:, :, at].set(jnp.where(live, sample_logprob, 0.0)),
            entropy=rollouts.entropy.at[:, :, at].set(jnp.where(live, entropy, 0.0)),
            finished=rollouts.finished | (live & _ended(tokens, at, config)),
        )

    shape = (problems, paths, width)
    empty = Rollouts(
        tokens=constrain_batch(jnp.full(shape, config.pad_id, jnp.int32)),
        length=jnp.zeros(shape[:2], jnp.int32),
        logprob=constrain_batch(jnp.zeros(shape)),
        sample_logprob=constrain_batch(jnp.zeros(shape)),
        entropy=constrain_batch(jnp.zeros(shape)),
        finished=jnp.zeros(shape[:2], bool),
    )
    whole = rollouts = write(empty, row_keys, opening, jnp.zeros((), jnp.int32))
    given, at = (prompts.length, prompt_caches), jnp.ones((), jnp.int32)
    shards = batch_shards(problems)
    place = rows % (problems * paths // shards)
    stages = _stages(problems // shards, paths, config)
    caches = decoder.empty_caches(model, problems, paths, stages[0][0], dtype)
    for room, slots, wide in stages:
        caches = decoder.with_room(caches, room)
        lengths, prompt_caches = given
        end = min(room + 1, width)

        def step(carry, row_keys=row_keys, lengths=lengths, prompt_caches=prompt_caches):
            rollouts, caches, at = carry
            logits, caches = decoder.decode(
                params, layers, model, rollouts.tokens[:, :, at - 1], at - 1, lengths, prompt_caches, caches,
                dtype,
            )  # fmt: skip
            return write(rollouts, row_keys, logits, at), caches, at + 1

        def too_many(carry, end=end, slots=slots, wide=wide):
            rollouts, _, at = carry
            needed = -(-(~rollouts.finished).sum(-1) // wide)
            return (at < end) & (needed.reshape(shards, -1).sum(-1).max() > slots)

        rollouts, caches, at = jax.lax.while_loop(too_many, step, (rollouts, caches, at))
        if room < width:
            continue
        whole = _put_rows(whole, place, rollouts, shards)
        if slots:
            caches = [tuple(x.reshape(len(lengths), -1, *x.shape[1:]) for x in pair) for pair in caches]
            drawn = rollouts, caches, row_keys, place
            (rollouts, caches, row_keys, place), given = _pack(drawn, given, slots, wide, shards)
            caches = jax.tree.map(lambda x: x.reshape(-1, *x.shape[2:]), caches)
    return whole


def _stages(problems: int, paths: int, config: SamplingConfig) -> list[tuple[int, int, int]]:
    """Of each decoding pass the tokens that its caches hold, and the problems and paths that what goes on has
    to fit into to end it: caches grow first, while most paths go on; then these are packed."""
    width, packings = config.max_new_tokens, [*_packings(problems, paths, config.compactions), (0, 1)]
    rooms = sorted({-(-width // 2**left) for left in range(1, config.growths + 1)} - {width})
    return [(room, *packings[0]) for room in rooms] + [(width, *packing) for packing in packings]


def _packings(problems: int, paths: int, count: int) -> list[tuple[int, int]]:
    """Problems and paths of each batch that what is left is packed into: half of the rows before, prompts
    being split over several places before their number falls."""
    shapes = [(problems, paths)]
    while len(shapes) <= count and shapes[-1] != (1, 1):
        problems, paths = shapes[-1]
        shapes.append((problems, -(-paths // 2)) if paths > 1 else (-(-problems // 2), 1))
    return shapes[1:]


def _pack(drawn: PyTree, given: PyTree, slots: int, wide: int, shards: int) -> tuple[PyTree, PyTree]:
    """The paths that go on, `wide` of one prompt to a slot.

    `drawn` holds rollouts, caches, keys and places, `[B, G, ...]`, and `given` what belongs to the prompts,
    `[B, ...]`, B being `shards` times as many problems as one device has. Rows left over repeat another one,
    finished, with a place beyond the last.
    """

    def one(drawn, given):
        finished = drawn[0].finished
        live = (~finished).sum(-1)
        needed = -(-live // wide)
        ends = jnp.cumsum(needed)
        slot = jnp.arange(slots)
        problem = jnp.minimum(jnp.searchsorted(ends, slot, side="right"), len(ends) - 1)
        rank = ((slot - (ends - needed)[problem]) * wide)[:, None] + jnp.arange(wide)
        filled = (rank < live[problem][:, None]) & (slot < ends[-1])[:, None]
        order = jnp.argsort(finished, axis=-1, stable=True)  # those that go on first
        path = order[problem[:, None], jnp.clip(rank, 0, finished.shape[1] - 1)]
        rollouts, caches, keys, place = jax.tree.map(lambda x: x[problem[:, None], path], drawn)
        rollouts = rollouts.replace(finished=rollouts.finished | ~filled)
        place = jnp.where(filled, place, jnp.iinfo(place.dtype).max)
        return (rollouts, caches, keys, place), jax.tree.map(lambda x: x[problem], given)

    return _by_shard(one, shards)(drawn, given)


def _put_rows(whole: Rollouts, place: Int[Array, "B g"], rollouts: Rollouts, shards: int) -> Rollouts:
    """`whole` with its rows number `place`, counted within a shard, replaced; a place beyond the last is
    none."""

    def one(whole, place, rollouts):
        def put(x, new):
            rows = x.reshape(-1, *x.shape[2:])
            return rows.at[place].set(new, mode="drop").reshape(x.shape)

        return jax.tree.map(put, whole, rollouts)

    return _by_shard(one, shards)(whole, place, rollouts)


def _by_shard(one: Callable[..., PyTree], shards: int) -> Callable[..., PyTree]:
    """`one`, on each shard's part of the leading axis of all arrays."""

    def mapped(*trees):
        parts = jax.tree.map(lambda x: x.reshape(shards, -1, *x.shape[1:]), trees)
        joined = jax.vmap(one)(*parts)
        return jax.tree.map(lambda x: constrain_batch(x.reshape(-1, *x.shape[2:])), joined)

    return mapped
