"""What the runs of an ablation gave, as rows: read from their folders, nothing else."""

import csv
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from sept_jax import guard
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
"""What the test split is read for; each has a `base_` column with the figure of the seed's start."""
OF_OTHERS = ("pass@1", "pass@1_best_temperature", "greedy")
"""What the test split of each other task is read for, likewise, with the task's name before it."""

CURVES = (
    "pass@1", "greedy", "pass@8", "ood_pass@1", "ood_greedy", "kl_to_start",
    "entropy", "length", "diversity", "reward", "quality", "step_score",
    "repetition", "answered", "common_answer",
)  # fmt: skip
CURVE_POINTS = 40

Row = dict[str, Any]


def read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file, None where there is none."""
    return json.loads(path.read_text()) if path.exists() else None


def read_lines(path: Path) -> list[dict[str, Any]]:
    """The lines of a file of JSON objects; a torn last one is left out."""
    lines = []
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            lines.append(json.loads(line))
        except ValueError:
            break
    return lines


def outcomes(ablation: Ablation, errors: Mapping[Run, str]) -> dict[Run, Outcome]:
    """What is known of every run that was finished, on its validation split or wholly, or that failed."""
    runs = [Run(START, seed) for seed in ablation.seeds()]
    for variant in ablation.variants:
        runs += searches(ablation, variant)
    known: dict[Run, Outcome] = {}
    _look(ablation, runs, errors, known)
    _look(ablation, list(main_runs(ablation, known)), errors, known)
    return known


def _look(
    ablation: Ablation, runs: Sequence[Run], errors: Mapping[Run, str], known: dict[Run, Outcome]
) -> None:
    for run in runs:
        validation = read_json(ablation.folder(run) / "validation.json")
        if validation is not None or run in errors:
            accuracy = None if validation is None else validation["pass@1_best_temperature"]
            tested = (ablation.folder(run) / "test.json").exists()
            known[run] = Outcome(accuracy, tested, errors.get(run))


def run_rows(ablation: Ablation, known: Mapping[Run, Outcome]) -> list[Row]:
    """One row a compared run that is finished, has failed, or cannot be made; seed by seed."""
    rows = []
    for seed in ablation.seeds():
        start = known.get(Run(START, seed), Outcome())
        for variant in (variant for variant in ablation.variants if seed in variant.seeds):
            over, rate = chosen_rate(ablation, variant, known)
            run = Run(variant.name, seed, rate)
            outcome = known.get(run, Outcome()) if over else Outcome()
            if outcome.tested:
                rows.append(run_row(ablation, run))
            elif outcome.error is not None:
                rows.append(_identity(ablation, run) | {"error": outcome.error})
            elif start.error is not None:
                rows.append(_identity(ablation, run) | {"error": f"its start failed: {start.error}"})
            elif over and rate is None and variant.learning_rates:
                rows.append(_identity(ablation, run) | {"error": "every learning rate tried failed"})
    return rows


def run_row(ablation: Ablation, run: Run) -> Row:
    """The row of a finished run."""
    folder = ablation.folder(run)
    summary, test = read_json(folder / "summary.json"), read_json(folder / "test.json")
    base = read_json(ablation.folder(Run(START, run.seed)) / "test.json")
    lines = read_lines(folder / "metrics.jsonl")
    trained = [line for line in lines if "loss" in line]
    row = _identity(ablation, run) | {"steps": summary["steps"]}
    others = ablation.experiment.data.procedural.others
    for metric in (*METRICS, *(f"{task}_{metric}" for task in others for metric in OF_OTHERS)):
        if metric in test:
            row[f"base_{metric}"], row[metric] = base[metric], test[metric]
    alarm = guard.first_alarm(trained, guard.GuardConfig(**summary["config"]["guard"]))
    curve = [(line["step"], line["eval/pass@1"]) for line in lines if "eval/pass@1" in line]
    best_step, best = max(curve, key=lambda point: point[1])
    return row | {
        "base_best_temperature": base["best_temperature"],
        "best_temperature": test["best_temperature"],
        "sampled_tokens": int(sum(line["sampled_tokens"] for line in trained)),
        "seconds": round(summary["seconds"], 1),
        "evaluation_seconds": round(test["seconds"] + read_json(folder / "validation.json")["seconds"], 1),
        "first_alarm": alarm[0] if alarm else None,
        "alarm": alarm[1] if alarm else None,
        "stopped": summary["stopped"],
        "best_validation": best,
        "best_validation_step": best_step,
        "last_validation": curve[-1][1],
        "error": None,
        "commit": summary["commit"],
    }


def _identity(ablation: Ablation, run: Run) -> Row:
    rate = run.learning_rate
    searched = rate is not None
    if rate is None:
        config = read_json(ablation.folder(run) / "config.json") or {}
        rate = config.get("optimizer", {}).get("learning_rate")
    return {"method": run.variant, "seed": run.seed, "learning_rate": rate, "searched": searched}


def search_rows(ablation: Ablation, known: Mapping[Run, Outcome]) -> list[Row]:
    """One row a run of the learning-rate searches: accuracy on the validation split, what was chosen."""
    rows = []
    for variant in ablation.variants:
        over, rate = chosen_rate(ablation, variant, known)
        for run in searches(ablation, variant):
            if run not in known:
                continue
            found = read_json(ablation.folder(run) / "validation.json") or {}
            rows.append(
                {"method": run.variant, "seed": run.seed, "learning_rate": run.learning_rate}
                | {name: found.get(name) for name in ("pass@1_best_temperature", "best_temperature")}
                | {"chosen": over and rate == run.learning_rate, "error": known[run].error}
            )
    return rows


def curve_rows(ablation: Ablation, known: Mapping[Run, Outcome]) -> list[Row]:
    """The compared runs' course: `eval/` metrics as measured, of the others the means over at most 40 equal
    stretches of the run, each at its last step."""
    rows = []
    for run in main_runs(ablation, known):
        lines = read_lines(ablation.folder(run) / "metrics.jsonl")
        if not known.get(run, Outcome()).tested or not lines:
            continue
        for metric in CURVES:
            evaluated = [(line["step"], line[f"eval/{metric}"]) for line in lines if f"eval/{metric}" in line]
            points = evaluated or _thinned([(line["step"], line[metric]) for line in lines if metric in line])
            rows += [
                {"method": run.variant, "seed": run.seed, "step": step, "metric": metric, "value": value}
                for step, value in points
                if value is not None
            ]
    return rows


def _thinned(points: Sequence[tuple[int, float | None]]) -> list[tuple[int, float]]:
    points = [(step, value) for step, value in points if value is not None]
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
