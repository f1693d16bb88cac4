"""The expression parser.

A Pratt parser that evaluates rational arithmetic as it parses; `term` keeps names and irrational constants
as a small tree. It abstains (None) on what it does not understand, and beyond its bounds.
"""

from sept_jax.checks.formulas.exact import Abstain, Number, apply, factorial, fraction, root
from sept_jax.checks.formulas.lexer import (
    BANG,
    CMP,
    CUR,
    FRAC,
    LP,
    NL,
    NUM,
    OP,
    OPAQUE,
    PCT,
    REL,
    RP,
    SEP,
    SQRT,
    VAR,
    WORD,
    Tokens,
    touching,
)  # fmt: skip
from sept_jax.checks.formulas.quantities import by_fraction, degree_of, is_share, proper_fraction, skip_units
from sept_jax.checks.formulas.symbols import factor_follows, symbolic_operand
from sept_jax.checks.formulas.terms import DEGREE, Tree, combine, negated, number, root_of
from sept_jax.checks.formulas.values import NO_FACTORIAL, PERCENT_PLAIN, Term, Value

MAX_DEPTH = 16
MAX_WORK = 20_000

_BEFORE_NUMBER = frozenset((LP, CUR, FRAC, SQRT, OP))
_STOPS = frozenset((RP, REL, SEP, NL, CMP, VAR, OPAQUE, CUR))
"""Kinds that may stand before the first number of closed arithmetic, and those that end a number."""
_GOES_ON = frozenset((OP, PCT, BANG, WORD, FRAC, SQRT, LP, VAR, OPAQUE))
"""Kinds of tokens with which an expression goes on behind an operand."""
_STRENGTH = {"+": 10, "-": 10, "*": 20, "/": 20, "^": 30}
"""How tightly operators bind."""

_ENDS = frozenset((REL, CMP, SEP, RP, NL))
_ATOMS = frozenset((NUM, VAR))
_NO_NAMES = frozenset()


