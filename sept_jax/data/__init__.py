"""Problem sources: random access, no iterators."""

from typing import Protocol, runtime_checkable

import numpy as np

from sept_jax.records import Problem


@runtime_checkable
class Source(Protocol):
    """Problems by index. `levels` is float32[N], the difficulty of each, never taken from a gold answer."""

    levels: np.ndarray

    def __len__(self) -> int: ...

    def __getitem__(self, index: int) -> Problem: ...
