"""Does each number of a path come from the problem or from an earlier step?

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
from sept_jax.checks.formulas.lexer import CUR, FRAC, LP, NUM, OP, PCT, SQRT, WORD, Tokens, tokenize
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.words import COMMON, NUMBERS
from sept_jax.checks.provenance.magnitudes import is_story
from sept_jax.checks.provenance.sources import is_form, is_near, plain, stray_number
from sept_jax.checks.verdicts import UNKNOWN, Verdict

SOFT = -0.5
"""Verdict on a number from nowhere in free text: it may be knowledge that is not listed."""

_AFTER_ANSWER = Verdict(-1.0, "comes after the final answer")
_NO_EQUATION = Verdict(-1.0, "has no equation with a result, and no final answer")


class Chain(NamedTuple):
    """`operands operators = ... = result` of a step; the result is None where it is not closed."""

    operands: tuple[Fraction, ...]
    operators: tuple[str, ...]
    result: Fraction | None


def check_provenance(problem: str, steps: Sequence[str], *, strict: bool) -> list[Verdict]:
    """One verdict a step. With `strict`, the problem's numbers and all results are a multiset: an
    equation uses up its operands (and, where the problem is one closed expression, its operators) and
    adds its result; the final answer must be the one value that is left. Without, operands must be
    known: from the problem, earlier in the path, or common knowledge; a repeated equation or an unknown
    operand is doubted, a number that nothing known makes is refuted."""
    return _strict(problem, steps) if strict else _loose(problem, steps)


@functools.lru_cache(maxsize=4_096)
def problem_quantities(problem: str) -> tuple[tuple[Fraction, ...], tuple[str, ...] | None]:
    """The numbers of a problem, and its operators if it is one closed expression (else None)."""
    tokens = tokenize(problem)
    kinds = tokens.kinds if tokens is not None else []
    at = next((i for i, kind in enumerate(kinds) if kind in (NUM, LP, OP, CUR, FRAC, SQRT)), None)
    if at is not None:
        parser = Parser(tokens)
        value = parser.parse(at, len(kinds))
        if value is not None and value.operators and NUM not in kinds[parser.pos :]:
            return value.numbers, value.operators
    return tuple(numbers_in(problem)), None


def numbers_in(text: str) -> list[Fraction]:
    """The numbers of free text in order, number words (`twenty-five`, `half`) and percents (20% gives 20)
    included."""
    return list(map(Fraction, _numbers(tokenize(text))))


def _numbers(tokens: Tokens | None) -> list[Number]:
    if tokens is None:
        return []
    kinds, values = tokens.kinds, tokens.values
    places = [i for i, kind in enumerate(kinds) if kind == NUM or (kind == WORD and values[i] in NUMBERS)]
    numbers: list[Number] = []
    tens, last = None, 0
    for i in places:
        if kinds[i] == NUM:
            numbers.append(values[i][0])
            tens = None
            continue
        number = NUMBERS[values[i]]
        if tens is not None and 1 <= number <= 9 and number.denominator == 1 and _adjoins(kinds, last, i):
            numbers[-1] = number = tens + number  # twenty-five
        else:
            numbers.append(number)
        tens, last = (number if 20 <= number <= 90 and number % 10 == 0 else None), i
    return numbers


def _adjoins(kinds: Sequence[int], first: int, second: int) -> bool:
    return all(kind not in (WORD, PCT) for kind in kinds[first + 1 : second])


@functools.lru_cache(maxsize=32_768)
def _short_chains(step: str) -> tuple[Chain, ...]:
    return _find_chains(find_links(step))


def _chains(step: str) -> tuple[Chain, ...]:
    return _short_chains(step) if len(step) <= 512 else _find_chains(find_links(step))


def _find_chains(links: tuple[Link, ...]) -> tuple[Chain, ...]:
    chains: list[Chain] = []
    seen: set[Chain] = set()
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
        closed = goal is not None and not goal.operators
        chain = Chain(source.numbers, source.operators, goal.exact if closed else None)
        if not (first.note and chain in seen):  # an annotation repeats the text around it
            chains.append(chain)
        seen.add(chain)
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
        chains, answer = _chains(step), final_answer(step)
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
        problem = f"repeats an earlier equation for {show_number(chain.result)}"
    seen.add(chain)
    for number in chain.operands:
        if pool[number] > 0:
            pool[number] -= 1
        elif missing is None:
            missing = number
    if missing is not None and problem is None:
        known = "is already used up" if missing in pool else "comes from nowhere"
        problem = f"{show_number(missing)} {known}"
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
        shown = ", ".join(show_number(number) for number in sorted(left)[:4])
        return Verdict(-1.0, f"answers while {len(left)} values are left: {shown}")
    if left[0] != value:
        return Verdict(-1.0, f"answers {show_number(value)}, but {show_number(left[0])} is left")
    return Verdict(1.0, f"{show_number(value)} is the one value left")


def _loose(problem: str, steps: Sequence[str]) -> list[Verdict]:
    known: set[Number] = set(_numbers(tokenize(problem)))
    story = is_story(problem)
    seen: set[tuple] = set()
    verdicts: list[Verdict] = []
    for step in steps:
        chains, tokens = _chains(step), tokenize(step)
        numbers = _numbers(tokens)
        keys = [_key(chain) for chain in chains]
        verdict = _loose_step(chains, known, numbers) if chains else UNKNOWN
        if chains and seen.issuperset(keys):
            verdict = Verdict(SOFT, f"repeats an earlier equation for {_goal(chains[-1])}")
        results = [plain(chain.result) for chain in chains if chain.result is not None]
        if story and tokens is not None:
            stray = stray_number(step, tokens, numbers, results, known)
            if stray is not None:
                shown = show_number(Fraction(stray))
                verdict = Verdict(-1.0, f"{shown} comes from nowhere, and nothing known makes it")
        verdicts.append(verdict)
        seen.update(keys)
        known.update(numbers)
        known.update(results)
    return verdicts


def _key(chain: Chain) -> tuple:
    """The chain in whole numbers, which hash faster than fractions."""
    result = None if chain.result is None else (chain.result.numerator, chain.result.denominator)
    return chain.operators, *((n.numerator, n.denominator) for n in chain.operands), result


def _goal(chain: Chain) -> str:
    return "the same" if chain.result is None else show_number(chain.result)


def _loose_step(chains: tuple[Chain, ...], known: set[Number], numbers: list[Number]) -> Verdict:
    results: set[Number] = set()
    sourced = False
    for chain in chains:
        for operand in chain.operands:
            number = plain(operand)
            if number in known or number in results or is_form(number, known):
                sourced = True
            elif number not in COMMON and not is_near(number, known | results):
                if numbers.count(number) > chain.operands.count(number):
                    return UNKNOWN  # the step says the number outside the equation too
                return Verdict(SOFT, f"{show_number(operand)} comes from nowhere")
        if chain.result is not None:
            results.add(plain(chain.result))
    return Verdict(1.0, "its numbers come from the problem or earlier steps") if sourced else UNKNOWN
