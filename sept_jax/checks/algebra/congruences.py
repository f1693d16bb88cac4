r"""Are congruences true: `a \equiv b \pmod n`, `a mod n = b`?"""

import itertools
from typing import NamedTuple

from sept_jax.checks.formulas.evaluation import modular
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.judge import supposed
from sept_jax.checks.formulas.lexer import CMP, LP, NUM, OP, REL, RP, SEP, WORD, Tokens
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.statements import clean_end, ending
from sept_jax.checks.formulas.terms import Tree, names
from sept_jax.checks.verdicts import UNKNOWN, Verdict

MAX_SEARCHED = 128
"""Largest modulus whose residues are all tried."""


class Congruence(NamedTuple):
    """`left ≡ right (mod modulus)`, in characters `[start, end)`."""

    left: Tree
    right: Tree
    modulus: int
    start: int
    end: int
    first: int
    last: int


def find_congruences(tokens: Tokens) -> list[Congruence]:
    """All congruences whose sides and modulus are understood."""
    kinds, values = tokens.kinds, tokens.values
    found: list[Congruence] = []
    parser = Parser(tokens)
    at = 0
    while at < len(kinds):
        if kinds[at] == CMP and values[at] == "≡":
            at = _chain(parser, tokens, at, found)
        elif kinds[at] == WORD and values[at] == "mod":
            _remainder(parser, tokens, at, found)
        at += 1
    return found


def _chain(parser: Parser, tokens: Tokens, at: int, found: list[Congruence]) -> int:
    """Reads `a ≡ b ≡ c (mod n)` from its first relation; returns the last token looked at."""
    kinds, values = tokens.kinds, tokens.values
    left, first, doubtful = ending(parser, tokens, 0, at)
    sides = [(left.tree if left is not None and not doubtful else None, first, at)]
    while True:
        end = next((i for i in range(at + 1, len(kinds)) if kinds[i] in (CMP, REL)), len(kinds))
        right = parser.term(at + 1, end)
        stop = parser.pos
        sides.append((right.tree if right is not None else None, at + 1, stop))
        if right is None or stop >= len(kinds) or kinds[stop] != CMP or values[stop] != "≡":
            break
        at = stop
    modulus, after = _modulus(tokens, sides[-1][2])
    if modulus and (after >= len(kinds) or kinds[after] not in (OP, NUM)):
        for (a, start, _), (b, _, stop) in itertools.pairwise(sides):
            if a is not None and b is not None:
                found.append(
                    Congruence(a, b, modulus, tokens.starts[start], tokens.ends[stop - 1], start, stop)
                )
    return at


def _modulus(tokens: Tokens, at: int) -> tuple[int, int]:
    """The modulus that stands at a token, and where it ends; 0 if there is none."""
    kinds, values = tokens.kinds, tokens.values
    while at < len(kinds) and (kinds[at] == SEP and values[at] in ("", ",")):
        at += 1
    bracket = at < len(kinds) and kinds[at] == LP
    at += bracket
    if at >= len(kinds) or kinds[at] != WORD or values[at] not in ("mod", "modulo"):
        return 0, at
    at += 1
    brace = at < len(kinds) and kinds[at] == LP
    at += brace
    if at >= len(kinds) or kinds[at] != NUM:
        return 0, at
    value = values[at][0]
    at += 1
    if brace or bracket:
        if at >= len(kinds) or kinds[at] != RP:
            return 0, at
        at += brace + bracket
    return (value if isinstance(value, int) and value > 1 else 0), at


def _remainder(parser: Parser, tokens: Tokens, at: int, found: list[Congruence]) -> None:
    """Reads `a mod n = b`."""
    kinds = tokens.kinds
    modulus, after = _modulus(tokens, at)
    if not modulus or after >= len(kinds) or kinds[after] != REL:
        return
    left, first, doubtful = ending(parser, tokens, 0, at)
    end = next((i for i in range(after + 1, len(kinds)) if kinds[i] in (CMP, REL)), len(kinds))
    right = parser.term(after + 1, end)
    stop = parser.pos
    if left is None or doubtful or right is None or not (clean_end(tokens, stop, end) or stop == end):
        return
    if left.operators or right.operators or not isinstance(left.tree, int) or not isinstance(right.tree, int):
        return  # 3 + 5 mod 4 = 1 has two readings
    found.append(
        Congruence(left.tree, right.tree, modulus, tokens.starts[first], tokens.ends[stop - 1], first, stop)
    )


def judge_congruence(tokens: Tokens, congruence: Congruence, earlier: list[Congruence]) -> Verdict:
    """Refuted if a congruence between numbers is false, or one in a name has no solution in common with the
    one before it in that name and modulus."""
    a, b, modulus = congruence.left, congruence.right, congruence.modulus
    shown = " ".join(tokens.text[congruence.start : congruence.end].split())
    free = names(a) | names(b)
    if len(free) > 1 or supposed(tokens, congruence.first):
        return UNKNOWN
    try:
        if not free:
            left, right = modular(a, modulus), modular(b, modulus)
            if left == right:
                return Verdict(1.0, f"{shown} mod {modulus} is true")
            return Verdict(-1.0, f"{shown} mod {modulus}, but the left side leaves {left}")
        last = next((c for c in reversed(earlier) if names(c.left) | names(c.right) == free), None)
        if last is None or last.modulus != modulus or modulus > MAX_SEARCHED:
            return UNKNOWN
        (name,) = free
        before, now = (_solutions(c, name) for c in (last, congruence))
    except Abstain:
        return UNKNOWN
    if not before or not now or len(before) == modulus:
        return UNKNOWN
    if before & now:
        return Verdict(1.0, f"{shown} agrees with the congruence before it") if now <= before else UNKNOWN
    return Verdict(-1.0, f"{shown} mod {modulus} has no solution in common with the congruence before it")


def _solutions(congruence: Congruence, name: str) -> set[int]:
    left, right, modulus = congruence.left, congruence.right, congruence.modulus
    return {
        n for n in range(modulus) if modular(left, modulus, {name: n}) == modular(right, modulus, {name: n})
    }
