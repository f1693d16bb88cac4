"""Common facts with a number: calendar, units, coins, polygons, solids, probabilities."""

import re
from collections.abc import Iterator

from sept_jax.checks.claims.claims import Claim, ends_clean, plain, stands_alone
from sept_jax.checks.formulas.conversions import SIZES
from sept_jax.checks.formulas.words import singular

_MEASURED = {
    "minute": "seconds",
    "hour": "minutes seconds",
    "day": "hours minutes seconds",
    "week": "days",
    "year": "months",
    "decade": "years",
    "century": "years decades",
    "dollar": "cents pennies nickels dimes quarters",
    "quarter": "cents pennies nickels",
    "dime": "cents pennies nickels",
    "nickel": "cents pennies",
    "foot": "inches",
    "yard": "feet inches",
    "mile": "feet yards",
    "pound": "ounces oz",
    "gallon": "quarts pints cups",
    "quart": "pints cups",
    "pint": "cups",
    "cup": "tablespoons",
    "tablespoon": "teaspoons",
    "meter": "centimeters cm millimeters",
    "kilometer": "meters m",
    "centimeter": "millimeters mm",
    "kilogram": "grams g",
    "liter": "milliliters ml",
}
"""Units whose sizes tell how many one has of the other."""
_PARTS = {
    "month": "28/29/30/31 days",
    "year": "365/366/360/364 days, 52 weeks, 4 quarters, 4 seasons, 8760/8784 hours",
    "leap year": "366 days",
    "millennium": "1000 years",
    "dozen": "12 eggs, 12 items, 12 units, 12 pieces",
    "quarter": "3 months",
    "gallon": "128 ounces",
    "quart": "32 ounces",
    "pint": "16 ounces",
    "cup": "8 ounces",
    "right angle": "90 degrees",
    "straight angle": "180 degrees",
    "straight line": "180 degrees",
    "full circle": "360 degrees",
    "circle": "360 degrees",
    "triangle": "3 sides, 3 vertices, 3 angles",
    "square": "4 sides, 4 vertices, 4 corners",
    "rectangle": "4 sides, 4 vertices, 4 corners",
    "quadrilateral": "4 sides, 4 vertices, 2 diagonals",
    "pentagon": "5 sides, 5 vertices, 5 diagonals",
    "hexagon": "6 sides, 6 vertices, 9 diagonals",
    "heptagon": "7 sides, 7 vertices, 14 diagonals",
    "octagon": "8 sides, 8 vertices, 20 diagonals",
    "nonagon": "9 sides, 9 vertices, 27 diagonals",
    "decagon": "10 sides, 10 vertices, 35 diagonals",
    "dodecagon": "12 sides, 12 vertices, 54 diagonals",
    "cube": "6 faces, 8 vertices, 12 edges, 8 corners, 4 space diagonals",
    "tetrahedron": "4 faces, 4 vertices, 6 edges",
    "octahedron": "8 faces, 6 vertices, 12 edges",
    "standard deck": "52/54 cards, 4 suits, 4 aces, 4 kings, 4 queens, 4 jacks, 12 face cards, 13 hearts, "
    "13 spades, 13 diamonds, 13 clubs, 26 red cards, 26 black cards",
}
_MONTHS = dict.fromkeys(("january", "march", "may", "july", "august", "october", "december"), "31")
_MONTHS |= {"february": "28/29", "april": "30", "june": "30", "september": "30", "november": "30"}

FACTS: dict[tuple[str, str], frozenset[int]] = {}
"""(whole, part in the plural) -> how many of the part the whole has; more than one where usage differs."""
for _whole, _listed in _PARTS.items():
    for _item in _listed.split(", "):
        _counts, _part = _item.split(" ", 1)
        FACTS[_whole, _part] = frozenset(map(int, _counts.split("/")))
