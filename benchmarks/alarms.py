"""Would the guard have called the runs that fell, and left the others alone? Prints JSON.

python -m benchmarks.alarms results/ablations/story [MORE ...] [--fall 0.05] [--quality_fall 0.05 0.1 0.3]
    [--json FILE]

Replays the guard over every run that the reports keep (`raw.jsonl`), runs of the search included, with each
run's own bounds but for `quality_fall`. A run fell if the policy lost more than `fall` of pass@1 on the
validation split, at temperature 1, from its start to its end. Gold says who fell, and nothing else: the guard
reads none. A row is a bound: how many that fell were called, at which step of how many, what they had lost at
the evaluation before; and which of the others were called.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from sept_jax.ablation.found import Found, Series, read_kept
from sept_jax.ablation.plan import START, Run
from sept_jax.ablation.table import watched
from sept_jax.guard import GuardConfig, first_alarm

ACCURACY = "eval/pass@1"


def lost(series: Series, step: float) -> float:
    """How much of the start's accuracy was lost at the last evaluation up to a step."""
    curve = series[ACCURACY]
    return curve[0][1] - [accuracy for at, accuracy in curve if at <= step][-1]


def replay(runs: Mapping[Run, Found], quality_fall: float, fall: float) -> dict[str, Any]:
    """What a guard with a bound on the fall of quality calls among runs, see above."""
    fell: list[dict[str, Any]] = []
    others: list[dict[str, Any]] = []
    for run, found in runs.items():
        steps = found.summary["steps"]
        bounds = GuardConfig(**{**found.config["guard"], "quality_fall": quality_fall})
        alarm = first_alarm(watched(found.series), bounds)
        told = {"run": run.name, "lost": round(lost(found.series, steps), 4)}
        if alarm is not None:
            told |= {"step": alarm[0], "reason": alarm[1]}
            told |= {"part": alarm[0] / steps, "lost_before": round(lost(found.series, alarm[0]), 4)}
        (fell if told["lost"] > fall else others).append(told)
    called = [run for run in fell if "step" in run]
    return {
        "quality_fall": quality_fall,
        "fell": len(fell),
        "fell_called": len(called),
        "part_of_run": median(run["part"] for run in called) if called else None,
        "lost_before": median(run["lost_before"] for run in called) if called else None,
        "others": len(others),
        "others_called": [run for run in others if "step" in run],
        "not_called": [run for run in fell if "step" not in run],
        "called": called,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("reports", type=Path, nargs="+")
    parser.add_argument("--fall", type=float, default=0.05)
    parser.add_argument(
        "--quality_fall", type=float, nargs="+", default=[0.05, 0.1, GuardConfig.quality_fall]
    )
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    rows = []
    for report in arguments.reports:
        runs = {run: found for run, found in read_kept(report).items() if run.variant != START}
        if not runs:
            parser.error(f"{report} keeps no runs: expected a report of sept_jax.ablate, with its raw.jsonl")
        rows += [
            {"report": report.name} | replay(runs, bound, arguments.fall) for bound in arguments.quality_fall
        ]
    text = json.dumps(rows, indent=1)
    print(text)
    if arguments.json:
        arguments.json.write_text(text + "\n")


if __name__ == "__main__":
    main()
