"""What quantities in prose are made of: mixed numbers, units, shares ("a third of")."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from sept_jax.checks.formulas.exact import Abstain, Number
from sept_jax.checks.formulas.lexer import (
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
from sept_jax.checks.formulas.symbols import letters
from sept_jax.checks.formulas.terms import Tree, number
from sept_jax.checks.formulas.values import BY_FRACTION, MIXED_PRODUCT, TIGHT
from sept_jax.checks.formulas.words import JOINTS, MEASURES, SHORT_UNITS, singular

if TYPE_CHECKING:
    from sept_jax.checks.formulas.parser import Parser


def proper_fraction(parser: Parser) -> Number:
    """The fraction of a mixed number that follows a whole one (0 if none does)."""
    kinds, values, at = parser.kinds, parser.values, parser.pos
    if kinds[at] == NUM:
        part, decimals = values[at]
        if isinstance(part, Fraction) and part < 1 and not decimals:  # 2½
            parser.pos += 1
            return part
        shape, top, below = (NUM, OP, NUM), at, at + 2  # 2 1/2
        if parser.peek(1) == OP and values[at + 1] != "/":
            return 0
    elif parser.peek(1) == NUM:
        shape, top, below = (FRAC, NUM, NUM), at + 1, at + 2
    else:
        shape, top, below = (FRAC, LP, NUM, RP, LP, NUM, RP), at + 2, at + 5
    if at + len(shape) > parser.end or tuple(kinds[at : at + len(shape)]) != shape:
        return 0
    top, below = values[top][0], values[below][0]
    if not (isinstance(top, int) and isinstance(below, int) and 0 < top < below):
        return 0
    if kinds[at] == FRAC:
        parser.ambiguous |= MIXED_PRODUCT
        if parser.reading & MIXED_PRODUCT:
            return 0
    parser.pos += len(shape)
    return Fraction(top, below)


def by_fraction(parser: Parser) -> bool:
    """Whether `a / b` goes on as `a / b/c` and is read as `a / (b/c)`."""
    at, kinds = parser.pos, parser.kinds
    if parser.peek() != OP or parser.values[at] != "/" or parser.peek(1) != NUM or kinds[at - 1] != NUM:
        return False
    parser.ambiguous |= BY_FRACTION
    tokens = parser.tokens
    apart = not touching(tokens, at - 1) or tokens.text.startswith(("÷", "\\div"), tokens.starts[at - 2])
    if not (apart and touching(tokens, at) and touching(tokens, at + 1)):
        parser.ambiguous |= TIGHT
    return bool(parser.reading & BY_FRACTION)


def degree_of(parser: Parser) -> Number:
    r"""The degree of the root whose sign was read, the 3 of `\sqrt[3]{8}`; 2 where none is written."""
    at = parser.pos
    if parser.peek() != LP or parser.values[at] != "[" or parser.peek(1) != NUM or parser.peek(2) != RP:
        return 2
    parser.pos += 3
    return parser.values[at + 1][0]


def is_share(parser: Parser, value: Tree) -> bool:
    """Whether "of" stands between a fraction or percent and a number."""
    if parser.values[parser.pos] != "of" or not number(value):
        return False
    share = value < 1 or parser.kinds[parser.pos - 1] == PCT
    return share and parser.peek(1) in (NUM, LP, CUR, FRAC, SQRT)


def _is_name(tokens: Tokens, at: int) -> bool:
    """Whether a word in capitals, a capitalised one that touches the number before it, or a short one that
    touches it or follows a fraction in braces ("\\frac12 ab"), is no measure."""
    word = tokens.values[at]
    if singular(word) in MEASURES or word in SHORT_UNITS or word in JOINTS:
        return False
    first, before = tokens.text[tokens.starts[at]], at - 1
    if not first.isupper():
        braced = tokens.kinds[before] == RP and tokens.values[before] == "{"
        glued = tokens.kinds[before] == NUM and touching(tokens, at)
        return 0 < len(word) < 5 and word != "of" and (braced or glued)
    return letters(tokens, at) != "" or (tokens.kinds[at - 1] in (NUM, RP) and touching(tokens, at))


def skip_units(parser: Parser) -> bool:
    """Skips up to four unit words if an operator, a relation, a bracket or the end follows them. Raises
    Abstain where a name stands there, of a segment ("\\frac12 AB") or of what is counted ("1Dachshund")."""
    at, kinds, values = parser.pos, parser.kinds, parser.values
    if _is_name(parser.tokens, at):
        raise Abstain
    left = 5
    while at < parser.end and kinds[at] == WORD and values[at] not in JOINTS and values[at] != "of":
        left -= values[at] != ""
        if left < 0:
            break
        at += 1
    follows = kinds[at] if at < len(kinds) else SEP
    if at == parser.pos or follows not in (OP, REL, RP):
        return False
    parser.units.extend(values[parser.pos : at])
    parser.pos = at
    return True
