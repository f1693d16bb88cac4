from fractions import Fraction

import pytest

from sept_jax.checks.reading import TEXT_CHANNELS, read_path

QUESTION = "3+4*5-2="
RIGHT = ("4*5=20\n", "3+20=23\n", "23-2=21\n", "#### 21")


def values(reading, channel):
    return [verdict.value for verdict in reading.verdicts[channel]]


def test_a_right_path():
    reading = read_path(QUESTION, RIGHT, True)
    assert values(reading, "arithmetic") == [1, 1, 1, 0]
    assert values(reading, "provenance") == [1, 1, 1, 1]
    assert reading.values == (20, 23, 21, 21)
    assert reading.answer == 21
    assert isinstance(reading.answer, Fraction)


def test_a_wrong_result_and_a_wrong_number():
    result = read_path(QUESTION, ("4*5=25\n", "3+25=28\n", "28-2=26\n", "#### 26"), True)
    assert values(result, "arithmetic") == [-1, 1, 1, 0]
    assert result.verdicts["arithmetic"][0].reason == "4*5=25, but 4*5 is 20"
    number = read_path(QUESTION, ("4*6=24\n", *RIGHT[1:]), True)
    assert values(number, "arithmetic") == [1, 1, 1, 0]
    assert number.verdicts["provenance"][0].reason == "6 comes from nowhere"
    assert values(number, "provenance")[0] == -1


@pytest.mark.parametrize(
    ("last", "answer"),
    [
        ("#### 1/2", Fraction(1, 2)),
        ("#### 0.5", Fraction(1, 2)),
        ("The answer is 50%.", Fraction(50)),
        ("#### 50", Fraction(50)),
        ("The answer is $2.5 million.", Fraction(2_500_000)),
        ("The answer is twenty-five.", Fraction(25)),
        ("so \\boxed{\\text{ Even }}", "even"),
        ("so \\boxed{x+1}", "x+1"),
        ("no more to say", None),
    ],
)
def test_the_answer_is_a_rational_or_normalised_text(last, answer):
    reading = read_path("What?", ("First.\n", last), False)
    assert reading.answer == answer
    assert type(reading.answer) is type(answer)


def test_an_answer_is_read_across_steps():
    assert read_path("What?", ("So the answer is\n", "7."), False).answer == 7
    assert read_path("What?", ("#### 4\n", "#### 7"), False).answer == 7


def test_a_path_without_steps():
    reading = read_path(QUESTION, (), True)
    assert (reading.values, reading.answer) == ((), None)
    assert reading.verdicts == dict.fromkeys(TEXT_CHANNELS, ())
