"""Problems made on the spot: what such sources share, and chains of arithmetic with precedence.

Only the warm start reads the worked solutions; scoring and self-training see the question alone.
"""

import zlib
from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import numpy as np

from sept_jax.data import Source
from sept_jax.data.mistakes import APPLY, Mistakes, miscalculate, miscopy
from sept_jax.errors import UserError
from sept_jax.records import Problem

SPLITS = ("train", "validation", "test")
OPERATORS = "+-*/"
SWAPPED = "+-*"
"""What a mistake of `operator` writes instead."""
ATTEMPTS = 10_000
"""Chains drawn before there is taken to be none within the limits."""


@runtime_checkable
class WorkedSource(Source, Protocol):
    """A source that also works its problems out, with mistakes, for a warm start.

    Problem i depends on the seed and i alone, its level is its number of operations, and `split_of` its
    question is the source's split.
    """

    def worked(self, index: int, mistakes: Mistakes) -> str: ...


def split_of(question: str) -> str:
    """The split that a question belongs to by its hash, whatever the seed: one in eight is for test, one in
    eight for validation."""
    return {0: "test", 1: "validation"}.get(zlib.crc32(question.encode()) % 8, "train")


def mix_operations(usual: Sequence[int], rare: Sequence[int], share: float, size: int) -> tuple[int, ...]:
    """Numbers of operations of `size` problems: each of `usual` in turn, but for an evenly spread `share`
    each of `rare` in turn."""
    counts, drawn = [], 0
    for index in range(size):
        before, drawn = drawn, int((index + 1) * share)
        counts.append(rare[before % len(rare)] if drawn > before else usual[(index - drawn) % len(usual)])
    return tuple(counts)


def reduce_lines(
    numbers: list[int], operators: list[str], generator: np.random.Generator | None, mistakes: Mistakes
) -> list[tuple[int, str, int, int]]:
    """Lines `(a, operator, b, result)` that work a chain out, products first, then from left to right.

    Without a generator there are no mistakes.
    """
    numbers, operators, lines = list(numbers), list(operators), []

    def happens(probability: float) -> bool:
        return generator is not None and bool(generator.random() < probability)

    precedence = not happens(mistakes.precedence)
    while operators:
        at = next((i for i, o in enumerate(operators) if o in "*/"), 0) if precedence else 0
        a, operator, b = numbers[at], operators[at], numbers[at + 1]
        if generator is None:
            result = APPLY[operator](a, b)
        else:
            a, b = miscopy(a, b, generator, mistakes)
            if happens(mistakes.operator):
                operator = str(generator.choice([o for o in SWAPPED if o != operator]))
            result = miscalculate(a, operator, b, generator, mistakes)
        lines.append((a, operator, b, result))
        numbers[at : at + 2], operators[at : at + 1] = [result], []
    return lines


def _question(numbers: list[int], operators: list[str]) -> str:
    return "".join(f"{n}{o}" for n, o in zip(numbers, [*operators, "="], strict=True))


class ChainSource:
    """Chains such as `3+4*5-2=`, a `WorkedSource`: problem i has `operations[i % len(operations)]` of
    `operators`, a quotient among them if there are any. All true intermediate values are whole and lie in
    [0, `max_value`]."""

    def __init__(
        self,
        size: int,
        seed: int,
        operations: tuple[int, ...] = (2, 3, 4),
        max_operand: int = 29,
        max_value: int = 999,
        operators: str = "+-*",
        split: str = "train",
    ):
        self.size, self.seed, self.operators, self.split = size, seed, operators, split
        self.operations, self.max_operand, self.max_value = operations, max_operand, max_value
        self.levels = np.asarray([operations[i % len(operations)] for i in range(size)], np.float32)

    def __len__(self) -> int:
        return self.size

    def chain(self, index: int) -> tuple[list[int], list[str]]:
        """Operands and operators of problem `index`.

        Raises:
          UserError: no chain within the limits is found.
        """
        generator = np.random.default_rng((self.seed, index))
        count = self.operations[index % len(self.operations)]
        for _ in range(ATTEMPTS):
            numbers = generator.integers(1, self.max_operand + 1, count + 1).tolist()
            operators = [self.operators[i] for i in generator.integers(0, len(self.operators), count)]
            if split_of(_question(numbers, operators)) != self.split:
                continue
            if "/" in self.operators and "/" not in operators:
                continue
            lines = reduce_lines(numbers, operators, None, Mistakes())
            if all(0 <= r <= self.max_value and (o != "/" or r * b == a) for a, o, b, r in lines):
                return numbers, operators
        raise UserError(
            f"config.data.procedural: no chain of {count} operations stays within max_value {self.max_value} "
            f"with operands up to {self.max_operand}; type --config.data.procedural.max_value=99"
        )

    def __getitem__(self, index: int) -> Problem:
        if not 0 <= index < self.size:
            raise IndexError(index)
        numbers, operators = self.chain(index)
        question = _question(numbers, operators)
        answer = reduce_lines(numbers, operators, None, Mistakes())[-1][-1]
        return Problem(question, str(answer), float(self.levels[index]), f"chain-{self.seed}-{index}")

    def worked(self, index: int, mistakes: Mistakes) -> str:
        """A worked solution of problem `index` with mistakes."""
        generator = np.random.default_rng((self.seed, index, 1))
        lines = reduce_lines(*self.chain(index), generator, mistakes)
        return "".join(f"{a}{o}{b}={r}\n" for a, o, b, r in lines) + f"#### {lines[-1][-1]}"
