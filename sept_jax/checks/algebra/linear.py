"""Systems of linear equations with rational coefficients."""

from fractions import Fraction

from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.terms import CONSTANTS, Tree, number

MAX_NAMES = 6

Form = dict[str, Fraction | int]
"""Coefficients by name; "" is the constant."""


def linear_form(tree: Tree) -> Form:
    """The coefficients of a tree that is linear in its names. Raises Abstain where it is not."""
    if number(tree):
        return {"": tree}
    if isinstance(tree, str):
        if tree in CONSTANTS:
            raise Abstain
        return {tree: 1}
    if tree[0] == "+":
        total: Form = {}
        for part in tree[1:]:
            for name, c in linear_form(part).items():
                total[name] = total.get(name, 0) + c
        return total
    if tree[0] == "*":
        factor: Fraction | int = 1
        form: Form | None = None
        for part in tree[1:]:
            inner = linear_form(part)
            if inner.keys() <= {""}:
                factor *= inner.get("", 0)
            elif form is None:
                form = inner
            else:
                raise Abstain
        return {name: factor * c for name, c in (form or {"": 1}).items()}
    if tree[0] == "/":
        inner = linear_form(tree[1])
        if inner.keys() <= {""} and inner.get("", 0):
            return {"": Fraction(1) / inner[""]}
    raise Abstain


def equation_form(left: Tree, right: Tree) -> Form:
    """`left - right` as a linear form that is 0, without names that cancel."""
    form = linear_form(left)
    for name, c in linear_form(right).items():
        form[name] = form.get(name, 0) - c
    return {name: c for name, c in form.items() if c or name == ""}


def reduced(form: Form, system: list[tuple[str, Form]]) -> Form:
    """A form less its multiples of the forms of `system`, each solved for its pivot."""
    form = dict(form)
    for pivot, other in system:
        c = form.get(pivot, 0)
        if c:
            for name, d in other.items():
                form[name] = form.get(name, 0) - c * d
    return {name: c for name, c in form.items() if c or name == ""}


def contradicts(form: Form, others: list[Form]) -> bool | None:
    """True where a form has no solution together with `others`, False where it follows from them, None where
    neither is so. Raises Abstain where the others contradict each other, or are too many."""
    system: list[tuple[str, Form]] = []
    for other in others:
        rest = reduced(other, system)
        pivot = next((name for name in rest if name), None)
        if pivot is None:
            if rest.get("", 0):
                raise Abstain
            continue
        scale = Fraction(1) / rest[pivot]
        row = {name: c * scale for name, c in rest.items()}
        system = [(p, reduced(f, [(pivot, row)])) for p, f in system]
        system.append((pivot, row))
        if len(system) > MAX_NAMES:
            raise Abstain
    rest = reduced(form, system)
    if any(rest):
        return None
    return bool(rest.get("", 0))
