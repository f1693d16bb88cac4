"""The relations of a text whose sides may have names: `2x + 1 = 7`, `A = B = C`, `7 \\equiv 1 \\pmod 3`.

As in `equations`, relations cut the tokens into gaps; here a side is None unless the whole of it is
understood: what touches it must be a clean cut.
"""

from typing import NamedTuple

from sept_jax.checks.formulas.lexer import (
    BANG,
    CUR,
    FRAC,
    LP,
    NL,
    NUM,
    OP,
    OPAQUE,
    PCT,
    RP,
    SEP,
    SQRT,
    VAR,
    WORD,
    Tokens,
    touching,
)  # fmt: skip
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.symbols import KNOWN, letters
from sept_jax.checks.formulas.terms import number
from sept_jax.checks.formulas.values import Term
from sept_jax.checks.formulas.words import word_set

MAX_SYMBOL_WORK = 6_000
MAX_STATEMENTS = 200

_SYMBOLS = frozenset((VAR, OPAQUE, SQRT))
_INSIDE = frozenset((NUM, OP, VAR, RP, FRAC, SQRT, BANG, PCT, CUR, LP))
_UNCLEAN_WORDS = word_set(
    "of times plus minus percent squared cubed more less divided multiplied over mod modulo remainder "
    "rem r base million billion thousand hundred dozen"
)
_LIST_WORDS = frozenset(("or", "and"))
_COMMAS = frozenset(("", ",", "$", "&"))


class Statement(NamedTuple):
    """`left relation right`. `[start, end)` are characters, with the relation at `middle`; `first` and `last`
    are tokens. `continues`: the left side is the right side of the relation before; `listed`: the right side
    is the first of several; `doubtful`: the left side may have a sign or a part before it."""

    left: Term
    right: Term
    relation: str
    start: int
    middle: int
    end: int
    continues: bool
    listed: bool
    doubtful: bool
    first: int
    last: int


def find_statements(tokens: Tokens) -> list[Statement]:
    """All relations of which both sides are understood and one has more than plain arithmetic, in order."""
    kinds, cuts = tokens.kinds, tokens.cuts
    found: list[Statement] = []
    parser = Parser(tokens)
    left, first, doubtful, continues, start = None, 0, False, False, 0
    for n, cut in enumerate(cuts):
        begin, end = cut + 1, cuts[n + 1] if n + 1 < len(cuts) else len(kinds)
        if left is None and _symbolic(tokens, start, cut, end):
            left, first, doubtful = ending(parser, tokens, start, cut)
            continues = False
        start = begin
        if left is None:
            continue
        while begin < end and kinds[begin] in (NL, CUR):
            begin += 1
        right = parser.term(begin, end) if begin < end else None
        stop = after = parser.pos
        if right is not None and clean_end(tokens, stop, end):
            listed = stop < end and _listed(tokens, stop, end)
            span = tokens.starts[first], tokens.starts[cut], tokens.ends[stop - 1]
            relation = tokens.values[cut]
            found.append(Statement(left, right, relation, *span, continues, listed, doubtful, first, stop))
        if parser.work > MAX_SYMBOL_WORK or len(found) == MAX_STATEMENTS:
            break
        while right is not None and after < end and kinds[after] == NL:
            after += 1
        if right is not None and after == end:
            left, first, doubtful, continues = right, begin, False, True
        else:
            left = None
    return found


def _symbolic(tokens: Tokens, start: int, cut: int, end: int) -> bool:
    """Whether there is more than numbers and prose around a relation."""
    if not _SYMBOLS.isdisjoint(tokens.kinds[start:end]):
        return True
    beside = (i for i in (cut - 1, cut + 1) if start <= i < end)
    return any(tokens.kinds[i] == WORD and letters(tokens, i) for i in beside)


def ending(parser: Parser, tokens: Tokens, start: int, end: int) -> tuple[Term | None, int, bool]:
    """The expression that ends the gap `[start, end)`, where it starts, and whether that is in doubt."""
    kinds, values, match = tokens.kinds, tokens.values, tokens.match
    while end > start and kinds[end - 1] == NL:
        end -= 1
    at = end
    while at > start:
        kind = kinds[at - 1]
        if kind == RP and start <= match[at - 1]:
            at = match[at - 1]
        elif (kind in _INSIDE and not (kind in (LP, RP) and match[at - 1] < 0)) or (
            kind == OPAQUE and (values[at - 1] in KNOWN or letters(tokens, at - 1))
        ):
            if kind == LP:
                break
            at -= 1
        elif kind == WORD and (values[at - 1] == "degree" or letters(tokens, at - 1)):
            at -= 1
        else:
            break
    if at == end:
        return None, end, False
    doubtful = False
    if at > start:
        kind = kinds[at - 1]
        if kind == OPAQUE or not _clean_start(tokens, at):
            return None, end, False
        doubtful = kind == SEP and values[at - 1] in ("-", "+", "*")
    if kinds[at] == OP:
        if at > start and kinds[at - 1] == WORD:
            return None, end, False
        delimited = at > start and kinds[at - 1] == SEP and values[at - 1] in ("", "$")
        delimited &= at < start + 2 or kinds[at - 2] != NL
        doubtful |= values[at] not in "+-" or not (delimited or tokens.ends[at] == tokens.starts[at + 1])
    term = parser.term(at, end)
    if term is None or parser.pos != end:
        return None, end, False
    if not term.operators and number(term.tree) and at > start and kinds[at - 1] == WORD:
        return None, end, False  # "section 2 = x + 200"
    return term, at, doubtful


