import itertools
import math

import numpy as np
import pytest

from sept_jax.accuracy import (
    Graded,
    by_level,
    differences,
    interval,
    majority_correct,
    pass_at_k,
    per_problem,
    with_intervals,
)


@pytest.mark.parametrize(("samples", "k"), list(itertools.product([8, 9, 10], [1, 2, 8])))
def test_pass_at_k_is_exact(samples, k):
    correct = np.arange(samples) < np.arange(samples + 1)[:, None]  # row c has c right of n
    expected = [1 - math.comb(samples - c, k) / math.comb(samples, k) for c in range(samples + 1)]
    np.testing.assert_allclose(pass_at_k(correct, k), expected, atol=1e-12)


def test_pass_at_k_is_the_share_of_subsets_with_a_right_one():
    correct = np.array([[True, False, False, True, False], [False, False, True, False, False]])
    for k in (1, 2, 3, 5):
        subsets = list(itertools.combinations(range(5), k))
        expected = [np.mean([row[list(s)].any() for s in subsets]) for row in correct]
        np.testing.assert_allclose(pass_at_k(correct, k), expected, atol=1e-12)


def test_interval_is_that_of_the_mean():
    values = np.arange(400) % 4 == 0  # mean 1/4, standard error sqrt(3/16/400) = 0.02165
    low, high = interval(values.astype(float))
    assert low < 0.25 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.02165, rel=0.08)
    assert interval(values.astype(float)) == (low, high)
    fewer = interval(values[:100].astype(float))
    assert fewer[1] - fewer[0] == pytest.approx(2 * (high - low), rel=0.15)
    assert interval(np.full(7, 0.5)) == (0.5, 0.5)


def test_the_majority_by_hand():
    answer = np.array([
        [0, 1, 1, 2],  # 1 is the majority
        [0, 1, 1, 0],  # a tie: 0 occurs first
        [-1, -1, -1, 3],  # no answer is no vote
        [-1, -1, -1, -1],
    ])  # fmt: skip
    right = np.array([1, 0, 3, 9])[:, None]
    correct = answer == right
    np.testing.assert_array_equal(majority_correct(correct, answer, 4), [1, 1, 1, 0])
    np.testing.assert_array_equal(majority_correct(correct, answer, 3), [1, 0, 0, 0])
    np.testing.assert_array_equal(majority_correct(correct, answer, 2), [0.5, 0.5, 0.5, 0])
    np.testing.assert_array_equal(majority_correct(correct, answer, 1), correct.mean(1))


def test_a_majority_is_as_right_as_its_first_path():
    answer = np.array([[0, 0, 1]])  # 0.5 and 50%, equal as values, against gold 50
    assert majority_correct(np.array([[False, True, False]]), answer, 3) == 0
    assert majority_correct(np.array([[True, False, False]]), answer, 3) == 1


def graded(correct, levels=None):
    correct = np.asarray(correct, bool)
    levels = np.zeros(len(correct), np.float32) if levels is None else np.asarray(levels, np.float32)
    return Graded(correct, np.where(correct, 0, -1), levels, 0, 0.0)


def test_what_there_are_samples_for():
    rows = graded(np.arange(8) < np.array([[2], [0]]))
    values = per_problem(rows, (1, 4, 8, 32))
    assert list(values) == ["pass@1", "pass@4", "pass@8", "maj@4", "maj@8"]
    np.testing.assert_allclose(values["pass@1"], [0.25, 0])
    np.testing.assert_allclose(values["pass@4"], [1 - math.comb(6, 4) / math.comb(8, 4), 0])
    np.testing.assert_array_equal(values["maj@4"], [0.5, 0])  # the second block states nothing
    np.testing.assert_array_equal(values["maj@8"], [1, 0])


def test_a_metric_is_the_mean_with_its_interval():
    rows = graded(np.random.default_rng(0).random((50, 8)) < 0.3)
    found = with_intervals(per_problem(rows, (1, 8)))
    names = ["pass@1", "pass@8", "maj@8"]
    assert list(found) == [name + kind for name in names for kind in ("", "_interval")]
    assert found["pass@1"] == pytest.approx(rows.correct.mean(), abs=1e-12)
    assert tuple(found["pass@1_interval"]) == interval(rows.correct.mean(1))


def test_differences_are_paired():
    base = np.random.default_rng(0).random(200)
    shown = differences({"a": base, "only here": base}, {"a": base + 0.125})
    assert list(shown) == ["a", "a_interval"]
    np.testing.assert_allclose(shown["a"], 0.125)
    np.testing.assert_allclose(shown["a_interval"], [0.125, 0.125])  # each problem gains as much
    low, high = with_intervals({"a": base})["a_interval"]
    assert high - low > 0.05


def test_levels_apart():
    values = {"a": np.array([1.0, 0.0, 0.5, 0.5])}
    found = by_level(values, np.array([3, 3, 2, 2], np.float32))
    assert list(found) == [2.0, 3.0]
    assert found[2.0] == {"problems": 2, "a": 0.5, "a_interval": [0.5, 0.5]}
    assert found[3.0] == {"problems": 2, "a": 0.5, "a_interval": [0.0, 1.0]}
