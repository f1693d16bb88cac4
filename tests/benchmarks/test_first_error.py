import numpy as np
import pytest

from benchmarks.first_error import first_wrong, measure

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
    assert measure(score, count, label) == {"f1": 0.5, "accuracy_erroneous": 0.5, "accuracy_correct": 0.5}
