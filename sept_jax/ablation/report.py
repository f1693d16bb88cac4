"""Writes all that an ablation shows: tables, the page, the pictures."""

import functools
import os
from collections.abc import Mapping
from pathlib import Path

from sept_jax.ablation import plots, table
from sept_jax.ablation.found import Look, read_kept, write_kept
from sept_jax.ablation.plan import Ablation, Run
from sept_jax.ablation.summary import summary


def write(ablation: Ablation, errors: Mapping[Run, str], look: Look, output: Path, command_line: str) -> int:
    """How many runs are compared so far.

    Writes `runs.csv`, `search.csv`, `curves.csv`, `summary.md` and the pictures to `output`, and to
    `raw.jsonl` all that they are made from but the errors of runs that have failed.
    """
    look = functools.cache(look)
    known = table.outcomes(ablation, errors, look)
    found = {run: look(run) for run in known if known[run].validation is not None}
    rows = table.run_rows(ablation, known, look)
    searched, curves = table.search_rows(ablation, known, look), table.curve_rows(ablation, known, look)
    output.mkdir(parents=True, exist_ok=True)
    write_kept(output, read_kept(output) | found)  # of variants that are left out today, too
    table.write_rows(output / "runs.csv", rows)
    table.write_rows(output / "search.csv", searched)
    table.write_rows(output / "curves.csv", curves)
    parts = [part for one in found.values() for part in (one.summary, one.validation, one.test) if part]
    seconds = sum(part["seconds"] for part in parts)
    text = summary(ablation, rows, searched, command_line, seconds)
    part = output / "summary.md.part"
    part.write_text(text, encoding="utf-8")
    os.replace(part, output / "summary.md")
    good = [row for row in rows if row["error"] is None]
    names = [variant.name for variant in ablation.variants if any(r["method"] == variant.name for r in good)]
    if names:
        plots.curves(curves, names, output)
        plots.bars(good, names, output)
    return len(good)
