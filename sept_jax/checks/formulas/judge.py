"""Is one relation between two closed sides true as printed?"""

from fractions import Fraction
from typing import NamedTuple

from sept_jax.checks.formulas.conversions import convertible
from sept_jax.checks.formulas.lexer import CUR, NL, REL, SEP, WORD, Tokens
from sept_jax.checks.formulas.values import BY_FRACTION, PERCENT_PLAIN, TIGHT, Value
from sept_jax.checks.formulas.words import DOUBTS, MEASURES, SCALES

_STOPS = frozenset(".;?")
_FLOAT_PLACES = 12
"""A decimal with as many places is what a program printed, and good to as many digits."""

_REFUSALS = frozenset(("mod", "modulo", "remainder", "false", "contradiction", "not", "impossible"))


class Side(NamedTuple):
    """One side of a relation: its readings, its tokens `[start, end)`, the measure words of it and
    directly after it, and whether the text around it may change it."""

    values: list[Value]
    start: int
    end: int
    words: tuple[str, ...]
    doubtful: bool


def judge(
    tokens: Tokens, cut: int, left: Side, right: Side, relation: str, continues: bool
) -> tuple[bool | None, Value, Value]:
    """The verdict, and the readings that it is about."""
    first, second = left.values[0], right.values[0]
    bare = not first.operators and not second.operators
    if bare and (not continues or left.words or right.words or first.exact == second.exact):
        return None, first, second
    open_to_doubt = left.doubtful or right.doubtful
    about = None
    for a in left.values:
        for b in right.values:
            holds = compare(a, b, relation)
            if holds:
                if _is_printed(a, b):
                    return True, a, b
                about = about or (a, b)
            open_to_doubt |= holds is not False
    if not open_to_doubt:
        signs = "+" in first.operators or "-" in first.operators
        open_to_doubt = (
            _runs_on(first, second)
            or (signs and (first.ambiguous | second.ambiguous) & PERCENT_PLAIN)  # 100 - 20%
            or _converts(first, second, left.words, right.words)
            or ("cent" in left.words + right.words and CUR in tokens.kinds[left.start : right.end])
            or doubted(tokens, left.start, right.end)
        )
    return None if open_to_doubt else False, *(about or (first, second))


def _runs_on(left: Value, right: Value) -> bool:
    """Whether the right side starts with the result and goes on from there: 5*60 = 300 + 58 = 358."""
    return right.operators[:1] not in ((), ("!",)) and right.numbers[0] == left.exact


def _is_printed(left: Value, right: Value) -> bool:
    """Whether two readings are the usual ones, or others that the print shows: `28 / 1/5` by its blanks, and
    the mark of a bare result, as in `5/20*100 = 25%` or the end of a sentence, `so 3 + 4 = 7!`."""
    if left.reading and (left.reading != BY_FRACTION or left.ambiguous & TIGHT):
        return False
    if not right.reading or (right.reading == BY_FRACTION and not right.ambiguous & TIGHT):
        return True
    if right.operators or not left.operators or left.ambiguous & right.ambiguous:
        return False
    percentage = 100 in left.numbers or "+" in left.operators or "-" in left.operators
    return percentage or not right.reading & PERCENT_PLAIN


def compare(left: Value, right: Value, relation: str) -> bool | None:
    """Whether the sides are equal as printed: exactly, or to half a unit in the last printed place of a
    side that is one number, or to 12 digits where it has 12 places; None up to a whole unit (cut off instead
    of rounded) and where a whole number stands for a fraction with '='."""
    if left.exact is right.exact or left.exact == right.exact:
        return True
    printed, other = (left, right) if right.operators and not left.operators else (right, left)
    if printed.operators and not (left.decimals or right.decimals):
        return False  # fractions are exact
    gap = abs(left.exact - right.exact)
    if printed.decimals >= _FLOAT_PLACES and gap * 10**_FLOAT_PLACES <= abs(other.exact):
        return True  # 2000 / 75 = 26.666666666666668
    unit = Fraction(1, 10**printed.decimals)
    if relation == "≈" and not printed.decimals and not printed.operators:
        number, zeros = abs(int(printed.exact)), 0
        while number and number % 10 ** (zeros + 1) == 0:
            zeros += 1
        unit = Fraction(10**zeros)
    if relation == "=" and (other.exact / unit).denominator == 1:
        return False
    if gap > unit:
        return None if relation == "≈" and gap * 200 < abs(other.exact) else False
    return (
        True if gap * 2 <= unit and (printed.decimals or relation == "≈") and not printed.operators else None
    )


def _converts(left: Value, right: Value, words: tuple[str, ...], others: tuple[str, ...]) -> bool:
    """Whether units are mixed in a way that can make a true statement look false."""
    every = set(words) | set(others)
    if not every:
        return False
    scales = every & SCALES.keys()
    if scales:
        if {"+", "-"} & set(left.operators) or len(scales) > 1 or not (left.exact and right.exact):
            return True
        (scale,) = scales
        return left.exact / right.exact in (SCALES[scale], Fraction(1, SCALES[scale]))
    if left.exact and right.exact and convertible(every, left.exact / right.exact):
        return True
    if len({MEASURES[word] for word in every}) == len(every):
        return False
    return bool({"+", "-"} & set(left.operators)) or not set(others) <= set(words)


def doubted(tokens: Tokens, start: int, end: int) -> bool:
    """Whether the clause before the equation, or the words after it, say that it need not hold."""
    kinds, values = tokens.kinds, tokens.values
    for i in range(end, min(len(kinds), end + 6)):
        if kinds[i] == NL or kinds[i] == REL:
            break
        if kinds[i] == WORD and values[i] in _REFUSALS and (values[i] != "not" or i <= end + 1):
            return True
    if "contradict" in tokens.text:
        return True
    return supposed(tokens, start) and not _follows_if(tokens, start)


def _follows_if(tokens: Tokens, start: int) -> bool:
    """Whether the only doubt before token `start` is an "if" whose consequence stands at `start`."""
    kinds, values = tokens.kinds, tokens.values
    consequence = False
    for i in range(start - 1, max(-1, start - 25), -1):
        if kinds[i] == NL:
            return False
        if kinds[i] == SEP and (values[i] in _STOPS or tokens.text.startswith("\\[", tokens.starts[i])):
            return False
        if kinds[i] == WORD and values[i] in DOUBTS:
            return consequence and values[i] == "if"
        consequence |= (kinds[i] == SEP and values[i] == ",") or (kinds[i] == WORD and values[i] == "then")
    return False


def supposed(tokens: Tokens, start: int) -> bool:
    """Whether the clause before token `start` says that what follows need not hold."""
    kinds, values = tokens.kinds, tokens.values
    for i in range(start - 1, max(-1, start - 25), -1):
        if kinds[i] == NL:
            return False
        if kinds[i] == SEP and (values[i] in _STOPS or tokens.text.startswith("\\[", tokens.starts[i])):
            return False
        if kinds[i] == WORD and (values[i] in DOUBTS or (values[i] == "base" and values[i - 1] == "in")):
            return True
    return False
