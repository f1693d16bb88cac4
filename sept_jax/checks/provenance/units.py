"""The units of a product or quotient: what stays after cancelling, against what the step calls it."""

import re
from fractions import Fraction

from sept_jax.checks.formulas.conversions import SIZES
from sept_jax.checks.formulas.words import singular
from sept_jax.checks.wording import heads, words

_NUMBER = r"\d[\d,]{0,14}(?:\.\d{1,9})?"
_UNIT = r" ?(?:\\text\{ ?)?([A-Za-z]{1,14})"
_PER = r"(?: ?/ ?(?:\\text\{ ?)?| per )([A-Za-z]{1,14})"
_CLOSE = r"(?: ?\})?"
_SHORTER = ("second", "minute", "day", "week", "inch", "foot", "feet", "cent", "ounce", "gram", "ml", "cup")
"""A sum of two units of one kind has one of these."""

_HEADS = heads(" ".join(f"{unit} {unit}s" for unit in SIZES))
_GOES_ON = (*"0123456789.,/*×÷+-−", "\\times", "\\div")
_OVER_UNIT = re.compile(r"/ ?(?:\\text\{ ?)?[A-Za-z]")
_RATE_RESULT = re.compile(r"= ?\\?\$?\d[\d,.]{0,14} ?(?:\\\))?[ \\a-zA-Z{]{1,24}(?:/| per )")
_RATE_BY = re.compile(
    rf"{_NUMBER}{_UNIT}{_CLOSE}{_PER}{_CLOSE} ?(×|\*|x|÷|/|\\times|\\div) ?{_NUMBER}{_UNIT}{_CLOSE}"
    rf" ?= ?\$?{_NUMBER}{_UNIT}{_CLOSE}{_PER}(?![a-z/])"
)
_BY = r" ?(?:×|\*|x|\\times) ?\\?\$?"
_PRODUCT = re.compile(
    rf"{_NUMBER}(?:{_UNIT}{_CLOSE})?{_PER}{_CLOSE}{_BY}{_NUMBER}{_UNIT}{_CLOSE}(?! ?/| per|[a-z/]) ?="
    rf"|{_NUMBER}{_UNIT}{_CLOSE}{_BY}{_NUMBER}(?:{_UNIT}{_CLOSE})?{_PER}{_CLOSE}(?! ?/| per|[a-z/]) ?="
)
_SUM = re.compile(
    rf"({_NUMBER}){_UNIT}{_CLOSE} ?([+-]) ?({_NUMBER}){_UNIT}{_CLOSE} ?= ?({_NUMBER})(?![\d.,]{{0,9}}\d)"
)
_QUOTIENT = re.compile(
    rf"(?:\\d?frac\{{({_NUMBER})(?:{_UNIT}{_CLOSE})?\}}\{{({_NUMBER})(?:{_UNIT}{_CLOSE})?\}}"
    rf"|({_NUMBER})(?:{_UNIT}{_CLOSE})? ?(?:÷|/|\\div) ?({_NUMBER})(?:{_UNIT}{_CLOSE})?)"
    rf" ?= ?{_NUMBER} ?(?:\\\))?{_UNIT}{_CLOSE}{_PER}(?![a-z])"
)


def false_unit(step: str) -> str:
    """Why a unit in the step's equations is wrong; "" if none is, or if it cannot tell.

    `20 kb/s ÷ 3600 s` is no `kb/s`; `5 km/hour * 30 minutes` and `3 hours + 30 minutes = 33` mix two units
    of one kind."""
    if "=" not in step:
        return ""
    rate = _says_rate(step)
    measured = (rate or "+" in step or "-" in step) and not _HEADS.isdisjoint(words(step))
    if measured and ("+" in step or "-" in step) and any(map(step.__contains__, _SHORTER)):
        for found in _SUM.finditer(step):
            first, unit, sign, second, other, result = found.groups()
            if _mixed(unit, other, money=False) and _begins(step, found.start()):
                total = _value(first) + (_value(second) if sign == "+" else -_value(second))
                if total == _value(result):
                    return f"{_plain(found.group())}: {unit} and {other} are not the same unit"
    if not rate:
        return ""
    times = measured and ("*" in step or "×" in step or "\\times" in step)
    for found in _PRODUCT.finditer(step) if times else ():
        _, per, unit, unit_before, _, per_after = found.groups()
        per, unit = per or per_after, unit or unit_before
        if _mixed(per, unit, money=True) and _begins(step, found.start()):
            return f"{_plain(found.group()[:-1])}: a rate per {singular(per.lower())} times {unit}"
    if _RATE_RESULT.search(step) is None:
        return ""
    for found in _RATE_BY.finditer(step):
        unit, per, sign, by, result, over = (word.lower() for word in found.groups())
        same = singular(unit) == singular(result) and singular(per) == singular(over) == singular(by)
        if same and _begins(step, found.start()):
            return f"{_plain(found.group())}: {sign} {by} changes the unit"
    return ""


def upside_down(problem: str, step: str) -> str:
    """Why a rate of the step is upside down ("" if none is): with 120 washings and 2 pumps,
    `120/2 = 60 pumps per washing`."""
    if "=" not in step or not _says_rate(step) or _RATE_RESULT.search(step) is None:
        return ""
    for found in _QUOTIENT.finditer(step):
        top, top_unit, below, below_unit = found.groups()[:4] if found[1] else found.groups()[4:8]
        unit, per = singular(found[9].lower()), singular(found[10].lower())
        if unit == per or top == below or not _begins(step, found.start()):
            continue
        if _counts(problem, step, top, top_unit, per) and _counts(problem, step, below, below_unit, unit):
            return f"{_plain(found.group())}: that is {per}s per {unit}, upside down"
    return ""


def _says_rate(step: str) -> bool:
    """Whether a unit stands after a slash or "per"."""
    return " per " in step or ("/" in step and _OVER_UNIT.search(step) is not None)


def _begins(step: str, start: int) -> bool:
    """Whether the match at `start` is no tail of a number or of a longer expression."""
    return not step[max(0, start - 8) : start].rstrip(" $").endswith(_GOES_ON) or step[start] == "\\"


def _mixed(first: str, second: str, money: bool) -> bool:
    """Whether two units measure the same kind of thing in different sizes (months and days included)."""
    one, two = SIZES.get(singular(first.lower())), SIZES.get(singular(second.lower()))
    if one is None or two is None or one == two:
        return False
    kinds = {one[0], two[0]}
    return (len(kinds) == 1 or kinds == {"time", "months"}) and (money or "money" not in kinds)


def _value(text: str) -> Fraction:
    return Fraction(text.replace(",", ""))


def _counts(problem: str, step: str, number: str, said: str | None, unit: str) -> bool:
    """Whether the number counts the unit: by the unit that it carries, else by the text around it."""
    if said is not None:
        return singular(said.lower()) == unit
    pattern = re.compile(rf"(?<![\d.,]){re.escape(number)} {re.escape(unit[:10])}")
    return pattern.search(problem) is not None or pattern.search(step) is not None


def _plain(text: str) -> str:
    return " ".join(text.split())
