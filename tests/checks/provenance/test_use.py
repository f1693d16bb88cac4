from fractions import Fraction

import pytest

from sept_jax.checks.provenance.use import check_use, with_doubts
from sept_jax.checks.reading import read_path
from sept_jax.checks.verdicts import UNKNOWN, Verdict

EGGS = (
    "Ducks lay 16 eggs. Three are eaten and four are baked. The rest is sold for $2 each. How much is that?"
)
RIGHT = ("3 + 4 = 7 eggs are used\n", "16 - 7 = 9 are left\n", "9 * 2 = $18\n", "A: 18")


def values(verdicts):
    return [verdict.value for verdict in verdicts]


def test_a_path_that_uses_all_it_has_is_not_doubted():
    assert check_use(EGGS, RIGHT, Fraction(18)) == [UNKNOWN] * 4


def test_a_given_number_left_out():
    steps = ("16 - 3 = 13 are left\n", "13 * 2 = $26\n", "A: 26")
    assert check_use(EGGS, steps, Fraction(26)) == [UNKNOWN, UNKNOWN, Verdict(-0.25, "never uses 4")]
    steps = ("16 * 2 = $32\n", "A: 32")
    assert check_use(EGGS, steps, Fraction(32))[-1] == Verdict(-0.5, "never uses 3, 4")


@pytest.mark.parametrize(
    ("step", "last"),
    [
        ("15/25*100=60\n", "The answer is 60%."),
        ("15/25=0.6\n", "The answer is 60%."),
        ("15/25*100=60\n", "The answer is 60."),
        ("15/25=0.6\n", "#### 0.6"),
        ("25-15=10\n", "The answer is 10 million."),
        ("25-15=10\n", "The answer is 10 dozen eggs."),
        ("25-15=10\n", "The answer is ten dozen eggs."),
    ],
)
def test_the_answer_uses_the_number_that_it_prints(step, last):
    problem = "Of 25 pupils 15 came. What share is that?"
    verdicts = read_path(problem, (step, last), False).verdicts["provenance"]
    assert not any("never used" in verdict.reason for verdict in verdicts)


@pytest.mark.parametrize("last", ["The answer is 60%.", "#### 60", "The answer is 60 million."])
def test_the_printed_answer_uses_no_other_number(last):
    problem = "Of 25 pupils 15 came. What share is that?"
    verdicts = read_path(problem, ("25-15=10\n", "15/25*100=60\n", last), False).verdicts["provenance"]
    assert verdicts[0].reason == "10 is never used"


def test_a_whole_percentage_is_a_whole_answer():
    problem = "Of 25 pupils 15 came. How many percent is that?"
    (*_, last) = read_path(problem, ("15/25*100=60\n", "The answer is 60%."), False).verdicts["provenance"]
    assert "to how many" not in last.reason


def test_many_left_out_are_no_refutation():
    question = "There are 3, 4, 5, 6, 7, 8 and 9. How many are 1 and 2?"
    (verdict,) = check_use(question, ("1+2=3",), Fraction(3))
    assert verdict == Verdict(-0.75, "never uses 3, 4, 5")


def test_a_result_that_nothing_needs():
    steps = ("3 + 4 = 7\n", "16 * 2 = 32\n", "7 * 2 = 14\n", "16 - 14 = 2\n", "A: 2")
    assert check_use(EGGS, steps, Fraction(2))[1] == Verdict(-0.5, "32 is never used")
    assert values(check_use(EGGS, steps, Fraction(2))) == [0, -0.5, 0, 0, 0]


@pytest.mark.parametrize("step", ["80 * 0.2 = 16\n", "80 * 20/100 = 16\n", "80 * (1 - 0.8) = 16\n"])
def test_a_percentage_may_be_written_in_any_way(step):
    assert not check_use("Of 80 birds 20% fly. How many fly?", (step, "A: 16"), Fraction(16))[-1].reason


def test_the_rest_to_the_whole_uses_the_percentage():
    assert check_use("Of 80 birds 20% fly. How many stay?", ("80 * 0.8 = 64\n",), Fraction(64)) == [UNKNOWN]


def test_answers_that_are_no_amount():
    question = "Ann has 7 pens and 2 boxes. How many are in each?"
    (verdict,) = check_use(question, ("7/2 = 3.5\n",), Fraction(7, 2))
    assert verdict == Verdict(-0.5, "answers 3.5 to how many")
    (verdict,) = check_use(question, ("2 - 7 = -5\n",), Fraction(-5))
    assert verdict == Verdict(-0.5, "answers -5 to how many")
    assert check_use(question.replace("many", "much"), ("7/2 = 3.5\n",), Fraction(7, 2)) == [UNKNOWN]
    assert check_use(question.replace("7", "7.5"), ("7.5/2 = 3.75\n",), Fraction(15, 4)) == [UNKNOWN]
    assert check_use("Find 2 - 7.", ("2 - 7 = -5\n",), Fraction(-5)) == [UNKNOWN]


def test_nothing_is_said_of_a_path_without_calculation_or_number():
    assert check_use(EGGS, ("It is clear.\n", "A: 18"), Fraction(18)) == [UNKNOWN] * 2
    assert check_use(EGGS, ("3 + 4 = 7\n", "A: seven ducks"), "sevenducks") == [UNKNOWN] * 2
    assert check_use(EGGS, ("3 + 4 = 7\n",), None) == [UNKNOWN]
    assert check_use(EGGS, (), None) == []


def test_doubts_lower_verdicts_and_never_raise_them():
    verified, refuted, doubt = Verdict(1.0, "known"), Verdict(-1.0, "repeats"), Verdict(-0.5, "unused")
    assert with_doubts([verified, refuted, UNKNOWN, verified], [doubt, doubt, doubt, UNKNOWN]) == [
        doubt, refuted, doubt, verified,
    ]  # fmt: skip


def test_readings_hold_the_doubts_except_where_books_are_kept():
    steps = ("16 * 2 = $32\n", "A: 32")
    assert read_path(EGGS, steps, False).verdicts["provenance"][-1].reason == "never uses 3, 4"
    strict = read_path("3+4*5-2=", ("4*5=20\n", "#### 20"), True).verdicts["provenance"]
    assert not any("never use" in verdict.reason for verdict in strict)
