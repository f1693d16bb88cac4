"""Where a number can come from: what is known, a form of it, or one step in the head away."""

import re
from collections.abc import Sequence
from fractions import Fraction

from sept_jax.checks.formulas import words
from sept_jax.checks.formulas.conversions import SIZES
from sept_jax.checks.formulas.exact import Number
from sept_jax.checks.formulas.lexer import LP, NUM, OP, REL, SEP, VAR, WORD, Tokens, tokenize
from sept_jax.checks.provenance.numbers import (
    has_number_words,
    numbers_in,
    plain,
    printed_in,
    problem_numbers,
)

MAX_KNOWN = 200
"""More known numbers than these make anything: nothing is said then."""

_SMALL = 13
COMMON: frozenset[Number] = frozenset(map(plain, words.COMMON))
_CONSTANTS: frozenset[Number] = frozenset(
    (1, 2, 3, 4, 5, 7, 8, 10, 12, 16, 24, 28, 30, 31, 52, 60, 100, 360, 365, 366, 1000)
)
"""What people know and reckon with: days, hours, minutes, percent, dozens, halves."""

_RATIOS: frozenset[int] = frozenset(
    size // other
    for kind, size in SIZES.values()
    for one, other in SIZES.values()
    if one == kind and size % other == 0 and size // other >= _SMALL
)
"""How many of one unit are another of its kind: 5280 feet a mile, 10080 minutes a week."""

_TWO_DIGITS = re.compile(r"[0-9][0-9]")
_ASSUMED = words.word_set(
    "assume assuming assumed assumption suppose say let example approximately about around roughly average "
    "typical "
    "typically usually estimate estimated if try guess instance"
)
"""A step with one of these may bring numbers of its own."""


class Known:
    """The numbers of the problem and of the steps so far. A text is read only when a number is not found in
    those before: first for digits, then for words."""

    def __init__(self, problem: str):
        self._numbers: set[Number] = set()
        self._problem: str | None = problem
        self._unread: list[str] = []
        self._worded: list[str] = []

    def add(self, step: str, printed: Sequence[Number] | None, results: Sequence[Number]) -> None:
        """A step and the results of its equations are known from now on. `printed` are its numbers in digits,
        if they have been read."""
        self._numbers.update(results)
        if printed is None:
            self._unread.append(step)
        else:
            self._numbers.update(printed)
            self._worded.append(step)

    def says(self, number: Number | None) -> bool:
        """Whether the problem or a step has said the number. None: reads everything."""
        numbers = self._numbers
        while number not in numbers:
            if self._problem is not None:
                numbers.update(problem_numbers(self._problem))
                self._problem = None
            elif self._unread:
                text = self._unread.pop(0)
                numbers.update(printed_in(text))
                self._worded.append(text)
            elif self._worded:
                text = self._worded.pop()
                if has_number_words(text):
                    numbers.update(numbers_in(text))
            else:
                return False
        return True

    def all(self) -> set[Number]:
        """Every known number."""
        self.says(None)
        return self._numbers

    def holds(self, number: Number) -> bool:
        """Whether a number is known, as itself, as a percentage or with the other sign."""
        return self.says(number) or is_form(number, self._numbers)


