"""Does an equation follow from the one before it?"""

import re

from sept_jax.checks.algebra.book import GIVEN, MAX_RELATIONS, Relation
from sept_jax.checks.algebra.linear import Form, equation_form
from sept_jax.checks.algebra.polynomials import Polynomial, common, divides, numerator, proportional
from sept_jax.checks.formulas.evaluation import PRIME, coordinate, equal, near, residue, residue_of
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.floats import value_at
from sept_jax.checks.formulas.terms import CALL, IMAGINARY, Tree, combine, number, operations
from sept_jax.checks.verdicts import UNKNOWN, Verdict

_LISTS = re.compile(r"\b(?:first|second|third|also|similarly)\b|\band\W*$", re.IGNORECASE)
_REFUSED = re.compile(
    r"\b(?:not|no|cannot|extraneous|impossible|contradict|invalid|reject)|n't\b", re.IGNORECASE
)
_SIMPLIFIES = re.compile(r"\b(?:simplif|expand|combin|distribut)", re.IGNORECASE)
_REARRANGES = re.compile(
    r"\b(?:rearrang|to one side|solving for|slope-intercept|isolat|completing the square)", re.IGNORECASE
)
_LINK = re.compile(
    r"(?:\\(?:implies|Rightarrow|Longrightarrow|rightarrow|to|q?quad)\b|\\[\[\]()\\,;]"
    r"|\\(?:begin|end)\{[a-z*]{1,12}\}"
    r"|\b(?:so|then|thus|hence|therefore|and|we|get|have|which|gives|means|that|"
    r"or equivalently|simplifies|to|is|implies|obtain)\b"
    r"|[\s$&.,;:⇒→⟹=>-])*",
    re.IGNORECASE,
)
_ARROW = re.compile(
    r"\\(?:implies|[A-Za-z]*ightarrow)|[⇒→⟹]|\b(?:so|then|thus|hence|therefore|gives)\b|\\\]|\\\\"
)
_OR = re.compile(r"\bor\W*$")
_COMMA = re.compile(r"[\s$\\()]*,[\s$\\()]*")
_BEFORE, _AFTER = 80, 40


class Equation:
    """An equation with names. `order` counts the equations of the path, `before` is the text between it and
    the relation before it, `binding` whether it gives a name a value."""

    __slots__ = (
        "_form",
        "_polynomial",
        "_residues",
        "_supposed",
        "before",
        "binding",
        "left",
        "names",
        "order",
        "relation",
        "right",
    )

    def __init__(self, relation: Relation, order: int, before: str):
        self.relation, self.order, self.before = relation, order, before
        self.left, self.right, self.names = relation.left.tree, relation.right.tree, relation.names
        self.binding = (isinstance(self.left, str) and not relation.right_names) or (
            isinstance(self.right, str) and not relation.left_names
        )
        self._polynomial: Polynomial | str | None = "not made"
        self._residues: tuple[int, ...] | str | None = "not made"
        self._form: Form | str | None = "not made"
        self._supposed: bool | None = None

    @property
    def supposed(self) -> bool:
        """Whether it is one of several cases, or meant as an assumption."""
        if self._supposed is None:
            self._supposed = self.relation.supposed()
        return self._supposed

    @property
    def polynomial(self) -> Polynomial | None:
        """The polynomial that is 0 where it holds; None with several names, or where it is none."""
        if self._polynomial == "not made":
            try:
                self._polynomial = (
                    numerator(self.left, self.right, *self.names) if len(self.names) == 1 else None
                )
            except Abstain:
                self._polynomial = None
        return self._polynomial

    @property
    def form(self) -> Form | None:
        """The linear form that is 0 where it holds; None where it is not linear."""
        if self._form == "not made":
            try:
                self._form = equation_form(self.left, self.right)
            except Abstain:
                self._form = None
        return self._form

    @property
    def residues(self) -> tuple[int, ...] | None:
        """Three values of one side less the other, modulo a prime; None where it is irrational."""
        if self._residues == "not made":
            try:
                points = [{n: residue_of(n + "'" * k) for n in self.names} for k in range(3)]
                self._residues = tuple(
                    [(residue(self.left, at) - residue(self.right, at)) % PRIME for at in points]
                )
            except Abstain:
                self._residues = None
        return self._residues

    @property
    def difference(self) -> Tree | None:
        """One side less the other; None beyond the bounds."""
        try:
            return combine("-", self.left, self.right)
        except Abstain:
            return None


def equation_of(relation: Relation, order: int, before: str) -> Equation | None:
    """The equation of a relation; None where it has no names, or calls or complex numbers."""
    if relation.statement.relation != "=" or not relation.names or IMAGINARY in relation.names:
        return None
    if CALL in relation.left.operators or CALL in relation.right.operators:
        return None
    return Equation(relation, order, before[-_BEFORE:])


def judge_sequence(equation: Equation, earlier: list[Equation]) -> Verdict:
    """Refuted if the equation has no solution in common with one in the same names right before it, or is
    no multiple of it though the text says that it is only rearranged."""
    if not earlier:
        return UNKNOWN
    last = earlier[-1]
    if last.names != equation.names or last.binding or equation.order - last.order > 1:
        return UNKNOWN
    if equation.relation.step - last.relation.step > 1 or _trivial(equation) or _trivial(last):
        return UNKNOWN
    follows = _follows(last, equation)
    if follows:
        return Verdict(1.0, f"{equation.relation.shown} follows from {last.relation.shown}")
    if not (equation.relation.plain and last.relation.plain):
        return UNKNOWN
    fault = _lost(equation, last, earlier) if follows is None else _clash(equation, last, earlier)
    if not fault or _one_of_many(equation, last):
        return UNKNOWN
    return Verdict(-1.0, f"{equation.relation.shown} {fault.format(last.relation.shown)}")


