"""Equations said in words: "5 plus 3 is 8", "half of 30 is 15", "$6 + $5, which equals $11".

A connector ("is", "equals", "which gives", "for a total of") between an expression and a number is an
equals sign; worded operators are symbols. The clause is rewritten so, and judged as an equation.
"""

import re
from collections.abc import Iterator
from typing import NamedTuple

from sept_jax.checks.formulas.equations import Link, find_links

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
        yield _clause(start, at + 1, before, step[at + 1 : at + 1 + _AFTER])


def _clause(start: int, end: int, before: str, after: str) -> Clause:
    if not _LONE_FRACTION.search(before[-16:]):
        for word, pattern, symbols in _REWRITES:
            if word in before:
                before = pattern.sub(symbols, before)
        text = f"{before} = {after}"
        for link in find_links(text):
            if link.middle == len(before) + 1 and not (link.right is not None and link.right.operators):
                return Clause(start, end, text, link)
    return Clause(start, end, "", None)
