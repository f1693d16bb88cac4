"""Are closed equations with irrational constants or functions true, as printed?"""

import math

from sept_jax.checks.algebra.book import Relation
from sept_jax.checks.formulas.evaluation import equal
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.floats import value_at
from sept_jax.checks.formulas.judge import doubted
from sept_jax.checks.formulas.lexer import Tokens
from sept_jax.checks.formulas.terms import DEGREE, number
from sept_jax.checks.formulas.values import Term
from sept_jax.checks.verdicts import UNKNOWN, Verdict

_ARITHMETIC = frozenset("+-*/^√%!")
"""Operators of equations between rational numbers, which `arithmetic` judges."""

_OFF = 0.01
"""Relative gap up to which an approximation is left alone."""


def judge_closed(relation: Relation, tokens: Tokens) -> Verdict:
    """The verdict on an equation without names."""
    left, right = relation.left, relation.right
    operators = {*left.operators, *right.operators}
    if number(left.tree) and number(right.tree) and operators <= _ARITHMETIC:
        return UNKNOWN
    holds = _holds(left, right, relation.statement.relation)
    if holds:
        return Verdict(1.0, f"{relation.shown} is true")
    statement = relation.statement
    if holds is None or left.units or right.units or left.ambiguous or right.ambiguous or statement.doubtful:
        return UNKNOWN
    if statement.listed or doubted(tokens, statement.first, statement.last):
        return UNKNOWN
    value = closed_value(left)
    if value is None:
        return UNKNOWN
    return Verdict(-1.0, f"{relation.shown}, but the left side is {value:.6g}")


def closed_value(side: Term) -> float | None:
    """The value of a side without names; None where it is undefined or complex."""
    try:
        value = value_at(side.tree, {DEGREE: math.pi / 180})
    except Abstain:
        return None
    return None if isinstance(value, complex) else float(value)


def _holds(left: Term, right: Term, relation: str) -> bool | None:
    holds = equal(left.tree, right.tree)
    if holds is not False or not (left.decimals or right.decimals or relation == "≈"):
        return holds
    a, b = closed_value(left), closed_value(right)
    if a is None or b is None:
        return None
    unit = 0.1 ** max(left.decimals, right.decimals)
    gap = abs(a - b)
    if gap <= unit * 0.5001 and not (left.operators and right.operators):
        return True
    return None if gap <= 2 * unit or gap <= _OFF * max(abs(a), abs(b)) else False
