"""What a problem and a path have said so far: relations, values of names, functions."""

import re
from typing import NamedTuple

from sept_jax.checks.formulas.evaluation import equal
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.statements import Statement
from sept_jax.checks.formulas.terms import CALL, Tree, expand_calls, names, operations
from sept_jax.checks.formulas.values import Term

MAX_RELATIONS = 64
"""How many of the last relations are looked at; a name with more values has none."""

GIVEN = -1
"""The step of what the problem says."""

TRIAL = re.compile(
    r"\b(?:if|when|let|suppose|assume|case|try|test|check|consider|set|setting|otherwise|either|instead|"
    r"plug|plugging|where|not|contradiction|false|cannot|can't|possibility|option|scenario)\b"
    r"|\b(?:for|or|at)\W*$|(?-i:\bFor\b)",
    re.IGNORECASE,
)
"""Words before an equation that make it a supposition, one of several cases, or no part of the argument."""

_AROUND = 300
"""How many characters of its sentence are read on each side of an equation."""

_SENTENCE_END = re.compile(r"[.?](?=[\s$\\)]|$)|\n\s*\n")
_LAYOUT = re.compile(
    r"\\(?:q?quad|text|left|right|[,;! ()\[\]])|[${}~&]|\\in *\{? *\\math(?:bb|bf) *\{? *[A-Z]"
)
_RELATED = r"(?:[=<>≤≥≠∈]|\\(?:leq?|geq?|lt|gt|neq?|in)\b)"
_SET = rf"(?:\b(?:odd|even|negative|prime|irrational)\b|{_RELATED})"
_ASKED = re.compile(
    r"\b(?:such that|satisf[a-z]*|for (?:which|what)|equation|solutions?|roots?|whenever|unless)\b"
    r"|\b(?:if|when|for)\b\W{0,8}(?:(?:all|any|every|each)\b\W{0,8})?"
    rf"(?:\w{{1,20}}\W{{0,8}}(?:(?:is|are)(?: an?)? )?)?{_SET}",
    re.IGNORECASE,
)
"""Before `f(x) = ...`: it is a property, an equation, or said of a case."""

_SOUGHT = re.compile(r".*\b(?:solv|(?<!we )find)", re.IGNORECASE | re.DOTALL)
_CASE = re.compile(
    rf"^\W*(?:ha(?:s|ve)\b|\w{{1,20}}\s*{_RELATED})|\b(?:if|when|whenever|unless|except|only|on)\b"
    rf"|\bfor (?:some|certain|exactly|infinitely)\b|\bfor\b.*?(?:\d|{_SET})",
    re.IGNORECASE | re.DOTALL,
)
"""After `f(x) = ...`: which x it is said of. "For all x" and "for real x" are none."""

_ELSEWHERE = re.compile(r"\b(?:otherwise|elsewhere)\b", re.IGNORECASE)
_NEXT_CLAUSE = re.compile(
    r"\b(?:and|find|what|compute|determine|evaluate|calculate|how|then|so|thus|hence|therefore|let|prove"
    r"|show)\b",
    re.IGNORECASE,
)

_SHOWN = 70
_NEAR = 60


class Relation(NamedTuple):
    """`left = right` or `left ≈ right`, both sides understood. `left_names` and `right_names` are the names
    on each side, `names` those on both; `chain` numbers the chain of links that it is in."""

    left: Term
    right: Term
    left_names: frozenset[str]
    right_names: frozenset[str]
    names: frozenset[str]
    statement: Statement
    text: str
    step: int
    chain: int

    @property
    def shown(self) -> str:
        """The relation's text, in one line and not too long."""
        words = " ".join(self.text[self.statement.start : self.statement.end].replace("&", "").split())
        return words if len(words) <= _SHOWN else words[: _SHOWN - 1] + "…"

    @property
    def plain(self) -> bool:
        """Whether nothing about the two sides is open: no units, decimals, alternatives or doubtful signs."""
        left, right = self.left, self.right
        return not (
            left.units
            or right.units
            or left.decimals
            or right.decimals
            or left.ambiguous
            or right.ambiguous
            or self.statement.listed
            or self.statement.doubtful
        )

    def supposed(self, before: int = _NEAR) -> bool:
        """Whether words of its sentence, `before` characters back, make it a supposition or a case."""
        start = self.statement.start
        window = self.text[max(0, start - before) : start]
        return TRIAL.search(window, window.rfind(". ") + 1) is not None


