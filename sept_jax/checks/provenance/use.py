"""Does a path use what the problem gives and what it derives, and does its answer fit the question?

Doubts of a whole path, for word problems: none of them refutes a step.
"""

import re
from collections.abc import Sequence
from fractions import Fraction

from sept_jax.checks.answers import answer_value, final_answer
from sept_jax.checks.arithmetic.check import show_number
from sept_jax.checks.formulas.equations import find_links
from sept_jax.checks.formulas.exact import Number
from sept_jax.checks.provenance.numbers import numbers_in, plain, problem_quantities
from sept_jax.checks.verdicts import UNKNOWN, Verdict

SOFT = -0.5
"""Verdict on a result that no later equation uses, and on an answer that is no amount."""

LIMIT = -0.75
"""Doubts of a step add up to no more than this."""

UNUSED = -0.25
"""Verdict for each given number that the path leaves out: problems hold numbers that do not matter."""

_AMOUNT = re.compile(r"\bhow\s+m(any|uch)\b", re.IGNORECASE)
_SHOWN = 3


def check_use(problem: str, steps: Sequence[str], answer: Fraction | str | None) -> list[Verdict]:
    """Doubts, one entry a step, on a path that calculates and ends in a number (else unknown).

    A step whose result no later equation uses, and that is not the answer, as its value or as it is printed
    (60 for `60%`, 2.5 for `2.5 million`), is doubted. The last step is doubted by 0.25 for each given number
    that no equation uses (as itself, as a percentage, or as what is missing to or added to the whole), and by
    0.5 for an answer to "how many" or "how much" that is not above 0, or to "how many" that is not whole
    although all given numbers are. `answer` is the final answer as `checks.reading` has it.
    """
    doubts = [UNKNOWN] * len(steps)
    if not isinstance(answer, Fraction):
        return doubts
    shown = {answer, *_printed("".join(steps))}
    used: set[Number] = set()
    found = False
    for k in range(len(steps) - 1, -1, -1):
        for link in reversed(find_links(steps[k])):
            source, goal = link.left, link.right
            if source is None or not source.operators:
                source, goal = goal, source  # 20 = 4*5
            if source is None or not source.operators:
                continue
            found = True
            result = None if goal is None or goal.operators else goal.exact
            if result is not None and result not in shown and not _is_used(plain(result), used):
                doubts[k] = Verdict(SOFT, f"{show_number(result)} is never used")
            used.update(map(plain, source.numbers))
            if goal is not None and goal.operators:
                used.update(map(plain, goal.numbers))
    if found:
        doubts[-1] = _join(doubts[-1], _doubt_path(problem, used, answer))
    return doubts


def with_doubts(verdicts: Sequence[Verdict], doubts: Sequence[Verdict]) -> list[Verdict]:
    """The verdicts of a path, each replaced by its doubt where that is lower."""
    return [d if d.known and d.value < v.value else v for v, d in zip(verdicts, doubts, strict=True)]


def _printed(path: str) -> list[Number]:
    """The value of a path's final answer and the numbers that it is written with."""
    answer = final_answer(path)
    if answer is None:
        return []
    value = answer_value(answer)
    return numbers_in(answer) if value is None else [value, *numbers_in(answer)]


def _join(first: Verdict, second: Verdict) -> Verdict:
    reason = "; ".join(filter(None, (first.reason, second.reason)))
    return Verdict(max(first.value + second.value, LIMIT), reason)


def _doubt_path(problem: str, used: set[Number], answer: Fraction) -> Verdict:
    given = dict.fromkeys(problem_quantities(problem)[0])
    reasons: list[str] = []
    asked = _AMOUNT.search(problem)
    if asked and answer <= 0:
        reasons.append(f"answers {show_number(answer)} to how {asked[0].split()[-1]}")
    elif asked and asked[1] == "any" and answer.denominator != 1 and all(n.denominator == 1 for n in given):
        reasons.append(f"answers {show_number(answer)} to how many")
    doubt = SOFT * len(reasons)
    unused = [Fraction(number) for number in given if not _is_used(number, used)]
    if unused:
        shown = ", ".join(map(show_number, unused[:_SHOWN]))
        reasons.append(f"never uses {shown}")
    return Verdict(max(doubt + UNUSED * len(unused), LIMIT), "; ".join(reasons)) if reasons else UNKNOWN


def _is_used(number: Number, used: set[Number]) -> bool:
    """Whether an equation has the number as itself, as a percent or share, as the rest to the whole, as a
    growth, or inverse."""
    if number in used:
        return True
    if not used.isdisjoint((-number, number * 100, 1 - number, 1 + number)):
        return True
    share = Fraction(number, 100)
    if not used.isdisjoint(map(plain, (share, 1 - share, 1 + share))):
        return True
    return number != 0 and plain(Fraction(1, number)) in used