def _lost(equation: Equation, last: Equation, earlier: list[Equation]) -> str:
    """What is wrong with an equation that shares some but not all solutions with the last one; "" where
    that may be meant."""
    if _same_degree(last, equation) and _tight(equation, last):
        return "does not have the solutions of {}"
    if _only_rewritten(equation, last, earlier) and _not_multiple(last, equation):
        return "is not what {} simplifies to"
    return ""


def _clash(equation: Equation, last: Equation, earlier: list[Equation]) -> str:
    """What is wrong with an equation that shares no solution with the last one; "" where it may come from
    another equation."""
    if not _tight(equation, last):
        alike = (e for e in earlier[-MAX_RELATIONS:] if e.names == equation.names and not _trivial(e))
        open_to_doubt = (True, None) if len(equation.names) == 1 else (True,)
        if any(_follows(e, equation) in open_to_doubt for e in alike):
            return ""
    return "has no solution in common with {}"


def _tight(equation: Equation, last: Equation) -> bool:
    """Whether nothing but a word such as "so", an arrow or a new line stands between two equations."""
    if equation.relation.step != last.relation.step or equation.order - last.order != 1:
        return False
    if equation.relation.statement.continues or equation.relation.chain != last.relation.chain + 1:
        return False
    return _LINK.fullmatch(equation.before) is not None and _ARROW.search(equation.before) is not None


def _same_degree(first: Equation, second: Equation) -> bool:
    """Whether two polynomial equations of one degree above 1 are no multiples of each other."""
    p, q = first.polynomial, second.polynomial
    return p is not None and q is not None and len(p) == len(q) > 2 and not proportional(p, q)


def _trivial(equation: Equation) -> bool:
    """Whether an equation says nothing about its name, or cannot hold."""
    return equation.polynomial is not None and len(equation.polynomial) < 2


def _one_of_many(equation: Equation, last: Equation) -> bool:
    """Whether the text makes the equation one of several beside the last one, or refuses it."""
    if equation.relation.supposed(len(equation.before)) or _LISTS.search(equation.before):
        return True
    if _COMMA.fullmatch(equation.before):
        return True
    if _OR.search(last.before) or (last.supposed and last.relation.step != equation.relation.step):
        return True
    end = equation.relation.statement.end
    after = equation.relation.text[end : end + _AFTER].partition("=")[0]
    if _REFUSED.search(after):
        return True
    if len(equation.names) > 1 and isinstance(equation.left, str) and equation.left == last.left:
        return True  # two curves
    if equal(last.left, last.right) is not False:
        return True
    return (equation.left == last.left and number(equation.right)) or (
        equation.right == last.right and number(equation.left)
    )


def _follows(first: Equation, second: Equation) -> bool | None:
    """True where the second equation holds only where the first does, False where never both hold."""
    p, q = first.polynomial, second.polynomial
    if p is None or q is None:
        return _parallel(first, second)
    try:
        if divides(q, p):
            return True
        return False if len(common(q, p)) == 1 else None
    except Abstain:
        return None


def _parallel(first: Equation, second: Equation) -> bool | None:
    """True where one equation is a multiple of the other, False where it would be but for a constant."""
    if first.residues is None or second.residues is None:
        return _parallel_floats(first.difference, second.difference, first.names)
    (f0, f1, f2), (g0, g1, g2) = first.residues, second.residues
    if f1 == f0 or g1 == g0:
        return None
    k = (g1 - g0) * pow(f1 - f0, -1, PRIME) % PRIME
    if (g2 - g0 - k * (f2 - f0)) % PRIME:
        return None
    return (g0 - k * f0) % PRIME == 0


def _parallel_floats(f: Tree | None, g: Tree | None, found: frozenset[str]) -> bool | None:
    if f is None or g is None or {"abs", "floor", "ceil"} & (operations(f) | operations(g)):
        return None
    try:
        (f0, g0), (f1, g1), (f2, g2) = (
            (value_at(f, at), value_at(g, at))
            for at in ({n: coordinate(n, point) + 0.5j for n in found} for point in range(3))
        )
    except Abstain:
        return None
    if near(f1, f0) is not False:
        return None
    k = (g1 - g0) / (f1 - f0)
    if abs(k) < 1e-9 or near(g2 - g0, k * (f2 - f0)) is not True:
        return None
    return near(g0, k * f0)


def _only_rewritten(equation: Equation, last: Equation, earlier: list[Equation]) -> bool:
    """Whether the text says that the last equation is rearranged, or that the one side that changes is
    simplified."""
    if last.relation.step == GIVEN and sum(e.names == last.names for e in earlier) > 1:
        return False
    if _REARRANGES.search(equation.before):
        return True
    if not _SIMPLIFIES.search(equation.before):
        return False
    return (equal(last.left, equation.left) is True) != (equal(last.right, equation.right) is True)


def _not_multiple(first: Equation, second: Equation) -> bool:
    """Whether neither equation is a multiple of the other, though neither has a denominator."""
    p, q = first.polynomial, second.polynomial
    if p is not None and q is not None:
        try:
            return not divides(q, p) and not divides(p, q)
        except Abstain:
            return False
    f, g = first.residues, second.residues
    if f is None or g is None or "/" in operations(first.difference) | operations(second.difference):
        return False
    return any((f[0] * g[i] - f[i] * g[0]) % PRIME for i in (1, 2))
