from fractions import Fraction

import pytest
from trees import parse

from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.lexer import tokenize
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.terms import (
    MAX_NODES,
    combine,
    expand_calls,
    names,
    negated,
    nodes,
    operations,
    root_of,
    substitute,
)

TREES = {
    "3 + 4": 7,
    "2x": ("*", 2, "x"),
    "2x + 3x": ("+", ("*", 2, "x"), ("*", 3, "x")),
    "3(x+1)": ("*", 3, ("+", "x", 1)),
    "x(x+1)": ("*", "x", ("+", "x", 1)),
    "xy": ("*", "x", "y"),
    "2xy^2": ("*", 2, "x", ("^", "y", 2)),
    "abcd": ("*", "a", "b", "c", "d"),
    "AB + BC": ("+", "AB", "BC"),
    "x - 2": ("+", "x", -2),
    "-x^2": ("*", -1, ("^", "x", 2)),
    r"\frac{x}{2}": ("*", Fraction(1, 2), "x"),
    r"\frac{1}{2}(x+1)": ("*", Fraction(1, 2), ("+", "x", 1)),
    r"\frac{1}{x}": ("/", "x"),
    r"\sqrt{2}": ("√", 2, 2),
    r"\sqrt{8/2}": 2,
    r"\sqrt[3]{x}": ("√", "x", 3),
    "2^{1/2}": ("^", 2, Fraction(1, 2)),
    "x^{n+1}": ("^", "x", ("+", "n", 1)),
    r"2\pi r": ("*", 2, "π", "r"),
    r"\binom{5}{2}": 10,
    r"\binom{n}{2}": ("binom", "n", 2),
    "|x|": ("abs", "x"),
    r"\left|x - 1\right|": ("abs", ("+", "x", -1)),
    r"\lfloor x \rfloor": ("floor", "x"),
    r"\lceil 2.5 \rceil": ("ceil", Fraction(5, 2)),
    r"\sin x": ("sin", "x"),
    r"\sin 2x \cos x": ("*", ("sin", ("*", 2, "x")), ("cos", "x")),
    r"\sin^2 x": ("^", ("sin", "x"), 2),
    r"\tan^{-1} x": ("arctan", "x"),
    r"\sin 30^\circ": ("sin", ("*", 30, "°")),
    r"\log_2 8": ("log", 2, 8),
    r"\log x": ("log", 0, "x"),
    "n!": ("!", "n"),
    "f(x)": ("call", "f", "x"),
    "f(x + 1)": ("call", "f", ("+", "x", 1)),
    "g(x, 2)": ("call", "g", "x", 2),
    "p(3)": ("call", "p", 3),
    "n(n+1)": ("*", "n", ("+", "n", 1)),
    "a(3)": ("*", 3, "a"),
    "x_1 + x_{2}": ("+", "x_1", "x_2"),
    r"\theta": "θ",
}

ABSTAINED = [
    "q(2x)", "f^2(x)", "f^{-1}(x)", "6/2(x+1)", "1/2x", r"\sin x/2", r"1 \pm x", "x +", "(x", r"\sum x",
    r"\frac{1}{0}x", "x^{5000}", r"\cot^{-1} x", r"\cdots + x", "|x", "x|", r"\binom{n}", "is",
]  # fmt: skip


@pytest.mark.parametrize(("text", "tree"), TREES.items())
def test_trees(text, tree):
    assert parse(text) == tree


@pytest.mark.parametrize("text", ABSTAINED)
def test_trees_abstain(text):
    assert parse(text) is None


def test_term_keeps_the_books():
    tokens = tokenize("2.50x + ab - 3")
    term = Parser(tokens).term(0, len(tokens.kinds))
    assert (term.decimals, term.names, term.operators) == (2, {"x", "a", "b"}, ("*", "+", "*", "-"))


def test_names_and_operations():
    tree = parse(r"\sqrt{x + 1} + f(y)z^2 + \pi")
    assert names(tree) == {"x", "y", "z"}
    assert operations(tree) == {"+", "*", "√", "call", "^", "π"}
    assert nodes(("+", "x", ("*", 2, "y"))) == 5


def test_substitution_folds():
    assert substitute(parse("2x^2 + y"), {"x": 3, "y": 4}) == 22
    assert substitute(parse("xy"), {"y": "x"}) == ("*", "x", "x")
    assert negated(parse("x + 1")) == ("*", -1, ("+", "x", 1))
    assert root_of(Fraction(4, 9), 2) == Fraction(2, 3)
    with pytest.raises(Abstain):
        substitute(parse(r"\frac{1}{x - 2}"), {"x": 2})


def test_calls_are_expanded_within_bounds():
    functions = {"f": (("x",), parse("x^2 + 1")), "g": (("x",), ("call", "f", ("+", "x", 1)))}
    assert expand_calls(parse("g(1) + f(2)"), functions) == 10
    assert expand_calls(parse("h(2)"), functions) == ("call", "h", 2)
    with pytest.raises(Abstain):
        expand_calls(parse("f(1)"), {"f": (("x",), ("call", "f", ("+", "x", 1)))})
    with pytest.raises(Abstain):
        combine("*", ("*", *"x" * MAX_NODES), "y")
