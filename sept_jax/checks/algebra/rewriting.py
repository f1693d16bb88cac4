"""Does `A = B` with the same names on both sides hold at every point?

Asked of links within a chain (`A = B = C`: from the second on), and of a first link where the words before it
say that it is a rewriting. What is known of the names is substituted first.
"""

import re

from sept_jax.checks.algebra.book import MAX_RELATIONS, Book, Relation
from sept_jax.checks.formulas.evaluation import equal
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.terms import (
    CALL,
    MAX_NODES,
    Tree,
    combine,
    names,
    nodes,
    number,
    operations,
    substitute,
)
from sept_jax.checks.verdicts import UNKNOWN, Verdict

_STEPS = frozenset(("floor", "ceil", "abs"))
"""Operations that are simplified under conditions on their argument."""

_REWRITES = re.compile(
    r"\b(?:factor|expand|simplif|rewrit|distribut|multipl|combin|written|express(?:ed|es)?\b|complet|becomes)",
    re.IGNORECASE,
)
_EQUATES = re.compile(
    r"\b(?:solv|equation|set|setting|where|when|if|equat|so that|such that|let(?!['’]s| us)|suppose|"
    r"both sides|cross|satisf)",
    re.IGNORECASE,
)
_BEFORE = 120


def judge_rewriting(relation: Relation, book: Book) -> Verdict:
    """The verdict on one link."""
    if relation.statement.relation != "=" or not relation.left_names | relation.right_names:
        return UNKNOWN
    told = starts_well(relation, book) if relation.statement.continues else _claims_identity(relation, book)
    if not told:
        return _unless_identity(relation)
    a, b = book.expanded(relation.left.tree), book.expanded(relation.right.tree)
    holds = equal(a, b)
    if holds:
        return Verdict(1.0, f"{relation.shown} holds for all values")
    if holds is None or not relation.plain or book.hidden:
        return UNKNOWN
    if names(a) != names(b) or isinstance(a, str) or isinstance(b, str):
        return UNKNOWN
    if _STEPS & (operations(a) | operations(b)):
        return UNKNOWN
    if not differs_still(relation, a, b, book):
        return UNKNOWN
    return Verdict(-1.0, f"{relation.shown} does not hold for all values")


def _unless_identity(relation: Relation) -> Verdict:
    """Verified where an equation that nobody says to be a rewriting is one; else it is one to solve."""
    left, right = relation.left, relation.right
    same = relation.left_names == relation.right_names and left.tree != right.tree
    if same and left.operators and right.operators and equal(left.tree, right.tree):
        return Verdict(1.0, f"{relation.shown} holds for all values")
    return UNKNOWN


def differs_still(relation: Relation, a: Tree, b: Tree, book: Book) -> bool:
    """Whether the sides of a relation surely differ where all that is known outside its chain holds."""
    others = [
        (book.expanded(r.left.tree), book.expanded(r.right.tree))
        for r in book.relations[-MAX_RELATIONS:]
        if r.chain != relation.chain and r.names
    ]
    return still_differs(a, b, others)


def starts_well(relation: Relation, book: Book) -> bool:
    """Whether the chain of a link starts with a definition or an identity: its links are rewritings then."""
    head = book.head(relation)
    if head is relation or head.statement.continues:
        return True
    if number(head.left.tree):
        return False
    if head.left_names != relation.left_names:
        return True
    return equal(book.expanded(head.left.tree), book.expanded(head.right.tree)) is True


def _claims_identity(relation: Relation, book: Book) -> bool:
    """Whether the text says that a first link is a rewriting, and no equation in its names came before."""
    if len(relation.left.operators) < 2 or not relation.right.operators:
        return False
    if relation.left_names != relation.right_names:
        return False
    start = relation.statement.start
    before = max(0, start - _BEFORE)
    if not _REWRITES.search(relation.text, before, start) or _EQUATES.search(relation.text, before, start):
        return False
    for other in book.relations:
        if other is relation:
            return True
        if other.names == relation.left_names and equal(other.left.tree, other.right.tree) is not True:
            return False
    return True


def still_differs(a: Tree, b: Tree, relations: list[tuple[Tree, Tree]]) -> bool:
    """Whether `a` and `b` surely differ even where all relations hold."""
    known: dict[str, Tree] = {}
    target = names(a) | names(b)
    try:
        for left, right in relations:
            left, right = substitute(left, known), substitute(right, known)
            free = names(left) | names(right)
            if not free & target or CALL in operations(left) | operations(right):
                continue
            if nodes(left) + nodes(right) > MAX_NODES or equal(left, right) is True:
                continue
            pivot = _pivot(left, right, target)
            if pivot is None:
                if free <= target:
                    return False
                continue
            name, value = pivot
            known = {n: substitute(t, {name: value}) for n, t in known.items()}
            known[name] = value
            if sum(map(nodes, known.values())) > 4 * MAX_NODES:
                return False
            target = names(substitute(a, known)) | names(substitute(b, known))
        return not known or equal(substitute(a, known), substitute(b, known)) is False
    except Abstain:
        return False


def _pivot(left: Tree, right: Tree, target: set[str]) -> tuple[str, Tree] | None:
    """A name in which the relation is linear, and its value."""
    found = names(left) | names(right)
    for name in sorted(found, key=lambda n: (n in target, n)):
        value = solve_linear(left, right, name)
        if value is not None:
            return name, value
    return None


def solve_linear(left: Tree, right: Tree, name: str) -> Tree | None:
    """The value of `name` where `left = right` is linear in it."""
    if left == name and name not in names(right):
        return right
    if right == name and name not in names(left):
        return left
    try:
        at_0, at_1, at_5 = (
            combine("-", substitute(left, {name: n}), substitute(right, {name: n})) for n in (0, 1, 5)
        )
        slope = combine("-", at_1, at_0)
        if (
            equal(combine("-", at_5, at_0), combine("*", 5, slope)) is not True
            or equal(slope, 0) is not False
        ):
            return None
        return combine("/", combine("*", -1, at_0), slope)
    except Abstain:
        return None
