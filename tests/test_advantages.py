import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.advantages import (
    ESTIMATORS,
    NEARLY,
    SIGMA_FLOOR,
    group_statistics,
    grpo,
    step_advantages,
    valid_steps,
)
from sept_jax.records import Steps, StepScores
from sept_jax.scoring import path_quality

# One group: path A has two steps, B three, C none. Past a path's end stands a number that must not count.
SCORE = [[[1.0, 0.5, 9.0], [0.0, 0.25, 0.5], [9.0, 9.0, 9.0]]]
COUNT = [[2, 3, 0]]
# Path means 0.75 and 0.25, so mu = 1/2. Path means of (s - mu)^2: A (1/4 + 0) / 2 = 6/48,
# B (1/4 + 1/16 + 0) / 3 = 5/48; their mean is sigma^2 = 11/96.
SIGMA = (11 / 96) ** 0.5
# Qualities 3/4, 1/4, 0: mean 1/3, variance 5/24 - 1/9 = 7/72. Minima 1/2, 0, 0: mean 1/6, variance 2/36.
# Returns: A 3/4, 1/2; B 1/4, 3/8, 1/2. Baselines, a path that has ended counting 1/2: 1/2, 11/24, 1/2.
HAND = {
    # z of A, B, C is (5, -1, -4) / 12 / SIGMA_Q: A's in halves; B's lowest step is its first; C has no step.
    "first_low": np.array([[5 / 2, 5 / 2, 0], [-1, 0, 0], [0, 0, 0]]) / 12 / (7 / 72) ** 0.5,
    "to_go": np.array([[1 / 4, 1 / 24, 0], [-1 / 4, -1 / 12, 0], [0, 0, 0]]) / SIGMA,
    "gain": np.array([[0.5, -0.25, 0], [-0.5, 0.125, 0.125], [0, 0, 0]]) / SIGMA,
    "path": np.array([[5, 5, 0], [-1, -1, -1], [0, 0, 0]]) / 12 / (7 / 72) ** 0.5,
    "grpo": np.array([[5, 5, 0], [-1, -1, -1], [0, 0, 0]]) / 12 / (7 / 72) ** 0.5,
    "min": np.array([[2**0.5, 2**0.5, 0], [-(0.5**0.5), 0, 0], [0, 0, 0]]),
}


def one_token_a_step(score, count):
    """Scores (0 past the end, as the scorer leaves them) and steps of one token each."""
    count = jnp.asarray(count, jnp.int32)
    at = jnp.arange(np.shape(score)[-1])
    step_id = jnp.where(at < count[..., None], at, -1).astype(jnp.int32)
    score = jnp.where(step_id >= 0, jnp.asarray(score, jnp.float32), 0.0)
    channel = jnp.zeros((*score.shape, 10))
    return StepScores(score, channel, path_quality(score, count)), Steps(step_id, count)


def by_step(score, count, estimator):
    return np.asarray(step_advantages(*one_token_a_step(score, count), estimator))


def reference(score, count, estimator):
    """The estimators' definitions for one group, in loops and in float64."""
    paths = [list(map(float, row[:n])) for row, n in zip(score, count, strict=True)]
    means = [np.mean(p) for p in paths if p]
    mu = np.mean(means) if means else 0.0
    sigma = np.sqrt(np.mean([np.mean([(s - mu) ** 2 for s in p]) for p in paths if p])) if means else 0.0
    sigma = max(sigma, SIGMA_FLOOR)
    quality = [np.mean(p) if p else 0.0 for p in paths]
    lowest = [min(p) if p else 0.0 for p in paths]
    out = np.zeros(np.shape(score))
    for g, p in enumerate(paths):
        for k in range(len(p)):
            if estimator == "to_go":
                baseline = np.mean([np.mean(other[k:]) if k < len(other) else mu for other in paths])
                out[g, k] = (np.mean(p[k:]) - baseline) / sigma
            elif estimator == "gain":
                out[g, k] = (np.mean(p[: k + 1]) - (np.mean(p[:k]) if k else mu)) / sigma
            elif estimator == "path":
                out[g, k] = (quality[g] - np.mean(quality)) / max(np.std(quality), SIGMA_FLOOR)
            elif estimator == "first_low":
                z = (quality[g] - np.mean(quality)) / max(np.std(quality), SIGMA_FLOOR)
                low = [j for j, other in enumerate(p) if other <= lowest[g] + NEARLY]
                out[g, k] = z / len(p) if z > 0 else z * (k == low[0])
            elif estimator == "grpo":
                out[g, k] = (quality[g] - np.mean(quality)) / max(np.std(quality), 1e-5)
            elif k <= p.index(lowest[g]):
                out[g, k] = (lowest[g] - np.mean(lowest)) / max(np.std(lowest), SIGMA_FLOOR)
    return out


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_hand_worked_group(estimator):
    np.testing.assert_allclose(by_step(SCORE, COUNT, estimator)[0], HAND[estimator], rtol=1e-6, atol=1e-6)


