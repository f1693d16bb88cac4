"""The equations of a text: every `a = b` whose sides are closed, link by link, with its verdict.

One pass: relations cut the tokens into gaps; the expression that starts a gap is the right side of the
relation before it, the one that ends a gap is the left side of the relation after it. A side that
touches anything not understood is no side.
"""

import functools
from typing import NamedTuple

from sept_jax.checks.formulas.judge import Side, judge
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
    REL,
    RP,
    SEP,
    SQRT,
    VAR,
    WORD,
    Tokens,
    goes_on,
    tokenize,
    touching,
)  # fmt: skip
from sept_jax.checks.formulas.parser import MAX_WORK, Parser
from sept_jax.checks.formulas.readings import readings
from sept_jax.checks.formulas.values import PERHAPS_DASH, Value
from sept_jax.checks.formulas.words import AFTER, JOINTS, MEASURES, singular, word_set

CACHED_CHARS = 1_024

_BREAKS = frozenset((VAR, OPAQUE, SEP, NL))
_TAKES = frozenset({"", "mod", "than", "by", "times", "plus", "minus"})
"""A number after one of these words may belong to it."""

_STARTS = word_set("is are was were because so then since equals therefore thus hence")
"""A number after one of these words is the first of its expression, whatever stands before the word."""

_ENDS_UNIT = word_set("each every in on for from that because who after before")
"""Words after which what a number counts is over: "60 hours each week"."""

_AMOUNTS = word_set("total sum cost price rate amount average profit value number care")
"""What "of" gives the amount of."""


class Link(NamedTuple):
    """`left relation right`. A side is None where it is not a closed expression; `holds` is None where
    nothing can be said: a binding (`x = 5`), a doubt, a reading left open. `[start, end)` are characters
    of the text; `continues`: the left side is the right side of the link before; `note`: from `<<...>>`."""

    left: Value | None
    right: Value | None
    relation: str
    holds: bool | None
    start: int
    middle: int
    end: int
    continues: bool
    note: bool


def find_links(text: str) -> tuple[Link, ...]:
    """All links of `text`, in order; () where it is beyond the lexer's bounds."""
    return _cached_links(text) if len(text) <= CACHED_CHARS else _links(text)


def _links(text: str) -> tuple[Link, ...]:
    if "=" not in text and "≈" not in text and "\\approx" not in text:
        return ()
    tokens = tokenize(text)
    if tokens is None:
        return ()
    links = _stream_links(tokens)
    for start, end in tokens.notes:
        for link in _links(text[start:end]):
            links.append(
                link._replace(
                    start=link.start + start, middle=link.middle + start, end=link.end + start, note=True
                )
            )
    if tokens.notes:
        links.sort(key=lambda link: link.start)
    return tuple(links)


_cached_links = functools.lru_cache(maxsize=2_048)(_links)


def _stream_links(tokens: Tokens) -> list[Link]:
    kinds, cuts, links = tokens.kinds, tokens.cuts, []
    if not cuts:
        return links
    parser = Parser(tokens)
    bounds = [-1, *cuts, len(kinds)]
    left = _ending(parser, tokens, 0, cuts[0])
    for n, cut in enumerate(cuts):
        begin, end = cut + 1, bounds[n + 2]
        right = _starting(parser, tokens, begin, end)
        following = n + 1 < len(cuts)
        whole = right is not None and following and right.end == end
        unequal = _perhaps_unequal(tokens, cut)
        if kinds[cut] == REL and (left is not None or (right is not None and not unequal)):
            continues = bool(links) and left is not None and links[-1].end == tokens.ends[left.end - 1]
            if unequal and not (continues and links[-1].holds):
                left = left._replace(doubtful=True)
            links.append(_link(tokens, parser, cut, left, right, continues))
        if parser.work > MAX_WORK:
            break
        if following:
            left = right if whole else _ending(parser, tokens, begin, end)
    return links


def _perhaps_unequal(tokens: Tokens, cut: int) -> bool:
    """Whether a relation and the factorial before it are printed as `!=`."""
    return tokens.text.endswith("!=", 0, tokens.ends[cut])


