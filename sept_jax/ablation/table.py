"""What the runs of an ablation gave, as rows."""

import csv
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sept_jax import guard
from sept_jax.ablation.found import CURVES, Look, Series
from sept_jax.ablation.plan import START, Ablation, Outcome, Run, chosen_rate, main_runs, searches

METRICS = (
    "pass@1",
    "pass@1_best_temperature",
    "greedy",
    "pass@8",
    "pass@32",
    "pass@8_best_temperature",
    "pass@32_best_temperature",
    "ood_pass@1",
    "ood_pass@1_best_temperature",
    "ood_greedy",
)
"""What the test split is read for; each has a `base_` column with the figure of the run's start."""
OF_OTHERS = ("pass@1", "pass@1_best_temperature", "greedy")
"""What the test split of each other task is read for, likewise, with the task's name before it."""

CURVE_POINTS = 40

Row = dict[str, Any]


def outcomes(ablation: Ablation, errors: Mapping[Run, str], look: Look) -> dict[Run, Outcome]:
    """What is known of every run that was finished, on its validation split or wholly, or that failed."""
    runs = [Run(START, seed) for seed in ablation.seeds()]
    for variant in ablation.variants:
        runs += searches(ablation, variant)
    known = _known(runs, errors, look)
    return known | _known(list(main_runs(ablation, known)), errors, look)


def _known(runs: Sequence[Run], errors: Mapping[Run, str], look: Look) -> dict[Run, Outcome]:
    known: dict[Run, Outcome] = {}
    for run in runs:
        found = look(run)
        if found is not None:
            accuracy, tested = found.validation["pass@1_best_temperature"], found.test is not None
            known[run] = Outcome(accuracy, tested, errors.get(run), found.here)
        elif run in errors:
            known[run] = Outcome(error=errors[run])
    return known


def run_rows(ablation: Ablation, known: Mapping[Run, Outcome], look: Look) -> list[Row]:
    """One row a compared run that is finished, has failed, or cannot be made; seed by seed."""
    rows = []
    for seed in ablation.seeds():
        start = known.get(Run(START, seed), Outcome())
        for variant in (variant for variant in ablation.variants if seed in variant.seeds):
            over, rate = chosen_rate(ablation, variant, known)
            run = Run(variant.name, seed, rate)
            outcome = known.get(run, Outcome()) if over else Outcome()
            if outcome.tested:
                rows.append(run_row(ablation, run, look))
            elif outcome.error is not None:
                rows.append(_identity(run, look) | {"error": outcome.error})
            elif start.error is not None:
                rows.append(_identity(run, look) | {"error": f"its start failed: {start.error}"})
            elif over and rate is None and variant.learning_rates:
                rows.append(_identity(run, look) | {"error": "every learning rate tried failed"})
    return rows


def run_row(ablation: Ablation, run: Run, look: Look) -> Row:
    """The row of a finished run."""
    found = look(run)
    test, series = found.test, found.series
    base = test["start"]
    row = _identity(run, look) | {"steps": found.summary["steps"]}
    others = ablation.experiment.data.procedural.others
    for metric in (*METRICS, *(f"{task}_{metric}" for task in others for metric in OF_OTHERS)):
        if metric in test:
            row[f"base_{metric}"], row[metric] = base[metric], test[metric]
    alarm = guard.first_alarm(watched(series), guard.GuardConfig(**found.config["guard"]))
    curve = series["eval/pass@1"]
    best_step, best = max(curve, key=lambda point: point[1])
    return row | {
        "base_best_temperature": base["best_temperature"],
        "best_temperature": test["best_temperature"],
        "sampled_tokens": int(sum(count for _, count in series["sampled_tokens"])),
        "seconds": round(found.summary["seconds"], 1),
        "evaluation_seconds": round(test["seconds"] + found.validation["seconds"], 1),
        "first_alarm": alarm[0] if alarm else None,
        "alarm": alarm[1] if alarm else None,
        "stopped": found.summary["stopped"],
        "best_validation": best,
        "best_validation_step": best_step,
        "last_validation": curve[-1][1],
        "error": None,
        "commit": found.summary["commit"],
    }


def watched(series: Series) -> Iterator[dict[str, float]]:
    """What the guard reads of a run: a row an update, and after it one of the evaluation at its step, but for
    the last, after which there is nothing to stop."""
    updates: dict[float, dict[str, float]] = {}
    for name in guard.WATCHED:
        for step, value in series.get(name, ()):
            updates.setdefault(step, {"step": step})[name] = value
    drift = dict(series.get("eval/kl_to_start", ()))
    for step in sorted(updates):
        yield updates[step]
        if step in drift and step != max(updates):
            yield {"step": step, "eval/kl_to_start": drift[step]}


def _identity(run: Run, look: Look) -> Row:
    rate, found = run.learning_rate, look(run)
    searched = rate is not None
    if rate is None and found is not None:
        rate = found.config["optimizer"]["learning_rate"]
    return {"method": run.variant, "seed": run.seed, "learning_rate": rate, "searched": searched}


def search_rows(ablation: Ablation, known: Mapping[Run, Outcome], look: Look) -> list[Row]:
    """One row a run of the learning-rate searches: accuracy on the validation split, what was chosen."""
    rows = []
    for variant in ablation.variants:
        over, rate = chosen_rate(ablation, variant, known)
        for run in searches(ablation, variant):
            if run not in known:
                continue
            found = look(run).validation if known[run].validation is not None else {}
            rows.append(
                {"method": run.variant, "seed": run.seed, "learning_rate": run.learning_rate}
                | {name: found.get(name) for name in ("pass@1_best_temperature", "best_temperature")}
                | {"chosen": over and rate == run.learning_rate, "error": known[run].error}
            )
    return rows


def curve_rows(ablation: Ablation, known: Mapping[Run, Outcome], look: Look) -> list[Row]:
    """The compared runs' course: `eval/` metrics as measured, of the others the means over at most 40 equal
    stretches of the run, each at its last step."""
    rows = []
    for run in main_runs(ablation, known):
        if not known.get(run, Outcome()).tested:
            continue
        series = look(run).series
        for metric in CURVES:
            points = series.get(f"eval/{metric}") or _thinned(series.get(metric, ()))
            rows += [
                {"method": run.variant, "seed": run.seed, "step": step, "metric": metric, "value": value}
                for step, value in points
            ]
    return rows


def _thinned(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    width = -(-max((step for step, _ in points), default=1) // CURVE_POINTS)
    stretches: dict[int, list[float]] = {}
    for step, value in points:
        stretches.setdefault(-(-step // width) * width, []).append(value)
    return [(step, float(np.mean(values))) for step, values in stretches.items()]


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Writes rows as CSV, whole or not at all; the columns are the rows' keys in order of appearance."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    with part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _shown(value) for name, value in row.items()} for row in rows)
    os.replace(part, path)


def _shown(value: Any) -> Any:
    return round(value, 6) if isinstance(value, float) and abs(value) > 1e-3 else value