def test_group_statistics():
    scores, steps = one_token_a_step(SCORE, COUNT)
    mu, sigma = group_statistics(scores.score, valid_steps(steps, 3))
    assert (mu.item(), sigma.item()) == pytest.approx((0.5, SIGMA))


scores_and_counts = st.tuples(
    st.lists(st.integers(0, 16), min_size=40, max_size=40),
    st.lists(st.integers(0, 5), min_size=8, max_size=8),
)


@settings(max_examples=40, deadline=None)
@given(scores_and_counts)
def test_definitions(drawn):
    score, count = np.reshape(drawn[0], (2, 4, 5)) / 16, np.reshape(drawn[1], (2, 4))
    for estimator in ESTIMATORS:
        expected = [reference(s, c, estimator) for s, c in zip(score, count, strict=True)]
        np.testing.assert_allclose(by_step(score, count, estimator), expected, rtol=1e-4, atol=1e-5)


@settings(max_examples=40, deadline=None)
@given(
    st.floats(0, 1, width=32), st.lists(st.integers(1, 5), min_size=8, max_size=8)
)  # fmt: skip
def test_a_group_without_spread_has_exactly_no_advantage(value, count):
    score = np.full((2, 4, 5), value, np.float32)
    for estimator in ESTIMATORS:
        assert not by_step(score, np.reshape(count, (2, 4)), estimator).any(), estimator


def test_a_small_spread_is_not_blown_up():
    # Two single steps at 0.52 and 0.48: sigma 0.02 counts as 0.1, so z is 0.2 and not 1; grpo knows no unit.
    for estimator in ESTIMATORS:
        if estimator == "grpo":
            continue
        found = by_step([[[0.52], [0.48]]], [[1, 1]], estimator)
        np.testing.assert_allclose(found, [[[0.2], [-0.2]]], rtol=1e-5)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 16), min_size=9, max_size=9), st.integers(1, 4))
def test_extra_lines_that_are_no_better_than_the_path_gain_nothing(drawn, size):
    honest, other = np.array(drawn[:size]) / 16, np.array(drawn[4:9]) / 16
    score = np.zeros((1, 3, 5))
    score[0, 0, :size] = score[0, 1, :size] = honest
    score[0, 1, size] = honest.mean()
    score[0, 2] = other
    found = by_step(score, [[size, size + 1, 5]], "to_go")[0]
    assert found[1, 0] == pytest.approx(found[0, 0], abs=1e-5)
    score[0, 1, size] = honest.mean() / 2
    found = by_step(score, [[size, size + 1, 5]], "to_go")[0]
    assert found[1, 0] <= found[0, 0] + 1e-5


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_spread_over_the_tokens_of_a_step(estimator, check_record):
    scores, _ = one_token_a_step(SCORE, COUNT)
    step_id = np.array([[[0, 0, 1, -1, -1, -1], [0, 1, 1, 2, 2, 2], [-1] * 6]], np.int32)
    steps = Steps(jnp.asarray(step_id), jnp.asarray(COUNT, jnp.int32))
    check_record(scores)
    found = step_advantages(scores, steps, estimator)
    padded = np.pad(HAND[estimator], ((0, 0), (0, 1)))  # index -1 is the padding
    expected = [[padded[g, step_id[0, g]] for g in range(3)]]
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-6)
    assert found.dtype == jnp.float32


def test_scores_on_the_host_will_do():
    scores, steps = one_token_a_step(SCORE, COUNT)
    on_host = jax.device_get((scores, steps))
    for estimator in ESTIMATORS:
        np.testing.assert_array_equal(
            step_advantages(*on_host, estimator), step_advantages(scores, steps, estimator)
        )


def test_grpo_is_the_groups_z_whatever_the_unit():
    reward = jnp.asarray([[0.0, 1.0, 2.0], [5.0, 5.0, 5.0]])
    valid = jnp.ones((2, 3, 2), bool).at[0, 2, 1].set(False)
    z = 1.5**0.5
    expected = np.asarray([[[-z, -z], [0, 0], [z, 0]], [[0, 0]] * 3])
    for unit in (1.0, 1e-3, 1e3):
        np.testing.assert_allclose(grpo(unit * reward, valid), expected, atol=1e-3)
