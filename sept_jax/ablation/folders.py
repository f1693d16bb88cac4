"""The work directory of an ablation: of this one and no other."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sept_jax.ablation.found import RAW, Look
from sept_jax.ablation.plan import START, Ablation, flat, possible_runs, run_config
from sept_jax.errors import UserError
from sept_jax.methods import complete

MAY_CHANGE = ("debug_overrides.", "log.", "checkpoint.", "scoring.workers", "memory.", "warm_start.start")
"""What changes no run, or its sums by rounding alone; and where its start lies."""
START_MAY_CHANGE = (
    *MAY_CHANGE,
    "method", "steps", "batch", "advantage", "optimizer.", "loss.", "curriculum.", "guard.", "scoring.",
    "sampling.temperature", "evaluation.every", "lora.",
)  # fmt: skip
"""What a start is not made with, beside these."""
PATHS = ("model.path", "data.path")
"""Of which the last part alone is compared."""


def check_unchanged(ablation: Ablation, look: Look) -> None:
    """Checks that the runs that are there, finished or only begun, were made with these settings.

    Raises:
      UserError: one has another config, or was evaluated in another way.
    """
    settings = ablation.evaluation.to_dict()
    for run in possible_runs(ablation):
        found, folder = look(run), ablation.folder(run)
        begun = folder / "config.json"
        if found is None and not begun.exists():
            continue
        there = found.config if found is not None else json.loads(begun.read_text())
        config = complete(run_config(ablation, run)).to_dict()
        may_change = START_MAY_CHANGE if run.variant == START else MAY_CHANGE
        if not (there["guard"]["enabled"] or config["guard"]["enabled"]):
            may_change += ("guard.",)  # bounds that nothing was held to
        where = f"its line of the report's {RAW}" if found is not None and not found.here else str(folder)
        _compare(there, config, may_change, f"{run.name} was made with ", where)
        if found is not None:
            _compare(found.evaluation, settings, ("curve_",), f"{run.name} was made with evaluation.", where)


def _compare(
    there: Mapping[str, Any], here: Mapping[str, Any], may_change: tuple[str, ...], made: str, place: str
) -> None:
    """A key that only one of the two knows makes no difference: it came or went with the code. Nor does the
    folder of a file, which may be another on another machine."""
    there, now = (flat(json.loads(json.dumps(settings))) for settings in (there, here))
    for key in sorted(there.keys() & now.keys()):
        was, given = (Path(x[key]).name if key in PATHS and x[key] else x[key] for x in (there, now))
        if was != given and not key.startswith(may_change):
            raise UserError(
                f"{made}{key} = {there[key]!r}, now it is {now[key]!r}: delete {place} to make it anew, or "
                "type --config.workdir=DIR --output=DIR for other places"
            )
