"""Does a step repeat the problem's words and formulas with another number?"""

import functools
import re
from collections.abc import Sequence
from typing import NamedTuple

from sept_jax.checks.claims.claims import shown
from sept_jax.checks.formulas.words import JOINTS, MEASURES, NUMBERS, singular, word_set
from sept_jax.checks.wording import heads, words

MAX_SEGMENTS = 40
LEAST = 8
"""Smaller numbers count too many things at once."""

_BY_SIZE = frozenset(word for word, kind in MEASURES.items() if kind in ("length", "mass") and len(word) > 2)
_SIZES = _BY_SIZE | {
    "inches",
    "pounds",
    "yards",
    "miles",
    "meters",
    "ounces",
    "tons",
    "grams",
    "kilograms",
    "kilometers",
}
_HEADS = heads(" ".join(_SIZES))
_WORDS_FOR = {
    value: heads(" ".join(w for w, n in NUMBERS.items() if n == value)) for value in NUMBERS.values()
}
_AMOUNT = re.compile(r"(\$?)([0-9]{1,9}(?:,[0-9]{3})*(?:\.[0-9]{1,6})?)(?:[ -]([a-z]{2,20}))?")
_COUNTED = re.compile(r"(?: |-|\\ )?(?:\\text\{ ?)?([A-Za-z]{2,20})")
_NOT_NOUNS = JOINTS | word_set(
    "of in per a an each on by he she they the his her it there after before every who have has "
    "had left long old "
    "tall away wide high deep while do during up down x out off into mph kph am pm only also both "
    "could can will "
    "fewer dollars dollar cents percent times square cubic cm km mm kg lb lbs oz ft g m"
)
_OFF = re.compile(r"(?<![\d.])(\d{1,2})(?:\\?%| percent) (off|discount|tax|tip|commission)")


class Given(NamedTuple):
    """What can be mistaken in a problem: amounts of money and sizes with their quotation, each the only use
    of its number; and its percents by what they are."""

    amounts: tuple[tuple[str, str], ...]
    off: tuple[tuple[str, frozenset[int]], ...]


@functools.lru_cache(maxsize=512)
def given(problem: str) -> Given:
    """The amounts and percents of a problem."""
    off: dict[str, set[int]] = {}
    if "%" in problem or "percent" in problem:
        for number, kind in _OFF.findall(problem):
            off.setdefault("off" if kind == "discount" else kind, set()).add(int(number))
    found = _AMOUNT.findall(problem) if "$" in problem or not _HEADS.isdisjoint(words(problem)) else []
    numbers = [number for _, number, _ in found]
    amounts: dict[str, str] = {}
    for money, number, unit in found:
        if (money or unit in _SIZES) and numbers.count(number) == 1:
            value = float(number.replace(",", ""))
            if value >= LEAST and not _in_words(value, problem):
                amounts[number] = f"${number}" if money else f"{number} {unit}"
    return Given(tuple(amounts.items()), tuple((kind, frozenset(values)) for kind, values in off.items()))


def _in_words(value: float, problem: str) -> bool:
    return value <= 100 and not _WORDS_FOR.get(value, frozenset()).isdisjoint(words(problem))


def misattributed(problem: str, facts: Given, steps: Sequence[str], i: int) -> str | None:
    """Why step `i` gives a number of the problem to something else: what the problem says is dollars, feet or
    pounds counts things of the problem here, though no result so far is that number."""
    step = steps[i]
    for number, quotation in facts.amounts:
        at = step.find(number)
        while at >= 0:
            noun = _noun_after(step, at, at + len(number))
            if (
                noun
                and _contradicts(problem, number, quotation, noun)
                and not _computed(number, steps, i, at)
            ):
                return f"{number} {noun}: in the problem it is {quotation}"
            at = step.find(number, at + len(number))
    return None


def _noun_after(step: str, start: int, end: int) -> str | None:
    """The noun that a number of the step counts, in lower case."""
    before = step[max(0, start - 4) : start].rstrip(" ")
    if before and (
        (before[-1].isalnum() and start and step[start - 1] != " ")
        or before[-1] in "$.,:/^-*×+"
        or before.endswith((" by", " x"))
    ):
        return None
    found = _COUNTED.match(step, end)
    if found is None or step[end : end + 1].isalnum():
        return None
    noun = found[1].lower()
    return None if noun in _NOT_NOUNS or noun in JOINTS else noun