def _starting(parser: Parser, tokens: Tokens, start: int, end: int) -> Side | None:
    """The expression that starts the gap `[start, end)`; None where what follows it could change it."""
    kinds, values = tokens.kinds, tokens.values
    while start < end and kinds[start] in (NL, CUR):
        start += 1
    if start < end and kinds[start] == SEP and values[start] == "$":
        start += 1
    found = readings(parser, start, end) if start < end else []
    if not found:
        return None
    stop = parser.pos
    words = list(found[0].units)
    doubtful = False
    if stop < end:
        kind = kinds[stop]
        if kind in (OP, VAR, OPAQUE, NUM, FRAC, SQRT, BANG, PCT):
            return None
        if kind == SEP and values[stop] == "." and touching(tokens, stop) and _is_glued(tokens, stop + 1):
            return None  # 0.\overline{7}
        if kind == LP:
            if touching(tokens, stop):
                return None
            close = tokens.match[stop]
            doubtful = any(k in (VAR, OP, OPAQUE) for k in kinds[stop:close]) if close > 0 else True
        ahead = stop
        while ahead < end and ahead < stop + 4 and kinds[ahead] in (WORD, VAR, LP):
            if values[ahead] in AFTER and _is_rest(tokens, start, stop, ahead):
                return None
            if values[ahead] in _ENDS_UNIT:
                break
            words.append(values[ahead])
            ahead += 1
        # "24 apples + x", "7 - so": the operator after the words may belong to the side
        doubtful |= ahead < end and ahead > stop and kinds[ahead] == OP
    elif stop < len(kinds) and kinds[stop - 1] == WORD and values[stop - 1] in AFTER:
        return None
    return Side(found, start, stop, _measures(words), doubtful)


def _is_glued(tokens: Tokens, at: int) -> bool:
    return at < len(tokens.kinds) and tokens.kinds[at] == OPAQUE and tokens.starts[at] == tokens.ends[at - 1]


def _is_rest(tokens: Tokens, start: int, stop: int, at: int) -> bool:
    """Whether the word of AFTER at token `at` makes the side that ends at `stop` a part of the result: what
    is left is one only of a division, and "red or green" are no alternatives."""
    word, kinds, values = tokens.values[at], tokens.kinds, tokens.values
    if word == "or":
        return at == stop
    if word in ("left", "leftover"):
        near = range(max(0, start - 16), start)
        return any(kinds[i] == FRAC or (kinds[i] == OP and values[i] == "/") for i in near)
    return True


def _ending(parser: Parser, tokens: Tokens, start: int, end: int) -> Side | None:
    """The expression that ends the gap `[start, end)`; None where what precedes it could change it."""
    kinds = tokens.kinds
    while end > start and kinds[end - 1] == NL:
        end -= 1
    at = _after_break(tokens, start, end)
    while at < end and parser.work <= MAX_WORK:
        kind = kinds[at]
        sign = kind == OP and tokens.values[at] in "+-" and _clean(tokens, at, start)
        if not (sign or kind in (NUM, LP, CUR, FRAC, SQRT)):
            at += 1
            continue
        found = readings(parser, at, end)
        if found and parser.pos == end:
            return _left_side(parser, tokens, found, at, start, end)
        at = max(at + 1, parser.pos if found or kind != LP else at + 1)
    return None


def _after_break(tokens: Tokens, start: int, end: int) -> int:
    """The first token of `[start, end)` behind which nothing stands that closed arithmetic cannot hold."""
    kinds, values = tokens.kinds, tokens.values
    for at in range(end - 1, start - 1, -1):
        kind = kinds[at]
        if kind in _BREAKS or (kind == WORD and values[at] in JOINTS):
            return at + 1
    return start


