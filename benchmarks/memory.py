"""Peak resident memory of an update and of sampling, ours and Hugging Face's, each in a process of its own.

python -m benchmarks.memory --model MODEL.gguf [--lora RANK] [--json OUT] [--turns 1]
    [--dtype bfloat16] [--peer-dtype float32]

The work is that of `benchmarks.update` (`sequences`; `--lora RANK` for ours) and of `benchmarks.sampling`
(`fixed`), done twice. Bytes are the most that the process had resident, libraries and weights included.
"""

import argparse
import dataclasses
import itertools
import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from benchmarks.compare import alternate, parser, report, with_dtypes
from benchmarks.turns import peak_bytes
from benchmarks.workloads import LENGTH, ROWS, made_prompts

JOBS = ("update", "sampling")


def our_work(job: str, given: argparse.Namespace) -> Callable[[], int]:
    import jax
    import jax.numpy as jnp

    from benchmarks import our_sampling, update
    from sept_jax import command
    from sept_jax.models.config import Lora
    from sept_jax.models.load import load_model
    from sept_jax.sampling import SamplingConfig

    command.keep_freed_memory()  # as where the speed is measured
    model, params, _ = load_model(str(given.model))
    if given.lora:
        model = dataclasses.replace(model, lora=Lora(given.lora, 2.0 * given.lora))
    if job == "update":
        return update.step(params, model, update.made_batch(ROWS, 1, 1), 1, given.dtype)
    prompts = our_sampling.padded(made_prompts(8, 256))
    params = jax.tree.map(jnp.asarray, params)
    return our_sampling.draw(params, model, prompts, SamplingConfig(16, 64), given.dtype)


def peer_work(job: str, checkpointing: bool, given: argparse.Namespace) -> Callable[[], int]:
    from benchmarks import torch_peers

    if job == "update":
        theirs = torch_peers.load(given.model, "float32")
        return torch_peers.update(theirs, ROWS, LENGTH, 1, given.peer_dtype, checkpointing)
    theirs = torch_peers.load(given.model, given.peer_dtype)
    return torch_peers.generate(theirs, made_prompts(8, 256), 16, 64, (), 0)


def child(job: str, side: str, given: argparse.Namespace) -> None:
    """Does the work twice and prints the peak."""
    run = our_work(job, given) if side == "ours" else peer_work(job, side == "checkpointing", given)
    run()
    run()
    print(json.dumps(peak_bytes()))


def main() -> None:
    flags = parser(__doc__)
    flags.set_defaults(turns=1)
    flags.add_argument("--lora", type=int, default=0, help="ours trains an adapter of this rank")
    flags.add_argument("--child", nargs=2, metavar=("JOB", "SIDE"), help="what a process of its own does")
    given = flags.parse_args()
    if given.child:
        child(*given.child, given)
        return

    def peak(job: str, side: str) -> float:
        command = [sys.executable, "-m", "benchmarks.memory", "--child", job, side]
        command += ["--model", given.model, "--lora", str(given.lora)]
        command += ["--dtype", given.dtype, "--peer-dtype", given.peer_dtype]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return float(done.stdout.splitlines()[-1])

    sides = {
        "update": {"transformers on torch": "torch", "with checkpointing": "checkpointing"},
        "sampling": {"transformers generate": "torch"},
    }

    def rows(job: str) -> list[dict[str, Any]]:
        peers = {} if given.no_peers else sides[job]
        return alternate(
            job, "peak memory", "bytes", lambda: peak(job, "ours"),
            {name: lambda side=side: peak(job, side) for name, side in peers.items()},
            given.turns, higher_is_better=False, warm_up=False,
        )  # fmt: skip

    found = itertools.chain.from_iterable(map(rows, JOBS))
    report((with_dtypes(row, given) for row in found), given.json)


if __name__ == "__main__":
    main()
