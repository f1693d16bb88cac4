from fractions import Fraction

import pytest

from sept_jax.checks.arithmetic.check import check_arithmetic
from sept_jax.checks.provenance.check import SOFT, check_provenance
from sept_jax.checks.provenance.numbers import numbers_in, problem_quantities

QUESTION = "3+4*5-2="
WORKED = ["4*5=20\n", "3+20=23\n", "23-2=21\n", "#### 21"]
CLIPS = (
    "Natalia sold clips to 48 of her friends in April, and then she sold half as many clips in May. "
    "How many clips did she sell?"
)

STRICT = {
    "worked solution": (WORKED, [(1, "at hand"), (1, "at hand"), (1, "at hand"), (1, "the one value left")]),
    "wrong number": (["4*6=24"], [(-1, "6 comes from nowhere")]),
    "reused operand": (["4*5=20", "4+20=24"], [(1, ""), (-1, "4 is already used up")]),
    "repeated equation": (
        ["4*5=20", "4*5=20", "3+20=23"],
        [(1, ""), (-1, "repeats an earlier equation for 20"), (1, "")],
    ),
    "extra true line": ([*WORKED[:3], "21+0=21"], [(1, ""), (1, ""), (1, ""), (-1, "0 comes from nowhere")]),
    "wrong operator": (["4*5=20", "3*20=60"], [(1, ""), (-1, "the question has no * left")]),
    "early answer": (["4*5=20", "#### 20"], [(1, ""), (-1, "answers while 3 values are left: 2, 3, 20")]),
    "false answer": ([*WORKED[:3], "#### 22"], [(1, "")] * 3 + [(-1, "answers 22, but 21 is left")]),
    "no number": ([*WORKED[:3], "#### many"], [(1, "")] * 3 + [(-1, "the final answer is no number")]),
    "after the answer": ([*WORKED, "1+1=2"], [(1, "")] * 4 + [(-1, "comes after the final answer")]),
    "second answer": ([*WORKED, "#### 21"], [(1, "")] * 4 + [(-1, "comes after the final answer")]),
    "empty step": (["so we go on"], [(-1, "has no equation with a result")]),
    "unfinished equation": (["4*5="], [(-1, "has no equation with a result")]),
    "binding": (["x = 20"], [(-1, "has no equation with a result")]),
    "false equation": (
        ["4*5=21", "3+21=24", "24-2=22", "#### 22"],
        [(1, ""), (1, ""), (1, ""), (1, "22 is the one value left")],  # books are true, arithmetic is not
    ),
    "result of a refuted step": (["4*6=20", "3+20=23"], [(-1, "6 comes"), (1, "")]),
    "result first": (["20 = 4*5", "3+20=23"], [(1, ""), (1, "")]),
    "whole chain": (["3+4*5-2 = 3+20-2 = 23-2 = 21", "#### 21"], [(1, ""), (1, "21 is the one value left")]),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "expected"), STRICT.values(), ids=STRICT.keys())
def test_strict_bookkeeping(steps, expected):
    verdicts = check_provenance(QUESTION, steps, strict=True)
    assert [v.value for v in verdicts] == [value for value, _ in expected]
    for verdict, (_, words) in zip(verdicts, expected, strict=True):
        assert words in verdict.reason


def test_worked_solution_is_verified_by_both_checks():
    assert [check_arithmetic(step).verdict.value for step in WORKED] == [1, 1, 1, 0]
    assert [v.value for v in check_provenance(QUESTION, WORKED, strict=True)] == [1, 1, 1, 1]


def test_equal_quantities_are_counted():
    steps = ["4+4=8", "8*4=32", "#### 32"]
    assert [v.value for v in check_provenance("(4+4)*4=", steps, strict=True)] == [1, 1, 1]
    assert check_provenance("(4+5)*2=", steps, strict=True)[0] == (-1, "4 is already used up")


def test_negative_results_are_quantities():
    steps = ["2-5=-3", "-3+7=4", "#### 4"]
    assert [v.value for v in check_provenance("2-5+7=", steps, strict=True)] == [1, 1, 1]


def test_problem_quantities():
    assert problem_quantities("What is (-3+4)*2?") == ((-3, 4, 2), ("+", "*"))
    assert problem_quantities("Tom has 5 apples and eats 2.") == ((5, 2), None)
    numbers = numbers_in("twenty-five of 3/4, half a dozen, 20% and $1,200.50")
    assert numbers == [25, 3, 4, Fraction(1, 2), 12, 20, Fraction("1200.5")]


LOOSE = {
    "known": (["48/2 = 24", "48+24 = 72"], [1, 1]),
    "from nowhere": (["17*3 = 51"], [SOFT]),
    "only once": (["17*48 = 816", "17*2 = 34"], [SOFT, 1]),
    "common knowledge alone": (["60*24 = 1440"], [0]),
    "repeated": (["48/2 = 24", "so 48/2 = 24"], [1, SOFT]),
    "no numbers": (["Let us think."], [0]),
    "percent of a given": (["48*0.48 = 23.04"], [1]),
    "rest to one": (["48/2 = 24", "1-0.24 = 0.76", "0.76*48 = 36.48"], [1, 1, 1]),
    "said in the step": (["A gross is 144, so 144/48 = 3"], [0]),
}


@pytest.mark.parametrize(("steps", "expected"), LOOSE.values(), ids=LOOSE.keys())
def test_loose(steps, expected):
    assert [v.value for v in check_provenance(CLIPS, steps, strict=False)] == expected


def test_loose_reasons():
    verdicts = check_provenance(CLIPS, ["17*3 = 51", "17*3 = 51"], strict=False)
    assert [v.reason for v in verdicts] == ["17 comes from nowhere", "repeats an earlier equation for 51"]
