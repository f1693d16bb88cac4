"""What a percentage of the problem is a percentage of: of a price, off it, or on top of it.

A rule reads the problem once and returns a check of its steps, or None where the problem gives no ground.
"""

import functools
import re
from collections.abc import Callable, Sequence
from fractions import Fraction

Check = Callable[[str, Sequence[str]], str]
"""(step, earlier steps) -> why the step contradicts the problem; "" if it does not."""

_PERCENT = r"(\d{1,3}(?:\.\d{1,9})?) ?(?:\\?%|percent)"
_OFF = re.compile(
    rf"{_PERCENT}(?: price)?(?: off\b| discount| reduction| cheaper| less\b| lower\b)"
    rf"|\b(?:discount|reduction|markdown) of (?:an? )?{_PERCENT}"
    rf"|\b(?:discount|reduc|decreas|drop|lower|depreciat|fell|fall|declin)\w{{0,20}}"
    rf"(?: [\w$']{{1,20}}){{0,5}}? by "
    rf"(?:an? )?{_PERCENT}",
    re.IGNORECASE,
)
_ON = re.compile(
    rf"{_PERCENT} (?:more|higher|raise|increase|markup|extra)\b"
    rf"|\b(?:increas|rais|r[io]se|grew|grow|appreciat|went up|goes up|go up|mark(?:ed|s) up)\w{{0,20}}"
    rf"(?: [\w$'’]{{1,20}}){{0,6}}? by (?:an? )?{_PERCENT}",
    re.IGNORECASE,
)
_OF = re.compile(
    rf"{_PERCENT} of (?:its|the|their|his|her|that) (?:original |initial |regular |usual |marked |retail "
    rf"|full )?"
    r"(?:price|cost|value)\b",
    re.IGNORECASE,
)
_OF_ORIGINAL = re.compile(
    rf"{_PERCENT} of (?:its|the|their) (?:original|initial)\b[^.]{{0,40}}\b(?:every|each|per|a) (?:year"
    rf"|month|week|day)",
    re.IGNORECASE,
)
_COMPOUND = re.compile(
    r"\bcompound|\(1 ?\+ ?(?:r|0?\.\d{1,9}|\\frac)[^()]{0,20}\) ?(?:\^|\*\*)", re.IGNORECASE
)
_CALLED_OFF = re.compile(
    rf"\b(?:discount|reduction)\b(?: (?!off)[\w'.]{{1,20}}){{0,4}}? (?:is|was|of|=|equals) "
    rf"(?:an? )?{_PERCENT}"
    rf"|{_PERCENT} (?:off\b|discount)",
    re.IGNORECASE,
)
_CALLED_OF = re.compile(
    r"\b(?:new|final|increased|discounted|reduced|sale|resulting) (?:[\w']{1,20} ){0,5}?(?:is|was|be|becomes"
    r"|equals|=|to) "
    rf"(?:now |only |equal to )?{_PERCENT} of\b",
    re.IGNORECASE,
)
_LABELS = ("iscount", "price", "aving", "educ", "new", "New", "ncrease")
_AMOUNT = re.compile(
    r"(?<!\d )\b(new|final|increased|discounted|reduced|sale|discount|savings|reduction)"
    r"(?: (price|cost|value|amount|total|salary|wage|rate))?\}?"
    r"(?: (?:of|for|on) (?:the |each |one )?[a-z]{1,20}(?: [a-z]{1,20})?)?(?: is| was| would be| will be"
    r"| comes to"
    r"| equals| ?=|:)+"
    r"((?:[^;\na-z\\]|\\(?:times|cdot|left|right|[()\[\]$%])){0,60}?)(?<![\d.,])(\\?\$ ?)?(\d[\d,]{0,14}"
    r"(?:\.\d{1,9})?)(?![\d,]{0,14}(?:\.\d)? ?(?:[-+*×/÷x\\=(%]|\\?%|percent))"
    r"(?! (?:more|less|off))",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?<![\d.,])(\d[\d,]{0,14}(?:\.\d{1,9})?)(?! ?\\?%)")


def percent_checks(problem: str) -> list[Check]:
    """The checks that the percentages of a problem give ground for."""
    if "%" not in problem and "percent" not in problem:
        return []
    off, on, of = _values(_OFF, problem), _values(_ON, problem), _values(_OF, problem)
    checks: list[Check] = []
    if _OF_ORIGINAL.search(problem):
        checks.append(_compounds)
    if of and not off:
        checks.append(lambda step, earlier: _off_for_of(step, of - on))
    if off or on:
        checks.append(lambda step, earlier: _of_for_by(step, (off | on) - of))
    if bool(off) != bool(on) and not of:
        checks.append(lambda step, earlier: _amounts(step, earlier, problem, off or on, -1 if off else 1))
    return checks


def _values(pattern: re.Pattern, text: str) -> set[str]:
    return (
        {value for found in pattern.findall(text) for value in found if value}
        if pattern.groups > 1
        else set(pattern.findall(text))
    )


def _compounds(step: str, earlier: Sequence[str]) -> str:
    found = _COMPOUND.search(step)
    return "a percentage of the original amount does not compound" if found else ""


def _off_for_of(step: str, of: set[str]) -> str:
    if "discount" in step or "off" in step or "reduction" in step:
        for found in _CALLED_OFF.finditer(step):
            value = found[1] or found[2]
            if value in of and value != "50":
                return f"{value}% is what remains of the price, not what is taken off"
    return ""


def _of_for_by(step: str, by: set[str]) -> str:
    if "% of" in step or "percent of" in step:
        for found in _CALLED_OF.finditer(step):
            if found[1] in by and found[1] != "50" and "increase in" not in found.group():
                return f"{found[1]}% is the change, not the share that the new amount is of the old"
    return ""


def _amounts(step: str, earlier: Sequence[str], problem: str, shares: set[str], sign: int) -> str:
    """A change that is called the new amount, or a discount that is what remains."""
    if not any(word in step for word in _LABELS):
        return ""
    bases: frozenset[Fraction] = frozenset()
    for found in _AMOUNT.finditer(step):
        label, amount = found[1].lower(), _number(found[5])
        if not found[2] and not found[4]:
            continue
        if not bases:
            bases = frozenset().union(*map(_bases, (problem, *earlier, step)))
        changes = _is_share(amount, [Fraction(share) for share in shares], bases)
        remains = _is_share(amount, [100 + sign * Fraction(share) for share in shares], bases)
        percent = "% or ".join(sorted(shares))
        if label in ("discount", "savings", "reduction"):
            if sign < 0 and remains and not changes and found[2] in (None, "amount"):
                return f"{found[5]} is what remains after {percent}% off, not the discount"
        elif changes and not remains:
            return f"{found[5]} is {percent}% of the amount, the change itself, not the new amount"
    return ""


@functools.lru_cache(maxsize=512)
def _bases(text: str) -> frozenset[Fraction]:
    """What a percentage may be a percentage of."""
    return frozenset(map(_number, _NUMBER.findall(text))) - {0, 100}


def _is_share(amount: Fraction, percents: Sequence[Fraction], bases: frozenset[Fraction]) -> bool:
    """Whether the amount is one of the percentages of one of the bases."""
    return any(amount * 100 / percent in bases if percent else amount == 0 for percent in percents)


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "").rstrip("."))
