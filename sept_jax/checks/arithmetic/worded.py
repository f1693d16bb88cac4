"""Equations said in words: "5 plus 3 is 8", "half of 30 is 15", "$6 + $5, which equals $11".

A connector ("is", "equals", "which gives", "for a total of") between an expression and a number is an
equals sign; worded operators are symbols. The clause is rewritten so, and judged as an equation.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sept_jax.checks.formulas.conversions import SIZES
from sept_jax.checks.formulas.equations import Link, find_links
from sept_jax.checks.formulas.words import MEASURES, NUMBERS, SCALES, singular, word_set

_BEFORE, _TAIL, _AFTER = 100, 50, 40

_NUMBER_AFTER_WORD = re.compile(r"[efglnos] (?=\\?\$?\d)")
"""The last letters of connectors."""

_DIGIT = re.compile(r"\d")
_CONNECTORS = (
    " is", " is equal to", " are", " equals", " equal", " gives", " gives us", " make", " makes", " comes to",
    " yields", " results in", " totals", " giving", " giving us", " making", " totaling", " totalling",
    " total of", " sum of",
)  # fmt: skip
_CONNECTOR = re.compile(
    r",?(?: which)?(?: (?:is|are|equals?|gives?(?: us)?|makes?|comes to|yields|results in|totals|giving"
    r"(?: us)?|making"
    r"|totall?ing|for)(?: equal to)?)?(?: a)?(?: (?:total|sum) of)?$"
)
_MORE = re.compile(
    r" \\?\$?[\d,.]+%? ?(?:(?:more|less|fewer|times|greater|percent|of|or|and|out|plus|minus|older|younger"
    r"|longer|each"
    r"|per)\b|[-+*×/])"
)
_CLAUSE = re.compile(r"[.?!;]\s|\n|=|≈|\\approx|:\s")
_ENDING = re.compile(
    r"(?:[-+*×/÷−(]|\\times|\\div|\b(?:plus|minus|times|by|of|than|and|from|twice|double|triple)) ?\\?\$?"
    r"\d[\d,]{0,14}(?:\.\d{1,9})?\\?%?\)?(?: [a-z-]{1,20}){0,3} ?(?:\\?\))?$",
    re.IGNORECASE,
)
_LISTED = re.compile(r"(?:,|\band) \d[\d +*/-]{0,30}$")
"""The last of several expressions: "1 + 6, 2 + 5 and 6 + 1, for a total of 3"."""

_LONE_FRACTION = re.compile(r"\s*\\?\$?\d{1,9} ?/ ?\d{1,9}\s*(?:[a-z]{1,20} ?)?$")
_NUMBER = r"(\\?\$?\d[\d,]{0,14}(?:\.\d{1,9})?%?)"
_REWRITES = tuple(
    (word, re.compile(pattern, re.IGNORECASE), symbols)
    for word, pattern, symbols in (
        ("of", rf"\b(?:sum|total) of {_NUMBER} and {_NUMBER}", r"\1 + \2"),
        ("product", rf"\bproduct of {_NUMBER} and {_NUMBER}", r"\1 * \2"),
        ("more than", rf"{_NUMBER}(?: [a-z]{{1,20}})? more than {_NUMBER}", r"\2 + \1"),
        ("than", rf"{_NUMBER}(?: [a-z]{{1,20}})? (?:less|fewer) than {_NUMBER}", r"\2 - \1"),
        ("subtracted", rf"{_NUMBER} subtracted from {_NUMBER}", r"\2 - \1"),
        ("s of", rf"{_NUMBER} (?:groups|sets|rows) of {_NUMBER}", r"\1 * \2"),
        ("alf of", r"\b(?:one[- ])?half of (?=\\?\$?\d)", "1/2 * "),
        ("third of", r"\b(?:one|a)[- ]third of (?=\\?\$?\d)", "1/3 * "),
        ("thirds of", r"\btwo[- ]thirds of (?=\\?\$?\d)", "2/3 * "),
        ("r of", r"\b(?:one|a)[- ](?:quarter) of (?=\\?\$?\d)", "1/4 * "),
        ("fourth of", r"\b(?:one|a)[- ]fourth of (?=\\?\$?\d)", "1/4 * "),
        ("s of", r"\bthree[- ](?:quarters|fourths) of (?=\\?\$?\d)", "3/4 * "),
        ("fifth of", r"\b(?:one|a)[- ]fifth of (?=\\?\$?\d)", "1/5 * "),
        ("tenth of", r"\b(?:one|a)[- ]tenth of (?=\\?\$?\d)", "1/10 * "),
        ("wice", r"\btwice (?=\\?\$?\d)", "2 * "),
        ("ouble", r"\bdouble (?=\\?\$?\d)", "2 * "),
        ("riple", r"\btriple (?=\\?\$?\d)", "3 * "),
        ("percent of", r" percent of (?=\\?\$?\d)", "% of "),
        ("plus", r" plus (?=\\?\$?\d)", " + "),
        ("minus", r" minus (?=\\?\$?\d)", " - "),
        ("times", r" times (?=\\?\$?\d)", " * "),
        ("multiplied by", r" multiplied by (?=\\?\$?\d)", " * "),
        ("divided by", r" divided by (?=\\?\$?\d)", " / "),
    )
)  # fmt: skip
"""A word that must be there, what is rewritten, and the symbols for it."""

_SIGN = r"(?:(?:(?<=[\w)}$%])|(?<=[\w)}$%] ))[-+*×·÷/^−]|\\(?:times|div|cdot)\b)"
"""An operator, and no bullet."""

_FRACTION = r"(?:half|thirds?|quarters?|fourths?|fifths?|tenths?)"
_MULTIPLE = r"(?:twice|thrice|half|double|triple|(?:doubl|tripl|halv|squar|cub)(?:e|ed|ing)?)"
_FROM = r"(?:subtract|tak|remov|deduct)[^=]{1,40} from"
_OPERATOR = (
    rf"(?:{_SIGN}|\b(?:plus|minus|times|by|over|less|than|{_MULTIPLE}|{_FROM}"
    r"|(?:add|subtract|multipl|divid)[a-z]{0,6})\b)"
)
_OPERATED = re.compile(
    rf"(?:{_OPERATOR}|\bof) ?(?:the |an? )?(?:sum|total|product) of\b"
    rf"|(?:[÷/]|\\div|\bby|\bover) ?(?:(?:(?:one|an?|two|three)[- ])?{_FRACTION} of\b"
    rf"|(?:twice|double|triple)\b|{_NUMBER} (?:groups|sets|rows) of\b)"
    rf"|\b(?:\d+|one|two|three|four|five|six|seven|eight|nine|ten) and (?:an?|one)[- ]{_FRACTION} of\b",
    re.IGNORECASE,
)
"""What is a part of something else: "3 times the sum of", "12 divided by half of", "two and a half of"."""

_OPERATED_WORDS = (" of ", " twice ", " double ", " triple ")
"""One of these is in what _OPERATED finds."""

_REGROUPED = re.compile(
    rf"(?:(?:sum|total|product) of {_NUMBER} and|{_FRACTION} of|twice|double|triple) {_NUMBER}"
    rf"(?: [a-z]{{1,20}}){{0,3}}? ?{_OPERATOR}",
    re.IGNORECASE,
)
"""What can be grouped in two ways: "half of 3 plus 4"."""

_COMPARED = re.compile(
    rf"{_NUMBER}(?: ([a-z]{{1,20}}))? (?:(?:more|less|fewer) than|subtracted from) {_NUMBER}"
    r"(?: ([a-z]{1,20}))?",
    re.IGNORECASE,
)
_OPERAND_BEFORE = re.compile(rf"(?:(?:{_OPERATOR}|\bof) ?|[-−/^.,\d])$", re.IGNORECASE)
_GOES_ON = re.compile(
    rf" ?(?:%|!|²|³|(?:{_SIGN}|\(|x) ?[\\$({{]{{0,3}}(?:\d|\\|half|twice))"
    rf"|[a-z]{{0,9}}(?: [a-z]{{1,20}}\b){{0,3}}? (?:{_SIGN} ?\\?\$?\d|(?:plus|minus|times|of|percent"
    rf"|factorial|multiplied|divided|over|more|less|fewer|increased|decreased|{_MULTIPLE})\b)",
    re.IGNORECASE,
)
"""After the second number of a comparison: that it is not the whole of what is compared with."""

_PART_BEFORE = re.compile(
    rf"(?:{_SIGN}|% of\b|\b(?:plus|minus|times|by|over|less|than|power|{_MULTIPLE}|{_FROM}"
    rf"|(?:{_FRACTION}|percent|squares?|cubes?|root|power|factorial|average|mean|reciprocal|negative"
    r"|opposite|multiple) of)\b)(?: the| an?)? ?[\\$(]{0,3}$",
    re.IGNORECASE,
)
"""Before an expression: that it is a part of one."""

_SUMS = frozenset("+-")
_CHANGING = word_set("squared cubed factorial doubled tripled halved")
"""Words that change the number before them."""

_PARTS = SCALES.keys() | word_set("percent ten half halve third quarter fourth fifth sixth eighth tenth")
"""Words that say of what size the ones of the number before them are."""

_COUNTED = re.compile(r"\d ?([a-z]{1,20})(?: (?!in\b)([a-z]{1,20}))?")


class Clause(NamedTuple):
    """Where a connector stands in a step, and the clause around it as an equation: its text and its link
    (None: it is no equation)."""

    start: int
    end: int
    text: str
    link: Link | None


def worded_clauses(step: str) -> Iterator[Clause]:
    """The clauses of a step in which a connector stands before a number."""
    for match in _NUMBER_AFTER_WORD.finditer(step):
        at = match.end() - 1
        if not step.endswith(_CONNECTORS, max(0, at - 14), at):
            continue
        if _MORE.match(step, at):
            continue
        before = step[max(0, at - _BEFORE) : at]
        start = at - len(before) + _CONNECTOR.search(before, max(0, len(before) - 32)).start()
        before = step[max(0, at - _BEFORE) : start]
        if step.startswith(", for", start) and _LISTED.search(before[-_TAIL:]):
            continue
        tail = before[-_TAIL:]
        if _DIGIT.search(tail) is None or _ENDING.search(tail) is None:
            yield Clause(start, at + 1, "", None)
            continue
        cuts = [cut.end() for cut in _CLAUSE.finditer(before)]
        before = before[cuts[-1] :] if cuts else before
        clause = _clause(start, at + 1, before, step[at + 1 : at + 1 + _AFTER])
        if clause is not None:
            yield clause


def _clause(start: int, end: int, before: str, after: str) -> Clause | None:
    """The clause `before` a connector; None if what stands before the connector is only a part of it."""
    if (any(map(before.__contains__, _OPERATED_WORDS)) and _OPERATED.search(before)) or _is_compared_on(
        before
    ):
        return None
    said = before
    if not _LONE_FRACTION.search(before[-16:]):
        for word, pattern, symbols in _REWRITES:
            if word in before:
                before = pattern.sub(symbols, before)
        text = f"{before} = {after}"
        for link in find_links(text):
            if link.middle == len(before) + 1 and not (link.right is not None and link.right.operators):
                if link.holds is not None and _is_part(before, link):
                    return None
                if link.holds is False and _REGROUPED.search(said):
                    return None
                return Clause(start, end, text, link)
    return Clause(start, end, "", None)


def _is_compared_on(clause: str) -> bool:
    """Whether a comparison ("5 more than 3") is of more than its two numbers, or not of one unit."""
    if " than " not in clause and " from " not in clause:
        return False
    for found in _COMPARED.finditer(clause):
        first, unit, second, unit2 = found.groups()
        if "%" in first + second or _OPERAND_BEFORE.search(clause[: found.start()]):
            return True
        if _GOES_ON.match(clause, found.end(3)):
            return True
        units = {singular(word.lower()) for word in (unit, unit2) if word}
        if unit == "times" or not _PARTS.isdisjoint(units):
            return True
        if _are_mixed(units | {"dollar"} if "$" in first + second else units):
            return True
    return False


def _is_part(before: str, link: Link) -> bool:
    """Whether the left side of a link is a part of what the clause says, or has numbers that a word changes
    ("2 squared", "20 percent", "5 tens") or units to convert."""
    lead, left = before[max(0, link.start - 60) : link.start], before[link.start :].lower()
    if _PART_BEFORE.search(lead):
        return True
    if left[0] in _SUMS and not NUMBERS.keys().isdisjoint(lead.lower().split()[-1:]):
        return True  # "ten - 4 + 2"
    if not _CHANGING.isdisjoint(left.split()):
        return True
    counted = [(singular(word), singular(word2)) for word, word2 in _COUNTED.findall(left)]
    parts = [word for word, _ in counted if word in _PARTS]
    if _SUMS.isdisjoint(link.left.operators):
        return not SCALES.keys() >= set(parts)
    units = {word for words in counted for word in words}
    if _are_mixed(units | {"dollar"} if "$" in left else units):
        return True
    return bool(parts) and not (
        len(set(parts)) == 1
        and len(parts) == len(link.left.numbers)
        and _SUMS.issuperset(link.left.operators)
    )


def _are_mixed(units: set[str]) -> bool:
    """Whether two of the words are different units of one kind (feet and inches)."""
    kinds = [
        kind for kind, _ in {(MEASURES[unit], SIZES.get(unit, unit)) for unit in units & MEASURES.keys()}
    ]
    return len(set(kinds)) < len(kinds)
