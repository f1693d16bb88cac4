"""The pictures of an ablation: how the runs went, and where they ended."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from sept_jax.ablation.statistics import estimate
from sept_jax.ablation.summary import values
from sept_jax.ablation.table import Row

PANELS = {
    "pass@1": "pass@1, validation",
    "greedy": "greedy, validation",
    "ood_pass@1": "pass@1, out of distribution",
    "quality": "quality by the scorer",
    "entropy": "entropy, nats a token",
    "diversity": "different answers in a group",
    "length": "tokens a path",
    "kl_to_start": "KL to the start, nats a token",
}
BARS = ("pass@1", "pass@1_best_temperature", "greedy", "pass@8", "pass@32", "ood_pass@1", "ood_greedy")
_STYLE = {
    "svg.hashsalt": "sept_jax",  # the same picture is the same file
    "axes.spines.top": False,
    "axes.spines.right": False,
    "font.size": 9,
}


def curves(rows: Sequence[Row], names: Sequence[str], output: Path) -> None:
    """Writes `curves.png` and `curves.svg`: a panel a metric, a line a method, the mean over seeds with the
    band from the lowest seed to the highest."""
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(16, 7), layout="constrained")
        for axes, (metric, title) in zip(figure.subplots(2, 4).flat, PANELS.items(), strict=True):
            for number, name in enumerate(names):
                _line(axes, [r for r in rows if (r["method"], r["metric"]) == (name, metric)], name, number)
            axes.set_title(title)
            axes.set_xlabel("updates")
        _finish(figure, names, output / "curves")


def bars(rows: Sequence[Row], names: Sequence[str], output: Path) -> None:
    """Writes `bars.png` and `bars.svg`: accuracy on the test split by metric and method, with 95 % t
    intervals; the starts are the first bar."""
    shown = [metric for metric in BARS if any(row.get(metric) is not None for row in rows)]
    starts = [row | {"method": "start"} | {m: row.get(f"base_{m}") for m in shown} for row in rows]
    labels = ["start", *names]
    width = 0.85 / len(labels)
    with mpl.rc_context(_STYLE):
        figure = Figure(figsize=(13, 4.5), layout="constrained")
        axes = figure.subplots()
        for number, name in enumerate(labels):
            found = [
                estimate(list(values(starts if name == "start" else rows, name, metric).values()))
                for metric in shown
            ]
            axes.bar(
                np.arange(len(shown)) + (number - (len(labels) - 1) / 2) * width,
                [100 * e.mean for e in found],
                width,
                yerr=[np.nan_to_num(100 * e.half) for e in found],
                error_kw={"elinewidth": 0.8},
                color="0.6" if name == "start" else _color(number - 1),
                label=name,
            )
        axes.set_xticks(range(len(shown)), [metric.replace("_", "\n", 1) for metric in shown])
        axes.set_ylabel("percent of test problems")
        axes.set_ylim(0)
        _finish(figure, labels, output / "bars")


def _line(axes: Axes, rows: Sequence[Row], name: str, number: int) -> None:
    by_step: dict[int, list[float]] = {}
    for row in rows:
        by_step.setdefault(row["step"], []).append(row["value"])
    steps = sorted(by_step)
    style = "-" if number < 10 else "--"
    mean, low, high = ([f(by_step[step]) for step in steps] for f in (np.mean, np.min, np.max))
    axes.plot(steps, mean, style, color=_color(number), label=name, linewidth=1.5)
    axes.fill_between(steps, low, high, color=_color(number), alpha=0.12, linewidth=0)


def _color(number: int) -> str:
    return f"C{number % 10}"


def _finish(figure: Figure, names: Sequence[str], stem: Path) -> None:
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=min(len(names), 6), frameon=False)
    figure.savefig(stem.with_suffix(".png"), dpi=120)
    figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None})