for _whole, _listed in _MEASURED.items():
    for _part in _listed.split():
        FACTS[_whole, _part] = frozenset((SIZES[_whole][1] // SIZES[singular(_part)][1],))
for _whole, _counts in _MONTHS.items():
    FACTS[_whole, "days"] = frozenset(map(int, _counts.split("/")))

_WHOLES = "|".join(sorted({*_MEASURED, *_PARTS, *_MONTHS}, key=len, reverse=True))
_PART_WORDS = "|".join(sorted({part for _, part in FACTS}, key=len, reverse=True))
_COUNTED = re.compile(rf"([0-9]{{1,6}}) ({_PART_WORDS})(?![a-z])")
_THERE = re.compile(r"there(?: are|'re) (?:only |exactly |approximately )?$")
_IN = re.compile(
    rf" in (?:the month of |the |an? |one |1 |each |every |any )?(?P<whole>{_WHOLES})(?![a-z'-])"
)
_HAS = re.compile(
    rf"(?:(?<![a-z0-9.,/])(?<!of )(?<!of the )(?<!half )(?<!/\d )(?:an?|one|1) (?:regular )?|^|(?<=[ "
    rf".,(]))(?P<whole>{_WHOLES}),? (?:which |that )?"
    r"(?:has|is|equals|=|contains|is equal to|is equivalent to|consists of|is worth) (?:only |exactly )?$"
)
_BEFORE = (
    "are ",
    "'re ",
    "only ",
    "exactly ",
    "has ",
    "is ",
    "equals ",
    "= ",
    "contains ",
    "to ",
    "of ",
    "worth ",
)
_AFTERWARDS = (" = ", " is", " eq", " ma", " ar", " ad")
_MAKE = re.compile(
    rf" (?:=|is|equals?|makes?|make up|are equal to|are|is equal to|is equivalent to|are equivalent to|"
    rf"are worth|add up to) (?:an? |one |1 )(?P<whole>{_WHOLES})(?![a-z'-])"
)
_FREE = re.compile(r"[.,;:)\n]|$| and | so | because| since| = | and| we | which| \(")
_SIDES = {
    "triangle": 3, "quadrilateral": 4, "rectangle": 4, "parallelogram": 4, "trapezoid": 4, "pentagon": 5,
    "hexagon": 6, "heptagon": 7, "octagon": 8, "nonagon": 9, "decagon": 10, "dodecagon": 12,
}  # fmt: skip
_POLYGON = "|".join(_SIDES)
_ANGLE_SUM = re.compile(
    rf"sum of (?:all )?(?:the |its )?(?:measures? of )?(?:the )?(?:(?:three|four|five|six|interior"
    rf"|internal|inside) )*(?:angles|degree measures)"
    rf" (?:of|in) (?:an?|any|the|every) (?:convex |regular )?(?P<name>{_POLYGON}) (?:is|equals|="
    rf"|must be|is always|is equal to) (?P<value>\d{{1,5}})"
)
_MONTH_DAYS = re.compile(
    rf"(?P<count>28|29|30|31) days (?:in|of) (?P<whole>{'|'.join(_MONTHS)})(?![a-z])|"
    rf"(?<![a-z])(?P<month>{'|'.join(_MONTHS)}) \((?P<days>28|29|30|31) days\)"
)
_PARTLY = ("first ", "last ", "next ", "other ", "remaining ", "only ", "of ", "the ")
_REST = re.compile(r"remaining (?P<rest>\d{1,3}) days (?:of|in) (?:the|that) (?:first )?(?P<whole>year|week)")
_FIRST_DAYS = re.compile(r"first (?P<first>\d{1,3}) days")
_COMPLEMENT = re.compile(
    r"(?P<name>complement|supplement) of (?:an? |the )?(?:angle of )?(?P<x>\d{1,3})(?:\^?°| degrees|"
    r" degree angle)?"
    r" (?:is|equals|=|measures) (?P<value>\d{1,3})(?![\d.]\d)"
)
_PROBABILITY = re.compile(
    r"\bprobability (?:is|=|equals|of [a-z ]{1,60} is) (?P<x>\d{1,6})(?:/(?P<y>\d{1,6}))?(?P<after>.{0,6})"
)


def conversions(text: str, problem: str) -> Iterator[Claim]:
    """ "there are 30 days in March", "5 nickels equal 1 dollar". Silent where the problem says the same."""
    for found in _COUNTED.finditer(text):
        part = found[2]
        start, end = found.span()
        if start and text[start - 1] in "0123456789.,/*+^-":
            continue
        before = text[max(0, start - 50) : start]
        follows = text[end : end + 3]
        if not before.endswith(_BEFORE) and not follows.startswith(_AFTERWARDS):
            continue
        if _THERE.search(before):
            relation = _IN.match(text, end)
            end = relation.end() if relation else end
        elif (relation := _MAKE.match(text, end)) is not None:
            if not stands_alone(text, start):
                continue
            end = relation.end()
        else:
            relation = _HAS.search(before)
            if relation and relation["whole"] not in _MONTHS and relation[0].startswith(relation["whole"]):
                continue  # "the week has", "work day is"
        if relation is None or not _FREE.match(text, end):
            continue
        whole = relation["whole"]
        if whole in ("day", "week") and not _THERE.search(before):
            continue  # a day of work
        counts = FACTS.get((whole, part))
        if counts is None:
            continue
        holds = int(found[1]) in counts
        if holds or not re.search(rf"(?<!\d){found[1]}(?!\d)", plain(problem)):
            kind = "" if whole in _MONTHS else "a "
            yield Claim(holds, f"{kind}{whole} has {min(counts)} {part}", start, end)
    for found in _MONTH_DAYS.finditer(text) if " days" in text else ():
        month, count = found["whole"] or found["month"], int(found["count"] or found["days"])
        part = text[: found.start()].endswith(_PARTLY)
        if count not in FACTS[month, "days"] and f"{count} days" not in plain(problem) and not part:
            yield Claim(False, f"{month} has {min(FACTS[month, 'days'])} days", *found.span())
    rest = _REST.search(text) if "remaining" in text else None
    first = _FIRST_DAYS.search(text) if rest else None
    if first:
        days = int(rest["rest"]) + int(first["first"])
        length = (365, 366) if rest["whole"] == "year" else (7,)
        reason = f"{first['first']} and {rest['rest']} days are {days}, and a {rest['whole']} has {length[0]}"
        yield Claim(days in length, reason, *rest.span())


def angle_sums(text: str, problem: str) -> Iterator[Claim]:
    """ "the sum of the interior angles of a hexagon is 700"."""
    for found in _ANGLE_SUM.finditer(text):
        value = 180 * (_SIDES[found["name"]] - 2)
        if ends_clean(text, found.end("value")) or text[found.end("value")] in "°^":
            yield Claim(
                int(found["value"]) == value, f"the angles of a {found['name']} sum to {value}", *found.span()
            )


def probabilities(text: str, problem: str) -> Iterator[Claim]:
    """A probability above 1."""
    for found in _PROBABILITY.finditer(text):
        after = found["after"].lstrip(" ")
        if (
            after[:1] in ("+", "-", "*", "/", "^", "%", "!", ".", "(", "\\")
            or after.startswith(("in", "out", "perc", "to"))
        ) and not (after[:1] == "." and not after[1:2].isdigit()):
            continue
        x, y = int(found["x"]), int(found["y"] or 1)
        if x > y > 0:
            yield Claim(
                False,
                f"a probability of {found['x']}{'/' + found['y'] if found['y'] else ''} is above 1",
                *found.span(),
            )


def complements(text: str, problem: str) -> Iterator[Claim]:
    """ "the supplement of 40 degrees is 150 degrees"."""
    for found in _COMPLEMENT.finditer(text):
        whole = 90 if found["name"] == "complement" else 180
        holds = int(found["x"]) + int(found["value"]) == whole
        reason = f"the {found['name']} of {found['x']} degrees is {whole - int(found['x'])}"
        if ends_clean(text.replace("°", " "), found.end("value")):
            yield Claim(holds, reason, *found.span())
