"""The page that says what an ablation found."""

import math
from collections.abc import Sequence

from sept_jax.ablation.plan import Ablation
from sept_jax.ablation.statistics import Estimate, estimate, ratio
from sept_jax.ablation.table import Row

HEADLINE = ("pass@1", "pass@1_best_temperature", "greedy", "pass@8", "pass@32", "ood_pass@1", "ood_greedy")
"""The metrics of the tables; `runs.csv` has all."""


def summary(
    ablation: Ablation, rows: Sequence[Row], searched: Sequence[Row], command_line: str, seconds: float
) -> str:
    """`summary.md`, as text: percent on the test split, mean over seeds and 95 % t interval."""
    good = [row for row in rows if row.get("error") is None]
    failed = [row for row in rows if row.get("error") is not None]
    planned = sum(len(variant.seeds) for variant in ablation.variants)
    names = [variant.name for variant in ablation.variants if any(r["method"] == variant.name for r in good)]
    commits = sorted({str(row["commit"]) for row in good})
    settings = ablation.evaluation
    parts = [
        f"# {ablation.name}",
        f"`{command_line}`",
        f"{len(good)} of {planned} runs, {seconds:.0f} s of work; commit {', '.join(commits) or 'none'}. "
        "A trailing + is a tree with changes.",
        f"Percent of {settings.problems} test problems, {settings.samples} samples each; mean over seeds "
        f"± half of the 95 % t interval. {_starts(good)} Learning rates and temperatures are chosen on the "
        "validation split; the test split is read once a run, at the end.",
    ]
    if good:
        parts += ["## Accuracy", _accuracy(good, names), "## Gain over the start", _gains(good, names)]
    if len(names) > 1:
        reference = ablation.variants[0].name
        if reference in names:
            parts += [
                f"## {reference} against each other",
                f"Paired differences `{reference}` − other, points, over common seeds; "
                "**apart**: the interval excludes zero.",
                _differences(good, names, reference),
            ]
        if "gold" in names:
            parts += [
                "## Share of gold's gain",
                "Percent of the mean gain of `gold` over common seeds (delta-method interval), where that is "
                "apart from zero.",
                _shares(good, names),
            ]
    if good:
        parts += ["## Course of the runs", _courses(good, names)]
    if searched:
        parts += ["## Learning rates tried", _search(searched)]
    if failed:
        parts += ["## Failed"]
        parts += ["\n".join(f"- {row['method']}, seed {row['seed']}: {row['error']}" for row in failed)]
    parts += ["Curves: `curves.png`, `curves.svg`; bars: `bars.png`, `bars.svg`."] if good else []
    return "\n\n".join(parts) + "\n"


def _starts(rows: Sequence[Row]) -> str:
    """Whether the runs of a seed begin at one start, as far as its figures tell."""
    starts: dict[int, set[tuple[float | None, ...]]] = {}
    for row in rows:
        figures = tuple(row.get(f"base_{metric}") for metric in HEADLINE)
        starts.setdefault(row["seed"], set()).add(figures)
    remade = [str(seed) for seed, found in sorted(starts.items()) if len(found) > 1]
    if not remade:
        return "All runs of a seed start at the same parameters."
    return (
        f"The start of seed {', '.join(remade)} was made anew on the way, and came out otherwise: a run's "
        "gain is over its own start, and gains are what is compared."
    )


def values(rows: Sequence[Row], method: str, metric: str) -> dict[int, float]:
    """A column of one method by seed, where it has a number."""
    found = {row["seed"]: row.get(metric) for row in rows if row["method"] == method}
    return {seed: value for seed, value in found.items() if value is not None}


def gains(rows: Sequence[Row], method: str, metric: str) -> dict[int, float]:
    """By seed, how far a metric rose above the start's."""
    base = values(rows, method, f"base_{metric}")
    return {seed: value - base[seed] for seed, value in values(rows, method, metric).items() if seed in base}


def differences(rows: Sequence[Row], one: str, other: str, metric: str) -> list[float]:
    """One method's gain less another's, over the seeds that both have; of one start, its metric less the
    other's."""
    a, b = gains(rows, one, metric), gains(rows, other, metric)
    return [a[seed] - b[seed] for seed in sorted(a.keys() & b.keys())]


