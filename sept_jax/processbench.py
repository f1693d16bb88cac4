"""How well step scores find the first wrong step: ProcessBench (Zheng et al. 2024) and files of its form.

python -m sept_jax.processbench --data FILE [FILE ...] [--channels NAME ...] [--model PATH] [--json OUT]
    [--errors N]

Without a model, the rules alone: a step is flagged when one refutes it outright. With a model, its own
channels and the group of solutions of one problem count too: steps with a combined score below `--threshold`
are flagged as well.
"""

import json
import math
import os
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from sept_jax import command
from sept_jax.checks.reading import TEXT_CHANNELS, Reading, read_path
from sept_jax.data import prompts
from sept_jax.errors import UserError
from sept_jax.forcing import TextScorer
from sept_jax.machine import check_file, device_count
from sept_jax.metrics import write_json
from sept_jax.models.load import load_model
from sept_jax.scoring.evidence import BUILT

REFUTED = -1.0
"""A step is flagged when a rule refutes it outright; soft doubts (nearer to 0) do not count."""

NO_ERROR = -1
BOOTSTRAPS = 2_000


class Solution(NamedTuple):
    """`label` is the index of the first wrong step, -1 where all are right."""

    id: str
    problem: str
    steps: tuple[str, ...]
    label: int


class Judged(NamedTuple):
    """What the rules say of one solution: its flagged steps in order, and how many of its steps any
    channel knows something about."""

    flags: tuple[int, ...]
    covered: int

    @property
    def first(self) -> int:
        return self.flags[0] if self.flags else NO_ERROR


def load(path: Path) -> list[Solution]:
    """The solutions of a JSONL file: `problem`, `steps` and `label` a line, `id` if there is one.

    Raises:
      UserError: the file is missing, unreadable or empty, or a line is not of this form; names the line.
    """
    if not os.path.isfile(path) or not os.access(path, os.R_OK):
        raise UserError(
            f"--data={path}: there is no such file, or none that may be read: pass a JSONL file of "
            "ProcessBench's form"
        )
    solutions = []
    with path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.decode("utf-8-sig"))
                problem, steps, label = row["problem"], row["steps"], row["label"]
                well_formed = isinstance(problem, str) and isinstance(steps, list)
                well_formed = well_formed and all(isinstance(step, str) for step in steps)
                well_formed = well_formed and type(label) is int and NO_ERROR <= label < len(steps)
            except (ValueError, KeyError, TypeError, RecursionError):
                well_formed = False
            if not well_formed:
                raise UserError(
                    f"--data={path} line {number}: expected an object with problem (text), steps (texts) and "
                    "label (index of the first wrong step, -1 for none)"
                )
            solutions.append(Solution(str(row.get("id", number)), problem, tuple(steps), label))
    if not solutions:
        raise UserError(f"--data={path} is empty: pass a JSONL file of ProcessBench's form")
    return solutions


def judge(
    reading: Reading,
    count: int,
    channels: Sequence[str],
    scores: Sequence[float] = (),
    threshold: float = 0.0,
) -> Judged:
    """Flags and coverage of a solution of `count` steps by the named text channels, and by the combined
    scores of its steps where there are any."""
    by_step = [[reading.verdicts[name][step] for name in channels] for step in range(count)]
    flags = {step for step, found in enumerate(by_step) if any(v.value <= REFUTED for v in found)}
    flags |= {step for step, score in enumerate(scores) if score < threshold}
    return Judged(tuple(sorted(flags)), sum(any(v.known for v in found) for found in by_step))


def score_with_model(
    scorer: TextScorer, solutions: Sequence[Solution], channels: Sequence[str]
) -> list[list[float]]:
    """Combined scores of the steps that the model has room for; solutions of one problem are one group."""
    groups: dict[str, list[int]] = {}
    for row, solution in enumerate(solutions):
        groups.setdefault(solution.problem, []).append(row)
    scores: list[list[float]] = [[] for _ in solutions]
    for problem, rows in groups.items():
        found = scorer.score(problem, [solutions[row].steps for row in rows], channels)
        for row, by_step in zip(rows, found, strict=True):
            scores[row] = by_step
    return scores


