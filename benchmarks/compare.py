"""What the benchmarks against peers share: turns of both in one process, and rows of JSON."""

import argparse
import importlib.metadata
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

DTYPES = ("bfloat16", "float32")
PACKAGES = ("jax", "jaxlib", "torch", "transformers", "trl", "google-tunix")

Turn = Callable[[], float]
"""One measurement: does the work once and returns the metric."""


def alternate(
    workload: str,
    metric: str,
    unit: str,
    ours: Turn,
    peers: dict[str, Turn],
    turns: int,
    higher_is_better: bool = True,
    warm_up: bool = True,
) -> list[dict[str, Any]]:
    """A row for each peer (one without, where there are none): in every turn each is run once, one after the
    other; the first does not count if it is there to warm up. `ratio` is ours over the peer's, medians over
    the turns."""
    sides = {"ours": ours, **peers}
    drawn = [{name: run() for name, run in sides.items()} for _ in range(turns + warm_up)]
    runs = {name: [turn[name] for turn in drawn[warm_up:]] for name in sides}
    middle = {name: statistics.median(values) for name, values in runs.items()}
    shared = {"workload": workload, "metric": metric, "unit": unit, "higher_is_better": higher_is_better}
    return [
        {
            **shared,
            "ours": middle["ours"],
            "peer_name": peer,
            "peer": middle.get(peer),
            "ratio": middle["ours"] / middle[peer] if peer else None,
            "ours_runs": runs["ours"],
            "peer_runs": runs.get(peer),
            "versions": versions(),
        }
        for peer in peers or (None,)
    ]


def per_second(count: Callable[[], int]) -> Turn:
    """A turn that does what returns a count, and returns the count a second."""

    def turn() -> float:
        began = time.perf_counter()
        done = count()
        return done / (time.perf_counter() - began)

    return turn


def versions() -> dict[str, Any]:
    """Of the packages that are installed, and the machine."""
    found: dict[str, Any] = {"python": platform.python_version(), "cores": len(os.sched_getaffinity(0))}
    models = [
        line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")
    ]
    found["processor"] = models[0].split(": ", 1)[1] if models else platform.processor()
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return found


class _Parser(argparse.ArgumentParser):
    """Whose `peer_dtype` is its `dtype` where none is given."""

    def parse_known_args(self, *args, **kwargs):
        given, rest = super().parse_known_args(*args, **kwargs)
        given.peer_dtype = given.peer_dtype or given.dtype
        return given, rest


def parser(description: str, weights: bool = True) -> argparse.ArgumentParser:
    """The flags of every benchmark; `weights`: of a model, from a file."""
    made = _Parser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    if weights:
        made.add_argument(
            "--model", required=True, type=Path, help="a .gguf file or a Hugging Face directory"
        )
    made.add_argument("--dtype", default="bfloat16", choices=DTYPES)
    made.add_argument("--peer-dtype", choices=DTYPES, help="the peers' own best; by default as --dtype")
    made.add_argument("--turns", type=int, default=5)
    made.add_argument("--json", type=Path, help="where the rows are written, too")
    made.add_argument("--no-peers", action="store_true", help="time our side alone; needs no torch")
    return made


def with_dtypes(row: dict[str, Any], given: argparse.Namespace) -> dict[str, Any]:
    """The row and what each side computed in."""
    return row | {"dtype": given.dtype, "peer_dtype": given.peer_dtype if row["peer_name"] else None}


def report(rows: Iterable[dict[str, Any]], output: Path | None) -> list[dict[str, Any]]:
    """Prints the rows as they are measured, one JSON object a line, writes those so far as a list, and
    returns them all."""
    done: list[dict[str, Any]] = []
    for row in rows:
        print(json.dumps(row), flush=True)
        done.append(row)
        if output is not None:
            output.write_text(json.dumps(done, indent=1) + "\n")
    return done
