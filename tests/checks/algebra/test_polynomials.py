from fractions import Fraction

import pytest
from trees import parse

from sept_jax.checks.algebra.linear import contradicts, equation_form
from sept_jax.checks.algebra.polynomials import common, divides, numerator
from sept_jax.checks.formulas.exact import Abstain

POLYNOMIALS = [
    ("x^2 + 5x + 6", "0", (6, 5, 1)),
    ("(x+2)(x+3)", "x^2", (6, 5)),
    (r"\frac{6}{10}", r"\frac{x}{8 - x}", (Fraction(24, 5), Fraction(-8, 5))),
    ("x^{-1}", "-2", (1, 2)),
    ("x + 1", "x + 1", ()),
    ("2x", "3x", (0, -1)),
]


@pytest.mark.parametrize(("left", "right", "expected"), POLYNOMIALS)
def test_numerator(left, right, expected):
    assert numerator(parse(left), parse(right), "x") == expected


def test_numerator_abstains():
    for text in ("xy", r"\sqrt{x}", r"\pi x", "x^{13}", "2^x", "(x^4+1)^4"):
        with pytest.raises(Abstain):
            numerator(parse(text), 1, "x")


def test_common_roots():
    assert len(common((6, 5, 1), (2, 1))) == 2  # (x+2)(x+3) and x+2
    assert len(common((6, 5, 1), (1, 1))) == 1
    assert divides((2, 1), (6, 5, 1))
    assert divides((12, 10, 2), (6, 5, 1))
    assert not divides((1, 1), (6, 5, 1))
    assert not divides((4, 4, 1), (6, 5, 1))
    assert divides((Fraction(1, 3), Fraction(1, 6)), (Fraction(3, 2), Fraction(5, 4), Fraction(1, 4)))
    assert len(common((Fraction(-1, 6), Fraction(1, 6), 1), (-1, 3))) == 2  # (x + 1/2)(x - 1/3) and 3x - 1


def _forms(*equations):
    return [equation_form(*map(parse, equation.split(" = "))) for equation in equations]


def test_linear_forms():
    assert _forms("2(x - 3y) + 4 = x") == [{"x": 1, "y": -6, "": 4}]
    assert _forms(r"\frac{x}{2} = y") == [{"x": Fraction(1, 2), "y": -1}]
    for text in ("xy = 1", "x^2 = 1", r"\pi x = 1", r"\frac{1}{x} = 1"):
        with pytest.raises(Abstain):
            _forms(text)


def test_systems():
    first = _forms("A + B = 7", "2A - 2B = -2")
    assert contradicts(*_forms("4B = 9"), first) is True
    assert contradicts(*_forms("B = 4"), first) is False
    assert contradicts(*_forms("C = 4"), first) is None
    assert contradicts(*_forms("A = 3"), first[:1]) is None
    with pytest.raises(Abstain):
        contradicts(*_forms("A = 3"), [*first, *_forms("A = 9")])
