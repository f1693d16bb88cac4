import pytest

from sept_jax.checks.algebra.congruences import find_congruences
from sept_jax.checks.formulas.lexer import tokenize
from sept_jax.checks.formulas.statements import MAX_STATEMENTS, find_statements


def _sides(text):
    return [(s.left.tree, s.right.tree) for s in find_statements(tokenize(text))]


SIDES = {
    "chain": ("A = B = C", [("A", "B"), ("B", "C")]),
    "prose around": ("we have x + 1 = y for all y", [(("+", "x", 1), "y")]),
    "separate displays": (r"\[a = b\] \[c = d\]", [("a", "b"), ("c", "d")]),
    "label of an equation": (r"x = y \quad (1)", [("x", "y")]),
    "words in brackets": ("x = y (the first equation)", [("x", "y")]),
    "factor in brackets": (r"x = \pi (3)^2 h", [("x", ("*", 9, "π", "h"))]),
    "segment before": (r"AO \sqrt{3} = x", [(("*", "AO", ("√", 3, 2)), "x")]),
    "words that are operators": ("x = 3 times y", []),
    "operator at the cut": ("x + \\dots = y", []),
    "ratio": ("AB = 1:2", []),
    "decimal that goes on": (r"x = 5.\overline{1}", []),
    "sum that goes on": ("x = y \\\\\n+ 3", []),
    "line break in a formula": ("- \\frac{4}{3}\n\\pi r = x", []),
    "number of a section": ("section 2 = x", []),
    "ordered pair": ("(x, y) = (2, 3)", []),
    "plus or minus": (r"x = 3 \pm y", []),
    "units": (r"r = 3 \text{ cm}", [("r", 3)]),
    "full stop in dollars": ("$x = y$.", [("x", "y")]),
}


@pytest.mark.parametrize(("text", "sides"), SIDES.values(), ids=SIDES.keys())
def test_sides(text, sides):
    assert _sides(text) == sides


def test_marks():
    text = r"x = 3 or x = 4, then 2x = y = z"
    first, second, third, fourth = find_statements(tokenize(text))
    assert [s.listed for s in (first, second, third, fourth)] == [True, False, False, False]
    assert [s.continues for s in (first, second, third, fourth)] == [False, False, False, True]
    assert find_statements(tokenize("Revenue - x = y")) == []
    assert text[first.start : first.end] == "x = 3"
    assert fourth.left is third.right
    (pair,) = find_statements(tokenize("x = 2, 3"))
    assert pair.listed


CONGRUENCES = {
    r"a \equiv b \pmod{5}": [("a", "b", 5)],
    r"7 \equiv 2 \equiv -3 \pmod 5": [(7, 2, 5), (2, -3, 5)],
    "17 ≡ 3 (mod 7)": [(17, 3, 7)],
    "17 mod 5 = 2": [(17, 2, 5)],
    "3 + 5 mod 4 = 1": [],
    r"a \equiv b": [],
    r"a \equiv b \pmod{n}": [],
    r"\triangle ABC \equiv x \pmod{5}": [],
}


@pytest.mark.parametrize(("text", "expected"), CONGRUENCES.items())
def test_congruences(text, expected):
    assert [(c.left, c.right, c.modulus) for c in find_congruences(tokenize(text))] == expected


def test_no_more_relations_than_bounded():
    tokens = tokenize("x=" * 900)
    assert len(find_statements(tokens)) == MAX_STATEMENTS
