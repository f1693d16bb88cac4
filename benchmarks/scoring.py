"""Times step scoring on this machine and prints JSON: rules, cache, naive sympy, `score_steps`.

python benchmarks/scoring.py --data FILE [FILE ...] [--repeats 5]

`rules` reads every solution once with empty caches, on one core; `cached` reads each three times, as a group
of paths that repeat would. `sympy` is the plain way to check equations, sympify and evalf on both sides, in
the same run and in turns with the rules. The data are files of ProcessBench's form (`problem`, `steps`).
"""

import argparse
import functools
import gc
import itertools
import json
import re
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import sympy

from sept_jax.checks.reading import read_path
from sept_jax.processbench import Solution, load
from sept_jax.records import CHANNELS, Evidence
from sept_jax.scoring import AGAINST, WEIGHTS, score_steps

_CACHE = type(functools.lru_cache(lambda: None))
_SIDE = re.compile(r"[-+*/^().0-9a-z ]{1,60}")


def forget() -> None:
    """Empties every cache of the checks."""
    for thing in gc.get_objects():
        if isinstance(thing, _CACHE) and thing.__module__.startswith("sept_jax.checks"):
            thing.cache_clear()


def rules(solutions: Sequence[Solution], times: int = 1) -> None:
    for solution in solutions:
        for _ in range(times):
            read_path(solution.problem, solution.steps, False)


def naive(solutions: Sequence[Solution]) -> None:
    """Both sides of every "=" through sympify and evalf, LaTeX rewritten by substitution."""
    for solution in solutions:
        for step in solution.steps:
            text = re.sub(r"\\d?frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", step)
            text = (
                re.sub(r"\\(?:cdot|times)|×", "*", text).replace("$", "").replace(",", "").replace("^", "**")
            )
            sides = text.split("=")
            for left, right in itertools.pairwise(sides):
                tail, head = _SIDE.findall(left), _SIDE.match(right)
                if not tail or head is None or not re.search(r"\d", tail[-1] + head.group()):
                    continue
                try:
                    gap = sympy.sympify(tail[-1].split("  ")[-1]) - sympy.sympify(head.group())
                    abs(gap.evalf()) < 1e-6  # noqa: B015
                except Exception:
                    continue


def timed(run: Callable[[], None]) -> float:
    began = time.perf_counter()
    run()
    return time.perf_counter() - began


def file_figures(path: Path, repeats: int) -> dict:
    """Medians over `repeats` turns."""
    solutions = load(path)
    steps = sum(len(solution.steps) for solution in solutions)
    fresh, cached, plain = [], [], []
    for _ in range(repeats):
        gc.collect()
        forget()
        fresh.append(steps / timed(lambda: rules(solutions)))
        forget()
        cached.append(3 * steps / timed(lambda: rules(solutions, 3)))
        sympy.core.cache.clear_cache()
        plain.append(steps / timed(lambda: naive(solutions)))
    return {
        "file": str(path),
        "steps": steps,
        "rules_steps_per_s": statistics.median(fresh),
        "cached_steps_per_s": statistics.median(cached),
        "sympy_steps_per_s": statistics.median(plain),
        "ratio_to_sympy": statistics.median(a / b for a, b in zip(fresh, plain, strict=True)),
    }


def score_steps_ms(repeats: int, shape: tuple[int, int, int] = (64, 16, 32)) -> float:
    """Median milliseconds of the compiled combination for B, G, S and all channels."""
    generator = np.random.default_rng(0)
    full = (*shape, len(CHANNELS))
    evidence = Evidence(
        verdict=jnp.asarray(generator.uniform(-1, 1, full), jnp.float32),
        known=jnp.asarray(generator.uniform(size=full) < 0.5),
        value_id=jnp.asarray(generator.integers(-1, 9, shape), jnp.int32),
        answer_id=jnp.asarray(generator.integers(-1, 4, shape[:2]), jnp.int32),
    )
    count = jnp.asarray(generator.integers(1, shape[2] + 1, shape[:2]), jnp.int32)
    weights = jnp.asarray([[AGAINST * WEIGHTS[c] for c in CHANNELS], [WEIGHTS[c] for c in CHANNELS]])

    def run() -> None:
        jax.block_until_ready(score_steps(evidence, count, weights, 0.0))

    run()
    return 1e3 * statistics.median(timed(run) for _ in range(10 * repeats))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # sympify warns of what it makes of prose
    gc.disable()  # as in a worker; for both
    files = [file_figures(path, arguments.repeats) for path in arguments.data]
    print(json.dumps({"files": files, "score_steps_ms": score_steps_ms(arguments.repeats)}, indent=2))


if __name__ == "__main__":
    main()
