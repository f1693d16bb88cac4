"""Does a step contradict the problem, an earlier step or itself?"""

import itertools
import re
from collections.abc import Sequence
from fractions import Fraction

from sept_jax.checks.answers import final_answer
from sept_jax.checks.claims.claims import shown
from sept_jax.checks.claims.general import tree_of
from sept_jax.checks.claims.quotations import Given, given, misattributed, misquoted, other_percent
from sept_jax.checks.formulas.evaluation import equal
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.lexer import MAX_CHARS
from sept_jax.checks.formulas.terms import Tree, names
from sept_jax.checks.verdicts import UNKNOWN, Verdict

SOFT = -0.5
MAX_BINDINGS = 64

_EITHER = re.compile(
    r"(?<![\d.,])(\d{1,9}(?:\.\d{1,6})?) ?([a-z]{1,12}(?:/[a-z]{1,8})?) \(or (\d{1,9}(?:\.\d{1,6})"
    r"?) ?([a-z]{1,12}(?:/[a-z]{1,8})?)\)",
    re.IGNORECASE,
)
_BINDING = re.compile(r"= ?(-?\d{1,9}(?:\.\d{1,9}|/\d{1,9})?)(?=[ $)\]\\]{0,4}(?:[.,;:\n]|$))(?![.,/]\d)")
_BINDS = (
    "so",
    "thus",
    "therefore",
    "that",
    "have",
    "get",
    "find",
    "hence",
    "obtain",
    ".",
    ";",
    ":",
    "\n",
    "rightarrow",
    "implies",
)
_OPEN = re.compile(
    r"\b(?:or|cases?|if|when|for|let|suppose|try|trying|test|testing|check|plug|plugging"
    r"|substitut\w*|assum\w*|where|set|"
    r"setting|at|either|both|possible|values?|solutions?|roots?|consider|choose|take|until|instead"
    r"|incorrect|mistake|"
    r"however|but|maximum|minimum|vertex|points?|slope|range|pairs?|triples?|step|and)\b|±|\|"
)
_CONCLUDES = re.compile(
    r"\b(?:answer|simplified (?:form|expression)|simplifies to|expression) (?:is|to|becomes)"
    r"?:?\s{0,3}$|answer is"
)
_CONCLUDING = ("answer", "simplif", "expression")
"""A step without one of these does not conclude."""

_LAST_SIDE = re.compile(r"=\s*([^=<>≈]{1,120}?)\s*[.,;]?\s*(?:\\\]|\\\)|\$+|\n\]|$)")


def check_contradiction(problem: str, steps: Sequence[str]) -> list[Verdict]:
    """A verdict a step: refuted where it gives a number of the problem to something else, misquotes it,
    states two values for one quantity, or concludes with another expression than was derived; in soft doubt
    where a letter gets a second value; else unknown."""
    facts = given(problem[:MAX_CHARS])
    bound: dict[str, tuple[Fraction, bool]] = {}
    verdicts = []
    for i, step in enumerate(steps):
        if len(step) > MAX_CHARS:
            verdicts.append(UNKNOWN)
            continue
        reason = _refuted(problem, facts, steps, i)
        if reason is not None:
            verdicts.append(Verdict(-1.0, reason))
        else:
            verdicts.append(_rebound(step, bound) if "=" in step else UNKNOWN)
    return verdicts


def _refuted(problem: str, facts: Given, steps: Sequence[str], i: int) -> str | None:
    step = steps[i]
    reason = None
    if facts.amounts:
        reason = misattributed(problem, facts, steps, i)
    if reason is None and facts.off and ("%" in step or "percent" in step):
        reason = other_percent(facts, step)
    if reason is None and i < 2 and ("$" in step or "\\" in step):
        reason = misquoted(problem, step)
    if reason is None and "(or " in step:
        reason = _two_values(step)
    if reason is None and i and "boxed" in step and any(map(step.__contains__, _CONCLUDING)):
        reason = _other_conclusion(step, steps[i - 1], steps[:i])
    return reason


def _two_values(step: str) -> str | None:
    """ "0.0056 kb/s (or 5.6 kb/s)": one quantity, two values."""
    for first, unit, second, other in _EITHER.findall(step):
        if unit.lower() == other.lower() and Fraction(first) != Fraction(second):
            return f"{first} {unit} is not {second} {unit}"
    return None


def _rebound(step: str, bound: dict[str, tuple[Fraction, bool]]) -> Verdict:
    """A soft doubt where `x = 7` follows `x = 5` and nothing says that there are several."""
    verdict = UNKNOWN
    several = None
    for found in itertools.islice(_BINDING.finditer(step), MAX_BINDINGS):
        name = _bound_name(step, found.start())
        if name is None or found[1].endswith("/0"):
            continue
        value = Fraction(found[1])
        if several is None:
            several = _OPEN.search(step.lower()) is not None
        before = bound.get(name)
        if before is not None and before[0] != value and not several and not before[1]:
            verdict = Verdict(SOFT, f"{name} = {found[1]}, but before {name} = {before[0]}")
        bound[name] = value, several or (before is not None and before[0] != value)
    return verdict


def _bound_name(step: str, at: int) -> str | None:
    """The letter that "=" at `at` gives a value to, where nothing but a joint stands before it."""
    before = step[max(0, at - 16) : at].rstrip(" ")
    if not before or not before[-1].isalpha() or not before[-1].isascii():
        return None
    lead = before[:-1].rstrip(" $([\\").lower()
    if before[:-1][-1:].isalnum() or before[:-1].endswith("\\"):
        return None
    return before[-1] if not lead or lead.endswith(_BINDS) else None


def _other_conclusion(step: str, before: str, earlier: Sequence[str]) -> str | None:
    """Why an answer with letters is not the expression that the step before arrived at."""
    answer = final_answer(step) if len(step) <= 200 else None
    at = step.find(answer) if answer is not None else -1
    if answer is None or at < 0 or not _CONCLUDES.search(step[:at].split("\\boxed")[0].rstrip(" \\[($\n")):
        return None
    box, sides = tree_of(answer), _LAST_SIDE.findall(before.strip())
    derived = tree_of(sides[-1]) if sides else None
    if box is None or derived is None or not names(box) or names(box) != names(derived):
        return None
    if _same(box, derived) is not False:
        return None
    for text in earlier:  # some other expression may be the answer
        for side in _LAST_SIDE.findall(text.strip()):
            tree = tree_of(side)
            if tree is not None and _same(box, tree) is not False:
                return None
    return f"the step before arrives at {shown(sides[-1])}, not {shown(answer)}"


def _same(left: Tree, right: Tree) -> bool | None:
    try:
        return equal(left, right)
    except Abstain:
        return None
