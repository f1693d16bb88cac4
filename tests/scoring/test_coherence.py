import numpy as np

from sept_jax.records import PathText, StepTexts
from sept_jax.scoring.coherence import check_coherence, step_means


def path_text(*steps):
    ends = np.cumsum([len(step) for step in steps]).tolist()
    return PathText("".join(steps), tuple(zip([0, *ends][:-1], ends, strict=True)))


# Two paths: A has steps of 2 and 1 tokens, B one step of 3. Numbers past the end must not count.
LOGPROB = np.array([[[-1.0, -3.0, -1.0, -50.0], [-0.5, -0.5, -2.0, -50.0]]], np.float32)
STEP_ID = np.array([[[0, 0, 1, -1], [0, 0, 0, -1]]], np.int32)
COUNT = np.array([[2, 1]], np.int32)


def test_step_means():
    np.testing.assert_allclose(step_means(LOGPROB, STEP_ID, 3), [[[-2, -1, 0], [-1, 0, 0]]])


def test_tanh_of_the_deviation_from_the_groups_mean():
    texts = StepTexts(((path_text("a\n", "b"), path_text("c")),))
    verdict, known = check_coherence(LOGPROB, STEP_ID, COUNT, texts, 3)
    # Step means -2, -1, -1: centre -4/3, squares 4/9, 1/9, 1/9, spread sqrt(2)/3; z = -sqrt 2 and 1/sqrt 2.
    low, high = np.tanh(-np.sqrt(2)), np.tanh(np.sqrt(0.5))
    np.testing.assert_allclose(verdict, [[[low, high, 0], [high, 0, 0]]], rtol=1e-6)
    np.testing.assert_array_equal(known, [[[1, 1, 0], [1, 0, 0]]])


def test_a_small_spread_is_not_blown_up():
    logprob = np.array([[[-1.02], [-0.98]]], np.float32)  # spread 0.02 counts as 0.1 nats
    texts = StepTexts(((path_text("a"), path_text("b")),))
    ones = np.ones((1, 2), np.int32)
    verdict, _ = check_coherence(logprob, np.zeros((1, 2, 1), np.int32), ones, texts, 1)
    np.testing.assert_allclose(verdict, np.tanh([[[-0.2], [0.2]]]), rtol=1e-4)


def repeats(*steps):
    """Which steps of a path are refuted as repeats, all being equally likely."""
    size = len(steps)
    step_id = np.arange(size, dtype=np.int32).reshape(1, 1, size)
    texts = StepTexts(((path_text(*steps),),))
    count = np.array([[size]], np.int32)
    verdict, _ = check_coherence(np.full((1, 1, size), -1.0, np.float32), step_id, count, texts, size)
    return verdict[0, 0].tolist()


def test_a_repeated_step_is_refuted():
    assert repeats("3+4=7\n", "7*2=14\n", "3+4=7\n", "3 + 4 = 7.") == [0, 0, -1, -1]
    assert repeats("So it is **7**.\n", "so it is **7**\n") == [0, -1]


def test_what_differs_in_a_point_or_a_sign_is_no_repeat():
    assert repeats("x = 15\n", "x = 1.5\n") == [0, 0]
    assert repeats("23=6\n", "2*3=6\n") == [0, 0]
    assert repeats("at (1,2)\n", "at (12)\n") == [0, 0]


def test_a_repeat_across_paths_is_none():
    texts = StepTexts(((path_text("a"), path_text("a")),))
    ones, step_id = np.ones((1, 2), np.int32), np.zeros((1, 2, 1), np.int32)
    verdict, _ = check_coherence(np.full((1, 2, 1), -1.0, np.float32), step_id, ones, texts, 1)
    np.testing.assert_array_equal(verdict, 0.0)


def test_a_group_without_steps():
    texts = StepTexts(((PathText("", ()), PathText("", ())),))
    none = np.full((1, 2, 3), -1, np.int32)
    verdict, known = check_coherence(np.zeros((1, 2, 3), np.float32), none, none[..., 0] + 1, texts, 2)
    assert not verdict.any()
    assert not known.any()
