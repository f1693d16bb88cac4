from fractions import Fraction

import pytest

from sept_jax.checks.formulas.lexer import NUM, tokenize
from sept_jax.checks.provenance.numbers import numbers_in, printed_in, problem_quantities

PROSE = {
    "thousands": ("She paid $1,200.50 for 3 of 12,345 items.", [Fraction("1200.5"), 3, 12345]),
    "list": ("The bags hold 5, 10, and 2.5 kg.", [5, 10, Fraction("2.5")]),
    "fraction": ("Each takes 3/4 of 20%.", [3, 4, 20]),
    "time": ("At 0730 we left, at 3:45 pm we came.", [3, 45]),
    "units": ("12kg and 5th", [12, 5]),
    "point first": ("only .5 of it", [Fraction(1, 2)]),
    "equation": ("So 48/2 = 24 * 1", [48, 2, 24, 1]),
    "typeset signs": ("Pay \\$5 \\times 3, or 20\\%", [5, 3, 20]),
    "index": ("x1 is 4", [4]),
    "exponent of a unit": ("an area of 9 cm^2", [9]),
}


@pytest.mark.parametrize(("text", "expected"), PROSE.values(), ids=PROSE.keys())
def test_printed_numbers_are_those_of_the_lexer(text, expected):
    tokens = tokenize(text)
    lexed = [value[0] for kind, value in zip(tokens.kinds, tokens.values, strict=True) if kind == NUM]
    assert printed_in(text) == expected == lexed


def test_number_words():
    assert numbers_in("twenty-five of half a dozen, and twenty percent of two") == [
        25,
        Fraction(1, 2),
        12,
        20,
        2,
    ]
    assert numbers_in("twenty 5") == [20, 5]
    assert numbers_in("forty% two") == [40, 2]
    assert numbers_in("$\\frac{1}{2}$ of twenty-one") == [1, 2, 21]
    assert numbers_in("no number here") == []


def test_problem_of_several_sentences_is_no_expression():
    assert problem_quantities("Compute 3 + 4. Give 2 digits.") == ((3, 4, 2), None)
    assert problem_quantities("Compute 3 + 4.") == ((3, 4), ("+",))
    assert problem_quantities("What is -3*2?") == ((-3, 2), ("*",))