def _metrics(rows: Sequence[Row]) -> list[str]:
    return [metric for metric in HEADLINE if any(row.get(metric) is not None for row in rows)]


def _accuracy(rows: Sequence[Row], names: Sequence[str]) -> str:
    metrics = _metrics(rows)
    starts = list({row["seed"]: row for row in rows}.values())
    lines = [["start", str(len(starts)), "", *(_percent(_base(starts, metric)) for metric in metrics)]]
    for name in names:
        runs = [row for row in rows if row["method"] == name]
        rates = sorted({f"{row['learning_rate']:g}" for row in runs})
        figures = [_percent(estimate(list(values(rows, name, metric).values()))) for metric in metrics]
        lines.append([name, str(len(runs)), ", ".join(rates), *figures])
    return _table(["method", "seeds", "learning rate", *metrics], lines)


def _base(starts: Sequence[Row], metric: str) -> Estimate:
    return estimate([row[f"base_{metric}"] for row in starts if row.get(f"base_{metric}") is not None])


def _gains(rows: Sequence[Row], names: Sequence[str]) -> str:
    metrics = _metrics(rows)
    lines = [
        [name, *(_percent(estimate(list(gains(rows, name, metric).values())), "+") for metric in metrics)]
        for name in names
    ]
    return _table(["method", *metrics], lines)


def _differences(rows: Sequence[Row], names: Sequence[str], reference: str) -> str:
    metrics, lines = _metrics(rows), []
    for name in names:
        if name == reference:
            continue
        found = [estimate(differences(rows, reference, name, metric)) for metric in metrics]
        shown = [_percent(e, "+") + (" **apart**" if e.apart else "") for e in found]
        lines.append([name, str(max(e.count for e in found)), *shown])
    return _table(["other", "seeds", *metrics], lines)


def _shares(rows: Sequence[Row], names: Sequence[str]) -> str:
    metrics, lines = _metrics(rows), []
    for name in names:
        if name == "gold":
            continue
        shares = []
        for metric in metrics:
            own, gold = gains(rows, name, metric), gains(rows, "gold", metric)
            seeds = sorted(own.keys() & gold.keys())
            of = [gold[seed] for seed in seeds]
            share = ratio([own[seed] for seed in seeds], of)
            shares.append(_percent(share) if estimate(of).apart else "")  # no share of nothing
        lines.append([name, *shares])
    return _table(["method", *metrics], lines)


def _courses(rows: Sequence[Row], names: Sequence[str]) -> str:
    lines = []
    for name in names:
        runs = [row for row in rows if row["method"] == name]
        alarms = [row["first_alarm"] for row in runs if row.get("first_alarm") is not None]
        lines.append(
            [
                name,
                _percent(estimate([row["best_validation"] for row in runs])),
                _percent(estimate([row["last_validation"] - row["best_validation"] for row in runs]), "+"),
                f"{len(alarms)} of {len(runs)}"
                + (f", step {min(alarms)} to {max(alarms)}" if alarms else ""),
                f"{sum(row['sampled_tokens'] for row in runs) / len(runs) / 1e6:.2f}",
                f"{sum(row['seconds'] for row in runs) / len(runs):.0f}",
            ]
        )
    header = [
        "method",
        "best validation pass@1",
        "last − best",
        "guard's alarms",
        "sampled tokens, M",
        "seconds",
    ]
    return _table(header, lines)


def _search(rows: Sequence[Row]) -> str:
    lines = [
        [
            row["method"],
            f"{row['learning_rate']:g}" + (" (chosen)" if row["chosen"] else ""),
            row["error"] or f"{100 * row['pass@1_best_temperature']:.1f} at {row['best_temperature']:g}",
        ]
        for row in rows
    ]
    return _table(["method", "learning rate", "validation pass@1 at its best temperature"], lines)


def _percent(e: Estimate, sign: str = "") -> str:
    if math.isnan(e.mean):
        return ""
    half = "" if math.isnan(e.half) else f" ± {100 * e.half:.1f}"
    return f"{100 * e.mean:{sign}.1f}{half}"


def _table(header: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    rows = [header, ["---"] * len(header), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)
