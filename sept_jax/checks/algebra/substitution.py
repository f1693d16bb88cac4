"""Do equations hold for the values that the names have, and do calls give what their definition gives?"""

from sept_jax.checks.algebra.book import Book, Relation, is_head
from sept_jax.checks.algebra.rewriting import differs_still, starts_well
from sept_jax.checks.formulas.evaluation import equal
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.terms import CALL, names, operations, substitute
from sept_jax.checks.verdicts import UNKNOWN, Verdict


def judge_call(relation: Relation, book: Book) -> Verdict:
    """The verdict on an equation with a call of a known function, such as `f(2) = 7`."""
    if not book.functions or not (CALL in relation.left.operators or CALL in relation.right.operators):
        return UNKNOWN
    a, b = book.expanded(relation.left.tree), book.expanded(relation.right.tree)
    if a is relation.left.tree and b is relation.right.tree:
        return UNKNOWN
    if CALL in operations(a) | operations(b) or names(a) != names(b):
        return UNKNOWN
    if a == b and is_head(relation.left.tree):
        return UNKNOWN  # the definition itself
    holds = equal(a, b)
    if holds:
        return Verdict(1.0, f"{relation.shown} is what the definition gives")
    if holds is None or not relation.plain or relation.supposed():
        return UNKNOWN
    if not (isinstance(relation.left.tree, tuple) and relation.left.tree[0] == CALL):
        return UNKNOWN
    if CALL in relation.right.operators:
        return UNKNOWN
    if names(a) and (is_head(relation.left.tree) or not differs_still(relation, a, b, book)):
        return UNKNOWN
    return Verdict(-1.0, f"{relation.shown} is not what the definition gives")


def judge_values(relation: Relation, book: Book) -> Verdict:
    """The verdict on an equation whose right side has no names, where those of the left side each have one
    known value and the equation is an evaluation: the right side repeats the left side's form, or it is a
    later link of a chain."""
    left, right = relation.left, relation.right
    if not relation.left_names or relation.right_names or isinstance(left.tree, str):
        return UNKNOWN
    alike = len(right.operators) > 1 and 1 <= len(left.operators) <= len(right.operators)
    if not alike and not relation.statement.continues:
        return UNKNOWN
    values = {}
    for name in relation.left_names:
        values[name] = book.value_of(name)
        if values[name] is None:
            return UNKNOWN
    if CALL in left.operators or not (alike or starts_well(relation, book)):
        return UNKNOWN
    try:
        holds = equal(substitute(left.tree, values), right.tree)
    except Abstain:
        return UNKNOWN
    if holds:
        return Verdict(1.0, f"{relation.shown} holds for the known values")
    if holds is None or not relation.plain or relation.supposed():
        return UNKNOWN
    known = ", ".join(sorted(relation.left_names))
    return Verdict(-1.0, f"{relation.shown} does not hold for {known} as known")
