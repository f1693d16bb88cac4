"""The work directory of an ablation: of this one and no other."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sept_jax.ablation.plan import START, Ablation, Run, flat, run_config
from sept_jax.errors import UserError
from sept_jax.methods import complete

MAY_CHANGE = ("debug_overrides.", "log.", "checkpoint.", "scoring.workers", "memory.")
"""What changes no run, or its sums by rounding alone."""
START_MAY_CHANGE = (
    *MAY_CHANGE,
    "method", "steps", "batch", "advantage", "optimizer.", "loss.", "curriculum.", "guard.", "scoring.",
)  # fmt: skip
"""What a start is not made with, beside these."""


def check_unchanged(ablation: Ablation, runs: Iterable[Run]) -> None:
    """Checks that what the work directory holds was made with these settings, and notes those of the
    evaluation.

    Raises:
      UserError: a run that is there has another config, or was evaluated in another way; or starts of another
        ablation are wanted that are not there.
    """
    settings = ablation.evaluation.to_dict()
    for folder in (ablation.workdir, ablation.starts):
        _compare(folder / "evaluation.json", "evaluation.", settings, ("curve_",))
    if ablation.starts != ablation.workdir:
        for seed in ablation.seeds():
            start = ablation.folder(Run(START, seed))
            if not (start / "test.json").exists():
                raise UserError(
                    f"config.starts is {ablation.starts}, where {start.name} is not finished: run the "
                    "ablation that makes it first"
                )
    (ablation.workdir / "evaluation.json").write_text(json.dumps(settings, indent=2) + "\n")
    for run in runs:
        config = complete(run_config(ablation, run)).to_dict()
        may_change = START_MAY_CHANGE if run.variant == START else MAY_CHANGE
        _compare(ablation.folder(run) / "config.json", "", config, may_change)


def _compare(path: Path, prefix: str, here: Mapping[str, Any], may_change: tuple[str, ...]) -> None:
    """A key that only one of the two knows makes no difference: it came or went with the code."""
    if not path.exists():
        return
    there, now = flat(json.loads(path.read_text())), flat(json.loads(json.dumps(here)))
    for key in sorted(there.keys() & now.keys()):
        if there[key] != now[key] and not key.startswith(may_change):
            raise UserError(
                f"{path} was made with {prefix}{key} = {there[key]!r}, now it is {now[key]!r}: delete "
                f"{path.parent} to make it anew, or type --config.workdir=DIR for another place"
            )
