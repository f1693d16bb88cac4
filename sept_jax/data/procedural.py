"""Problems made on the spot: chains of arithmetic with precedence, and worked solutions with mistakes.

Only the warm start reads the worked solutions; scoring and self-training see the question alone.
"""

import dataclasses
import zlib

import numpy as np

from sept_jax.errors import UserError
from sept_jax.records import Problem

CHARACTERS = "0123456789+-*=# \n"
"""All that a chain problem and its solution are written in."""

_APPLY = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


@dataclasses.dataclass(frozen=True)
class Mistakes:
    """Probability per line, or per solution for `precedence`, of each kind of mistake in a worked solution.

    `digit` changes a digit of a result, `copy` one of an operand, `operator` swaps it, `precedence` works
    from left to right, `carry` drops the carry of a sum or product of several digits (systematic: it makes
    majorities wrong). A mistake is carried on through the lines that follow.
    """

    digit: float = 0.0
    copy: float = 0.0
    operator: float = 0.0
    precedence: float = 0.0
    carry: float = 0.0


def _drop_carry(a: int, b: int, operator: str) -> int | None:
    """The sum or product of a and b column by column, without carries; None where it changes nothing."""
    if min(a, b) < 0:
        return None
    if operator == "+":
        width = max(len(str(a)), len(str(b)))
        pairs = zip(str(a).zfill(width), str(b).zfill(width), strict=True)
        wrong = int("".join(str((int(x) + int(y)) % 10) for x, y in pairs))
    elif operator == "*" and min(a, b) < 10:
        small, large = sorted((a, b))
        wrong = int("".join(str(int(x) * small % 10) for x in str(large)))
    else:
        return None
    return wrong if wrong != _APPLY[operator](a, b) else None


def _change_digit(value: int, generator: np.random.Generator) -> int:
    digits = list(str(abs(value)))
    at = int(generator.integers(len(digits)))
    digits[at] = str((int(digits[at]) + int(generator.integers(1, 10))) % 10)
    return int("".join(digits))


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
        at = operators.index("*") if precedence and "*" in operators else 0
        a, operator, b = numbers[at], operators[at], numbers[at + 1]
        if happens(mistakes.copy):
            a, b = (
                (_change_digit(a, generator), b)
                if generator.random() < 0.5
                else (a, _change_digit(b, generator))
            )
        if happens(mistakes.operator):
            operator = str(generator.choice([o for o in "+-*" if o != operator]))
        result = _APPLY[operator](a, b)
        if happens(mistakes.carry):
            dropped = _drop_carry(a, b, operator)
            result = result if dropped is None else dropped
        if happens(mistakes.digit):
            result = _change_digit(result, generator)
        lines.append((a, operator, b, result))
        numbers[at : at + 2], operators[at : at + 1] = [result], []
    return lines


def _question(numbers: list[int], operators: list[str]) -> str:
    return "".join(f"{n}{o}" for n, o in zip(numbers, [*operators, "="], strict=True))


class ChainSource:
    """Chains such as `3+4*5-2=`; the level is the number of operations.

    Problem i depends on `seed` and i alone. All true intermediate values lie in [0, `max_value`]. A hash of
    the question puts it into the training part or, one in eight, into the held-out part: no question is in
    both, whatever the seeds.
    """

    def __init__(
        self,
        size: int,
        seed: int,
        operations: tuple[int, ...] = (2, 3, 4),
        max_operand: int = 29,
        max_value: int = 999,
        held_out: bool = False,
    ):
        self.size, self.seed, self.held_out = size, seed, held_out
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
        for _ in range(10_000):
            numbers = generator.integers(1, self.max_operand + 1, count + 1).tolist()
            operators = generator.choice(list("+-*"), count).tolist()
            if all(0 <= r <= self.max_value for *_, r in reduce_lines(numbers, operators, None, Mistakes())):
                question = _question(numbers, operators)
                if (zlib.crc32(question.encode()) % 8 == 0) == self.held_out:
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
