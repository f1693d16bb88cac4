"""All that is told of one model's accuracy on several benches."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from absl import logging
from jaxtyping import Array, Float, PyTree

from sept_jax.accuracy import by_level, per_problem, with_intervals
from sept_jax.bench import Bench, best_of, sample_graded, sweep
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.experiment import Experiment

KS = (1, 8, 32)


@dataclasses.dataclass(frozen=True)
class Measured:
    """One model on several benches: `values[bench][metric]` of each problem, at temperature 1, greedy, and as
    `<metric>_best_temperature`; `swept[temperature]` is pass@1 of each problem of the bench on which the best
    one was chosen. `tokens_per_s` is the sampler's speed, None where every call had to compile."""

    values: dict[str, dict[str, Float[np.ndarray, " _"]]]
    best_temperature: float
    swept: dict[float, Float[np.ndarray, " _"]]
    tokens_per_s: float | None


def measure(
    experiment: Experiment,
    params: PyTree,
    benches: Mapping[str, Bench],
    key: Array,
    temperatures: Sequence[float],
    choose_on: Bench | None = None,
    comparer: SymbolicComparer | None = None,
) -> Measured:
    """Every metric of one model on every bench.

    The best of `temperatures`, by pass@1, is chosen on `choose_on`, by default on the first bench itself,
    which flatters what is then measured there.
    """
    choose_on = choose_on or next(iter(benches.values()))
    swept = sweep(experiment, params, choose_on, key, temperatures, comparer)
    best, timed, values = best_of(swept), list(swept.values()), {}
    for name, bench in benches.items():
        sampled = dict(swept) if bench is choose_on else {}
        for t in (1.0, best, 0.0):
            if t not in sampled:
                sampled[t] = sample_graded(experiment, params, bench, key, t, comparer)
                timed += [sampled[t]] if t else []
        at_best = per_problem(sampled[best], KS).items()
        values[name] = (
            per_problem(sampled[1.0], KS)
            | {"greedy": sampled[0.0].correct.mean(1)}
            | {f"{metric}_best_temperature": each for metric, each in at_best}
        )
        logging.info("%s: pass@1 %.3f", name, values[name]["pass@1"].mean())
    seconds = sum(graded.seconds for graded in timed)
    return Measured(
        values=values,
        best_temperature=best,
        swept={t: graded.correct.mean(1) for t, graded in swept.items()},
        tokens_per_s=sum(graded.tokens for graded in timed) / seconds if seconds else None,
    )


def described(measured: Measured, benches: Mapping[str, Bench]) -> dict[str, Any]:
    """What a model's measurement is in the JSON: means with intervals, of each bench and of its levels."""
    sources = {}
    for name, bench in benches.items():
        values, levels = measured.values[name], np.array([p.level for p in bench.problems], np.float32)
        sources[name] = {"problems": len(bench.problems)} | with_intervals(values)
        sources[name]["levels"] = {f"{at:g}": found for at, found in by_level(values, levels).items()}
    return {
        "sources": sources,
        "best_temperature": measured.best_temperature,
        "temperatures": {f"{t:g}": with_intervals({"pass@1": each}) for t, each in measured.swept.items()},
        "tokens_per_s": measured.tokens_per_s,
    }
