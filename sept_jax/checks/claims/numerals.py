"""Claims about how numbers are written: digits, bases, rounding, floors, the next whole number."""

import math
import re
from collections.abc import Iterator
from fractions import Fraction

from sept_jax.checks.claims.claims import DECIMAL, NUMBER, Claim, compared, ends_clean, label_of, stands_alone

MAX_POWER = 10**6
"""Largest exponent of which a last digit is found."""

_DIGIT_SUM = re.compile(
    rf"sum of (?:the |its )?digits (?:of|in) (?P<n>\d{{1,30}}) (?:is|equals|=) (?:(?:\d ?\+ ?)+\d "
    rf"?= ?)?(?P<value>{NUMBER})"
)
_DIGIT_COUNT = re.compile(
    r"(?<![\d.])(?P<n>\d{1,40}) (?:has|contains|consists of) (?:exactly |a total of )"
    r"?(?P<value>\d{1,3}) digits"
    r"(?=[.,;:)\n]|$| and| so| because| since)"
)
_LAST_DIGIT = re.compile(
    r"(?:units|ones|last|unit's|one's) digit of (?P<base>\d{1,12})(?:\^\(?(?P<power>\d{1,9})\)?)? "
    r"(?:is|equals|=) (?P<value>\d)"
)
_BASED = r"(?P<{0}>[0-9]{{1,40}})_\(?(?P<{0}b>[0-9]{{1,2}})\)?"
_BASES = (
    re.compile(_BASED.format("a") + r" ?= ?" + _BASED.format("c")),
    re.compile(_BASED.format("a") + r" ?= ?(?P<c>\d{1,15})(?![\d_^*/(.]| ?[-+*/^\\(])"),
)
_BASE_WORDS = re.compile(
    r"(?P<a>\d{1,40}) in base (?P<ab>\d{1,2}|two|three|eight) (?:is|equals|=) (?P<c>\d{1,15})(?: "
    r"in (?:base (?:10|ten)|decimal))?"
)
_BASE_NAMES = {"two": 2, "three": 3, "eight": 8}
_FLOOR = re.compile(
    r"(?P<open>[⌊⌈]) ?(?P<x>-?\d{1,15}(?:\.\d{1,15}|/\d{1,15})?) ?(?P<close>[⌋⌉]) ?= ?(?P<value>-?\d{1,15})"
)
_PLACES = {
    "whole number": 0, "integer": 0, "whole": 0, "ones": 0, "unit": 0, "tenth": 1, "hundredth": 2,
    "thousandth": 3, "ten": -1, "hundred": -2, "thousand": -3, "cent": 2, "dollar": 0, "whole dollar": 0,
    "foot": 0, "inch": 0, "minute": 0, "hour": 0, "second": 0, "mile": 0, "degree": 0, "percent": 0,
}  # fmt: skip
_PLACE = "|".join(sorted(_PLACES, key=len, reverse=True))
_ROUNDED = (
    re.compile(
        rf"(?P<x>{DECIMAL}) (?:≈|=|is approximately|is about|is roughly) (?P<value>{DECIMAL})"
        rf"(?P<gap>(?: [a-z]+)?,? ?)\(?(?:when )?"
        rf"round(?:ed|ing)(?: off)? to the nearest (?P<place>{_PLACE})"
    ),
    re.compile(
        rf"round(?:ing|ed)?(?: off)? (?P<x>{DECIMAL}) to the nearest (?P<place>{_PLACE})"
        rf"(?P<gap>[^.\d\n]{{0,40}}?)"
        rf"(?:is|gives|gives us|get|equals|to|=|≈|:),? ?(?P<value>{DECIMAL})"
    ),
    re.compile(
        rf"(?P<x>{DECIMAL})\.? (?:when )?rounding (?:this |it |that |the answer |off )?to the "
        rf"nearest (?P<place>{_PLACE}),?"
        rf"(?P<gap>[^.\d\n=]{{0,60}}?)(?:is|get|gives|equals|=|≈|:),? ?(?P<value>{DECIMAL})"
    ),
    re.compile(
        rf"(?P<x>{DECIMAL}),? (?:which )?(?:is |when )?round(?:s|ed)(?: up| down| off)? to "
        rf"(?:approximately )?(?P<value>{DECIMAL})"
        rf"(?P<gap>,? (?:when rounded )?)to the nearest (?P<place>{_PLACE})"
    ),
    re.compile(
        rf"(?P<x>{DECIMAL}),? (?:when )?round(?:s|ed) to the nearest (?P<place>{_PLACE}),?(?P<gap> )"
        rf"(?:is|gives|equals|=|≈) ?(?P<value>{DECIMAL})"
    ),
)
_NEXT_WHOLE = re.compile(
    r"(?P<end>smallest|least|largest|greatest) (?:integer|whole number) (?P<way>greater|larger"
    r"|more|less|smaller) than (?P<equal>or equal to )?"
    r"(?P<x>-?\d{1,9}(?:\.\d{1,9}|/\d{1,9})?) is (?P<value>-?\d{1,9})"
)


