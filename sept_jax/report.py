"""What a person reads: the table of accuracies, and one solution with its step scores."""

from collections.abc import Mapping, Sequence

from sept_jax.checks.reading import Reading
from sept_jax.command import one_line
from sept_jax.records import CHANNELS, PathText, Problem, StepScores

METRICS = ("pass@1", "pass@8", "greedy", "ood_pass@1", "ood_pass@8", "ood_greedy")


def table(base: Mapping, final: Mapping) -> str:
    """Base against trained, in percent with 95 % intervals over problems."""
    lines = [f"{'':12}{'base':>22}{'trained':>22}{'gain':>8}"]
    for metric in METRICS:
        if metric not in final:
            continue
        cells = []
        for result in (base, final):
            low, high = result[metric + "_interval"]
            cells.append(f"{100 * result[metric]:5.1f} [{100 * low:5.1f}, {100 * high:5.1f}]")
        gain = 100 * (final[metric] - base[metric])
        lines.append(f"{metric:12}{cells[0]:>22}{cells[1]:>22}{gain:>+8.1f}")
    return "\n".join(lines)


def sample_record(
    step: int,
    problem: Problem,
    prompt: str,
    paths: Sequence[PathText],
    readings: Sequence[Reading],
    scores: StepScores,
    row: int,
) -> dict:
    """One line of `samples.jsonl`: prompt, paths, steps, and every step's score by channel with reasons.

    `scores` (on the host) has the problem at `row` of its batch axis.
    """
    written = []
    for g, (path, reading) in enumerate(zip(paths, readings, strict=True)):
        steps = []
        for s, text in enumerate(path.steps):
            shares = scores.channel[row, g, s]
            reasons = {
                name: verdicts[s].reason for name, verdicts in reading.verdicts.items() if verdicts[s].reason
            }
            steps.append(
                {
                    "text": text,
                    "score": round(float(scores.score[row, g, s]), 4),
                    "channels": {
                        name: round(float(share), 4)
                        for name, share in zip(CHANNELS, shares, strict=True)
                        if share != 0
                    },
                    "reasons": reasons,
                }
            )
        written.append(
            {"text": path.text, "quality": round(float(scores.quality[row, g]), 4), "steps": steps}
        )
    about = {"step": step, "id": problem.id, "question": problem.question, "prompt": prompt}
    return about | {"paths": written}


def solution(title: str, record: Mapping, path: int = 0) -> str:
    """One path of a `sample_record` as text: a line a step with its score and what was found."""
    chosen = record["paths"][path]
    lines = [f"{title}: {record['question'].strip()}   (path quality {chosen['quality']:.2f})"]
    for step in chosen["steps"]:
        found = one_line("; ".join(step["reasons"].values()))
        text = one_line(step["text"])
        lines.append(f"  {step['score']:4.2f}  {text:24}  {found}")
    return "\n".join(lines)
