"""Means over seeds with intervals: few seeds, so Student's t."""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
from scipy import stats


@dataclasses.dataclass(frozen=True)
class Estimate:
    """A mean over `count` seeds and half the width of its 95 % interval, NaN of a single seed."""

    mean: float
    half: float
    count: int

    @property
    def apart(self) -> bool:
        """Whether the interval excludes zero."""
        return abs(self.mean) > self.half


def estimate(values: Sequence[float]) -> Estimate:
    """Mean and 95 % t interval (Student 1908), one value a seed; none is NaN."""
    count = len(values)
    if count < 2:
        return Estimate(float(np.mean(values)) if count else math.nan, math.nan, count)
    spread = float(np.std(values, ddof=1))
    return Estimate(
        float(np.mean(values)), float(stats.t.ppf(0.975, count - 1)) * spread / math.sqrt(count), count
    )


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Estimate:
    """The ratio of two means over the same seeds; its interval is the t interval of the residuals n - r d
    over the mean of d (delta method)."""
    if not denominators or np.mean(denominators) == 0:
        return Estimate(math.nan, math.nan, len(denominators))
    below = float(np.mean(denominators))
    r = float(np.mean(numerators)) / below
    rest = estimate([n - r * d for n, d in zip(numerators, denominators, strict=True)])
    return Estimate(r, rest.half / abs(below), rest.count)
