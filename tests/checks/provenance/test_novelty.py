import pytest

from sept_jax.checks.provenance.novelty import idle_steps
from sept_jax.checks.reading import read_path
from sept_jax.scoring import score_group

STORY = "A baker fills 6 trays with 12 rolls each and sells 45 of them. How many are left?"


@pytest.mark.parametrize(
    ("steps", "idle"),
    [
        (["6*12=72", "72-45=27", "#### 27"], [0, 0, 0]),
        (["6*12=72", "6 * 12 = 72 rolls", "12*6=72", "72 = 6*12", "72/12=6"], [0, 1, 1, 1, 1]),
        (["6*12=72", "72+45=117", "117-45=72"], [0, 0, 1]),
        (["72+0=72", "72 - 0 = 72", "72*1=72", "72/1=72", "1*72=72"], [1] * 5),
        (["72-72=0", "0*72=0", "1+1=2", "12-6=6", "6*12=72"], [0, 0, 0, 0, 0]),  # 12-6 may be meant
        (["6*12=72", "12*6=72, 72-45=27"], [0, 0]),  # one of two is new
        (["He bakes rolls.", "x = 5", "6*12"], [0, 0, 0]),
    ],
)
def test_idle_steps(steps, idle):
    assert idle_steps(steps) == [bool(step) for step in idle]


def verified(steps):
    """Which steps some rule verifies, in free text."""
    reading = read_path(STORY, tuple(steps), False)
    return [any(found[i].value > 0 for found in reading.verdicts.values()) for i in range(len(steps))]


def test_what_derives_nothing_is_not_verified():
    assert verified(["6*12=72\n", "72*1=72\n", "72-45=27\n", "#### 27"]) == [True, False, True, False]
    assert read_path(STORY, ("6*12=72\n", "72*1=72\n"), False).values == (72, None)


def test_but_it_may_be_refuted():
    reading = read_path(STORY, ("6*12=72\n", "12*6=73\n", "The answer is 72-45=28."), False)
    assert [v.value for v in reading.verdicts["arithmetic"]] == [1, -1, -1]


def test_an_answer_is_worth_what_it_is_worth_whatever_stands_beside_it():
    assert verified(["6*12=72\n", "72-45=27, #### 27"]) == [True, False]
    assert verified(["#### 27\n", "6*12=72\n", "72-45=27\n"]) == [False, False, False]


def test_facts_are_verified_in_mathematics_and_not_in_a_story():
    fact = ("12 is divisible by 6.",)
    assert read_path(STORY, fact, False).verdicts["counterexample"][0].value == 0
    assert read_path("Which $n$ divide $12$?", fact, False).verdicts["counterexample"][0].value == 1


def test_books_are_kept_as_before():
    lines = ("4*5=20\n", "3+20=23\n", "23-2=21\n", "#### 21")
    strict = read_path("3+4*5-2=", lines, True).verdicts
    assert [v.value for v in strict["provenance"]] == [1, 1, 1, 1]
    assert [v.value for v in strict["arithmetic"]] == [1, 1, 1, 0]


def test_of_two_paths_to_one_answer_the_one_without_padding_is_better():
    right = "6*12=72 rolls.\n72-45=27 rolls.\n#### 27"
    padded = "6*12=72 rolls.\n72*1=72 rolls.\n72-45=27 rolls.\n#### 27"
    quality = score_group(STORY, [right, padded, right]).quality
    assert quality[1] < quality[0]
    assert quality[0] == pytest.approx(quality[2])
