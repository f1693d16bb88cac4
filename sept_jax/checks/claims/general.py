"""Claims about all numbers, searched for a counterexample: parity and divisibility of expressions with a
letter, inequalities, the smallest or largest whole number that satisfies one."""

import itertools
import re
from collections.abc import Callable, Iterator

from sept_jax.checks.claims.claims import Claim, ends_clean, shown
from sept_jax.checks.formulas.evaluation import near, value_at
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.lexer import tokenize
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.terms import Tree, names, operations
from sept_jax.checks.formulas.words import FUNCTIONS

MAX_EXPRESSION = 80
MAX_CLAIMS = 4
WHOLE = tuple(range(1, 31))
"""Whole numbers that are tried."""
REAL = (*range(-8, 9), *(n / d for d in (2, 4, 8) for n in (-7, -5, -3, -1, 1, 3, 5, 7)), 50, -50, 1000)
"""Reals that are tried, exact as floats."""
REACH = 400
"""How far from the claimed number a smaller or larger one is looked for."""

_EXPR = r"[a-z0-9(][a-z0-9^+*/() -]{0,60}?"
_KIND = r"(?:(?P<parity>even|odd)|(?:divisible by|a multiple of) (?P<modulus>\d{1,4}))"
_CONDITIONED = re.compile(
    rf"\b(?:if|when|for|since) (?P<name>[a-z]) (?:is|=) (?:an? )?(?P<given>even|odd),? ?(?:then "
    rf"|we have |so )?(?:that )?"
    rf"(?P<expr>{_EXPR}) (?:is|will be|must be|will|would be)(?: also| always| then| necessarily)"
    rf"*(?: be)?(?: an?)? {_KIND}"
)
_UNIVERSAL = re.compile(
    rf" (?:is|will be|must be) (?P<always>always )?{_KIND}"
    r"(?P<all> for (?:all|any|every|each) (?:(?:positive|non-?negative|natural|whole)? "
    r"?(?:integers?|numbers?|values? of) ?)?(?P<name>[a-z])(?![a-z]))?"
)
_PROSE = re.compile(r"[a-z]{2,}[ ,:]*")
_SATISFIES = re.compile(
    r"(?P<end>smallest|least|largest|greatest|minimum|maximum) (?P<positive>positive )?(?:integer"
    r"|whole number)(?: value)?"
    r"(?: of)?(?: [a-z])? (?:that satisfies|satisfying|such that|for which|that makes) (?:the |this |that )?"
    r"(?:given |original )?(?:inequality )?(?P<left>[^<>=;.]{1,60}?) ?(?P<symbol><=|>=|<|>) "
    r"?(?P<right>[^<>=;.]{1,40}?)"
    r"(?: true)? (?:is|are)(?: therefore| thus)? (?:[a-z] ?= ?)?(?P<value>-?\d{1,6})"
)
_FOR_ALL = re.compile(
    r" for (?:all|any|every) (?P<domain>positive integers?|integers?|natural numbers?|real "
    r"numbers?|positive real numbers?|real|reals|positive)?"
    r" ?(?:values? of )?(?P<name>[a-z])(?![a-z])(?: ?(?P<bound><=|>=|<|>) ?(?P<limit>-?\d{1,6}))?"
)
_TOLD_FIRST = re.compile(
    r"(?:^|[.;:!?] |\bthat |, |\bso |\bthus )for (?:all|any|every|each) (?P<domain>[a-z -]{0,24}?)"
    r"(?: ?values? of)? ?\b(?P<name>[a-z]),? (?:we have )?(?P<body>[^,;.]{3,100})"
)
_COMPARED = re.compile(r"(?P<left>[^<>=]{1,50}?) ?(?P<symbol><=|>=|<|>) ?(?P<right>[^<>=]{1,50})")
_HOLDS = {
    "<": lambda a, b: a < b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def tree_of(text: str) -> Tree | None:
    """The tree of a text that is one expression as a whole; None where it is not."""
    if len(text) > MAX_EXPRESSION:
        return None
    tokens = tokenize(text.strip())
    if tokens is None or not tokens.kinds:
        return None
    parser = Parser(tokens)
    term = parser.term(0, len(tokens.kinds))
    return term.tree if term is not None and parser.pos == len(tokens.kinds) else None


def _formula_before(text: str, end: int) -> str:
    """What stands before `end` since the last word of two letters or more; "" where that touches "
    "something."""
    start = max(0, end - 110)
    for word in _PROSE.finditer(text, start, end):
        start = word.end()
        if text[word.start() - 1 : word.start()] == "\\" or word[0].strip() in FUNCTIONS:
            return ""
    if start and text[start - 1] not in " \n":
        return ""
    return text[start:end].strip()


def _whole_polynomial(text: str, name: str | None) -> tuple[Tree, str] | None:
    """A tree in one letter whose values at whole numbers are whole, and that letter."""
    tree = tree_of(text)
    if tree is None:
        return None
    letters = names(tree)
    if not isinstance(tree, tuple) or len(letters) != 1 or not operations(tree) <= {"+", "*", "^"}:
        return None
    letter = next(iter(letters))
    return (tree, letter) if name in (None, letter) else None


def _tests(found: re.Match) -> tuple[int, int, str]:
    if found["parity"]:
        return 2, 1 if found["parity"] == "odd" else 0, found["parity"]
    return int(found["modulus"]), 0, f"divisible by {found['modulus']}"


def letters(text: str) -> Iterator[Claim]:
    """ "if n is odd, then n^2 + n is odd", "n^2 + n + 1 is even for all n", "for all n, n^2 is odd"."""
    return itertools.islice(itertools.chain(_letters(text), _turned(text, _letters)), MAX_CLAIMS)


def _turned(text: str, read: Callable[[str], Iterator[Claim]]) -> Iterator[Claim]:
    """The claims of "for all n, ..." read as "... for all n"."""
    for found in _TOLD_FIRST.finditer(text):
        turned = f"{found['body'].strip()} for all {found['domain']} {found['name']}"
        for claim in read(" ".join(turned.split())):
            yield claim._replace(start=found.start(), end=found.end())


def _letters(text: str) -> Iterator[Claim]:
    for found in _CONDITIONED.finditer(text):
        read = _whole_polynomial(found["expr"], found["name"])
        if read is None or not _stops(text, found):
            continue
        first = 1 if found["given"] == "odd" else 2
        yield from _search(found, found["expr"], *read, WHOLE[first - 1 :: 2])
    for found in _UNIVERSAL.finditer(text):
        if not (found["all"] or found["always"]):
            continue
        subject = _formula_before(text, found.start())
        read = _whole_polynomial(subject, found["name"])
        if read is not None and (found["name"] or _stops(text, found)):
            yield from _search(found, subject, *read, WHOLE)


def _stops(text: str, found: re.Match) -> bool:
    return ends_clean(text, found.end()) and not text.startswith((" if", " only", " when"), found.end())


def _search(
    found: re.Match, expression: str, tree: Tree, name: str, tried: tuple[int, ...]
) -> Iterator[Claim]:
    modulus, rest, kind = _tests(found)
    if modulus == 0:
        return
    try:
        for n in tried:
            value = value_at(tree, {name: n})
            if not isinstance(value, int) and value != int(value):
                return
            if int(value) % modulus != rest:
                yield Claim(
                    False, f"for {name} = {n}, {shown(expression)} is {int(value)}, not {kind}", *found.span()
                )
                return
    except Abstain:
        return
    yield Claim(True, f"{shown(expression)} is {kind} for all {name} tried", *found.span())


def satisfying(text: str) -> Iterator[Claim]:
    """ "the smallest integer that satisfies (x-5)(x+5) < 0 is x = 4"."""
    return itertools.islice(_satisfying(text), MAX_CLAIMS)


def _satisfying(text: str) -> Iterator[Claim]:
    for found in _SATISFIES.finditer(text):
        left, right = tree_of(found["left"]), tree_of(found["right"])
        if left is None or right is None or not ends_clean(text, found.end()):
            continue
        letters = names(left) | names(right)
        if len(letters) != 1:
            continue
        name, value = next(iter(letters)), int(found["value"])
        smallest = found["end"] in ("smallest", "least", "minimum")
        holds = _HOLDS[found["symbol"]]
        step = -1 if smallest else 1
        try:
            if not holds(value_at(left, {name: value}), value_at(right, {name: value})):
                relation = shown(f"{found['left']} {found['symbol']} {found['right']}")
                yield Claim(False, f"{name} = {value} does not satisfy {relation}",
                            *found.span())  # fmt: skip
                continue
            other = None
            for n in range(value + step, value + step * REACH, step):
                if found["positive"] and n < 1:
                    break
                if holds(value_at(left, {name: n}), value_at(right, {name: n})):
                    other = n
                    break
        except Abstain:
            continue
        reason = f"{name} = {other if other is not None else value} satisfies it"
        yield Claim(other is None, reason + (" too" if other is not None else ""), *found.span())


def inequalities(text: str) -> Iterator[Claim]:
    """ "n^2 > 2n for all n > 0", "for all positive integers n, n^2 > 2n"."""
    return itertools.islice(itertools.chain(_inequalities(text), _turned(text, _inequalities)), MAX_CLAIMS)


def _inequalities(text: str) -> Iterator[Claim]:
    for found in _FOR_ALL.finditer(text):
        sides = _COMPARED.fullmatch(_formula_before(text, found.start()))
        left, right = (tree_of(sides["left"]), tree_of(sides["right"])) if sides else (None, None)
        if left is None or right is None or names(left) | names(right) != {found["name"]}:
            continue
        if not (isinstance(left, tuple) or isinstance(right, tuple)):
            continue
        claim = shown(sides[0] + found[0])
        domain, name, holds = found["domain"] or "", found["name"], _HOLDS[sides["symbol"]]
        whole = "integer" in domain or "natural" in domain or name in "nmk"
        tried = (
            WHOLE
            if ("positive" in domain and whole) or "natural" in domain
            else tuple(range(-12, 31))
            if whole
            else REAL
        )
        if "positive" in domain:
            tried = tuple(n for n in tried if n > 0)
        if found["bound"]:
            tried = tuple(n for n in tried if _HOLDS[found["bound"]](n, int(found["limit"])))
        elif not domain:
            tried = tuple(n for n in tried if n > 0)
        checked = 0
        for n in tried:
            try:
                first, second = value_at(left, {name: n}), value_at(right, {name: n})
                true = holds(first, second) or (first != second and near(first, second) is not False)
            except (Abstain, TypeError):
                continue
            if not true:
                yield Claim(False, f"{claim} fails at {name} = {n}", *found.span())
                break
            checked += 1
        else:
            if checked > 5:
                yield Claim(True, f"{claim} at all points tried", *found.span())
