"""What is left of an ablation's runs: their folders where they ran, and `raw.jsonl` in the report's folder,
which goes wherever the report goes. A run that is in either is not made again."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from sept_jax.ablation.plan import START, Ablation, Run
from sept_jax.errors import UserError
from sept_jax.guard import WATCHED

RAW = "raw.jsonl"

CURVES = (
    "pass@1", "greedy", "pass@8", "ood_pass@1", "ood_greedy", "kl_to_start",
    "entropy", "length", "diversity", "reward", "quality", "step_score",
    "repetition", "answered", "common_answer",
)  # fmt: skip
"""Metrics of `metrics.jsonl` that the report shows over training: as evaluated where they are, else as
logged by the updates."""
SERIES = {"sampled_tokens", *CURVES, *WATCHED, *(f"eval/{name}" for name in CURVES)}

Series = dict[str, list[list[float]]]


@dataclasses.dataclass(frozen=True)
class Found:
    """A run that was measured on the validation split at least: the config that it was made with and that of
    the evaluation, the files of its folder, and `series`, lists of [step, value] by metric, to five digits.
    `here` tells whether the folder is on this machine, with the parameters."""

    config: Mapping[str, Any]
    evaluation: Mapping[str, Any]
    summary: Mapping[str, Any]
    validation: Mapping[str, Any]
    test: Mapping[str, Any] | None
    series: Series
    here: bool = False


Look = Callable[[Run], Found | None]


def look(ablation: Ablation, kept: Mapping[Run, Found]) -> Look:
    """Finds runs: in their folders, else among those that a report kept."""
    return lambda run: read_folder(ablation, run) or kept.get(run)


def read_folder(ablation: Ablation, run: Run) -> Found | None:
    """A run's folder; None where its validation is not done.

    Raises:
      UserError: it lacks what is noted today.
    """
    folder = ablation.folder(run)
    validation = _read_json(folder / "validation.json")
    if validation is None:
        return None
    if "evaluation" not in validation:
        raise UserError(
            f"{folder} was made by an earlier version of this command: delete it to make it anew, or type "
            "--config.workdir=DIR --output=DIR for other places"
        )
    summary = _read_json(folder / "summary.json")
    series: Series = {}
    for line in _read_lines(folder / "metrics.jsonl"):
        for name in sorted(SERIES & line.keys()):
            if line[name] is not None:
                series.setdefault(name, []).append([line["step"], float(f"{line[name]:.5g}")])
    return Found(
        config=summary.pop("config"),
        evaluation=validation.pop("evaluation"),
        summary=summary,
        validation=validation,
        test=_read_json(folder / "test.json"),
        series=series,
        here=True,
    )


def read_kept(output: Path) -> dict[Run, Found]:
    """The runs that a report's folder keeps; none where there is no report.

    Raises:
      UserError: the file is torn, or is not there though the report is, which a new one would replace.
    """
    path, kept = output / RAW, {}
    if not path.exists() and (output / "runs.csv").exists():
        raise UserError(
            f"{output} holds a report without {RAW}, the runs that it was made from: type --output=DIR for "
            "another place"
        )
    for number, line in enumerate(path.read_text().splitlines() if path.exists() else (), 1):
        try:
            record = json.loads(line)
            run = Run(**record.pop("run"))
            kept[run] = Found(**record)
        except (ValueError, TypeError, KeyError) as error:
            raise UserError(
                f"{path}, line {number} is no run of an ablation: take the file from where it came, or type "
                "--output=DIR to begin anew"
            ) from error
    for run, found in kept.items():  # once the start's figures were not kept with each run
        start = kept.get(Run(START, run.seed))
        if found.test is not None and run.variant != START and start is not None:
            found.test.setdefault("start", start.test)
    return kept


def write_kept(output: Path, found: Mapping[Run, Found]) -> None:
    """Writes `raw.jsonl`, whole or not at all: a line a run."""
    lines = []
    for run, what in found.items():
        record = {"run": dataclasses.asdict(run)} | dataclasses.asdict(what)
        del record["here"]
        lines.append(json.dumps(record) + "\n")
    part = output / f"{RAW}.part"
    part.write_text("".join(lines))
    os.replace(part, output / RAW)


def _read_json(path: Path) -> dict[str, Any] | None:
    """The object in a file, None where there is none."""
    return json.loads(path.read_text()) if path.exists() else None


def _read_lines(path: Path) -> Iterable[dict[str, Any]]:
    """The lines of a file of JSON objects; a torn last one is left out."""
    for line in path.read_text().splitlines() if path.exists() else ():
        try:
            yield json.loads(line)
        except ValueError:
            return
