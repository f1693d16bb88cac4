from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.checks.answers import answer_value, final_answer, gold_answer, normalize, same_answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("12+3 = 15\n#### 1,234", "1,234"),
        ("#### 5\n#### 6\nbye", "6"),
        (r"so \boxed{1} or rather \boxed{\frac{1}{2}}.", r"\frac{1}{2}"),
        ("The answer is $5.50. Thanks", "$5.50"),
        (r"The final answer is: $\boxed{12}$.", "12"),
        ("**Answer:** 3/4", "3/4"),
        ("the answer is 3 and then the answer is 4.\nOk", "4"),
        (r"$\boxed 7$ x", "7"),
        ("He has 18 left\nA: 18", "18"),
        ("The answer is 3.\n**A:** $1,200\n", "$1,200"),
        ("A: 18\nand so on", None),
        ("As it is: 18", None),
        (r"\boxed{ab", None),
        ("nothing", None),
        ("####", None),
        ("", None),
    ],
)
def test_final_answer(text, answer):
    assert final_answer(text) == answer


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("1/2", "0.5", True),
        (r"\frac12", "0.5", True),
        ("1,234", "1234", True),
        ("$5", "5 dollars", True),
        ("50%", "0.5", True),
        ("50%", "50", True),
        ("50%", "5", False),
        ("2 1/2", "2.5", True),
        ("x=5", "5", True),
        (r"90^\circ", "90", True),
        ("five", "5", True),
        ("0.33", "1/3", False),
        ("100", "7", False),
        ("5 hours", "5 minutes", None),
        (r"10\text{ cm}", "10", True),
        ("(1,2)", "( 1, 2 )", True),
        ("(1,2)", "(2,1)", False),
        (r"(\frac12, 3)", "(0.5,3)", True),
        ("[1,2)", "(1,2)", False),
        ("1, 2", "2, 1", True),
        (r"\{1,2\}", r"\{2,1\}", True),
        (r"\{1,2\}", r"\{2,3\}", False),
        ("(1,2,3)", "(1,2)", False),
        ("Evelyn", r"\text{Evelyn}", True),
        ("Evelyn", "Bob", False),
        ("Evelyn", "5", False),
        ("x+1", "1+x", None),
        (r"2\sqrt{3}", r"\sqrt{12}", None),
        (r"(1,\sqrt{2})", r"(2,\sqrt{2})", False),
        (r"\dfrac{x}{2}", r"\frac{x}{2}", True),
    ],
)
def test_same_answer(first, second, same):
    assert same_answer(first, second) is same
    assert same_answer(second, first) is same


def test_gold_answer():
    assert gold_answer("2+3 = <<2+3=5>>5\n#### 5") == "5"
    assert (
        gold_answer(r"Thus $x = \boxed{\left( 3, \frac{\pi}{2} \right)}.$")
        == r"\left( 3, \frac{\pi}{2} \right)"
    )
    assert gold_answer(" 42 ") == "42"


def test_values_and_normal_forms():
    assert answer_value("$1,200.50") == Fraction(2401, 2)
    assert answer_value("y + 1") is None
    assert answer_value("1" * 1000) is None
    assert normalize(r"$\left(\dfrac{1}{2},\ 3\right).$") == r"(\frac{1}{2},3)"


@given(st.text(max_size=200), st.text(max_size=200))
@settings(max_examples=200, deadline=None)
def test_any_text_is_compared(first, second):
    assert same_answer(first, second) in (True, False, None)
    assert same_answer(first, first) is True
    assert final_answer(first) is None or len(final_answer(first)) <= len(first)


@given(st.fractions(max_denominator=999))
def test_a_number_equals_its_forms(value):
    plain = f"{value.numerator}/{value.denominator}"
    sign = "-" if value < 0 else ""
    latex = rf"${sign}\frac{{{abs(value.numerator)}}}{{{value.denominator}}}$"
    assert same_answer(plain, latex) is True
    assert same_answer(plain, f"{value.numerator + 1}/{value.denominator}") is False


def test_long_paths_are_searched_in_linear_time():
    text = r"\boxed{" * 140_000 + "answer is " * 20_000
    assert final_answer(text) is None
