"""Equations in one name as polynomials with rational coefficients."""

import math
from fractions import Fraction

from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.terms import Tree, number

MAX_DEGREE = 12
MAX_COEFFICIENT_BITS = 512

Polynomial = tuple[Fraction | int, ...]
"""Coefficients from the constant up; the last is not 0; () is zero."""


def numerator(left: Tree, right: Tree, name: str) -> Polynomial:
    """The polynomial whose roots are the solutions of `left = right`, and perhaps others where a denominator
    is 0. Raises Abstain where a side is no rational function of `name` alone."""
    p, q = _fraction(left, name)
    r, s = _fraction(right, name)
    return _trim(_add(_multiply(p, s), _multiply(r, q), -1))


def _fraction(tree: Tree, name: str) -> tuple[Polynomial, Polynomial]:
    if number(tree):
        return ((tree,) if tree else ()), (1,)
    if tree == name:
        return (0, 1), (1,)
    if isinstance(tree, str):
        raise Abstain
    symbol = tree[0]
    if symbol == "+":
        top, below = (), (1,)
        for part in tree[1:]:
            p, q = _fraction(part, name)
            if q == below:
                top = _trim(_add(top, p, 1))
            else:
                top, below = _trim(_add(_multiply(top, q), _multiply(p, below), 1)), _multiply(below, q)
        return top, below
    if symbol == "*":
        top, below = (1,), (1,)
        for part in tree[1:]:
            p, q = _fraction(part, name)
            top, below = _multiply(top, p), _multiply(below, q)
        return top, below
    if symbol == "/":
        p, q = _fraction(tree[1], name)
        if not p:
            raise Abstain
        return q, p
    if symbol == "^" and isinstance(tree[2], int) and abs(tree[2]) <= MAX_DEGREE:
        p, q = _fraction(tree[1], name)
        if tree[2] < 0:
            p, q = q, p
            if not q:
                raise Abstain
        top, below = (1,), (1,)
        for _ in range(abs(tree[2])):
            top, below = _multiply(top, p), _multiply(below, q)
        return top, below
    raise Abstain


def _add(p: Polynomial, q: Polynomial, sign: int) -> list[Fraction | int]:
    size = max(len(p), len(q))
    return [(p[i] if i < len(p) else 0) + sign * (q[i] if i < len(q) else 0) for i in range(size)]


def _multiply(p: Polynomial, q: Polynomial) -> Polynomial:
    if not p or not q:
        return ()
    if len(p) + len(q) > MAX_DEGREE + 2:
        raise Abstain
    if len(q) == 1:
        p, q = q, p
    if len(p) == 1:
        return q if p[0] == 1 else tuple([p[0] * c for c in q])
    out: list[Fraction | int] = [0] * (len(p) + len(q) - 1)
    for i, a in enumerate(p):
        for j, b in enumerate(q):
            out[i + j] += a * b
    return tuple(out)


def _trim(p: list[Fraction | int] | Polynomial) -> Polynomial:
    end = len(p)
    while end and p[end - 1] == 0:
        end -= 1
    for c in p[:end]:
        if (
            c.numerator.bit_length() > MAX_COEFFICIENT_BITS
            or c.denominator.bit_length() > MAX_COEFFICIENT_BITS
        ):
            raise Abstain
    return tuple(p[:end])


def common(p: Polynomial, q: Polynomial) -> Polynomial:
    """The greatest common divisor, up to a factor. Raises Abstain beyond the bounds."""
    while q:
        p, q = q, _remainder(p, q)
    return p


def _remainder(p: Polynomial, q: Polynomial) -> Polynomial:
    """The remainder of p by q up to a factor, in whole numbers without a common divisor."""
    rest, by = _whole(p), _whole(q)
    while len(rest) >= len(by):
        shared = math.gcd(rest[-1], by[-1])
        factor, scale = rest[-1] // shared, by[-1] // shared
        shift = len(rest) - len(by)
        if scale != 1:
            rest = [scale * c for c in rest]
        for i, c in enumerate(by, shift):
            rest[i] -= factor * c
        rest = list(_trim(rest[:-1]))
    return _primitive(rest)


def _whole(p: Polynomial) -> list[int]:
    """A multiple of a polynomial with whole coefficients."""
    below = math.lcm(*[c.denominator for c in p])
    return [c.numerator * (below // c.denominator) for c in p]


def _primitive(p: list[int]) -> Polynomial:
    shared = math.gcd(*p)
    return tuple([c // shared for c in p]) if shared > 1 else tuple(p)


def value(p: Polynomial, at: Fraction | int) -> Fraction | int:
    """The polynomial's value at a number."""
    result = 0
    for c in reversed(p):
        result = result * at + c
    return result


def proportional(p: Polynomial, q: Polynomial) -> bool:
    """Whether one is a multiple of the other, so that the solutions are the same."""
    return len(p) == len(q) and all(a * q[-1] == b * p[-1] for a, b in zip(p, q, strict=True))


def divides(p: Polynomial, q: Polynomial) -> bool:
    """Whether each root of `p` is one of `q`, as often."""
    return bool(p) and not _remainder(q, p)