def _clean_start(tokens: Tokens, at: int) -> bool:
    """Whether nothing before token `at` can belong to the expression that starts there."""
    before, value = tokens.kinds[at - 1], tokens.values[at - 1]
    if before == WORD:
        return _prose(tokens, at - 1) and tokens.ends[at - 1] < tokens.starts[at]
    if before == NL:
        back = at - 1
        while back > 0 and tokens.kinds[back] == NL:
            back -= 1
        if tokens.kinds[back] in (NUM, RP, VAR) and tokens.kinds[at] != NUM and "\\" in tokens.text:
            return tokens.text[tokens.starts[at - 1]] == "\\"  # a formula may go on after a mere line break
        return tokens.kinds[back] != OP
    if before == SEP and at >= 2:
        if value in "'’" and tokens.kinds[at - 2] == VAR:
            return False
        if value == ":" and tokens.kinds[at - 2] == NUM and touching(tokens, at):
            return False
        if value == "," and tokens.kinds[at - 2] == NUM and touching(tokens, at):
            return False
        if value == "." and tokens.kinds[at - 2] in (OP, OPAQUE):
            return False
    if before == LP:
        return at < 2 or tokens.kinds[at - 2] not in (OP, VAR, OPAQUE, FRAC, SQRT, NUM, RP)
    if before == RP:
        return False
    return before in (SEP, NL, CUR)


def clean_end(tokens: Tokens, stop: int, end: int) -> bool:
    """Whether nothing from token `stop` on can belong to the expression that ends there."""
    if stop >= end:
        return True
    kind, value = tokens.kinds[stop], tokens.values[stop]
    if kind == WORD:
        start = tokens.starts[stop]
        attached = tokens.ends[stop - 1] == start and tokens.text[start].isalpha()
        return not attached and _prose(tokens, stop)
    if kind == SEP:
        if value == "&":
            return stop + 1 >= end or tokens.kinds[stop + 1] != NUM
        if value == "":
            return not _goes_on(tokens, stop, end)
        if value in ":'’":
            following = tokens.kinds[stop + 1] if stop + 1 < end else SEP
            return not (touching(tokens, stop) and following in (NUM, VAR, LP))
        if value == "." and stop + 1 < end and touching(tokens, stop + 1):
            following = tokens.kinds[stop + 1]
            return following in (SEP, NL) and tokens.values[stop + 1] != "."
        return True
    if kind == CUR:  # a closing dollar sign before a full stop
        return stop + 1 >= end or tokens.kinds[stop + 1] in (SEP, NL)
    if kind == RP:
        return tokens.match[stop] < 0 or tokens.match[stop] < stop
    if kind == LP:  # a remark or a label behind the equation
        close = tokens.match[stop]
        return not touching(tokens, stop) and stop < close and _remark(tokens, stop, close, end)
    return kind == NL and not _goes_on(tokens, stop, end)


def _goes_on(tokens: Tokens, stop: int, end: int) -> bool:
    """Whether the expression goes on in the next line, with an operator."""
    at = stop
    while at < end and (tokens.kinds[at] == NL or (tokens.kinds[at] == SEP and tokens.values[at] == "")):
        at += 1
    return at < end and (
        tokens.kinds[at] == OP or (tokens.kinds[at] == SEP and tokens.values[at] in ("+", "-", "*"))
    )


def _prose(tokens: Tokens, at: int) -> bool:
    """Whether a word is no part of a formula: neither "of" and the like nor the name of a segment."""
    if tokens.values[at] in _UNCLEAN_WORDS:
        return False
    if tokens.values[at] == "":  # a bracket of words, or the power of a unit
        return tokens.text[tokens.starts[at]] == "("
    word = tokens.text[tokens.starts[at] : tokens.ends[at]]
    return len(word) > 4 or not word.isupper()


def _remark(tokens: Tokens, start: int, close: int, end: int) -> bool:
    """Whether brackets hold a label or words, and no factor."""
    inside = tokens.kinds[start + 1 : close]
    if close + 1 < end and tokens.kinds[close + 1] not in (SEP, NL, WORD):
        return False
    return inside == [NUM] or (WORD in inside and OP not in inside)


def _listed(tokens: Tokens, stop: int, end: int) -> bool:
    """Whether `x = 2` goes on as `x = 2, 3` or `x = 2 or 3`."""
    kinds, at = tokens.kinds, stop
    joints = []
    while at < end and at < stop + 3:
        kind, value = kinds[at], tokens.values[at]
        if not (kind == SEP and value in _COMMAS) and not (kind == WORD and value in _LIST_WORDS):
            break
        joints.append(value)
        at += 1
    if at >= end or not joints:
        return False
    if "or" in joints:
        return True
    number_follows = kinds[at] in (NUM, OP, FRAC, SQRT)
    alone = at + 1 >= end or kinds[at] != NUM or kinds[at + 1] in (SEP, NL, WORD)
    return ("," in joints or "and" in joints) and number_follows and alone
