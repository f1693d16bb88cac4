import numpy as np
import pytest

from benchmarks.first_error import auroc, first_wrong, first_wrong_in_story, measure, truth
from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import ChainSource
from sept_jax.data.story import StorySource
from sept_jax.errors import UserError

CHAIN = "3+4*5-2="


@pytest.mark.parametrize(
    ("lines", "label"),
    [
        (["4*5=20\n", "3+20=23\n", "23-2=21\n", "#### 21"], -1),
        (["5*4=20\n", "20+3=23\n", "23-2=21\n", "#### 21"], -1),  # either way round
        (["4*5=20\n", "20-2=18\n", "3+18=21\n", "#### 21"], -1),  # the operator before is a plus
        (["3+4=7\n", "7*5=35\n", "35-2=33\n", "#### 33"], 0),  # precedence
        (["4*5=25\n", "3+25=28\n", "28-2=26\n", "#### 26"], 0),
        (["4*5=20\n", "3+21=24\n", "24-2=22\n", "#### 22"], 1),
        (["4*5=20\n", "2-20=-18\n", "3+18=21\n", "#### 21"], 1),  # a difference has one way round
        (["4*5=20\n", "3+20=23\n", "23-2=21\n", "#### 20"], 3),
        (["4*5=20\n", "3+20=23\n", "#### 23"], 2),
        (["4*5=20\n", "so what\n"], 1),
        (["4*5=20\n", "3+20=23\n"], -1),  # stops early: no step is wrong
        ([], -1),
    ],
)
def test_the_first_wrong_line(lines, label):
    assert first_wrong(CHAIN, lines) == label


@pytest.mark.parametrize(
    ("chain", "line", "right"),
    [
        ("10-3+4=", "3+4=7", False),  # a minus stands before it
        ("10-3-4=", "3-4=-1", False),
        ("10+3-4=", "3-4=-1", True),
        ("2*3*4=", "3*4=12", True),
        ("2*3+4=", "3+4=7", False),
        ("4+2*3=", "4+2=6", False),
        ("9-2*3=", "2*3=6", True),
        ("5-5+5-5=", "5-5=0", True),
    ],
)
def test_order_and_precedence(chain, line, right):
    assert (first_wrong(chain, [line]) == -1) is right


def test_measures_by_hand():
    score = np.array([[[0.9, 0.1, 0.9], [0.1, 0.1, 0.9], [0.9, 0.9, 0.0], [0.9, 0.2, 0.0]]])
    count, label = np.array([[3, 3, 2, 2]]), np.array([[1, 1, -1, -1]])
    # First flags: 1 (right), 0 (too early), none (right; the third place is past the end), 1 (false alarm).
    assert measure(score, count, label) == {
        "f1": 0.5, "accuracy_erroneous": 0.5, "accuracy_correct": 0.5, "unflagged_of_erroneous": 0.0,
        "auroc": auroc(score, count, label),
    }  # fmt: skip


def test_auroc_by_hand():
    score = np.array([[[0.9, 0.5, 0.1], [0.2, 0.5, 0.9]]])
    # the second path's first step is its first wrong one; right steps: 0.9 and 0.5 above 0.2, 0.1 below it
    assert auroc(score, np.array([[3, 3]]), np.array([[-1, 0]])) == round(2 / 3, 4)
    # an equal score counts half; what follows a first wrong step does not count
    assert auroc(score, np.array([[1, 3]]), np.array([[-1, 1]])) == round((1 + 0) / 2, 4)


TOLD = [("Ann", 12, "+", 5, 17), ("Leo", 17, "*", 2, 34), ("more", 34, "-", 12, 22)]


@pytest.mark.parametrize(
    ("steps", "label"),
    [
        (["Ann 12+5=17\n", "Leo 17*2=34\n", "more 34-12=22\n", "#### 22"], -1),
        (["Ann 5+12=17\n", "Leo 2*17=34\n", "more 34-12=22\n", "#### 22"], -1),  # either way round
        (["Ann 12+5=17\n", "Leo 17*2=34\n", "more 12-34=22\n", "#### 22"], 2),
        (["Leo 17*2=34\n", "Ann 12+5=17\n", "more 34-12=22\n", "#### 22"], -1),  # in any order
        (["Sam 12+5=17\n", "Leo 17*2=34\n"], 0),  # another name
        (["Ann 12+5=18\n"], 0),
        (["Ann 12+5=17\n", "Ann 12+5=17\n"], 1),  # twice
        (["Ann 12+5=17\n", "#### 17"], 1),  # operations are left
        (["Ann 12+5=17\n", "Leo 17*2=34\n", "more 34-12=22\n", "#### 34"], 3),
        (["so what\n"], 0),
    ],
)
def test_the_first_wrong_line_of_a_story(steps, label):
    assert first_wrong_in_story(TOLD, "22", steps) == label


@pytest.mark.parametrize("source", [ChainSource(24, 3), StorySource(24, 3)])
def test_true_solutions_have_no_wrong_step_and_wrong_answers_have_one(source):
    sure = Mistakes(digit=0.2, relation=0.3)
    for index in range(24):
        find, answer = truth(source, index), f"#### {source[index].answer}"
        assert find(source.worked(index, Mistakes()).splitlines(keepends=True)) == -1
        lines = source.worked(index, sure).splitlines(keepends=True)
        assert find(lines) >= 0 or lines[-1] == answer


def test_a_chain_with_a_quotient_has_no_label():
    with pytest.raises(UserError, match="defined for chain and story"):
        truth(ChainSource(3, 1, operators="+/"), 0)
