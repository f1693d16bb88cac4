"""Does each number of a path come from the problem or from an earlier step?

This is the core of the channel `provenance`. In free text `checks.reading` lowers its verdicts where a step
contradicts what the problem says of its quantities (`relations`), and where the path as a whole leaves out
what it is given or what it derives (`use`).

Strict bookkeeping, for tasks that use every quantity once: numbers and operators are used up, so
that true but useless lines gain nothing. Loose, for free text: numbers stay known, and an unknown
one is only evidence.
"""

import functools
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from typing import NamedTuple

from sept_jax.checks.answers import answer_value, final_answer
from sept_jax.checks.arithmetic.check import show_number
from sept_jax.checks.formulas.equations import Link, find_links
from sept_jax.checks.formulas.exact import Number
from sept_jax.checks.provenance.magnitudes import is_story
from sept_jax.checks.provenance.numbers import numbers_in, plain, printed_in, problem_quantities
from sept_jax.checks.provenance.sources import COMMON, Known, is_near, may_stray, stray_number
from sept_jax.checks.verdicts import UNKNOWN, Verdict

CACHED_CHARS = 512

SOFT = -0.5
"""Verdict on a number from nowhere in free text: it may be knowledge that is not listed."""

_AFTER_ANSWER = Verdict(-1.0, "comes after the final answer")
_NO_EQUATION = Verdict(-1.0, "has no equation with a result, and no final answer")


class Chain(NamedTuple):
    """`operands operators = ... = result` of a step; the result is None where it is not closed."""

    operands: tuple[Number, ...]
    operators: tuple[str, ...]
    result: Number | None


def check_provenance(problem: str, steps: Sequence[str], *, strict: bool) -> list[Verdict]:
    """One verdict a step. With `strict`, the problem's numbers and all results are a multiset: an
    equation uses up its operands (and, where the problem is one closed expression, its operators) and
    adds its result; the final answer must be the one value that is left. Without, operands must be
    known: from the problem, earlier in the path, or common knowledge; a repeated equation or an unknown
    operand is doubted, a number that nothing known makes is refuted."""
    return _strict(problem, steps) if strict else _loose(problem, steps)


@functools.lru_cache(maxsize=2_048)
def _remembered(step: str) -> tuple[Chain, ...]:
    return _find_chains(find_links(step))


def chains_of(step: str) -> tuple[Chain, ...]:
    """The equations of a step, each with its whole chain of equals signs. An annotation that repeats one is
    left out."""
    return _remembered(step) if len(step) <= CACHED_CHARS else _find_chains(find_links(step))


def _find_chains(links: tuple[Link, ...]) -> tuple[Chain, ...]:
    chains: list[Chain] = []
    i = 0
    while i < len(links):
        first = last = links[i]
        i += 1
        while i < len(links) and links[i].continues and not links[i].note:
            last = links[i]
            first = last if first.left is None or not first.left.operators else first
            i += 1
        if first.left is None:
            continue
        source, goal = first.left, last.right
        if not source.operators:
            source, goal = goal, source  # 20 = 4*5
        if source is None or not source.operators:
            continue
        result = None if goal is None or goal.operators else plain(goal.exact)
        chain = Chain(tuple(map(plain, source.numbers)), source.operators, result)
        if not (first.note and chain in chains):  # an annotation repeats the text around it
            chains.append(chain)
    return tuple(chains)


def _strict(problem: str, steps: Sequence[str]) -> list[Verdict]:
    numbers, operators = problem_quantities(problem)
    pool, budget = Counter(numbers), None if operators is None else Counter(operators)
    seen: set[Chain] = set()
    verdicts: list[Verdict] = []
    answered = False
    for step in steps:
        if answered:
            verdicts.append(_AFTER_ANSWER)
            continue
        chains, answer = chains_of(step), final_answer(step)
        verdict = _NO_EQUATION
        for chain in chains:
            verdict = _use_up(chain, pool, budget, seen)
            if verdict.value < 0:
                break
        if answer is not None:
            answered = True
            if not chains or verdict.value >= 0:
                verdict = _final(answer, pool)
        verdicts.append(verdict)
    return verdicts


def _use_up(chain: Chain, pool: Counter, budget: Counter | None, seen: set[Chain]) -> Verdict:
    """Moves a chain's operands and operators out of the pool and its result into it."""
    if chain.result is None:
        return _NO_EQUATION
    missing = problem = None
    if chain in seen and any(pool[number] <= 0 for number in chain.operands):
        problem = f"repeats an earlier equation for {_shown(chain.result)}"
    seen.add(chain)
    for number in chain.operands:
        if pool[number] > 0:
            pool[number] -= 1
        elif missing is None:
            missing = number
    if missing is not None and problem is None:
        known = "is already used up" if missing in pool else "comes from nowhere"
        problem = f"{_shown(missing)} {known}"
    for symbol in chain.operators if budget is not None else ():
        if budget[symbol] > 0:
            budget[symbol] -= 1
        elif problem is None:
            problem = f"the question has no {symbol} left"
    pool[chain.result] += 1
    if problem is not None:
        return Verdict(-1.0, problem)
    return Verdict(1.0, "each number and operator is at hand")


def _final(answer: str, pool: Counter) -> Verdict:
    value = answer_value(answer)
    left = [number for number, count in pool.items() for _ in range(count)]
    if value is None:
        return Verdict(-1.0, "the final answer is no number")
    if len(left) != 1:
        shown = ", ".join(_shown(number) for number in sorted(left)[:4])
        return Verdict(-1.0, f"answers while {len(left)} values are left: {shown}")
    if left[0] != value:
        return Verdict(-1.0, f"answers {_shown(value)}, but {_shown(left[0])} is left")
    return Verdict(1.0, f"{_shown(value)} is the one value left")


def _loose(problem: str, steps: Sequence[str]) -> list[Verdict]:
    known = Known(problem)
    story = is_story(problem)
    seen: set[Chain] = set()
    verdicts: list[Verdict] = []
    for step in steps:
        chains = chains_of(step)
        verdict = UNKNOWN
        if chains:
            verdict = _loose_step(chains, known, step)
            if seen.issuperset(chains):
                verdict = Verdict(SOFT, f"repeats an earlier equation for {_goal(chains[-1])}")
        results = [chain.result for chain in chains if chain.result is not None]
        printed = printed_in(step) if story and may_stray(step) else None
        if printed:
            stray = stray_number(step, printed, results, known)
            if stray is not None:
                verdict = Verdict(-1.0, f"{_shown(stray)} comes from nowhere, and nothing known makes it")
        verdicts.append(verdict)
        seen.update(chains)
        known.add(step, printed, results)
    return verdicts


def _goal(chain: Chain) -> str:
    return "the same" if chain.result is None else _shown(chain.result)


def _shown(number: Number) -> str:
    return show_number(Fraction(number))


def _loose_step(chains: tuple[Chain, ...], known: Known, step: str) -> Verdict:
    results: set[Number] = set()
    sourced = False
    for chain in chains:
        for number in chain.operands:
            if sourced and number in COMMON:
                continue
            if number in results or known.holds(number):
                sourced = True
            elif number not in COMMON and not is_near(number, known.all() | results):
                if numbers_in(step).count(number) > chain.operands.count(number):
                    return UNKNOWN  # the step says the number outside the equation too
                return Verdict(SOFT, f"{_shown(number)} comes from nowhere")
        if chain.result is not None:
            results.add(chain.result)
    return Verdict(1.0, "its numbers come from the problem or earlier steps") if sourced else UNKNOWN
