"""What a person reads: the table of accuracies, and one solution with its step scores."""

from collections.abc import Mapping, Sequence

from sept_jax.checks.reading import Reading
from sept_jax.command import one_line
from sept_jax.records import CHANNELS, PathText, Problem, StepScores

METRICS = ("pass@1", "pass@8", "greedy", "ood_pass@1", "ood_pass@8", "ood_greedy")
MAX_LEVELS = 10


def table(base: Mapping, final: Mapping) -> str:
    """Base against trained, in percent with 95 % intervals over problems."""
    metrics = [metric for metric in METRICS if metric in base and metric in final]
    return _table({"base": base, "trained": final}, metrics)


def evaluation(result: Mapping) -> str:
    """What `sept_jax.evaluate` found: a table a source, with its levels if they are few, one of temperatures,
    and the sampler's speed. In percent with 95 % intervals, those of gains of the paired differences."""
    models = {name: result[name] for name in ("base", "trained") if name in result}
    parts = []
    for source, about in models[min(models)]["sources"].items():
        columns = {model: found["sources"][source] for model, found in models.items()}
        metrics = [metric for metric in about if f"{metric}_interval" in about]
        if 1 < len(about["levels"]) <= MAX_LEVELS:
            columns = {
                model: found | _pass_at_1("level", found["levels"]) for model, found in columns.items()
            }
            metrics += [f"level {level}" for level in about["levels"]]
        title = f"{one_line(source)}: {about['problems']} problems, {result['samples']} paths each"
        parts.append(f"{title}\n{_table(columns, metrics, result.get('gain', {}).get(source, {}))}")
    columns = {model: _pass_at_1("temperature", found["temperatures"]) for model, found in models.items()}
    metrics = [metric for metric in columns[min(models)] if not metric.endswith("_interval")]
    title = f"pass@1 on {one_line(result['temperature_chosen_on'])}, to choose the best temperature"
    parts.append(f"{title}\n{_table(columns, metrics)}")
    for model, found in models.items():
        line = f"{model}, step {found['step']}: temperature {found['best_temperature']:g} is best"
        speed = found["tokens_per_s"]
        parts.append(line if speed is None else f"{line}; {speed:,.0f} tokens/s sampled")
    return "\n\n".join(parts)


def _pass_at_1(name: str, found: Mapping[str, Mapping]) -> dict:
    """pass@1 of each of `found`, as metrics of their own."""
    kinds = ("", "_interval")
    return {f"{name} {at}{kind}": values[f"pass@1{kind}"] for at, values in found.items() for kind in kinds}


def _table(columns: Mapping[str, Mapping], metrics: Sequence[str], gains: Mapping | None = None) -> str:
    """A row a metric, a column a model; of two also the gain, with its interval where `gains` has one."""
    width = max(12, *(len(metric) + 1 for metric in metrics))
    paired = len(columns) == 2
    names = "".join(f"{name:>22}" for name in columns)
    lines = [f"{'':{width}}{names}{'    gain' if paired else ''}"]
    for metric in metrics:
        line = f"{metric:{width}}"
        for found in columns.values():
            low, high = found[f"{metric}_interval"]
            line += f"{f'{100 * found[metric]:5.1f} [{100 * low:5.1f}, {100 * high:5.1f}]':>22}"
        if paired:
            base, trained = (found[metric] for found in columns.values())
            line += f"{100 * (trained - base):>+8.1f}"
            if gains and metric in gains:
                low, high = gains[f"{metric}_interval"]
                line += f" [{100 * low:+5.1f}, {100 * high:+5.1f}]"
        lines.append(line)
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
