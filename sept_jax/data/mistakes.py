"""Mistakes of worked solutions: which, how often, and what dropped carries and misread digits look like."""

import dataclasses

import numpy as np

APPLY = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": lambda a, b: a // b if b else 0,  # by 0 after another mistake
}


@dataclasses.dataclass(frozen=True)
class Mistakes:
    """Probability per line, or per solution for `precedence`, of each kind of mistake in a worked solution.

    `digit` changes a digit of a result, `copy` one of an operand, `carry` drops the carry of a sum or product
    of several digits (systematic: it makes majorities wrong). Chains alone: `operator` swaps it, `precedence`
    works from left to right. Stories alone: `relation` misreads a sentence whose wording misleads, and others
    `PLAIN` times as often; what it writes is true. A mistake is carried on through the lines that follow.
    """

    digit: float = 0.0
    copy: float = 0.0
    operator: float = 0.0
    precedence: float = 0.0
    carry: float = 0.0
    relation: float = 0.0


def drop_carry(a: int, b: int, operator: str) -> int | None:
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
    return wrong if wrong != APPLY[operator](a, b) else None


def change_digit(value: int, generator: np.random.Generator) -> int:
    """The absolute value with one digit changed."""
    digits = list(str(abs(value)))
    at = int(generator.integers(len(digits)))
    digits[at] = str((int(digits[at]) + int(generator.integers(1, 10))) % 10)
    return int("".join(digits))


def miscopy(a: int, b: int, generator: np.random.Generator, mistakes: Mistakes) -> tuple[int, int]:
    """The operands, one of them with another digit where a mistake of `copy` happens."""
    if generator.random() < mistakes.copy:
        if generator.random() < 0.5:
            return change_digit(a, generator), b
        return a, change_digit(b, generator)
    return a, b


def miscalculate(a: int, operator: str, b: int, generator: np.random.Generator, mistakes: Mistakes) -> int:
    """The result of `a operator b`, with mistakes of `carry` and `digit`."""
    result = APPLY[operator](a, b)
    if generator.random() < mistakes.carry:
        dropped = drop_carry(a, b, operator)
        result = result if dropped is None else dropped
    return change_digit(result, generator) if generator.random() < mistakes.digit else result
