"""Do rewritings hold, equations follow from the ones before them, values and functions give what is said?"""

from collections.abc import Iterator, Sequence

from sept_jax.checks.algebra.book import GIVEN, Book, Relation
from sept_jax.checks.algebra.closed import judge_closed
from sept_jax.checks.algebra.congruences import Congruence, find_congruences, judge_congruence
from sept_jax.checks.algebra.inequalities import judge_inequalities
from sept_jax.checks.algebra.rewriting import judge_rewriting
from sept_jax.checks.algebra.sequences import Equation, equation_of, judge_sequence
from sept_jax.checks.algebra.substitution import judge_call, judge_values
from sept_jax.checks.algebra.systems import judge_system
from sept_jax.checks.formulas.lexer import CMP, OPAQUE, SQRT, VAR, Tokens, tokenize
from sept_jax.checks.formulas.statements import find_statements
from sept_jax.checks.formulas.terms import CALL
from sept_jax.checks.verdicts import UNKNOWN, Verdict

MAX_CONGRUENCES = 40

_SIGNS = ("<", ">", "≡", "≈", "≤", "≥", "\\equiv", "\\approx", "\\le", "\\ge", "\\lt", "\\gt", "mod")
_CHECKED = frozenset((CMP, OPAQUE, SQRT, VAR))


def check_algebra(problem: str, steps: Sequence[str]) -> list[Verdict]:
    """One verdict a step.

    Refuted: a rewriting fails at every point where it is defined; an equation contradicts the one that it
    is derived from, or the system around it; a closed equation with irrational constants, a congruence, an
    evaluation or a function's value is false. Verified: one of these holds and none fails.
    """
    path = _Path(problem)
    return [path.check(number, step) for number, step in enumerate(steps)]


class _Path:
    """The state of a path while it is read."""

    def __init__(self, problem: str):
        self.book = Book()
        self.equations: list[Equation] = []
        self.congruences: list[Congruence] = []
        tokens = _tokens(problem)
        if tokens is not None:
            for relation in self.book.read(problem, find_statements(tokens), GIVEN):
                equation = self._equation(relation, "", GIVEN)
                if equation is not None:
                    self.equations.append(equation)
            self.congruences = _congruences(problem, tokens)
            if len(self.congruences) > 1:
                self.congruences.clear()  # a system: none follows from the one before it

    def check(self, number: int, step: str) -> Verdict:
        tokens = _tokens(step)
        if tokens is None:
            return UNKNOWN
        verdict = UNKNOWN
        for found in self._verdicts(number, step, tokens):
            if found.value < 0:
                verdict = found if verdict.value >= 0 else verdict
            elif found.value > 0 and not verdict.known:
                verdict = found
        return verdict

    def _verdicts(self, number: int, step: str, tokens: Tokens) -> Iterator[Verdict]:
        """All verdicts on a step; what the step says is known when the last has been taken."""
        end = 0
        for relation in self.book.read(step, find_statements(tokens), number):
            if not (relation.names or CALL in relation.left.operators or CALL in relation.right.operators):
                yield judge_closed(relation, tokens)
            else:
                yield self._judge(relation)
                equation = self._equation(relation, step[end : relation.statement.start], number)
                if equation is not None:
                    yield judge_sequence(equation, self.equations)
                    yield judge_system(equation, self.equations)
                    self.equations.append(equation)
            self.book.bind(relation)
            end = relation.statement.end
        if CMP in tokens.kinds:
            yield judge_inequalities(tokens)
        for congruence in _congruences(step, tokens)[: MAX_CONGRUENCES - len(self.congruences)]:
            yield judge_congruence(tokens, congruence, self.congruences)
            self.congruences.append(congruence)

    def _judge(self, relation: Relation) -> Verdict:
        for judge in (judge_rewriting, judge_call, judge_values):
            found = judge(relation, self.book)
            if found.known:
                return found
        return UNKNOWN

    def _equation(self, relation: Relation, before: str, number: int) -> Equation | None:
        order = self.equations[-1].order + 1 if self.equations else 0
        if order > 1 and self.equations[-1].relation.step == GIVEN and number != GIVEN:
            order += 1  # of several equations of the problem, which one the path goes on from is open
        return equation_of(relation, order, before)


def _tokens(text: str) -> Tokens | None:
    """The tokens of a text, or None where it has nothing to check: only prose and plain arithmetic."""
    if "=" not in text and not any(sign in text for sign in _SIGNS):
        return None
    tokens = tokenize(text)
    if tokens is None or not ("mod" in text or not _CHECKED.isdisjoint(tokens.kinds)):
        return None
    return tokens


def _congruences(text: str, tokens: Tokens) -> list[Congruence]:
    return find_congruences(tokens) if "mod" in text else []
