"""From the start of a process to its first sampled groups: `python -m benchmarks.sampling --startup`.

A process imports, reads the weights, encodes real GSM8K prompts and calls `sample_groups` twice, for 8 paths
of 64 tokens each: once with jax's compilation cache empty, once with what that process left in it. The
second call, which is in the row too, is what sampling takes: the rest of the seconds is start-up.
"""

import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.compare import alternate

PATHS, TOKENS = 8, 64


def child(model: str, data: str, problems: str, dtype: str) -> None:
    """Samples twice and prints a line after each."""
    import jax
    import jax.numpy as jnp

    from benchmarks.our_sampling import draw, natural_prompts
    from sept_jax import command
    from sept_jax.models.load import load_model
    from sept_jax.sampling import SamplingConfig

    command.cache_compilations()
    command.keep_freed_memory()
    shape, params, tokenizer = load_model(model)
    params = jax.tree.map(jnp.asarray, params)
    prompts = natural_prompts(Path(data), int(problems), tokenizer)
    run = draw(params, shape, prompts, SamplingConfig(PATHS, TOKENS), dtype)
    for _ in range(2):
        print(run(), flush=True)


def start(arguments: list[str], cache: Path) -> tuple[float, float]:
    """Seconds from the start of a child to its first line, and from there to its second."""
    environment = {**os.environ, "JAX_COMPILATION_CACHE_DIR": str(cache)}
    told = [time.perf_counter()]
    with subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.PIPE) as process:
        told += [time.perf_counter() for _ in process.stdout]
    if process.returncode or len(told) != 3:
        sys.exit(f"a process that was to sample twice did not, exit code {process.returncode}: see above")
    return told[1] - told[0], told[2] - told[1]


def rows(model: Path, data: Path, problems: int, dtype: str, turns: int) -> Iterator[dict[str, Any]]:
    """A row for an empty compilation cache, and one for a full one."""
    arguments = ["-m", "benchmarks.startup", str(model), str(data), str(problems), dtype]
    with tempfile.TemporaryDirectory() as folder:
        caches = {
            "empty": (Path(folder, str(turn)) for turn in itertools.count()),
            "full": itertools.repeat(Path(folder, "0")),
        }
        for state, places in caches.items():
            second: list[float] = []

            def turn(places=places, second=second) -> float:
                first, again = start(arguments, next(places))
                second.append(again)
                return first

            [row] = alternate(
                f"start-up: {problems} GSM8K prompts x {PATHS} paths, T={TOKENS}, {state} compilation cache",
                "seconds from the start of the process until sample_groups has returned", "s",
                turn, {}, turns, higher_is_better=False, warm_up=False,
            )  # fmt: skip
            yield row | {
                "dtype": dtype,
                "prompts": problems,
                "second_call_seconds": statistics.median(second),
                "second_call_runs": second,
            }


if __name__ == "__main__":
    child(*sys.argv[1:])
