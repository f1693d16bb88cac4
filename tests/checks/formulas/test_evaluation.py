import math
from fractions import Fraction

import pytest
from trees import parse

from sept_jax.checks.formulas.evaluation import PRIME, coordinate, equal, modular, residue, residue_of
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.floats import value_at

EQUAL = [
    ("(x+y)^2", "x^2 + 2xy + y^2", True),
    ("(x+y)^2", "x^2 + y^2", False),
    (r"\frac{x^2-1}{x-1}", "x+1", True),
    (r"\frac{1}{x} + \frac{1}{y}", r"\frac{2}{x+y}", False),
    (r"\sqrt{12}", r"2\sqrt{3}", True),
    (r"\sqrt{x^4}", "x^2", True),
    (r"\sqrt{x^2}", "x", None),
    (r"\sqrt{x+1}", r"\sqrt{x}+1", False),
    (r"\sin 2x", r"2\sin x\cos x", True),
    (r"\sin 2x", r"2\sin x", False),
    (r"\sin 30^\circ", r"\frac12", True),
    (r"\sin 30", r"\frac12", True),
    (r"\sin \frac{\pi}{6}", r"\frac12", True),
    (r"\cos 60^\circ", r"\frac13", False),
    (r"\log_2 8", "3", True),
    (r"\log 1000", "3", True),
    (r"\log x^2", r"2\log x", True),
    (r"\log(x+y)", r"\log x+\log y", False),
    (r"2\pi r", r"\pi r + \pi r", True),
    (r"\pi r^2", r"2\pi r", False),
    ("(1+i)^2", "2i", True),
    ("(1+i)^2", "3i", False),
    (r"\ln e^x", "x", True),
    ("(-1)^{2n}", "1", True),
    (r"\binom{n}{2}", r"\frac{n(n-1)}{2}", True),
    ("n!", "n", False),
    ("2f(x) + f(x)", "3f(x)", True),
    ("f(x)", "f(y)", None),
    (r"|x-y|", r"|y-x|", True),
    (r"\lfloor 3.7 \rfloor", "3", True),
    (r"\frac{1}{x-x}", "1", None),
]


@pytest.mark.parametrize(("left", "right", "expected"), EQUAL)
def test_equal(left, right, expected):
    assert equal(parse(left), parse(right)) is expected


def test_residues():
    x, y = residue_of("x"), residue_of("y")
    assert residue(parse("x^2 - 3y")) == (x * x - 3 * y) % PRIME
    assert residue(parse(r"\frac{2}{3}")) * 3 % PRIME == 2
    assert residue(parse("x+1"), {"x": 5}) == 6
    with pytest.raises(Abstain):
        residue(parse(r"\sqrt{x}"))


def test_modular():
    assert modular(parse("n^2 + 1"), 7, {"n": 4}) == 3
    assert modular(Fraction(1, 3), 19) == 13
    assert modular(parse("n^{-1}"), 17, {"n": 5}) == 7
    for text, modulus in (("n", 7), (r"\frac{1}{3}", 9), (r"\sqrt{2}", 7)):
        with pytest.raises(Abstain):
            modular(parse(text), modulus)


def test_values():
    assert value_at(parse(r"\sqrt{x} + \pi"), {"x": 4.0}) == 2 + math.pi
    assert value_at(parse("x^2"), {"x": 1j}) == -1
    assert value_at(parse("5!"), {}) == 120
    assert value_at(parse(r"\sqrt[3]{x}"), {"x": -8.0}) == pytest.approx(-2)
    for text, x in (
        (r"\sqrt{x}", -1.0),
        (r"\ln x", 0.0),
        ("x^{-1}", 0.0),
        (r"\tan x", math.pi / 2),
        ("x!", 1e9),
    ):
        with pytest.raises(Abstain):
            value_at(parse(text), {"x": x})


def test_points_are_fixed():
    assert coordinate("x", 0) == coordinate("x", 0) != coordinate("y", 0)
    assert 0.35 <= coordinate("x", 0) <= 0.95
    assert isinstance(coordinate("n", 4), int)
