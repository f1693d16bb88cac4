"""Exact rational arithmetic within bounds: beyond them, `Abstain`."""

import functools
import math
from fractions import Fraction

MAX_BITS = 1_024
MAX_EXPONENT = 256

Number = int | Fraction


class Abstain(Exception):  # noqa: N818
    """Not understood, or beyond a bound. Never leaves the room `checks`."""


_whole = functools.lru_cache(maxsize=16_384)(Fraction)


def fraction(value: Number) -> Fraction:
    """The number as a Fraction; a whole number is made once."""
    return _whole(value) if type(value) is int else value


def apply(symbol: str, left: Number, right: Number) -> Number:
    """`left symbol right`, exact. Raises Abstain on 0 divisors and beyond MAX_BITS."""
    if symbol == "+":
        value = left + right
    elif symbol == "-":
        value = left - right
    elif symbol == "*":
        value = left * right
    elif symbol == "/":
        if right == 0:
            raise Abstain
        value = Fraction(left, right)
    else:
        return _power(left, right)
    if isinstance(value, Fraction):
        if value.denominator == 1:
            value = value.numerator
        elif value.denominator.bit_length() > MAX_BITS:
            raise Abstain
    if value.numerator.bit_length() > MAX_BITS:
        raise Abstain
    return value


def _power(base: Number, exponent: Number) -> Number:
    if exponent.denominator != 1:
        if exponent.denominator > 8 or abs(exponent.numerator) > 8:
            raise Abstain
        base, exponent = root(base, exponent.denominator), exponent.numerator
    exponent = int(exponent)
    bits = max(base.numerator.bit_length(), base.denominator.bit_length())
    if abs(exponent) > MAX_EXPONENT or abs(exponent) * bits > MAX_BITS or (base == 0 and exponent <= 0):
        raise Abstain
    value = Fraction(base) ** exponent
    return value.numerator if value.denominator == 1 else value


def root(value: Number, degree: int) -> Number:
    """The exact real root; abstains where it is irrational or not real."""
    if not isinstance(degree, int) or not 2 <= degree <= 8 or value < 0:
        raise Abstain
    top, below = _whole_root(value.numerator, degree), _whole_root(value.denominator, degree)
    return top if below == 1 else Fraction(top, below)


def _whole_root(value: int, degree: int) -> int:
    low, high = 0, 1 << (value.bit_length() // degree + 1)
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if middle**degree <= value else (low, middle - 1)
    if low**degree != value:
        raise Abstain
    return low


def factorial(value: Number) -> int:
    if not isinstance(value, int) or not 0 <= value <= 100:
        raise Abstain
    return math.factorial(value)
