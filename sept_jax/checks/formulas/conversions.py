"""What everyone knows of the sizes of units and coins, and the amounts that contradict it."""

import re
from fractions import Fraction

from sept_jax.checks.formulas.words import singular

_TABLES = (
    ("time", "second sec 1 minute min 60 hour hr 3600 day 86400 week 604800 fortnight 1209600"),
    ("months", "month 1 year 12 decade 120 century 1200 centurie 1200"),
    ("length", "inch inche 1 foot feet ft 12 yard yd 36 mile 63360"),
    ("metric length", "mm millimeter millimetre 1 cm centimeter centimetre 10 m meter metre 1000 "
                      "km kilometer kilometre 1000000"),
    ("mass", "ounce oz 1 pound lb lbs 16 ton 32000"),
    ("metric mass", "mg milligram 1 g gram 1000 kg kilogram kilo 1000000"),
    ("volume", "teaspoon 1 tablespoon 3 cup 48 pint 96 quart 192 gallon 768"),
    ("metric volume", "ml milliliter millilitre 1 l liter litre 1000"),
    ("money", "cent penny pennie 1 nickel 5 dime 10 quarter 25 dollar buck 100"),
)  # fmt: skip


def _sizes() -> dict[str, tuple[str, int]]:
    sizes = {}
    for kind, table in _TABLES:
        words: list[str] = []
        for item in table.split():
            if item.isdigit():
                sizes |= {word: (kind, int(item)) for word in words}
                words = []
            else:
                words.append(item)
    return sizes


SIZES = _sizes()
"""A unit (singular): what it measures, and its size in the smallest unit of its table."""

LOOSE = {
    ("day", "week"): (5, 7), ("day", "month"): (20, 31), ("day", "year"): (360, 366),
    ("week", "month"): (4, 5), ("week", "year"): (48, 53), ("month", "year"): (9, 12),
    ("hour", "day"): (8, 24), ("hour", "week"): (35, 168),
}  # fmt: skip
"""Least and most of the first unit in the second that can be meant (working days, school years)."""

_AMOUNT = re.compile(
    r"(?:^|[ (\n])(\d[\d,]{0,14}(?:\.\d{1,9})?|[Aa]n?|[Oo]ne|[Ee]ach|[Ee]very) ([A-Za-z]{2,12}) ?$"
)
_SAME = re.compile(
    r" ?(\d[\d,]{0,14}(?:\.\d{1,9})?) ([a-z]{2,12})\b(?! ?(?:[-+*×x/(\d$\\]|(?:per|an?|each|every|and"
    r"|long\w{0,3}|more|less|earl\w{0,20}|late\w{0,20}|after|before|old\w{0,20}|short\w{0,20}|from|of|away"
    r"|fewer|behind|ahead|off|times|in|for)\b))"
)
_LEADS = (
    " and", "+", "-", "*", "×", "÷", "/", "−", "·", " in", " per", " if", "If", " of", " x", "times",
    " by", ",",
)  # fmt: skip


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "").rstrip(".")) if text[0].isdigit() else Fraction(1)


def convertible(words: set[str], ratio: Fraction) -> bool:
    """Whether a unit among `words` (singular) has another of its kind that is `ratio` times its size, or
    one of its ratio: then two sides of an equation can be the same amount in other units."""
    if words & _CALENDAR_UNITS and (ratio in _CALENDAR or 1 / ratio in _CALENDAR):
        return True
    return any(ratio in _RATIOS[word] for word in words if word in _RATIOS)


def _ratios() -> dict[str, frozenset[Fraction]]:
    ratios = {
        word: {Fraction(other, size) for one, other in SIZES.values() if one == kind and other != size}
        for word, (kind, size) in SIZES.items()
    }
    for word, ounces in (
        ("cup", 8),
        ("pint", 16),
        ("quart", 32),
        ("gallon", 128),
        ("tablespoon", Fraction(1, 2)),
    ):
        ratios[word].add(Fraction(ounces))
        ratios["ounce"].add(Fraction(ounces))
    return {word: frozenset(found | {1 / ratio for ratio in found}) for word, found in ratios.items()}


_RATIOS = _ratios()
_CALENDAR = frozenset(map(Fraction, (4, 5, 7, 12, 20, 22, 28, 30, 31, 48, 50, 52, 360, 364, 365, 366)))
_CALENDAR_UNITS = frozenset({"day", "week", "month", "year", "decade", "century", "weekday"})


def false_conversion(text: str, middle: int, after: int) -> str:
    """Why the amounts on both sides of a relation are not the same ("5 nickels = 1 dollar"); "" if they are,
    or if they are not two amounts of one kind. The relation is `text[middle:after]`."""
    found = _SAME.match(text, after)
    if found is None or singular(found[2]) not in SIZES:
        return ""
    before = text[max(0, middle - 40) : middle]
    amount = _AMOUNT.search(before)
    if amount is None or singular(amount[2].lower()) not in SIZES:
        return ""
    lead = before[: amount.start()].rstrip()
    counted = amount[1][0].isdigit()
    if (
        lead.endswith(_LEADS)
        if counted
        else lead and not lead.endswith((".", "since", "because", "that", "ince"))
    ):
        return ""
    if _same(_number(amount[1]), singular(amount[2].lower()), _number(found[1]), singular(found[2])):
        return ""
    return f'"{(amount.group() + text[middle : found.end()]).strip()}" is false'


def _same(count: Fraction, unit: str, other: Fraction, unit2: str) -> bool:
    """Whether `count unit` can be `other unit2`, to 2 %; true where it cannot tell."""
    if unit == unit2 or not count or not other:
        return True
    for small, large, ratio in ((unit, unit2, count / other), (unit2, unit, other / count)):
        bounds = LOOSE.get((small, large))
        if bounds is not None:
            return bounds[0] <= ratio <= bounds[1]
    first, second = SIZES.get(unit), SIZES.get(unit2)
    if first is None or second is None or first[0] != second[0]:
        return True
    left, right = count * first[1], other * second[1]
    return abs(left - right) * 50 <= left
