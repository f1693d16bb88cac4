"""Values of trees at points, and equality of trees.

Rational functions are compared exactly, modulo the prime 2^61 - 1 at a fixed pseudo-random point: one
evaluation decides an identity of degree d but for a chance of d / 2^61 (Schwartz, 1980; Zippel, 1979).
Roots, trigonometry and logarithms are compared as floats at several fixed points.
"""

import cmath
import functools
import hashlib
import math
from collections.abc import Mapping

from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.floats import value_at
from sept_jax.checks.formulas.terms import (
    CALL,
    CONSTANTS,
    DEGREE,
    EULER,
    IMAGINARY,
    INVERSE,
    PI,
    TRIGONOMETRIC,
    Tree,
    contents,
)

PRIME = (1 << 61) - 1
_ORDER = (0, 3, 4, 5, 1, 2)
"""Float points: 0 to 2 of positive reals, 3 of reals of either sign, 4 and 5 of small whole numbers."""

_CLOSE, _FAR = 1e-9, 1e-6
"""Relative gaps of floats that are surely equal, and surely not."""

_RATIONAL = frozenset(("+", "*", "/", "^", CALL, PI, DEGREE))


@functools.lru_cache(maxsize=4_096)
def _digest(name: str) -> int:
    return int.from_bytes(hashlib.blake2b(name.encode("utf-8", "replace"), digest_size=32).digest(), "big")


@functools.lru_cache(maxsize=4_096)
def residue_of(name: str) -> int:
    """The residue that stands for a name."""
    return _digest(name) % PRIME


@functools.lru_cache(maxsize=8_192)
def coordinate(name: str, point: int) -> float | int:
    """The number that stands for a name at a float point."""
    part = (_digest(name) >> (40 * point)) & 0xFFFFFFFFFF
    share = part / 2**40
    if point > 3:
        return 3 + part % 11
    if point == 3:
        return 0.6 + 2.2 * share if part & 1 else -0.6 - 2.2 * share
    return (0.35 + 0.6 * share, 1.1 + 1.7 * share, 2.1 + 3.1 * share)[point]


def residue(tree: Tree, at: Mapping[str, int] | None = None) -> int:
    """The value of a rational function modulo PRIME (names at `residue_of`, or as given by `at`); unknown
    calls are names of their own. Raises Abstain on irrational operations and on division by 0."""
    return _residue(tree, at, PRIME)


def modular(tree: Tree, modulus: int, at: Mapping[str, int] | None = None) -> int:
    """The value of a tree modulo a number, with its names as given by `at`. Raises Abstain on irrational
    operations, names without a value, and divisors that have no inverse."""
    free, used = contents(tree)
    if free - (at or {}).keys() or used - {"+", "*", "/", "^"}:
        raise Abstain
    return _residue(tree, at, modulus)


def _residue(tree: Tree, at: Mapping[str, int] | None, prime: int) -> int:
    if isinstance(tree, tuple):
        symbol = tree[0]
        if symbol == "+":
            value = 0
            for a in tree[1:]:
                value += a if type(a) is int else _residue(a, at, prime)
            return value % prime
        if symbol == "*":
            value = 1
            for a in tree[1:]:
                value = value * (a if type(a) is int else _residue(a, at, prime)) % prime
            return value
        if symbol == "/":
            return _inverse(_residue(tree[1], at, prime), prime)
        if symbol == "^" and isinstance(tree[2], int):
            value = _residue(tree[1], at, prime)
            if tree[2] < 0:
                value = _inverse(value, prime)
            elif value == 0 and tree[2] == 0:
                raise Abstain
            return pow(value, abs(tree[2]), prime)
        if symbol == CALL:
            return residue_of(repr((tree[1], *(_residue(a, at, prime) for a in tree[2:]))))
        raise Abstain
    if isinstance(tree, int):
        return tree % prime
    if isinstance(tree, str):
        return at[tree] if at is not None and tree in at else residue_of(tree)
    return tree.numerator * _inverse(tree.denominator, prime) % prime


def _inverse(value: int, modulus: int) -> int:
    try:
        return pow(value, -1, modulus)
    except ValueError:
        raise Abstain from None


def near(left: float | complex, right: float | complex) -> bool | None:
    """Whether two values are equal; None between surely and surely not."""
    gap, size = abs(left - right), max(abs(left), abs(right), 1e-3)
    if not cmath.isfinite(gap):
        return None
    return True if gap <= _CLOSE * size else False if gap > _FAR * size else None


def equal(left: Tree, right: Tree) -> bool | None:
    """Whether two trees are equal: as rational functions exactly, else at the float points. None where too
    few points are defined; False only where they differ clearly at all defined points, under every
    reading of `i`, `e`, angles without a unit, and logarithms without a base."""
    if left == right:
        return True
    try:
        if residue(left) == residue(right):
            return True
        exact = True
    except Abstain:
        exact = False
    free, used = contents(left, right)
    if CALL in used or (not exact and used <= _RATIONAL):
        return None
    if exact and not used & CONSTANTS and not free & {IMAGINARY, EULER}:
        return False
    readings = [{DEGREE: math.pi / 180}]
    if DEGREE in used:
        readings.append({DEGREE: 1, "in degrees": True})
    if used & TRIGONOMETRIC or used & INVERSE:
        readings.append({DEGREE: 1, "in degrees": True})
    if "log" in used:
        readings.append({DEGREE: math.pi / 180, "base": math.e})
    if IMAGINARY in free:
        readings += [{**r, IMAGINARY: 1j} for r in readings]
    if EULER in free:
        readings += [{**r, EULER: math.e} for r in readings]
    verdict: bool | None = False
    for reading in readings:
        holds = _equal_as(left, right, free, reading)
        if holds:
            return True
        if holds is None:
            verdict = None
    return verdict


def _equal_as(left: Tree, right: Tree, free: set[str], reading: dict[str, complex]) -> bool | None:
    same = different = 0
    for point in _ORDER if free - reading.keys() else (0,):
        at = {name: coordinate(name, point) for name in free}
        at.update(reading)
        try:
            verdict = near(value_at(left, at), value_at(right, at))
        except Abstain:
            continue
        if verdict is None:
            return None
        same += verdict
        different += not verdict
        if same + different == 3:
            break
    if same:
        return True if not different else None
    return False if different >= (2 if free - reading.keys() else 1) else None
