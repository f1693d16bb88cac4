"""What one accelerator does, beside its bounds and Hugging Face's `generate`. Prints a JSON object a row.

python -m benchmarks.device [--size 0.5B] [--json OUT] [--turns 5] [--no-peers]

Random weights of a published shape, bf16. `decode`: 8 prompts of 256 tokens x 16 paths of 256; its bound is
the time in which the memory could be read as often as every token needs it: weights, and the keys and values
so far. `update`: 8 prompts of 256 tokens x 8 paths of 512, f32 master weights, AdamW; its bound counts three
forward passes, nothing that is made twice. `attention`: the forward and backward pass of the decoder's own
against cuDNN's fused kernel, where there is one. `bound` is of the device's published peaks, or, of a device
that is not known here, of what one copy and one matrix product reach; `share` is the part of it that is
reached. Made for one run of under nine minutes.
"""

import argparse
import dataclasses
import functools
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from benchmarks import our_sampling, update
from benchmarks.compare import Turn, alternate, parser, per_second, report, with_dtypes
from benchmarks.workloads import made_prompts
from configs import gsm8k
from sept_jax import command
from sept_jax.models import decoder
from sept_jax.models.config import ModelConfig
from sept_jax.planning import estimate
from sept_jax.planning.workload import SIZES, Workload, make_workload
from sept_jax.sampling import SamplingConfig

PEAKS = {
    "NVIDIA A100-SXM4-80GB": (312e12, 2039e9),
    "NVIDIA H100 80GB HBM3": (989e12, 3352e9),
    "NVIDIA H200": (989e12, 4800e9),
}
"""Dense bf16 FLOP/s and bytes/s of the data sheets, by the name that jax gives the device."""
PROMPT, PROBLEMS = 256, 8
Row = dict[str, Any]


def peaks(device: jax.Device) -> tuple[float, float, str]:
    """FLOP/s and bytes/s, and whether they are published or measured."""
    if device.device_kind in PEAKS:
        return *PEAKS[device.device_kind], "published"
    side, count = 4096, 2**28
    square, long = jnp.ones((side, side), jnp.bfloat16), jnp.ones(count, jnp.bfloat16)
    multiply, copy = jax.jit(jnp.matmul), jax.jit(jnp.negative)

    def flops() -> int:
        multiply(square, square).block_until_ready()
        return 2 * side**3

    def moved() -> int:
        copy(long).block_until_ready()
        return 2 * long.nbytes

    for warm_up in (flops, moved):
        warm_up()
    return max(per_second(flops)() for _ in range(5)), max(per_second(moved)() for _ in range(5)), "measured"


def workload(model: ModelConfig, group: int, new: int, micro_batches: int, dtype: str) -> Workload:
    config = gsm8k.get_config()
    config.update_from_flattened_dict(
        {
            "batch": PROBLEMS,
            "model.dtype": dtype,
            "prompt.buckets": (PROMPT,),
            "sampling.group_size": group,
            "sampling.max_new_tokens": new,
            "memory.micro_batches": micro_batches,
        }
    )
    return make_workload(config, model)


def decode_bytes(work: Workload) -> float:
    """That one token of every path must read: weights, prompts' caches, and on average half of the paths'."""
    c, size = work.model, estimate.itemsize(work)
    weights = size * (c.num_layers * estimate.layer_weights(c) + estimate.head_weights(c))
    token = 2.0 * size * c.num_layers * c.num_kv_heads * c.head_dim
    return weights + work.batch * token * (work.prompt + work.group * work.new / 2)


def attention_turn(fused: bool, model: ModelConfig, rows: int, length: int) -> Callable[[], int]:
    """A layer's causal attention over `rows` of `length` tokens and its gradient; counts tokens."""
    keys = jax.random.split(jax.random.key(0), 3)
    heads = (model.num_heads, model.num_kv_heads, model.num_kv_heads)
    made = [
        jax.random.normal(key, (rows, length, count, model.head_dim), jnp.bfloat16)
        for key, count in zip(keys, heads, strict=True)
    ]

    def ours(query, key, value):
        own = decoder.kept(key[:, None], value[:, None])
        empty = decoder.kept(*(jnp.zeros_like(x[:, :1]) for x in (key, value)))
        return decoder.attention_in_parts(query[:, None], own, empty, jnp.zeros((rows, 1), bool))

    theirs = functools.partial(jax.nn.dot_product_attention, is_causal=True, implementation="cudnn")
    run = theirs if fused else ours
    gradient = jax.jit(jax.grad(lambda *x: run(*x).astype(jnp.float32).sum(), argnums=(0, 1, 2)))

    def turn() -> int:
        jax.block_until_ready(gradient(*made))
        return rows * length

    return turn


