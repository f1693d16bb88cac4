"""Peak resident memory of an update and of sampling, ours and Hugging Face's, each in a process of its own.

python -m benchmarks.memory --model MODEL.gguf [--json OUT] [--turns 1]

The work is that of `benchmarks.update` (`sequences`; `--lora RANK` for ours) and of `benchmarks.sampling`
(`fixed`), done twice. Bytes are the most that the process had resident, libraries and weights included.
"""

import dataclasses
import itertools
import json
import subprocess
import sys
from typing import Any

import jax
import jax.numpy as jnp

from benchmarks import sampling, update
from benchmarks.compare import alternate, parser, report
from benchmarks.hostile import peak_memory_mb
from sept_jax.models.config import Lora
from sept_jax.models.load import load_model
from sept_jax.sampling import SamplingConfig

JOBS = ("update", "sampling")


def child(job: str, side: str, given) -> None:
    """Does the work twice and prints the peak."""
    if side == "ours":
        model, params, _ = load_model(str(given.model))
        if given.lora:
            model = dataclasses.replace(model, lora=Lora(given.lora, 2.0 * given.lora))
        if job == "update":
            run = update.step(params, model, update.made_batch(16, 1, 1), 4, given.dtype)
        else:
            prompts = sampling.padded(sampling.made_prompts(8, 256))
            params = jax.tree.map(jnp.asarray, params)
            run = sampling.draw(params, model, prompts, SamplingConfig(16, 64), given.dtype)
    else:
        from benchmarks import torch_peers

        if job == "update":
            theirs = torch_peers.load(given.model, "float32")
            run = torch_peers.update(theirs, update.ROWS, update.LENGTH, given.dtype, side == "checkpointing")
        else:
            theirs = torch_peers.load(given.model, given.dtype)
            run = torch_peers.generate(theirs, sampling.made_prompts(8, 256), 16, 64, (), 0)
    run()
    run()
    print(json.dumps(2**20 * peak_memory_mb()))


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
        command += ["--model", given.model, "--dtype", given.dtype, "--lora", str(given.lora)]
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

    report(itertools.chain.from_iterable(map(rows, JOBS)), given.json)


if __name__ == "__main__":
    main()