def _contradicts(problem: str, number: str, quotation: str, noun: str) -> bool:
    text = problem.lower()
    root = singular(noun)
    unit = quotation.split(" ")[-1]
    if root in MEASURES or noun in MEASURES or noun.startswith(unit) or noun[:-2] in MEASURES:
        return False
    if not re.search(rf"\b{root}(?:e?s)?\b", text):
        return False
    if not quotation.startswith("$"):
        return not re.search(rf"{re.escape(number)}[ -]{unit}[ -]{root}", text)
    return re.search(rf"(?<![\d.])\d[\d,]* {root}(?:e?s)?\b", text) is not None


def _computed(number: str, steps: Sequence[str], i: int, at: int) -> bool:
    pattern = re.compile(rf"(?:[=≈]|>>)\s*\\?\$?\s*{re.escape(number)}(?!\d|\.\d)")
    return any(map(pattern.search, steps[:i])) or pattern.search(steps[i][: at + len(number)]) is not None


def other_percent(facts: Given, step: str) -> str | None:
    """Why a discount, tax or tip of the step is not the problem's but what is left of it (80% off as 20%)."""
    for number, kind in _OFF.findall(step):
        kind = "off" if kind == "discount" else kind
        known = dict(facts.off).get(kind)
        if known and len(known) == 1 and int(number) not in known and 100 - int(number) in known:
            return f"{number}% {kind}, but the problem says {next(iter(known))}%"
    return None


_FORMULA = re.compile(
    r"\\\[(.{1,400}?)\\\]|\\\((.{1,400}?)\\\)|\$\$(.{1,400}?)\$\$|\$([^$]{1,400})\$", re.DOTALL
)
_SYMBOL = re.compile(r"\\[a-zA-Z]+|[a-zA-Z]|\d+(?:\.\d+)?|[-+*/^_=<>!|']")
_LAYOUT = frozenset({"*"}) | {
    "\\" + name
    for name in (
        [
            "left",
            "right",
            "displaystyle",
            "quad",
            "qquad",
            "cdot",
            "times",
            "text",
            "mathrm",
            "mathbf",
            "big",
            "bigl",
            "bigr",
            "dotsb",
            "dots",
            "ldots",
            "cdots",
        ]
    )
}
_SAME = {"\\dfrac": "\\frac", "\\tfrac": "\\frac", "\\le": "\\leq", "\\ge": "\\geq", "\\dbinom": "\\binom"}
_OPENING = re.compile(r"\\[(\[]|\$")
_QUOTED = (
    *("expression", "equation", "inequality", "function", "polynomial", "fraction", "congruence", "problem"),
    *("evaluate", "simplify", "solve", "compute", "expand", "factor", "find", "given", "given that"),
)
_ANNOUNCING = heads(" ".join(_QUOTED))


def _symbols(formula: str) -> list[str]:
    return [_SAME.get(s, s) for s in _SYMBOL.findall(formula) if s not in _LAYOUT]


@functools.lru_cache(maxsize=512)
def _formulas(problem: str) -> tuple[tuple[tuple[str, ...], ...], str]:
    segments = []
    for found in _FORMULA.finditer(problem):
        symbols = tuple(_symbols(next(filter(None, found.groups()))))
        if len(symbols) >= 8 and len(segments) < MAX_SEGMENTS:
            segments.append(symbols)
    return tuple(segments), " ".join(_symbols(problem)) if segments else ""


def misquoted(problem: str, step: str) -> str | None:
    """Why a formula that the step announces as the problem's is not quite that: one number is missing or
    another one, or one sign."""
    if _ANNOUNCING.isdisjoint(words(step)):
        return None
    for opening in _OPENING.finditer(step):
        before = step[max(0, opening.start() - 30) : opening.start()].rstrip(" :\n").lower()
        if not before.removesuffix(" is").removesuffix(" given by").endswith(_QUOTED):
            continue
        found = _FORMULA.match(step, opening.start())
        if found is None:
            continue
        segments, whole = _formulas(problem)
        symbols = _symbols(next(filter(None, found.groups())))
        if len(symbols) < 8 or not segments or " ".join(symbols) in whole:
            continue
        for segment in segments:
            change = _one_change(symbols, segment)
            if change is not None:
                return f"{shown(found[0])} is not the problem's: {change}"
    return None


def _one_change(copy: list[str], original: tuple[str, ...]) -> str | None:
    if not 0 <= len(original) - len(copy) <= 1:
        return None
    same = 0
    while same < len(copy) and copy[same] == original[same]:
        same += 1
    tail = len(copy) - same if len(copy) < len(original) else len(copy) - same - 1
    if tuple(copy[len(copy) - tail :]) != original[len(original) - tail :]:
        return None
    there = original[same]
    if len(copy) < len(original):
        return f"it leaves out {there}" if there[0].isdigit() else None
    here = copy[same]
    if (here[0].isdigit() and there[0].isdigit()) or (here in "+-" and there in "+-"):
        return f"it has {here} for {there}"
    return None