def is_form(number: Number, known: set[Number]) -> bool:
    """Whether a number is a known one as a percentage or with the other sign."""
    if -number in known or number * 100 in known:
        return True
    return (number // 100 if number % 100 == 0 else Fraction(number, 100)) in known


def is_near(number: Number, known: set[Number]) -> bool:
    """Whether a number is one step in the head away: the rest to 1 or 100 percent, a growth factor, a
    reciprocal, one more or less, or a fraction made of known parts."""
    for other in (1 - number, 100 - number, number - 1, number + 1, (number - 1) * 100, number - 100):
        if other in known or is_form(other, known):
            return True
    if number and (Fraction(1, number) in known or is_form(Fraction(1, number), known)):
        return True
    top, below = number.numerator, number.denominator
    return below != 1 and all(
        part in known or part in COMMON or is_form(part, known) for part in (top, below)
    )


def may_stray(step: str) -> bool:
    """Whether the step has a number in digits that is not too small to come from nowhere."""
    return _TWO_DIGITS.search(step) is not None


def stray_number(
    step: str, printed: Sequence[Number], results: Sequence[Number], path: Known
) -> Number | None:
    """The first of the step's numbers in digits, `printed`, that is none of its `results`, and that nothing
    known makes in one operation nor the step's own numbers in a sum; None if there is none, if the step
    calculates with letters, or if it may assume numbers."""
    fresh = {
        number for number in printed
        if number >= _SMALL and number not in COMMON and number not in results and not path.says(number)
    }  # fmt: skip
    if not fresh:
        return None
    known, numbers = path.all(), numbers_in(step)
    usual = known | _CONSTANTS
    fresh = {
        number for number in fresh
        if not (
            is_near(number, known)
            or _is_made(number, usual)
            or _is_converted(number, known)
            or _is_sum(number, numbers)
        )
    }  # fmt: skip
    tokens = tokenize(step) if fresh else None
    if tokens is None:
        return None
    kinds, values = tokens.kinds, tokens.values
    for i, kind in enumerate(kinds):
        if kind != NUM or values[i][0] not in fresh or kinds[i - 1] == LP or _is_right(kinds, i):
            continue
        number = values[i][0]
        if 1900 <= number <= 2100 or is_form(number, known) or _is_cut(tokens, i):
            continue
        if len(known) > MAX_KNOWN or VAR in kinds or "digit" in step or "..." in step:
            return None
        if any(kind == WORD and values[k] in _ASSUMED for k, kind in enumerate(kinds)):
            return None
        right = {values[k][0] for k, kind in enumerate(kinds) if kind == NUM and _is_right(kinds, k)}
        rest = known.union(_CONSTANTS, (o for o in numbers if o != number and o not in right))
        if not (number in right or _is_made(number, rest)):
            return number
    return None


def _is_cut(tokens: Tokens, at: int) -> bool:
    """Whether the number is part of a time of day, or of a number that is cut off or spaced (1, 320)."""
    if tokens.kinds[at - 2 : at] == [NUM, SEP] and tokens.values[at - 1] == ",":
        return tokens.ends[at] - tokens.starts[at] == 3
    return tokens.text[tokens.starts[at] - 1 : tokens.starts[at]] == ":" or tokens.text.startswith(
        (":", ".."), tokens.ends[at]
    )


def _is_right(kinds: list[int], at: int) -> bool:
    """Whether a number stands alone after a relation."""
    return REL in kinds[max(0, at - 3) : at] and kinds[at + 1 : at + 2] != [OP]


def _is_made(number: Number, known: set[Number]) -> bool:
    """Whether a number is the sum, difference, product or quotient of two known ones, or a percentage."""
    for one in known:
        if number - one in known or one - number in known or number + one in known or number * one in known:
            return True
        if type(one) is int and type(number) is int:
            if one and (
                (number % one == 0 and number // one in known)
                or (one % number == 0 and one // number in known)
                or (number * 100 % one == 0 and number * 100 // one in known)
            ):
                return True
        elif one and (number / one in known or one / number in known or number * 100 / one in known):
            return True
    return False


def _is_converted(number: Number, known: set[Number]) -> bool:
    """Whether a number is a known amount in another unit, or the one that turns units into each other."""
    return number in _RATIOS or any(
        number * ratio in known or Fraction(number, ratio) in known for ratio in _RATIOS
    )


def _is_sum(number: Number, numbers: list[Number]) -> bool:
    """Whether neighbouring numbers of the step add up to the number."""
    for i in range(len(numbers) - 2):
        total = numbers[i] + numbers[i + 1]
        for other in numbers[i + 2 : i + 12]:
            total += other
            if total == number:
                return True
    return False
