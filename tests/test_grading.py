import numpy as np
import pytest

from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.grading import grade, is_correct


class Asked(SymbolicComparer):
    """Says what it is told to, and keeps what it was asked."""

    def __init__(self, verdict=None):
        super().__init__()
        self.verdict, self.asked = verdict, []

    def equal(self, first, second):
        self.asked.append((first, second))
        return self.verdict


@pytest.mark.parametrize(
    ("text", "gold", "correct"),
    [
        ("4*5=20\n#### 20", "20", True),
        ("4*5=20\n#### 21", "20", False),
        ("the answer is \\boxed{\\frac{1}{2}}.", "0.5", True),
        ("#### $1,200", "1200", True),
        ("20", "20", False),  # states no answer
        ("", "20", False),
        ("#### 20", None, False),
        ("The answer is even.", "even", True),
    ],
)
def test_is_correct_needs_no_comparer_for_what_it_can_tell(text, gold, correct):
    comparer = Asked(verdict=not correct)
    assert is_correct(text, gold, comparer) is correct
    assert is_correct(text, gold, None) is correct
    assert comparer.asked == []


@pytest.mark.parametrize("verdict", [True, False, None])
def test_is_correct_asks_the_comparer_for_the_rest(verdict):
    comparer = Asked(verdict)
    assert is_correct("so \\boxed{2\\sqrt{3}}", "\\sqrt{12}", comparer) is bool(verdict)
    assert comparer.asked == [("2\\sqrt{3}", "\\sqrt{12}")]
    assert is_correct("so \\boxed{2\\sqrt{3}}", "\\sqrt{12}", None) is False


def test_equal_answers_share_an_id():
    texts = ["#### 0.5", "so \\boxed{\\frac{1}{2}}", "no answer", "#### 2", "#### 1/2", "#### no", "#### No"]
    correct, answer = grade(texts, "1/2", None)
    np.testing.assert_array_equal(answer, [0, 0, -1, 1, 0, 2, 2])
    np.testing.assert_array_equal(correct, [True, True, False, False, True, False, False])
    correct, answer = grade(texts, None, None)
    assert not correct.any()
    np.testing.assert_array_equal(answer, [0, 0, -1, 1, 0, 2, 2])


def test_what_is_written_alike_is_compared_once():
    comparer = Asked(verdict=True)
    texts = ["x #### 2\\sqrt{3}", "y #### 2\\sqrt{3}", "#### \\sqrt{11}", "z #### 2\\sqrt{3}"]
    correct, answer = grade(texts, "\\sqrt{12}", comparer)
    assert comparer.asked == [("2\\sqrt{3}", "\\sqrt{12}"), ("\\sqrt{11}", "\\sqrt{12}")]
    np.testing.assert_array_equal(answer, [0, 0, 1, 0])
    assert correct.all()
    assert [is_correct(text, "\\sqrt{12}", comparer) for text in texts] == correct.tolist()
