"""The expression parser.

A Pratt parser that evaluates as it parses: no tree, no names, no calls. What it does not
understand, and what is beyond its bounds, it abstains on (None); it never raises and its cost is
counted in tokens.
"""

from fractions import Fraction
from typing import NamedTuple

from sept_jax.checks.exact import Abstain, Number, apply, factorial, root
from sept_jax.checks.lexer import (
    BANG,
    CUR,
    FRAC,
    LP,
    NUM,
    OP,
    PCT,
    REL,
    RP,
    SEP,
    SQRT,
    WORD,
    Tokens,
    touching,
)  # fmt: skip
from sept_jax.checks.words import JOINTS

MAX_DEPTH = 16
MAX_WORK = 20_000

PERCENT_PLAIN, MIXED_PRODUCT, NO_FACTORIAL, BY_FRACTION = 1, 2, 4, 8
"""Readings of what is ambiguous: 20% as 20, `2\\frac12` as a product, '!' as punctuation, `28 / 1/5` as
28 / (1/5)."""


class Value(NamedTuple):
    """An evaluated expression: its exact value, its numbers and operators in order, the decimals that
    were printed (the largest number of them), its unit words, and which readings it depends on."""

    exact: Fraction
    numbers: tuple[Fraction, ...]
    operators: tuple[str, ...]
    decimals: int
    units: tuple[str, ...]
    ambiguous: int


