"""Values of trees at points, as floats or complex numbers."""

import math
from collections.abc import Mapping

from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.terms import DEGREE, INVERSE, PI, TRIGONOMETRIC, Tree, operations

_LARGE = 1e80
_INVERSES = {"arcsin": math.asin, "arccos": math.acos, "arctan": math.atan}


def value_at(tree: Tree, at: Mapping[str, float | complex | int]) -> float | complex | int:
    """The value of a tree with its names as given by `at`. Raises Abstain where it is undefined over the
    reals (or, where a name is complex, over the complex numbers) or too large."""
    try:
        return _value(tree, at)
    except (ValueError, ZeroDivisionError, OverflowError, TypeError):
        raise Abstain from None


def _value(tree: Tree, at: Mapping[str, float | complex | int]) -> float | complex | int:
    if type(tree) is str:
        if tree == PI:
            return math.pi
        value = at.get(tree)
        if value is None:
            raise Abstain
        return value
    if type(tree) is not tuple:
        return tree if type(tree) is int else tree.numerator / tree.denominator
    symbol = tree[0]
    if symbol == "+":
        value = 0
        for a in tree[1:]:
            value += a if type(a) is int else _value(a, at)
        return value
    if symbol == "*":
        value = 1
        for a in tree[1:]:
            value *= a if type(a) is int else _value(a, at)
            if not abs(value) < _LARGE:
                raise Abstain
        return value
    if symbol == "/":
        return 1 / _value(tree[1], at)
    if symbol == "^":
        return _power(_value(tree[1], at), _value(tree[2], at))
    if symbol == "√":
        return _root(_value(tree[1], at), _value(tree[2], at))
    return _function(symbol, [_value(a, at) for a in tree[1:]], at, tree)


def _power(base: float | complex, exponent: float | complex) -> float | complex:
    if isinstance(exponent, int | float) and abs(exponent) > 400:
        raise Abstain
    if base == 0 and (isinstance(exponent, complex) or exponent <= 0):
        raise Abstain
    if isinstance(base, int) and isinstance(exponent, int) and abs(exponent) * base.bit_length() > 1024:
        raise Abstain
    whole = not isinstance(exponent, complex) and exponent == int(exponent)
    if not isinstance(base, complex) and not isinstance(exponent, complex) and base < 0 and not whole:
        raise Abstain
    value = base ** (int(exponent) if whole else exponent)
    if not abs(value) < _LARGE:
        raise Abstain
    return value


def _root(value: float | complex, degree: float | complex) -> float | complex:
    if isinstance(degree, complex) or not 2 <= degree <= 64:
        raise Abstain
    if isinstance(value, complex):
        return value ** (1 / degree)
    if value < 0:
        if degree == 2 or degree % 2 != 1:
            raise Abstain
        return -((-value) ** (1 / degree))
    return math.sqrt(value) if degree == 2 else value ** (1 / degree)


def _function(
    symbol: str, arguments: list[float | complex | int], at: Mapping[str, float | complex | int], tree: tuple
) -> float | complex | int:
    value = arguments[-1]
    if symbol == "abs":
        return abs(value)
    if isinstance(value, complex):
        raise Abstain
    if symbol in TRIGONOMETRIC:
        if at.get("in degrees") and DEGREE not in operations(tree[-1]):
            value = math.radians(value)
        return _trigonometric(symbol, value)
    if symbol in INVERSE:
        angle = _INVERSES[symbol](value)
        return math.degrees(angle) if at.get("in degrees") else angle
    if symbol == "ln":
        return math.log(value)
    if symbol == "log":
        base = arguments[0]
        if base == 0:  # no base is given
            base = at.get("base", 10)
        if isinstance(base, complex) or base <= 0 or base == 1:
            raise Abstain
        return math.log(value) / math.log(base)
    if symbol == "exp":
        return math.exp(value)
    if symbol in ("floor", "ceil"):
        near = round(value)
        if value != near and abs(value - near) < 1e-9:
            value = near
        return math.floor(value) if symbol == "floor" else math.ceil(value)
    if symbol == "!":
        return math.factorial(_small(value))
    if symbol == "binom":
        return math.comb(_small(arguments[0]), _small(value))
    raise Abstain  # a call of an unknown function


def _small(value: float | complex | int) -> int:
    if isinstance(value, complex) or value != int(value) or not 0 <= value <= 170:
        raise Abstain
    return int(value)


def _trigonometric(symbol: str, angle: float) -> float:
    if not abs(angle) < 1e6:
        raise Abstain
    sine, cosine = math.sin(angle), math.cos(angle)
    top, below = {
        "sin": (sine, 1), "cos": (cosine, 1), "tan": (sine, cosine), "cot": (cosine, sine),
        "sec": (1, cosine), "csc": (1, sine),
    }[symbol]  # fmt: skip
    if abs(below) < 1e-12:
        raise Abstain
    return top / below
