"""Tokens a second of one update, ours and Hugging Face's on torch in turns. Prints a JSON object a row.

python -m benchmarks.update --model MODEL.gguf [--lora RANK] [--json OUT] [--turns 5]
    [--dtype bfloat16] [--peer-dtype float32] [--checkpointing]

`sequences`: 16 rows of 384 tokens, nothing shared. `groups`: 2 prompts of 192 tokens x 8 paths of 192, which
the peer computes as the same 16 rows; both count 16 x 384 tokens. f32 master weights, AdamW.
"""

import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from benchmarks.compare import alternate, parser, per_second, report, with_dtypes
from benchmarks.workloads import LENGTH, ROWS
from sept_jax import command
from sept_jax.models import decoder, lora
from sept_jax.models.config import Lora, ModelConfig
from sept_jax.models.load import load_model
from sept_jax.records import Prompts, Rollouts, Steps, TrainState, UpdateBatch
from sept_jax.update import UpdateConfig, make_optimizer, micro_batches, update


def made_batch(problems: int, paths: int, prompt: int, length: int = LENGTH) -> UpdateBatch:
    """Random tokens and credit: every row is `length` tokens, `prompt` of them the prompt's."""
    rng, shape = np.random.default_rng(0), (problems, paths, length - prompt)
    tokens = rng.integers(5, 40_000, shape).astype(np.int32)
    ends = np.full(shape[:2], shape[2], np.int32)
    return UpdateBatch(
        prompts=Prompts(
            rng.integers(5, 40_000, (problems, prompt)).astype(np.int32), np.full(problems, prompt, np.int32)
        ),
        rollouts=Rollouts(
            tokens, ends, *(np.full(shape, x, np.float32) for x in (-10.0, -10.0, 1.0)), ends > 0
        ),
        steps=Steps(np.zeros(shape, np.int32), np.ones_like(ends)),
        quality=rng.uniform(size=shape[:2]).astype(np.float32),
        advantage=rng.normal(size=shape).astype(np.float32),
    )


def make_state(params: PyTree, model: ModelConfig, dtype: str, optimizer) -> TrainState:
    """Of a plain model, all of it trained, or of an adapted one."""
    frozen, trainable = {}, jax.tree.map(jnp.asarray, params)
    if model.lora is not None:
        frozen, trainable = trainable, lora.init_adapter(model, jax.random.key(0))
        frozen = decoder.for_compute(frozen, dtype)
    return TrainState(
        trainable, frozen, optimizer.init(trainable), jnp.zeros((), jnp.int32), jax.random.key(0)
    )


def step(
    params: PyTree, model: ModelConfig, batch: UpdateBatch, pieces: int, dtype: str
) -> Callable[[], int]:
    """An update a call, each from the state that the one before left; counts `ROWS` x `LENGTH` tokens."""
    optimizer = make_optimizer(1e-6, 1, 0.0, 1.0, 0.99)
    held = [make_state(params, model, dtype, optimizer)]
    cut = micro_batches(batch, pieces, 1)

    def run() -> int:
        held[0], metrics = update(
            held[0], cut, optimizer=optimizer, model=model, config=UpdateConfig(logit_chunk=64),
            dtype=getattr(jnp, dtype),
        )  # fmt: skip
        jax.block_until_ready(metrics)
        return ROWS * LENGTH

    return run


WORKLOADS = {
    "sequences: 16 x 384 tokens": (16, 1, 1),
    "groups: 2 prompts of 192 tokens x 8 paths of 192": (2, 8, 192),
}
"""Problems, paths of each, and prompt tokens; they fit into memory at once."""


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument(
        "--lora", type=int, default=0, help="train an adapter of this rank; the peer trains all"
    )
    flags.add_argument("--checkpointing", action="store_true", help="of the peer's activations")
    given = flags.parse_args()
    command.cache_compilations()
    command.keep_freed_memory()
    model, params, _ = load_model(str(given.model))
    if given.lora:
        model = dataclasses.replace(model, lora=Lora(given.lora, 2.0 * given.lora))

    def rows() -> Iterator[dict[str, Any]]:
        for workload, sizes in WORKLOADS.items():
            ours = step(params, model, made_batch(*sizes), 1, given.dtype)
            peers = {}
            if not given.no_peers:
                from benchmarks import torch_peers

                theirs = torch_peers.load(given.model, "float32")
                count = torch_peers.update(
                    theirs, ROWS, LENGTH, sizes[2], given.peer_dtype, given.checkpointing
                )
                peers["transformers on torch"] = per_second(count)
            yield from alternate(workload, "tokens", "1/s", per_second(ours), peers, given.turns)

    report((with_dtypes(row, given) for row in rows()), given.json)


if __name__ == "__main__":
    main()