class Parser:
    r"""Parses `tokens` from a position; `work` counts all tokens that its parses have looked at."""

    __slots__ = (
        "ambiguous", "dash", "decimals", "depth", "end", "kinds", "numbers", "operators", "pos", "reading",
        "tokens", "units", "values", "work",
    )  # fmt: skip

    def __init__(self, tokens: Tokens):
        self.tokens = tokens
        self.kinds, self.values = tokens.kinds, tokens.values
        self.work = 0
        self.pos = self.dash = 0

    def parse(self, start: int, end: int, reading: int = 0) -> Value | None:
        """The longest expression from token `start` within `[start, end)`; `pos` is then where it ended,
        `dash` the last minus sign that follows a word (0: none). None, with `pos` at the cause, if
        there is none."""
        self.pos, self.end, self.reading = start, end, reading
        self.numbers: list[Number] = []
        self.operators: list[str] = []
        self.units: list[str] = []
        self.decimals = self.depth = self.ambiguous = self.dash = 0
        try:
            value = self._expression(0)
        except Abstain:
            return None
        return Value(
            Fraction(value),
            tuple(map(Fraction, self.numbers)),
            tuple(self.operators),
            self.decimals,
            tuple(self.units),
            self.ambiguous,
        )

    def _peek(self, ahead: int = 0) -> int:
        at = self.pos + ahead
        return self.kinds[at] if at < self.end else -1

    def _expression(self, power: int) -> Number:
        """Operators that bind tighter than `power`: sums 10, products 20, signs 25, powers 30."""
        self.work += 1
        if self.work > MAX_WORK or self.depth > MAX_DEPTH:
            raise Abstain
        self.depth += 1
        left = self._operand()
        while (kind := self._peek()) != -1:
            self.work += 1
            if kind == OP:
                symbol = self.values[self.pos]
                if symbol == "/" and self._peek(1) == WORD and power < 20:
                    self.pos += 1  # a rate such as $5/hour
                    self._skip_units()
                    continue
                strength = 10 if symbol in "+-" else 20 if symbol in "*/" else 30
                if strength <= power:
                    break
                if symbol == "-" and self.kinds[self.pos - 1] == WORD:
                    self.dash = self.pos
                self.pos += 1
                self.operators.append(symbol)
                right = self._expression(29 if symbol == "^" else strength)
                if symbol == "/" and self._by_fraction():
                    self.pos += 1
                    self.operators.append("/")
                    right = apply("/", right, self._expression(strength))
                left = apply(symbol, left, right)
            elif kind == PCT:
                self.pos += 1
                self.ambiguous |= PERCENT_PLAIN
                if not self.reading & PERCENT_PLAIN:
                    left = Fraction(left, 100)
            elif kind == BANG and touching(self.tokens, self.pos):
                self.pos += 1
                self.ambiguous |= NO_FACTORIAL
                if not self.reading & NO_FACTORIAL:
                    self.operators.append("!")
                    left = factorial(left)
            elif kind == WORD:
                if self._is_share(left):
                    if power >= 20:
                        break
                    self.pos += 1
                    self.operators.append("*")
                    left = apply("*", left, self._expression(20))
                elif not self._skip_units():
                    break
            elif (kind in (FRAC, SQRT) or (kind == LP and touching(self.tokens, self.pos))) and self.kinds[
                self.pos - 1
            ] in (
                NUM,
                RP,
            ):
                if power >= 20:
                    break
                left = self._juxtaposed(left)
            else:
                break
        self.depth -= 1
        return left

    def _by_fraction(self) -> bool:
        """Whether `a / b` goes on as `a / b/c` and is read as `a / (b/c)`."""
        at = self.pos
        if self._peek() != OP or self.values[at] != "/" or self._peek(1) != NUM or self.kinds[at - 1] != NUM:
            return False
        self.ambiguous |= BY_FRACTION
        return bool(self.reading & BY_FRACTION)

    def _is_share(self, value: Number) -> bool:
        """Whether "of" stands between a fraction or percent and a number."""
        share = self.values[self.pos] == "of" and (value < 1 or self.kinds[self.pos - 1] == PCT)
        return share and self._peek(1) in (NUM, LP, CUR, FRAC, SQRT)

    def _skip_units(self) -> bool:
        """Skips up to four unit words if an operator, a relation, a bracket or the end follows them."""
        at, kinds, values = self.pos, self.kinds, self.values
        last = min(self.end, at + 5)
        while at < last and kinds[at] == WORD and values[at] not in JOINTS and values[at] != "of":
            at += 1
        follows = kinds[at] if at < len(kinds) else SEP
        if at == self.pos or follows not in (OP, REL, RP):
            return False
        self.units.extend(values[self.pos : at])
        self.pos = at
        return True

    def _juxtaposed(self, left: Number) -> Number:
        if self.operators and self.operators[-1] == "/":
            raise Abstain  # 6/2(1+2) has two readings
        self.operators.append("*")
        return apply("*", left, self._expression(24))

    def _operand(self) -> Number:
        kind = self._peek()
        while kind == CUR:
            self.pos += 1
            kind = self._peek()
        if kind == NUM:
            return self._number()
        if kind == LP:
            return self._group()
        if kind == OP and self.values[self.pos] in "+-":
            negative = self.values[self.pos] == "-"
            self.pos += 1
            before = len(self.numbers), len(self.operators)
            value = self._expression(25)
            if negative:
                value = -value
                if len(self.numbers) == before[0] + 1 and len(self.operators) == before[1]:
                    self.numbers[-1] = -self.numbers[-1]
                else:
                    self.operators.insert(before[1], "-")
            return value
        if kind == FRAC:
            self.pos += 1
            top = self._argument()
            self.operators.append("/")
            return apply("/", top, self._argument())
        if kind == SQRT:
            self.pos += 1
            degree = 2
            if (
                self._peek() == LP
                and self.values[self.pos] == "["
                and self._peek(1) == NUM
                and self._peek(2) == RP
            ):
                degree = self.values[self.pos + 1][0]
                self.pos += 3
            value = self._argument()
            self.operators.append("√")
            return root(value, degree)
        raise Abstain

    def _number(self) -> Number:
        value, decimals = self.values[self.pos]
        self.pos += 1
        self.decimals = max(self.decimals, decimals)
        if isinstance(value, int) and not decimals and self._peek() in (NUM, FRAC):
            value += self._proper_fraction()
        self.numbers.append(value)
        return value

    def _proper_fraction(self) -> Number:
        """The fraction of a mixed number that follows a whole one (0 if none does)."""
        kinds, values, at = self.kinds, self.values, self.pos
        if kinds[at] == NUM:
            part, decimals = values[at]
            if isinstance(part, Fraction) and part < 1 and not decimals:  # 2½
                self.pos += 1
                return part
            shape, top, below = (NUM, OP, NUM), at, at + 2  # 2 1/2
            if self._peek(1) == OP and values[at + 1] != "/":
                return 0
        elif self._peek(1) == NUM:
            shape, top, below = (FRAC, NUM, NUM), at + 1, at + 2
        else:
            shape, top, below = (FRAC, LP, NUM, RP, LP, NUM, RP), at + 2, at + 5
        if at + len(shape) > self.end or tuple(kinds[at : at + len(shape)]) != shape:
            return 0
        top, below = values[top][0], values[below][0]
        if not (isinstance(top, int) and isinstance(below, int) and 0 < top < below):
            return 0
        if kinds[at] == FRAC:
            self.ambiguous |= MIXED_PRODUCT
            if self.reading & MIXED_PRODUCT:
                return 0
        self.pos += len(shape)
        return Fraction(top, below)

    def _group(self) -> Number:
        close = self.tokens.match[self.pos]
        if close < 0 or close >= self.end:
            raise Abstain
        self.pos += 1
        value = self._expression(0)
        if self.pos != close:
            raise Abstain
        self.pos += 1
        return value

    def _argument(self) -> Number:
        """A group, or the bare number of `\frac12` and `√9`."""
        if self._peek() == LP:
            return self._group()
        if self._peek() != NUM:
            raise Abstain
        value, decimals = self.values[self.pos]
        self.pos += 1
        self.decimals = max(self.decimals, decimals)
        self.numbers.append(value)
        return value


def readings(parser: Parser, start: int, end: int) -> list[Value]:
    """Every reading of the expression from token `start` (the usual one first); [] if there is none.
    `parser.pos` and `parser.dash` are those of the usual reading."""
    first = parser.parse(start, end)
    if first is None:
        return []
    if not first.ambiguous:
        return [first]
    stop, dash, found = parser.pos, parser.dash, [first]
    for reading in range(1, 16):
        if reading & first.ambiguous == reading:
            other = parser.parse(start, stop, reading)
            if other is not None and parser.pos == stop:
                found.append(other)
    parser.pos, parser.dash = stop, dash
    return found
