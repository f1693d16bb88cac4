"""What a token and memory cost over the number and the length of paths: `benchmarks.sampling --scaling`.

Prompts of 256 tokens, and paths that all have T tokens. A program is compiled before it is timed; bytes are
those that it asks for beside the f32 weights: its temporaries, among them the weights in the compute type and
the caches, and what it returns.
"""

import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from benchmarks.compare import alternate, per_second
from benchmarks.our_sampling import padded
from benchmarks.workloads import made_prompts
from sept_jax.models.config import ModelConfig
from sept_jax.sampling import SamplingConfig, sample_groups

PATHS, TOKENS, PROMPT = (1, 4, 16, 64), (64, 256, 1024), 256
Row = dict[str, Any]


def rows(
    params: PyTree, model: ModelConfig, problems: int, paths: Sequence[int], tokens: Sequence[int],
    dtype: str, turns: int,
) -> Iterator[Row]:  # fmt: skip
    """Tokens a second, milliseconds a kept token, and bytes, for G x T."""
    prompts = padded(made_prompts(problems, PROMPT))
    for group, new in itertools.product(paths, tokens):
        config = SamplingConfig(group, new, growths=2)

        @jax.jit
        def sample(params, prompts, key, config=config):
            return sample_groups(params, prompts, key, model=model, config=config, dtype=getattr(jnp, dtype))

        compiled = sample.lower(params, prompts, jax.random.key(0)).compile()
        keys = map(jax.random.key, itertools.count())

        def run(compiled=compiled, keys=keys) -> int:
            return int(np.sum(np.asarray(compiled(params, prompts, next(keys)).length)))

        workload = f"scaling: {problems} prompts x {group} paths, P={PROMPT}, T={new}"
        [row] = alternate(workload, "sampled tokens", "1/s", per_second(run), {}, turns, warm_up=False)
        asked = compiled.memory_analysis()
        yield row | {
            "dtype": dtype,
            "prompts": problems,
            "paths": group,
            "tokens": new,
            "ms_per_token": 1e3 / row["ours"],
            "temporary_bytes": asked.temp_size_in_bytes,
            "output_bytes": asked.output_size_in_bytes,
        }


def megabytes(row: Row) -> float:
    """Beside the f32 weights."""
    return (row["temporary_bytes"] + row["output_bytes"]) / 1e6


def table(found: Sequence[Row]) -> str:
    """Markdown: a line a number of paths, two columns a length."""
    by_size = {(row["paths"], row["tokens"]): row for row in found}
    groups, lengths = (sorted(set(sizes)) for sizes in zip(*by_size, strict=True))
    head = ["paths a prompt"]
    head += [name for new in lengths for name in (f"T={new}: tokens/s", "MB")]
    lines = [head, ["---"] * len(head)]
    for group in groups:
        line = [str(group)]
        for new in lengths:
            row = by_size[group, new]
            line += [f"{row['ours']:,.0f}", f"{megabytes(row):,.0f}"]
        lines.append(line)
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def plot(found: Sequence[Row], file: Path) -> None:
    """Two panels over the number of paths, a line a length: what a kept token costs, and memory."""
    figure = Figure(figsize=(10, 4), layout="constrained")
    cost, memory = figure.subplots(1, 2)
    groups = sorted({row["paths"] for row in found})
    for new in sorted({row["tokens"] for row in found}):
        line = sorted((row for row in found if row["tokens"] == new), key=lambda row: row["paths"])
        at = [row["paths"] for row in line]
        cost.plot(at, [row["ms_per_token"] for row in line], "o-", label=f"T = {new} tokens")
        memory.plot(at, [megabytes(row) for row in line], "o-", label=f"T = {new} tokens")
    for axes, shown in ((cost, "cost of a kept token, ms"), (memory, "memory beside the f32 weights, MB")):
        axes.set(xscale="log", yscale="log", xlabel="paths a prompt (G)", ylabel=shown)
        axes.set_xticks(groups, [str(group) for group in groups])
        axes.set_xticks([], minor=True)
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter("{x:,g}")
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.grid(alpha=0.3)
    cost.legend()
    figure.suptitle(f"prompts: {found[0]['prompts']} of {PROMPT} tokens, {found[0]['dtype']}")
    figure.savefig(file, dpi=150)
