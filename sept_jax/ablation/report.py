"""Writes all that an ablation shows: tables, the page, the pictures."""

import os
from collections.abc import Mapping
from pathlib import Path

from sept_jax.ablation import plots, table
from sept_jax.ablation.plan import Ablation, Outcome, Run
from sept_jax.ablation.summary import summary


def write(ablation: Ablation, errors: Mapping[Run, str], output: Path, command_line: str) -> int:
    """How many runs are compared so far.

    Writes `runs.csv`, `search.csv`, `curves.csv`, `summary.md` and the pictures to `output`, from what the
    runs' folders hold and the errors of runs that have failed.
    """
    known = table.outcomes(ablation, errors)
    rows = table.run_rows(ablation, known)
    searched, curves = table.search_rows(ablation, known), table.curve_rows(ablation, known)
    output.mkdir(parents=True, exist_ok=True)
    table.write_rows(output / "runs.csv", rows)
    table.write_rows(output / "search.csv", searched)
    table.write_rows(output / "curves.csv", curves)
    text = summary(ablation, rows, searched, command_line, _seconds(ablation, known))
    part = output / "summary.md.part"
    part.write_text(text, encoding="utf-8")
    os.replace(part, output / "summary.md")
    good = [row for row in rows if row["error"] is None]
    names = [variant.name for variant in ablation.variants if any(r["method"] == variant.name for r in good)]
    if names:
        plots.curves(curves, names, output)
        plots.bars(good, names, output)
    return len(good)


def _seconds(ablation: Ablation, known: Mapping[Run, Outcome]) -> float:
    """Of all runs that are known, training and evaluation."""
    total = 0.0
    for run in known:
        for name in ("summary.json", "validation.json", "test.json"):
            found = table.read_json(ablation.folder(run) / name)
            total += found["seconds"] if found else 0.0
    return total