def digit_calls(text: str) -> Iterator[Claim]:
    """ "the sum of the digits of 482 is 15", "1000 has 3 digits", "the units digit of 7^10 is 3"."""
    for found in _DIGIT_SUM.finditer(text):
        value = sum(map(int, found["n"]))
        yield from compared(
            f"the sum of the digits of {found['n']}", value, int(found["value"]), text, *found.span()
        )
    for found in _DIGIT_COUNT.finditer(text):
        if stands_alone(text, found.start()) and found["n"][0] != "0":
            yield Claim(
                len(found["n"]) == int(found["value"]),
                f"{found['n']} has {len(found['n'])} digits",
                *found.span(),
            )
    for found in _LAST_DIGIT.finditer(text):
        power = int(found["power"] or 1)
        if power <= MAX_POWER:
            value = pow(int(found["base"]), power, 10)
            label = found[0].rsplit(" ", 2)[0]
            yield from compared(f"the {label}", value, int(found["value"]), text, *found.span())


def _in_base(digits: str, base: int) -> int | None:
    if not 2 <= base <= 36 or any(int(d) >= base for d in digits):
        return None
    return int(digits, base)


def bases(text: str) -> Iterator[Claim]:
    """ "1011 in base 2 is 12", `101_2 = 5`."""
    for pattern in _BASES:
        for found in pattern.finditer(text):
            groups = found.groupdict()
            before = text[max(0, found.start() - 4) : found.start()].rstrip(" ")[-1:]
            if before.isalnum() or before in ("+", "-", "*", "/", "^", "_", ".", "|", ","):
                continue
            first = _in_base(found["a"], int(found["ab"]))
            second = _in_base(found["c"], int(groups.get("cb") or 10))
            if groups.get("cb") and text[found.end() : found.end() + 2].lstrip(" ")[:1] in (
                "+",
                "-",
                "*",
                "/",
                "^",
            ):
                continue
            if first is not None and second is not None and int(found["ab"]) != 10:
                yield Claim(first == second, f"{found['a']} in base {found['ab']} is {first}", *found.span())
    for found in _BASE_WORDS.finditer(text):
        base = _BASE_NAMES.get(found["ab"]) or int(found["ab"])
        value = _in_base(found["a"], base)
        if value is not None and stands_alone(text, found.start()):
            yield from compared(f"{found['a']} in base {base}", value, int(found["c"]), text, *found.span())


def floors(text: str) -> Iterator[Claim]:
    """`⌊3.7⌋ = 4`."""
    for found in _FLOOR.finditer(text):
        if (found["open"] == "⌊") != (found["close"] == "⌋") or found["x"].endswith("/0"):
            continue
        x = Fraction(found["x"])
        value = math.floor(x) if found["open"] == "⌊" else math.ceil(x)
        yield from compared(
            f"{found['open']}{found['x']}{found['close']}", value, int(found["value"]), text, *found.span()
        )


def next_wholes(text: str) -> Iterator[Claim]:
    """ "the smallest integer greater than 7.5 is 7"."""
    for found in _NEXT_WHOLE.finditer(text):
        above = found["way"] in ("greater", "larger", "more")
        if above != (found["end"] in ("smallest", "least")) or found["x"].endswith("/0"):
            continue
        x = Fraction(found["x"])
        if x == int(found["value"]):
            continue  # "less than" for "at most"
        if found["equal"]:
            value = math.ceil(x) if above else math.floor(x)
        else:
            value = math.floor(x) + 1 if above else math.ceil(x) - 1
        yield from compared(f"the {label_of(found)}", value, int(found["value"]), text, *found.span())


def _round(x: Fraction, places: int) -> tuple[Fraction, Fraction]:
    """Half up and half to even."""
    scaled = x * Fraction(10) ** places
    return Fraction(math.floor(scaled + Fraction(1, 2))) / Fraction(10) ** places, Fraction(
        round(scaled)
    ) / Fraction(10) ** places


def rounding(text: str) -> Iterator[Claim]:
    """ "161.7. Rounding to the nearest whole number, the time is 161"."""
    for pattern in _ROUNDED:
        for found in pattern.finditer(text):
            if (
                not ends_clean(text, found.end("value"))
                and text[found.end("value") : found.end("value") + 1] != "%"
            ):
                continue
            if text[found.start() - 1 : found.start()].isalnum() or text[
                found.start() - 1 : found.start()
            ] in ("^", "/"):
                continue
            x, value, places = Fraction(found["x"]), Fraction(found["value"]), _PLACES[found["place"]]
            if x == value and "." not in found["x"]:
                continue
            unit = Fraction(10) ** -places
            fits = value in _round(x, places) or (" up " in found[0] and value == math.ceil(x / unit) * unit)
            fits = fits or (" down " in found[0] and value == math.floor(x / unit) * unit)
            if not fits and abs(x - value) >= unit * 2:
                continue  # another quantity
            yield Claim(
                fits,
                f"{found['x']} to the nearest {found['place']} is {_plain(_round(x, places)[0], places)}",
                *found.span(),
            )


def _plain(value: Fraction, places: int) -> str:
    return f"{float(value):.{max(places, 0)}f}"