class Parser:
    r"""Parses `tokens` from a position; `work` counts all tokens that its parses have looked at."""

    __slots__ = (
        "ambiguous", "apply", "bars", "dash", "decimals", "depth", "end", "in_angle", "kinds", "names",
        "numbers", "operators", "pos", "reading", "run", "slash", "symbolic", "tokens", "units", "values",
        "work",
    )  # fmt: skip

    def __init__(self, tokens: Tokens):
        self.tokens = tokens
        self.kinds, self.values = tokens.kinds, tokens.values
        self.work = 0
        self.pos = self.dash = 0
        self.run = (0, 0)  # the last tokens that were skipped before a number: a parse may start at each

    def parse(self, start: int, end: int, reading: int = 0) -> Value | None:
        """The longest expression from token `start` within `[start, end)`; `pos` is then where it ended,
        `dash` the last minus sign that follows a word (0: none). None, with `pos` at the cause, if
        there is none."""
        kinds = self.kinds
        if not self.run[0] <= start < self.run[1]:
            first = start
            while first < len(kinds) and kinds[first] in _BEFORE_NUMBER:
                first += 1
            self.run = (start, first)
        first = min(self.run[1], end)
        if first == end or kinds[first] != NUM:
            self.work, self.pos, self.dash = self.work + 1, first, 0
            return None
        if first == start and (first + 1 == end or kinds[first + 1] in _STOPS):
            return self._single(first)
        self.symbolic, self.apply = False, apply
        self._begin(start, end, reading)
        try:
            value = self.expression(0)
        except Abstain:
            return None
        return Value(
            fraction(value),
            tuple(map(fraction, self.numbers)),
            tuple(self.operators),
            self.decimals,
            tuple(self.units),
            self.ambiguous,
        )

    def _single(self, at: int) -> Value:
        """What `parse` returns for a number that nothing continues."""
        self.work, self.pos, self.dash = self.work + 1, at + 1, 0
        value, decimals = self.values[at]
        value = fraction(value)
        return Value(value, (value,), (), decimals, (), 0)

    def term(self, start: int, end: int) -> Term | None:
        """As `parse`, names and irrational constants allowed."""
        kinds = self.kinds
        if start < end and kinds[start] in _ATOMS and (start + 1 == end or kinds[start + 1] in _ENDS):
            return self._atom(start)
        self.symbolic, self.apply = True, combine
        self._begin(start, end, 0)
        self.bars = self.in_angle = 0
        self.names: set[str] = set()
        try:
            tree = self.expression(0)
        except Abstain:
            return None
        return Term(
            tree,
            self.decimals,
            tuple(self.operators),
            tuple(self.units),
            self.ambiguous,
            frozenset(self.names),
        )

    def _atom(self, at: int) -> Term:
        """What `term` returns for a number or name that nothing continues."""
        self.work, self.pos = self.work + 1, at + 1
        value = self.values[at]
        if self.kinds[at] == VAR:
            return Term(value, 0, (), (), 0, frozenset((value,)))
        return Term(*value, (), (), 0, _NO_NAMES)

    def _begin(self, start: int, end: int, reading: int) -> None:
        self.pos, self.end, self.reading = start, end, reading
        self.numbers: list[Number] = []
        self.operators: list[str] = []
        self.units: list[str] = []
        self.decimals = self.depth = self.ambiguous = self.dash = 0
        self.slash = -1  # how many operators there were after the last written '/'

    def peek(self, ahead: int = 0) -> int:
        at = self.pos + ahead
        return self.kinds[at] if at < self.end else -1

    def expression(self, power: int) -> Tree:
        """Operators that bind tighter than `power`: sums 10, products 20, signs 25, powers 30."""
        self.work += 1
        if self.work > MAX_WORK or self.depth > MAX_DEPTH:
            raise Abstain
        self.depth += 1
        kinds = self.kinds
        left = self._number() if self.pos < self.end and kinds[self.pos] == NUM else self._operand()
        while self.pos < self.end and (kind := kinds[self.pos]) in _GOES_ON:
            self.work += 1
            if kind == OP:
                symbol = self.values[self.pos]
                if symbol == "/" and self.peek(1) == WORD and power < 20:
                    self.pos += 1  # a rate such as $5/hour
                    skip_units(self)
                    continue
                strength = _STRENGTH[symbol]
                if strength <= power:
                    break
                if symbol == "-" and kinds[self.pos - 1] == WORD:
                    self.dash = self.pos
                self.pos += 1
                self.operators.append(symbol)
                right = self._factor(29 if symbol == "^" else strength)
                if symbol == "/":
                    if by_fraction(self):
                        self.pos += 1
                        self.operators.append("/")
                        right = self.apply("/", right, self.expression(strength))
                    self.slash = len(self.operators)
                left = self.apply(symbol, left, right)
            elif kind == PCT:
                self.pos += 1
                self.ambiguous |= PERCENT_PLAIN
                if not self.reading & PERCENT_PLAIN:
                    left = self.apply("/", left, 100)
            elif kind == BANG and touching(self.tokens, self.pos):
                self.pos += 1
                if self.peek() == BANG and touching(self.tokens, self.pos):
                    raise Abstain  # 5!! is a double factorial, or (5!)!
                self.ambiguous |= NO_FACTORIAL
                self.operators.append("!")
                left = factorial(left) if number(left) else ("!", left)
            elif kind == WORD:
                if self.symbolic and self.in_angle and self.values[self.pos] == "degree":
                    self.pos += 1
                    left = combine("*", left, DEGREE)
                    continue
                if self.symbolic and factor_follows(self, kind):
                    if power >= 20:
                        break
                    left = self._juxtaposed(left)
                    continue
                if is_share(self, left):
                    if power >= 20:
                        break
                    self.pos += 1
                    self.operators.append("*")
                    left = self.apply("*", left, self.expression(20))
                elif not skip_units(self):
                    break
            elif self._number_and_factor(kind) or (self.symbolic and factor_follows(self, kind)):
                if power >= 20:
                    break
                left = self._juxtaposed(left)
            else:
                break
        self.depth -= 1
        return left

    def _factor(self, power: int) -> Tree:
        """As `expression`, quicker for a number or name behind which nothing binds tighter than `power`."""
        at, kinds = self.pos, self.kinds
        kind = kinds[at] if at < self.end else -1
        if kind == NUM or (kind == VAR and self.symbolic):
            after = kinds[at + 1] if at + 1 < self.end else NL
            if after in _ENDS or (after == OP and _STRENGTH[self.values[at + 1]] <= power):
                return self._number() if kind == NUM else symbolic_operand(self, VAR)
        return self.expression(power)

    def _number_and_factor(self, kind: int) -> bool:
        """Whether a number or bracket is followed by a factor without a sign, as in 2(3), 2√3."""
        if self.kinds[self.pos - 1] not in (NUM, RP):
            return False
        return kind in (FRAC, SQRT) or (kind == LP and touching(self.tokens, self.pos))

    def _juxtaposed(self, left: Tree) -> Tree:
        if self.slash == len(self.operators):
            raise Abstain  # 6/2(1+2) has two readings
        self.operators.append("*")
        return self.apply("*", left, self._factor(24))

    def _operand(self) -> Tree:
        kind = self.peek()
        while kind == CUR:
            self.pos += 1
            kind = self.peek()
        if kind == VAR and self.symbolic:
            return symbolic_operand(self, kind)
        if kind == LP:
            return self.group()
        if kind == NUM:
            return self._number()
        if kind == OP and self.values[self.pos] in "+-":
            negative = self.values[self.pos] == "-"
            self.pos += 1
            before = len(self.numbers), len(self.operators)
            value = self.expression(25)
            if negative:
                value = negated(value)
                if len(self.numbers) == before[0] + 1 and len(self.operators) == before[1]:
                    self.numbers[-1] = -self.numbers[-1]
                else:
                    self.operators.insert(before[1], "-")
            return value
        if kind == FRAC:
            self.pos += 1
            top = self.argument()
            self.operators.append("/")
            return self.apply("/", top, self.argument())
        if kind == SQRT:
            self.pos += 1
            degree = degree_of(self)
            value = self.argument()
            self.operators.append("√")
            return root_of(value, degree) if self.symbolic else root(value, degree)
        if self.symbolic:
            return symbolic_operand(self, kind)
        raise Abstain

    def _number(self) -> Number:
        value, decimals = self.values[self.pos]
        self.pos += 1
        self.decimals = max(self.decimals, decimals)
        if isinstance(value, int) and not decimals and self.peek() in (NUM, FRAC):
            value += proper_fraction(self)
        self.numbers.append(value)
        return value

    def group(self) -> Tree:
        close = self.tokens.match[self.pos]
        if close < 0 or close >= self.end:
            raise Abstain
        self.pos += 1
        value = self.expression(0)
        if self.pos != close:
            raise Abstain
        self.pos += 1
        return value

    def argument(self) -> Tree:
        """A group, or the bare number of `\frac12` and `√9`."""
        if self.peek() == LP:
            return self.group()
        if self.peek() != NUM:
            if self.symbolic:
                return symbolic_operand(self, self.peek())
            raise Abstain
        value, decimals = self.values[self.pos]
        self.pos += 1
        self.decimals = max(self.decimals, decimals)
        self.numbers.append(value)
        return value
