from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.checks.answers import (
    answer_value,
    canonical_answer,
    final_answer,
    gold_answer,
    normalize,
    same_answer,
)
from sept_jax.checks.formulas.words import NUMBERS


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
        ("50%", "0.005", False),
        ("60%", "60", True),
        ("60%", "0.6", True),
        ("60", "0.6", False),
        ("25 percent", "25%", True),
        ("twenty-five percent", "25%", True),
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
        ("$2.5 million", "2500000", True),
        ("$2.5 million", "$2,500,000 dollars", True),
        (r"2.5\text{ million}", "2500 thousand", True),
        ("5 million", "5", False),
        ("5 million people", "5 people", False),
        ("2 dozen", "24 eggs", True),
        ("2 dozen", "2", False),
        ("3 pairs", "3", True),
        ("twenty-five", "25", True),
        ("Twenty Five", "25", True),
        ("one hundred", "100", True),
        ("one hundred", "1", False),
        ("two hours", "2", True),
        ("two hours", "2 minutes", None),
        ("two and a half", "2.5", True),
        ("five or six", "5", None),
        ("nineteen eighty", "1980", None),
        ("the second of five", "5", None),
        ("three quarters", "3", None),
        ("one of five", "two of seven", None),
        ("Evelyn", "twenty-five", False),
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


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1.5 million", 1_500_000),
        ("-2 thousand", -2000),
        ("2 hundred thousand dollars", 200_000),
        ("5 million.", 5_000_000),
        ("5million", 5_000_000),
        ("5-million", 5_000_000),
        ("3 trillion", 3 * 10**12),
        (r"$\frac{1}{2}$ million", 500_000),
        ("1 1/2 dozen", 18),
        ("2 dozens of eggs", 24),
        ("3 thousand 5 hundred", 3500),
        ("3 hundred and fifty", 350),
        ("5 and a half", Fraction(11, 2)),
        ("2 thirds", Fraction(2, 3)),
        ("2 + 3 million", None),
        ("2 million * 3", None),
        ("3 ten dollar bills", 3),
        ("2 third graders", 2),
        ("two third graders", None),
        ("1 third", Fraction(1, 3)),
        ("2 and two thirds", Fraction(8, 3)),
        ("5 and a quarter", Fraction(21, 4)),
        ("5 and two others", None),
        ("3 tenths of a mile", Fraction(3, 10)),
        ("7 hundredths", None),
        ("1 million, 5", None),
        ("24 (two dozen)", 24),
        ("24, hundred", 24),
        ("5 people per hundred", 5),
        ("3 score", 3),
        ("500 gross", 500),
        ("3 quarters", 3),
        ("2 hundred-dollar bills", None),
        ("two-and-a-half", Fraction(5, 2)),
        ("one-half", Fraction(1, 2)),
        ("5x", None),
        ("5M", None),
        ("5 years and 3 months", None),
        ("3 and 5 hundred", None),
        ("5 million 1,23", None),
        ("0 million", 0),
        ("zero million", 0),
        ("half x", None),
        ("zero", 0),
        ("seventeen", 17),
        ("minus forty-two", -42),
        ("a dozen", 12),
        ("half a dozen eggs", 6),
        ("two dozen", 24),
        ("one and a half million", 1_500_000),
        ("one hundred and twenty-five thousand three hundred six", 125_306),
        (r"\text{twenty-five dollars}", 25),
        ("x = five", 5),
        ("two thirds", Fraction(2, 3)),
        ("a third", Fraction(1, 3)),
        ("one third", Fraction(1, 3)),
        ("two and one half", Fraction(5, 2)),
        ("two and a quarter miles", Fraction(9, 4)),
        ("five times", 5),
        ("five hundredths", None),
        ("two sevenths", None),
        ("twenty-fifth", None),
        ("third grade", None),
        ("hundreds of people", None),
        ("millions", None),
        ("one hundred hundred", None),
        ("two thousand million", None),
        ("one million and a half", None),
        ("one thousand 2500", None),
        ("two five", None),
        ("double the amount", None),
        ("one of the others who came to the party", None),
        ("and", None),
        ("a", None),
    ],
)
def test_scales_and_number_words(text, value):
    assert answer_value(text) == value
    assert type(answer_value(text)) in (Fraction, type(None))


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("60%", 60),
        (r"60\%", 60),
        ("60", 60),
        ("60 percent", 60),
        ("0.6", Fraction(3, 5)),
        ("0.6%", Fraction(3, 5)),
        ("33 1/3 %", Fraction(100, 3)),
        ("10% of 50", 5),
        ("2 dozen", 24),
        ("one hundred", 100),
        (r"\text{ Even }", "even"),
        ("five or six", "five or six"),
    ],
)
def test_canonical_answers(text, canonical):
    assert canonical_answer(text) == canonical
    assert type(canonical_answer(text)) is (str if isinstance(canonical, str) else Fraction)


FORMS = ["{}", "{}%", "0.{}", "{}/100", "{} dozen", "{} percent", "${}"]


@given(st.integers(0, 999), st.sampled_from(FORMS), st.sampled_from([1, 12, 100]), st.sampled_from(FORMS))
@settings(max_examples=300, deadline=None)
def test_one_canonical_form_means_the_same(number, form, times, other):
    first, second = form.format(number), other.format(times * number)
    if canonical_answer(first) == canonical_answer(second):
        assert same_answer(first, second) is True


@given(st.integers(1, 999), st.integers(1, 99))
@settings(max_examples=100, deadline=None)
def test_numbers_in_words_are_read_as_in_digits(thousands, rest):
    number = 1000 * thousands + rest
    assert answer_value(f"{_spelt(thousands)} thousand {_spelt(rest)} dollars") == number
    assert same_answer(f"{_spelt(thousands)} thousand and {_spelt(rest)}", f"{number:,}") is True


def _spelt(number):
    names = [word for word, value in NUMBERS.items() if value.denominator == 1]
    if number < 20:
        return names[number]
    if number < 100:
        return names[18 + number // 10] + (f"-{names[number % 10]}" if number % 10 else "")
    return f"{names[number // 100]} hundred" + (f" {_spelt(number % 100)}" if number % 100 else "")


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


@pytest.mark.parametrize("piece", ["one ", "million ", "2 ", "and a ", "half-", "a", "a-", "%", "5% ", "- "])
def test_long_answers_in_words_are_read_in_linear_time(piece):
    text = piece * (400 // len(piece))
    assert same_answer(text, "5") in (False, None)
    assert canonical_answer(piece * 100_000) == normalize(piece * 100_000)