def with_share(row: Row, bound: float) -> Row:
    memory = jax.devices()[0].memory_stats() or {}
    shown = {"bound": bound, "share": row["ours"] / bound}
    return row | shown | {"peak_bytes_so_far": memory.get("peak_bytes_in_use")}


def decode_rows(params: PyTree, model: ModelConfig, roof: float, given: argparse.Namespace) -> Iterator[Row]:
    """`roof` is in bytes a second."""
    new, paths = given.tokens // 2, 16
    prompts = made_prompts(PROBLEMS, PROMPT)
    peers: dict[str, Turn] = {}
    if not given.no_peers:
        from benchmarks import torch_peers

        theirs = torch_peers.random(model, given.peer_dtype)
        peers["transformers generate"] = per_second(
            torch_peers.generate(theirs, prompts, paths, new, (), pad=0)
        )
    work = workload(model, paths, new, 1, given.dtype)
    cast = decoder.for_compute(params, given.dtype)
    ours = per_second(
        our_sampling.draw(cast, model, our_sampling.padded(prompts), SamplingConfig(paths, new), given.dtype)
    )
    rows = alternate(
        f"decode: {PROBLEMS} prompts x {paths} paths, P={PROMPT}, T={new}", "sampled tokens", "1/s",
        ours, peers, given.turns,
    )  # fmt: skip
    bound = PROBLEMS * paths * roof / decode_bytes(work)
    return (with_share(with_dtypes(row, given), bound) for row in rows)


def update_rows(params: PyTree, model: ModelConfig, roof: float, given: argparse.Namespace) -> Iterator[Row]:
    """`roof` is in FLOP a second."""
    group, new = 8, given.tokens
    work = workload(model, group, new, given.micro_batches, given.dtype)
    batch = update.made_batch(PROBLEMS, group, PROMPT, PROMPT + new)
    step = update.step(params, model, batch, given.micro_batches, given.dtype)
    tokens = PROBLEMS * group * new

    def updated() -> int:
        step()
        return tokens

    rows = alternate(
        f"update: {PROBLEMS} prompts x {group} paths, P={PROMPT}, T={new}", "new tokens", "1/s",
        per_second(updated), {}, given.turns,
    )  # fmt: skip
    bound = roof * tokens / (3 * estimate.scoring_flops(work))
    return (with_share(with_dtypes(row, given), bound) for row in rows)


def attention_rows(model: ModelConfig, given: argparse.Namespace) -> list[Row]:
    rows, length = 32, 2 * given.tokens
    fused = {}
    if jax.default_backend() == "gpu":
        fused["cudnn"] = per_second(attention_turn(True, model, rows, length))
    return alternate(
        f"attention: {rows} rows of {length} tokens, forward and backward", "tokens", "1/s",
        per_second(attention_turn(False, model, rows, length)), fused, given.turns,
    )  # fmt: skip


def measured(given: argparse.Namespace) -> Iterator[Row]:
    model = SIZES[given.size]
    if given.layers:
        model = dataclasses.replace(model, num_layers=given.layers)
    flops_per_s, bytes_per_s, origin = peaks(jax.devices()[0])
    shared = {"device": jax.devices()[0].device_kind, "peaks": origin}
    params = jax.jit(lambda key: decoder.init_params(model, key))(jax.random.key(0))
    yield from (row | shared for row in decode_rows(params, model, bytes_per_s, given))
    yield from (row | shared for row in update_rows(params, model, flops_per_s, given))
    yield from (row | shared for row in attention_rows(model, given))


def main() -> None:
    flags = parser(__doc__, weights=False)
    flags.add_argument("--size", default="0.5B", choices=sorted(SIZES))
    flags.add_argument("--micro-batches", type=int, default=2)
    flags.add_argument("--layers", type=int, help="fewer than the shape has, for a try")
    flags.add_argument("--tokens", type=int, default=512, help="of a path, for a try")
    given = flags.parse_args()
    command.cache_compilations()
    report(measured(given), given.json)


if __name__ == "__main__":
    main()
