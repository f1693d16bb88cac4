"""Problems made by `reasoning-gym` (Stojanovski et al. 2025), at levels of its own difficulty settings."""

import functools
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from sept_jax.data.procedural import split_of
from sept_jax.errors import UserError
from sept_jax.records import Problem

_CANDIDATES = 100
"""Problems made for one index before there is taken to be none in the split."""


class GymSource:
    """A `Source` of `reasoning-gym` tasks: problem i is of task i modulo their number, and the levels take
    turns, too.

    At a level every setting of the task's curriculum stands at that level, or at its highest. Problem i
    depends on the seed and i alone, and `split_of` its question is the source's split.

    Raises:
      UserError: the package is not installed, a task is unknown or has no levels, or a problem of a split is
        not found.
    """

    def __init__(self, tasks: Sequence[str], levels: Sequence[int], size: int, seed: int, split: str):
        self.size, self.seed, self.split = size, seed, split
        self._kinds = [(task, level) for level in levels for task in tasks]
        self._made = [_dataset(task, level, seed) for task, level in self._kinds]
        self.levels = np.asarray([self._kinds[i % len(self._kinds)][1] for i in range(size)], np.float32)

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> Problem:
        if not 0 <= index < self.size:
            raise IndexError(index)
        number, kind = divmod(index, len(self._kinds))
        task, level = self._kinds[kind]
        for candidate in range(number * _CANDIDATES, (number + 1) * _CANDIDATES):
            made = self._made[kind][candidate]
            question = made["question"].strip()
            if split_of(question) == self.split:
                name = f"{task}-{level}-{self.seed}-{number}"
                return Problem(question, str(made["answer"]), float(level), name)
        raise UserError(
            f"config.data.gym.tasks: {task} has too few problems at level {level} for a split of its own; "
            "leave it out, or take higher levels"
        )


@functools.lru_cache
def _dataset(task: str, level: int, seed: int) -> Any:
    try:
        import reasoning_gym
        from reasoning_gym.coaching.base_curriculum import DefaultCurriculumContext, RangeAttributeMode
        from reasoning_gym.factory import create_curriculum, has_curriculum
    except ImportError as error:
        raise UserError(
            f"config.data.source is gym, which needs reasoning-gym ({error}): "
            "type pip install -e '.[gym]' -c constraints.txt"
        ) from error
    if not has_curriculum(task):
        raise UserError(
            f"config.data.gym.tasks has {task!r}: expected tasks of reasoning-gym with levels of difficulty, "
            "such as chain_sum or leg_counting"
        )
    curriculum = create_curriculum(task)
    curriculum.set_global_level(level)
    mode = DefaultCurriculumContext(RangeAttributeMode.UPPER_BOUND)
    start = zlib.crc32(f"{seed} {task} {level}".encode())  # the package adds the index: seeds lie far apart
    settings = curriculum.generate_configuration({"seed": start, "size": 2**31}, mode)
    return reasoning_gym.create_dataset(task, **vars(settings))