def _left_side(
    parser: Parser, tokens: Tokens, found: list[Value], at: int, start: int, end: int
) -> Side | None:
    kinds, values = tokens.kinds, tokens.values
    words, dash = list(found[0].units), parser.dash
    if not _clean(tokens, at, start):
        return None
    before = at - 1
    doubtful = False
    if before >= start and kinds[before] == WORD:
        # "3 hours 20 minutes + ...", "3 and 4 + 5": the number before the word may belong to it
        word = values[before]
        doubtful = before > start and kinds[before - 1] in (NUM, PCT) and word not in _STARTS
        if word == "of":  # "a total of 3 + 4" is whole, "half of 3 + 4" is not
            doubtful = doubtful or before == start or not _is_amount(tokens, before - 1)
        elif word in _TAKES or singular(word) in MEASURES:  # "mod 5 + 3", "on day 1 * 2"
            doubtful = True
    found = list(found)
    if before >= start and kinds[before] == SEP and values[before] == "-":
        found += readings(parser, before + 1, end) and _negated(parser, tokens, before, end)
    if dash:
        found += _far_fetched(readings(parser, dash + 1, end))
    if kinds[at] == OP:
        # "Revenue - 30 + 5 = 75"
        doubtful |= (before >= start and kinds[before] == WORD) or goes_on(tokens, at)
        spaced = not touching(tokens, at + 1)
        if spaced or before < 0 or kinds[before] == NL:
            unsigned = readings(parser, at + 1, end)
            named = before >= start and kinds[before] == WORD and values[before] not in JOINTS
            found += unsigned if spaced and named else _far_fetched(unsigned)
    if not found[0].operators and (words or (before >= start and kinds[before] in (WORD, RP, VAR))):
        return None  # "Day 2 = 5 + 3", "8 batches = 5.5 * 8"
    return Side(found, at, end, _measures(words), doubtful)


def _is_amount(tokens: Tokens, at: int) -> bool:
    """Whether the token is a word that "of" gives the amount of: a total, a cost."""
    return tokens.kinds[at] == WORD and tokens.values[at] in _AMOUNTS


def _far_fetched(found: list[Value]) -> list[Value]:
    """Readings of a minus sign as a dash that only keep an equation from being refuted."""
    return [value._replace(reading=value.reading | PERHAPS_DASH) for value in found]


def _negated(parser: Parser, tokens: Tokens, sign: int, end: int) -> list[Value]:
    """The reading of a bullet as a minus sign."""
    tokens.kinds[sign] = OP
    try:
        return readings(parser, sign, end)
    finally:
        tokens.kinds[sign] = SEP


def _clean(tokens: Tokens, at: int, start: int) -> bool:
    """Whether an expression may start at token `at`: nothing before it could be an operand's part."""
    if at <= start:
        return True
    kind = tokens.kinds[at - 1]
    if kind == LP:
        return at - 1 <= start or tokens.kinds[at - 2] not in (OP, VAR, OPAQUE, FRAC, SQRT, NUM, RP)
    if kind == RP:
        return tokens.match[at - 1] < 0 or (tokens.kinds[at] == NUM and not touching(tokens, at))
    if kind == SEP and at - 2 >= start:
        symbol, before = tokens.values[at - 1], tokens.kinds[at - 2]
        if symbol == "." and before == OP:  # .8 + . 84
            return False
        if symbol == "," and before == NUM:  # 16,0000 and 14, 400
            return not touching(tokens, at) and tokens.ends[at] - tokens.starts[at] != 3
    if kind == WORD:
        return tokens.ends[at - 1] < tokens.starts[at] or tokens.values[at - 1] == "degree"
    return kind in (SEP, NL, CUR)


def _measures(words: list[str]) -> tuple[str, ...]:
    if not words:
        return ()
    last = len(words) - 1
    return tuple(
        w for i, word in enumerate(words)
        if (w := singular(word)) in MEASURES and not (word == "second" and i < last)  # the second day
    )  # fmt: skip


def _link(
    tokens: Tokens, parser: Parser, cut: int, left: Side | None, right: Side | None, continues: bool
) -> Link:
    relation = tokens.values[cut]
    holds, first, second = None, left and left.values[0], right and right.values[0]
    if left is not None and right is not None:
        holds, first, second = judge(tokens, cut, left, right, relation, continues)
    return Link(
        first,
        second,
        relation,
        holds,
        tokens.starts[left.start] if left else tokens.starts[cut],
        tokens.starts[cut],
        tokens.ends[right.end - 1] if right else tokens.ends[cut],
        continues,
        False,
    )
