"""What both sides of a comparison work on. No jax here, so that no peer's process holds any."""

import numpy as np

ROWS, LENGTH = 16, 384
"""Sequences of an update, and tokens of each."""


def made_prompts(count: int, width: int) -> list[list[int]]:
    """Random tokens."""
    return np.random.default_rng(0).integers(5, 40_000, (count, width)).tolist()
