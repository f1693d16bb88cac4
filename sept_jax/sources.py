"""The problems of a config: those to train on, those to evaluate on, and those of the warm start."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from jaxtyping import Int
from ml_collections import ConfigDict

from sept_jax.data import Source
from sept_jax.data.jsonl import JsonlSource
from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import ChainSource, WorkedSource, mix_operations
from sept_jax.data.story import StorySource
from sept_jax.errors import UserError
from sept_jax.methods import METHODS
from sept_jax.records import Problem

TASKS = ("chain", "quotient", "story")
"""Procedural tasks; `quotient` is a chain of sums, differences and quotients that divide."""


class Sources(NamedTuple):
    """The problems to train on, the held-out ones, those with more operations, held-out ones of other tasks
    by task, the worked ones of the warm start, and those cut from the training part."""

    problems: Source
    held_out: Source
    out_of_distribution: Source | None
    others: Mapping[str, Source]
    worked: WorkedSource | None
    validation: Source | None = None


class Some:
    """The problems of a source at some places."""

    def __init__(self, source: Source, places: Int[np.ndarray, " N"]):
        self.source, self.places = source, places
        self.levels = source.levels[places]

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, index: int) -> Problem:
        return self.source[int(self.places[index])]


class InTurn:
    """Problems of n sources in turn, as one `WorkedSource`: problem i is number i // n of source i % n."""

    def __init__(self, sources: Sequence[WorkedSource]):
        self.sources = sources
        self.levels = np.stack([source.levels for source in sources], 1).reshape(-1)

    def __len__(self) -> int:
        return len(self.levels)

    def __getitem__(self, index: int) -> Problem:
        return self.sources[index % len(self.sources)][index // len(self.sources)]

    def worked(self, index: int, mistakes: Mistakes) -> str:
        return self.sources[index % len(self.sources)].worked(index // len(self.sources), mistakes)


def make_sources(config: ConfigDict) -> Sources:
    """The sources that a config describes.

    Raises:
      UserError: the data cannot be read, or has too few problems.
    """
    sources, cut = _all_sources(config), config.data.validation
    if not cut:
        return sources
    train = sources.problems
    if cut >= len(train):
        raise UserError(
            f"config.data.validation is {cut}: the training part has {len(train)} problems; type fewer"
        )
    order = np.random.default_rng(0).permutation(len(train))  # the same part in every run
    return sources._replace(
        problems=Some(train, np.sort(order[cut:])), validation=Some(train, np.sort(order[:cut]))
    )


def _all_sources(config: ConfigDict) -> Sources:
    data = config.data
    if data.source == "jsonl":
        if Path(data.path).is_file():
            raise UserError(
                f"config.data.path is {data.path!r}: one file is no train and test split; "
                "give the folder that holds both"
            )
        train, held_out = (JsonlSource(data.path, split) for split in (data.train_split, data.eval_split))
        _check_gold(held_out, config)
        return Sources(train, held_out, None, {}, None)
    if data.source == "tfds":
        from sept_jax.data.tfds import TfdsSource  # slow to import, and only this source needs it

        train, held_out = (
            TfdsSource(data.name, split, data.path) for split in (data.train_split, data.eval_split)
        )
        _check_gold(held_out, config)
        return Sources(train, held_out, None, {}, None)
    if data.source == "gym":
        from sept_jax.data.gym import GymSource  # an extra

        gym, tested, seed = data.gym, config.evaluation, 3 * config.seed
        return Sources(
            GymSource(gym.tasks, gym.levels, gym.size, seed, data.train_split),
            GymSource(gym.tasks, gym.levels, tested.problems, seed + 1, data.eval_split),
            GymSource(gym.tasks, gym.ood_levels, tested.ood_problems, seed + 2, data.eval_split)
            if tested.ood_problems
            else None,
            {},
            None,
        )
    made, warm, evaluation = data.procedural, config.warm_start, config.evaluation
    usual, rare, seed = tuple(made.operations), tuple(made.ood_operations), 4 * config.seed
    shown = warm.steps * warm.batch
    if METHODS[config.method].worked:
        shown += config.steps * config.batch * config.sampling.group_size
    tasks = (made.task, *made.others)
    each = -(-shown // len(tasks))
    mixed = mix_operations(usual, rare, warm.ood_share, each)
    worked = [_made_source(made, task, each, seed + 3, mixed, data.train_split) for task in tasks]
    held_out = {
        task: _made_source(made, task, evaluation.problems, seed + 1, usual, data.eval_split)
        for task in tasks
    }
    longer = _made_source(made, made.task, evaluation.ood_problems, seed + 2, rare, data.eval_split)
    return Sources(
        problems=_made_source(made, made.task, made.size, seed, usual, data.train_split),
        held_out=held_out.pop(made.task),
        out_of_distribution=longer if evaluation.ood_problems else None,
        others=held_out,
        worked=(InTurn(worked) if made.others else worked[0]) if shown else None,
    )


def _check_gold(held_out: Source, config: ConfigDict) -> None:
    first = min(config.evaluation.problems, len(held_out))
    if all(held_out[index].answer is None for index in range(first)):
        raise UserError(
            f"config.data.eval_split is {config.data.eval_split!r}: its first {first} problems have no "
            "answer, and evaluation needs gold answers: add the field `answer`, or name another split"
        )


def _made_source(
    made: ConfigDict, task: str, size: int, seed: int, operations: tuple[int, ...], split: str
) -> WorkedSource:
    if task == "story":
        return StorySource(size, seed, operations, split)
    operators = "+-/" if task == "quotient" else made.operators
    source = ChainSource(size, seed, operations, made.max_operand, made.max_value, operators, split)
    for first in map(operations.index, set(operations)):
        if first < size:
            source.chain(first)  # settings that leave no chain are told now
    return source
