"""Accuracy from graded paths: pass@k, majorities, levels, intervals over problems. Statistics alone."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float, Int

Values = Mapping[str, Float[np.ndarray, " N"]]
"""Metrics by name, of each problem."""

Metrics = dict[str, float | list[float]]
"""Metrics by name, each with `<metric>_interval`."""


@dataclasses.dataclass(frozen=True)
class Graded:
    """n graded paths of each of N problems.

    `answer` names a path's final answer: equal ones of a problem share an id, -1 is none. `tokens` were drawn
    in `seconds`, calls that had to compile left out of both; of several processes they are one's own.
    """

    correct: Bool[np.ndarray, "N n"]
    answer: Int[np.ndarray, "N n"]
    levels: Float[np.ndarray, " N"]
    tokens: int
    seconds: float


def pass_at_k(correct: Bool[np.ndarray, "N n"], k: int) -> Float[np.ndarray, " N"]:
    """Unbiased pass@k of each problem from n >= k samples: 1 - C(n - c, k) / C(n, k) (Chen et al. 2021, arXiv
    2107.03374, equation 1)."""
    place = np.arange(1, correct.shape[1] + 1)
    wrong = (~correct).sum(1, keepdims=True)
    return 1.0 - np.where(place > wrong, 1.0 - k / place, 1.0).prod(1)


def majority_correct(
    correct: Bool[np.ndarray, "N n"], answer: Int[np.ndarray, "N n"], k: int
) -> Float[np.ndarray, " N"]:
    """maj@k of each problem: how often the most frequent final answer of k <= n paths is right, the mean over
    the n // k disjoint blocks (Wang et al. 2023, arXiv 2203.11171, section 2).

    Ties go to the answer that occurs first. Paths without an answer have no vote; a block of them is wrong.
    """
    rows, blocks = len(correct), correct.shape[1] // k
    correct, answer = (x[:, : blocks * k].reshape(rows, blocks, k) for x in (correct, answer))
    votes = ((answer[..., :, None] == answer[..., None, :]) & (answer >= 0)[..., None]).sum(-1)
    first = votes.argmax(-1)[..., None]
    right = np.take_along_axis(correct & (votes > 0), first, -1)[..., 0]
    return right.mean(1)


def interval(values: Float[np.ndarray, " N"], resamples: int = 2000) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean over problems (Efron 1979), with a fixed seed."""
    draws = np.random.default_rng(0).integers(len(values), size=(resamples, len(values)))
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return float(low), float(high)


def per_problem(graded: Graded, ks: Sequence[int]) -> dict[str, Float[np.ndarray, " N"]]:
    """`pass@k` of each problem for those of `ks` that there are samples for, and `maj@k` for k above 1.

    `pass@1` is the mean over the samples (avg@n).
    """
    enough = [k for k in ks if k <= graded.correct.shape[1]]
    passed = {f"pass@{k}": pass_at_k(graded.correct, k) if k > 1 else graded.correct.mean(1) for k in enough}
    votes = {f"maj@{k}": majority_correct(graded.correct, graded.answer, k) for k in enough if k > 1}
    return passed | votes


def with_intervals(values: Values) -> Metrics:
    """The mean of each metric over problems, and its 95 % interval as `<metric>_interval`."""
    result: Metrics = {}
    for metric, each in values.items():
        result[metric] = float(each.mean())
        result[f"{metric}_interval"] = list(interval(each))
    return result


def differences(base: Values, other: Values) -> Metrics:
    """`other` less `base` for the metrics of both, on the same problems: the interval is of paired
    differences."""
    return with_intervals({metric: other[metric] - base[metric] for metric in base if metric in other})


def by_level(values: Values, levels: Float[np.ndarray, " N"]) -> dict[float, Metrics]:
    """Metrics with intervals for each level, ascending, and `problems`, how many have it."""
    return {
        float(level): {"problems": int((levels == level).sum())}
        | with_intervals({metric: each[levels == level] for metric, each in values.items()})
        for level in np.unique(levels)
    }