class Book:
    """The relations of a problem and a path in order, each name's values, functions by name."""

    def __init__(self):
        self.relations: list[Relation] = []
        self.functions: dict[str, tuple[tuple[str, ...], Tree]] = {}
        self.hidden = self._piecewise = False
        self._values: dict[str, list[tuple[Tree, Relation]]] = {}
        self._unclear: set[str] = set()
        self._heads: dict[int, Relation] = {}
        self._chains = 0

    def read(self, text: str, statements: list[Statement], step: int) -> list[Relation]:
        """Adds the relations of a text; returns them."""
        self.hidden |= "unity" in text  # names satisfy what no relation states
        self._piecewise |= step == GIVEN and ("cases}" in text or "array}" in text)
        first = len(self.relations)
        for statement in statements:
            left, right = statement.left, statement.right
            self._chains += not statement.continues
            if statement.relation != "=" and statement.relation != "≈":
                continue
            both = left.names | right.names
            relation = Relation(
                left, right, left.names, right.names, both, statement, text, step, self._chains
            )
            self.relations.append(relation)
            self._heads.setdefault(self._chains, relation)
            if CALL in left.operators and not self._piecewise and is_head(left.tree):
                self._define(relation)
            if step == GIVEN:
                self.bind(relation)
        return self.relations[first:]

    def head(self, relation: Relation) -> Relation:
        """The first link of the chain that a relation is in."""
        return self._heads[relation.chain]

    def bind(self, relation: Relation) -> None:
        """Notes the value that a relation gives a name; a supposed one makes the name's value unknown."""
        if relation.statement.relation != "=":
            return
        left, right = relation.left.tree, relation.right.tree
        if relation.statement.continues and not relation.right_names:
            left = self.head(relation).left.tree
        for name, value, free in ((left, right, relation.right_names), (right, left, relation.left_names)):
            if isinstance(name, str) and not free:
                self._values.setdefault(name, []).append((value, relation))

    def value_of(self, name: str) -> Tree | None:
        """The one value that a name has had so far; None without one, or with several."""
        values = self._values.get(name, ())
        if not 0 < len(values) <= MAX_RELATIONS:
            return None
        if any(r.statement.listed or r.supposed(40) for _, r in values):
            return None
        first = values[0][0]
        return first if all(equal(first, v) is True for v, _ in values[1:]) else None

    def expanded(self, tree: Tree) -> Tree:
        """The tree with the calls of known functions replaced by their bodies."""
        if self.functions and isinstance(tree, tuple) and CALL in operations(tree):
            try:
                return expand_calls(tree, self.functions)
            except Abstain:
                return tree
        return tree

    def _define(self, relation: Relation) -> None:
        """Takes the first definition of a function; a second one that differs makes it unknown, and so does
        a first equation that may hold for some arguments only."""
        (_, name, *heads), body = relation.left.tree, relation.right.tree
        parameters, free = tuple(heads), names(body)
        if (
            name in self._unclear
            or name in free
            or not free & set(parameters)
            or {"i", "e"} & set(parameters)
        ):
            return
        known = self.functions.get(name)
        if known is None:
            if _is_conditional(relation, name):
                self._unclear.add(name)
            else:
                self.functions[name] = (parameters, body)
        elif known[0] != parameters or equal(self.expanded(known[1]), self.expanded(body)) is False:
            self._unclear.add(name)
            del self.functions[name]


def _is_conditional(relation: Relation, name: str) -> bool:
    """Whether the sentence of `f(x) = ...` may say it of some x only: as what is asked for, as a property
    ("such that P(n) = n^2 for n = 1, 2, 3"), or as one of several cases."""
    text, (start, end) = relation.text, (relation.statement.start, relation.statement.end)
    before = _SENTENCE_END.split(_LAYOUT.sub(" ", text[max(0, start - _AROUND) : start]))[-1]
    after = _SENTENCE_END.split(_LAYOUT.sub(" ", text[end : end + _AROUND]), maxsplit=1)[0]
    if _ASKED.search(before) or _ELSEWHERE.search(after):
        return True
    sought = _SOUGHT.match(before)
    if sought and not re.search(rf"(?<![A-Za-z]){re.escape(name)}(?![A-Za-z])", before[sought.end() :]):
        return True
    return _CASE.search(_NEXT_CLAUSE.split(after, maxsplit=1)[0]) is not None


def is_head(tree: Tree) -> bool:
    """Whether a tree is the head of a definition: `f(x)`, `f(x, y)`."""
    return (
        isinstance(tree, tuple)
        and tree[0] == CALL
        and all(isinstance(a, str) for a in tree[2:])
        and len(set(tree[2:])) == len(tree) - 2
    )
