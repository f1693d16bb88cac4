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
        ("#### $2.5 million", "2500000", True),
        ("#### 5 million", "5", False),
        ("The answer is twenty-five.", "25", True),
        ("The answer is 60%.", "60", True),
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


def test_a_percentage_shares_the_id_of_its_printed_number():
    texts = ["The answer is 60%.", "#### 60", "so \\boxed{60\\%}", "#### 0.6", "#### 60 percent"]
    correct, answer = grade(texts, "60", None)
    np.testing.assert_array_equal(answer, [0, 0, 0, 1, 0])
    np.testing.assert_array_equal(correct, [True, True, True, False, True])


def test_an_answer_in_words_shares_the_id_of_its_number():
    texts = ["The answer is two dozen.", "#### 24", "#### 2 dozen eggs", "#### 2", "#### one hundred"]
    np.testing.assert_array_equal(grade(texts, "24", None)[1], [0, 0, 0, 1, 2])
    np.testing.assert_array_equal(grade(texts, "24", None)[0], [True, True, True, False, False])


def test_the_comparer_is_asked_about_words_that_cannot_be_read():
    comparer = Asked(verdict=False)
    assert not is_correct("The answer is five or six.", "5", comparer)
    assert comparer.asked == [("five or six", "5")]


def test_what_is_written_alike_is_compared_once():
    comparer = Asked(verdict=True)
    texts = ["x #### 2\\sqrt{3}", "y #### 2\\sqrt{3}", "#### \\sqrt{11}", "z #### 2\\sqrt{3}"]
    correct, answer = grade(texts, "\\sqrt{12}", comparer)
    assert comparer.asked == [("2\\sqrt{3}", "\\sqrt{12}"), ("\\sqrt{11}", "\\sqrt{12}")]
    np.testing.assert_array_equal(answer, [0, 0, 1, 0])
    assert correct.all()
    assert [is_correct(text, "\\sqrt{12}", comparer) for text in texts] == correct.tolist()
