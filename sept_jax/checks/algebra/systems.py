"""Does a linear equation contradict the linear equations around it, taken together?"""

from sept_jax.checks.algebra.book import MAX_RELATIONS
from sept_jax.checks.algebra.linear import MAX_NAMES, contradicts
from sept_jax.checks.algebra.sequences import Equation
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.verdicts import UNKNOWN, Verdict

MAX_EQUATIONS = 16
_STEPS_BACK = 2


def judge_system(equation: Equation, earlier: list[Equation]) -> Verdict:
    """Refuted if no solution of the linear equations in several names, of this step and the two before it,
    solves the equation too."""
    if equation.binding or len(equation.names) > MAX_NAMES:
        return UNKNOWN
    first = equation.relation.step - _STEPS_BACK
    if len(earlier) < 2 or earlier[-2].relation.step < first or not equation.relation.plain:
        return UNKNOWN
    if equation.form is None:
        return UNKNOWN
    around = []
    for e in reversed(earlier[-MAX_RELATIONS:]):
        if e.relation.step < first or len(around) == MAX_EQUATIONS:
            break
        if len(e.names) > 1 and e.form is not None:
            around.append(e)
    if len(around) < 2:
        return UNKNOWN
    known = {name for e in around for name in e.names}
    if any(name and name not in known for name in equation.form):
        return UNKNOWN
    if equation.relation.supposed(len(equation.before)) or any(
        equation.left in (e.left, e.right) for e in around
    ):
        return UNKNOWN
    forms = [e.form for e in around if e.relation.plain and not e.supposed]
    try:
        found = contradicts(equation.form, forms) if len(forms) > 1 else None
    except Abstain:
        return UNKNOWN
    if found is None:
        return UNKNOWN
    if found:
        return Verdict(-1.0, f"{equation.relation.shown} contradicts the equations before it")
    return Verdict(1.0, f"{equation.relation.shown} follows from the equations before it")
