"""Is each closed equation of a step true?"""

from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from sept_jax.checks.answers import canonical_answer, final_answer
from sept_jax.checks.arithmetic.clock import false_span
from sept_jax.checks.arithmetic.worded import worded_clauses
from sept_jax.checks.formulas.conversions import false_conversion
from sept_jax.checks.formulas.equations import Link, find_links
from sept_jax.checks.verdicts import UNKNOWN, Verdict

MAX_WORDS = 4_000
"""Longer steps, in characters, are not searched for statements in words."""

_SHOWN = 60


class StepArithmetic(NamedTuple):
    """The verdict on a step's equations, and the last result that the step states (None: none)."""

    verdict: Verdict
    result: Fraction | None


def check_arithmetic(step: str, star: bool = False) -> StepArithmetic:
    """Refuted if one closed equation of the step, in symbols or words, or one statement on measures is
    false, verified if at least one equation is true and none false, else unknown. The result is the final
    answer that the step states, else its last equation's last side that is a number. With `star` the
    problem gives `*` a meaning of its own, and equations with it stay unknown."""
    links = find_links(step)
    judged = [x for x in links if "*" not in step[x.start : x.end]] if star and "*" in step else links
    return StepArithmetic(_verdict(step, judged), _result(step, links))


def _verdict(step: str, links: Sequence[Link]) -> Verdict:
    true = ""
    for link in links:
        if link.holds is False:
            return Verdict(-1.0, explain(step, link))
        if link.holds:
            true = true or step[link.start : link.end]
        elif link.relation == "=" and link.right is not None and not link.right.operators:
            reason = false_conversion(step, link.middle, link.middle + 1)
            if reason:
                return Verdict(-1.0, reason)
    if len(step) <= MAX_WORDS:
        reason = false_span(step)
        if reason:
            return Verdict(-1.0, reason)
        for clause in worded_clauses(step):
            link = clause.link
            if link is None:
                reason = false_conversion(step, clause.start, clause.end)
            elif link.holds is False:
                reason = explain(clause.text, link)
            elif link.holds:
                true = true or clause.text[link.start : link.end]
            if reason:
                return Verdict(-1.0, reason)
    return Verdict(1.0, f"{_shown(true)} is true") if true else UNKNOWN


def explain(step: str, link: Link) -> str:
    """Why a link of `step` is false: "12*3 = 35, but 12*3 is 36"."""
    left, right = step[link.start : link.middle], step[link.middle : link.end]
    if link.left is None or not link.left.operators:
        return f"{_shown(left + right)} is false"
    return f"{_shown(left + right)}, but {_shown(left)} is {show_number(link.left.exact)}"


def show_number(value: Fraction) -> str:
    """The value as a whole number, a decimal of up to 6 places, or a fraction."""
    if value.denominator == 1:
        text = str(value.numerator) if value.numerator.bit_length() < 200 else "a huge number"
    elif 10**6 % value.denominator == 0:
        text = f"{float(value):.6f}".rstrip("0") if value.numerator.bit_length() < 50 else "a huge number"
    elif value.numerator.bit_length() + value.denominator.bit_length() < 100:
        text = f"{value.numerator}/{value.denominator}"
    else:
        text = "a long fraction"
    return text


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _result(step: str, links: tuple[Link, ...]) -> Fraction | None:
    answer = final_answer(step)
    if answer is not None and isinstance(value := canonical_answer(answer), Fraction):
        return value
    for link in reversed(links):
        if link.right is not None:
            return link.right.exact
    return None