def coin_f1(labels: Sequence[int]) -> float:
    """The F1 of the best coin that knows nothing of the text: "-1" with probability p, else always the same
    step. With q the share of errors at that step F1 is largest at p = sqrt(q) / (1 + sqrt(q)):
    2 q / (1 + sqrt(q))^2."""
    wrong = [label for label in labels if label != NO_ERROR]
    if not wrong or len(wrong) == len(labels):
        return 0.0
    share = max(wrong.count(label) for label in set(wrong)) / len(wrong)
    return 2 * share / (1 + math.sqrt(share)) ** 2


def f1(labels: np.ndarray, first: np.ndarray) -> tuple[float, float, float]:
    """ProcessBench's F1, and what it is the harmonic mean of: accuracy on erroneous solutions (the first flag
    is the label) and on correct ones (no flag). 0 where there is none of a kind."""
    wrong, right = labels != NO_ERROR, labels == NO_ERROR
    hit = labels == first
    erroneous = float(hit[wrong].mean()) if wrong.any() else 0.0
    correct = float(hit[right].mean()) if right.any() else 0.0
    total = erroneous + correct
    return (2 * erroneous * correct / total if total else 0.0), erroneous, correct


def measure(solutions: Sequence[Solution], judged: Sequence[Judged], seconds: float) -> dict[str, Any]:
    """The figures of one file, in [0, 1] but `n` and `steps_per_s`.

    `flag_precision` counts every flagged step: right only at the label; `flag_precision_excluding_later`
    leaves out flags after the label, about which the label says nothing. `flag_recall` is the share of
    erroneous solutions whose label is flagged. `f1_interval` is a bootstrap 95 % interval over solutions.
    """
    labels = np.array([solution.label for solution in solutions])
    first = np.array([found.first for found in judged])
    flags = [(flag, s.label) for s, found in zip(solutions, judged, strict=True) for flag in found.flags]
    hits = sum(flag == label for flag, label in flags)
    before = sum(label == NO_ERROR or flag <= label for flag, label in flags)
    value, erroneous, correct = f1(labels, first)
    generator = np.random.default_rng(0)
    draws = generator.integers(len(labels), size=(BOOTSTRAPS, len(labels)))
    resampled = [f1(labels[draw], first[draw])[0] for draw in draws]
    steps = sum(len(solution.steps) for solution in solutions)
    return {
        "n": len(solutions),
        "f1": value,
        "f1_interval": [float(q) for q in np.quantile(resampled, (0.025, 0.975))],
        "accuracy_erroneous": erroneous,
        "accuracy_correct": correct,
        "flag_precision": hits / max(len(flags), 1),
        "flag_precision_excluding_later": hits / max(before, 1),
        "flag_recall": hits / max(int((labels != NO_ERROR).sum()), 1),
        "coverage": sum(found.covered for found in judged) / max(steps, 1),
        "coin_f1": coin_f1(labels.tolist()),
        "steps_per_s": steps / seconds,
    }


def disagreements(
    solutions: Sequence[Solution], judged: Sequence[Judged], count: int
) -> list[tuple[Solution, Judged]]:
    """The `count` worst: false alarms on right solutions, then flags before the label, then errors missed."""

    def badness(pair: tuple[Solution, Judged]) -> int:
        label, first = pair[0].label, pair[1].first
        if first != NO_ERROR and label == NO_ERROR:
            return 0
        return 1 if first != NO_ERROR and first < label else 2

    wrong = [p for p in zip(solutions, judged, strict=True) if p[0].label != p[1].first]
    return sorted(wrong, key=badness)[:count]


def explain(solution: Solution, judged: Judged, channels: Sequence[str]) -> str:
    """A disagreement as text: the problem, and each step with its mark and what the rules say of it."""
    reading = read_path(solution.problem, solution.steps, False)
    head = f"{command.one_line(solution.id)}: labelled {solution.label}, found {judged.first}"
    lines = [f"\n{head}", command.one_line(solution.problem)]
    for step, text in enumerate(solution.steps):
        mark = "LABEL" if step == solution.label else ""
        lines.append(f"  {step} {mark:5} {command.one_line(text)}")
        for name in channels:
            verdict = reading.verdicts[name][step]
            if verdict.known:
                lines.append(f"          {name} {verdict.value:+.1f}: {command.one_line(verdict.reason)}")
    return "\n".join(lines)


def table(results: Sequence[dict[str, Any]]) -> str:
    """The figures of all files, in percent."""
    head = ("file", "n", "F1", "95 %", "erroneous", "correct", "precision", "not later", "recall", "coverage")
    lines = [
        "{:28}{:>6}{:>7}{:>15}{:>11}{:>9}{:>11}{:>11}{:>8}{:>10}{:>7}{:>10}".format(*head, "coin", "steps/s")
    ]
    for r in results:
        low, high = (100 * bound for bound in r["f1_interval"])
        cells = [
            f"{100 * r[name]:.1f}"
            for name in (
                "accuracy_erroneous", "accuracy_correct", "flag_precision", "flag_precision_excluding_later",
                "flag_recall", "coverage", "coin_f1",
            )
        ]  # fmt: skip
        lines.append(
            "{:28}{:>6}{:>7.1f}{:>15}{:>11}{:>9}{:>11}{:>11}{:>8}{:>10}{:>7}{:>10.0f}".format(
                Path(r["file"]).name[:27], r["n"], 100 * r["f1"], f"[{low:.1f}, {high:.1f}]", *cells,
                r["steps_per_s"],
            )
        )  # fmt: skip
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = command.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", type=Path, required=True, metavar="FILE")
    parser.add_argument(
        "--channels",
        nargs="+",
        choices=BUILT,
        metavar="NAME",
        help=f"which of {', '.join(BUILT)}; default all",
    )
    parser.add_argument("--model", metavar="PATH", help="a .gguf file, a Hugging Face directory or a hub id")
    parser.add_argument("--threshold", type=float, default=0.2, help="with a model: lower scores are flags")
    parser.add_argument("--json", type=Path, metavar="OUT", help="write the figures here, too")
    parser.add_argument("--errors", type=int, default=0, metavar="N", help="print the N worst disagreements")
    arguments = parser.parse_args(argv)
    if not 0 <= arguments.threshold <= 1:
        raise UserError(
            f"--threshold={arguments.threshold}: expected a score in [0, 1]; type --threshold 0.2"
        )
    if arguments.errors < 0:
        raise UserError(f"--errors={arguments.errors}: expected 0 or more; type --errors 10")
    channels = arguments.channels or (BUILT if arguments.model else TEXT_CHANNELS)
    rules = [name for name in channels if name in TEXT_CHANNELS]
    if not arguments.model and len(rules) < len(channels):
        unread = ", ".join(name for name in channels if name not in TEXT_CHANNELS)
        raise UserError(f"--channels {unread}: these ask a model; type --model=PATH")
    files = [load(path) for path in arguments.data]
    if arguments.json is not None:
        check_file("--json", arguments.json)
    device_count()
    scorer = None
    if arguments.model:
        model, params, tokenizer = load_model(arguments.model)
        scorer = TextScorer(model, jax.tree.map(jnp.asarray, params), tokenizer, prompts.DEFAULT)
    results = []
    for path, solutions in zip(arguments.data, files, strict=True):
        began = time.perf_counter()
        readings = [read_path(solution.problem, solution.steps, False) for solution in solutions]
        scores = score_with_model(scorer, solutions, channels) if scorer else [()] * len(solutions)
        seconds = time.perf_counter() - began
        judged = [
            judge(reading, len(solution.steps), rules, score, arguments.threshold)
            for reading, solution, score in zip(readings, solutions, scores, strict=True)
        ]
        results.append({"file": str(path)} | measure(solutions, judged, seconds))
        for solution, found in disagreements(solutions, judged, arguments.errors):
            print(explain(solution, found, rules))
    print(table(results))
    if arguments.json is not None:
        write_json(arguments.json, results)


if __name__ == "__main__":
    with command.one_line_errors():
        main()
