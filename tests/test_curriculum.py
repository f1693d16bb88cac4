import math

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.curriculum import Curriculum, CurriculumConfig, draw, group_ease, observe, start, weights
from sept_jax.records import CHANNELS, Evidence, StepScores

LEVELS = np.array([1, 2, 1, 3, 2, 1], np.float32)
CONFIG = CurriculumConfig()


def state(ease, seen, cap):
    return Curriculum(np.array(ease, np.float32), np.array(seen, np.int32), np.asarray(cap, np.int32))


@pytest.mark.parametrize(("share", "cap"), [(0.01, 0), (0.5, 0), (0.51, 1), (5 / 6, 1), (0.9, 2), (1.0, 2)])
def test_start_at_the_level_that_holds_the_share(share, cap):
    # Of six problems three are of level 1, two of level 2, one of level 3.
    begun = start(LEVELS, CurriculumConfig(start=share))
    assert begun.ease.shape == begun.seen.shape == LEVELS.shape
    assert begun.cap == cap
    assert not begun.ease.any()
    assert not begun.seen.any()


def test_hand_worked_weights():
    # Level 1: eases 0.5 and 0.9 were seen; the unseen third takes their mean, 0.7. Level 2: nothing was
    # seen, all at the target. Level 3 is above the cap. The ease of an unseen problem (0.1) is not read.
    found = weights(state([0.5, 0, 0.9, 0, 0, 0.1], [1, 0, 4, 0, 0, 0], 1), LEVELS, CONFIG)
    each = np.array([1, 1, math.exp(-0.16 / 0.08), 0, 1, math.exp(-0.04 / 0.08)])
    np.testing.assert_allclose(found, each / each.sum(), rtol=1e-6)


def test_too_hard_weighs_as_little_as_too_easy():
    found = weights(state([0.2, 0, 0.8, 0, 0, 0.5], [1, 0, 1, 0, 0, 1], 0), LEVELS, CONFIG)
    assert found[0] == pytest.approx(found[2], rel=1e-5)
    assert found[5] / found[0] == pytest.approx(math.exp(0.09 / 0.08), rel=1e-5)


def test_uniform_draws_every_problem_alike_whatever_the_cap():
    uniform = CurriculumConfig(uniform=True)
    np.testing.assert_allclose(weights(state([0.5] * 6, [1] * 6, 0), LEVELS, uniform), 1 / 6)
    promoted = observe(start(LEVELS, uniform), LEVELS, np.array([0]), np.array([1.0], np.float32), uniform)
    assert promoted.cap == start(LEVELS, uniform).cap


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(0, 2))
def test_draws_are_a_function_of_the_key_without_duplicates_within_the_cap(seed, count, cap):
    current, key = state([0.5, 0.1, 1, 0, 0, 0.9], [3, 1, 2, 0, 0, 1], cap), jax.random.key(seed)
    found = draw(current, LEVELS, key, count, CONFIG)
    np.testing.assert_array_equal(found, draw(current, LEVELS, key, count, CONFIG))
    assert found.shape == (count,)
    assert set(found) <= {i for i in range(6) if LEVELS[i] <= cap + 1}
    if count <= (3, 5, 6)[cap]:
        assert len(set(found)) == count


def test_other_keys_draw_others_in_proportion_to_the_weights():
    current = state([0.5, 0, 0.9, 0, 0, 0.7], [1, 0, 1, 0, 0, 1], 0)
    keys = jax.random.split(jax.random.key(0), 600)
    drawn = np.concatenate([draw(current, LEVELS, key, 1, CONFIG) for key in keys])
    counts = np.bincount(drawn, minlength=6)[[0, 2, 5]]
    expected = 600 * weights(current, LEVELS, CONFIG)[[0, 2, 5]]
    assert counts.sum() == 600
    assert ((counts - expected) ** 2 / expected).sum() < 13.8  # chi-square, 2 degrees of freedom, p = 0.001


def test_draws_with_repetition_where_there_are_too_few():
    found = draw(state([0.5] * 6, [1] * 6, 0), LEVELS, jax.random.key(1), 32, CONFIG)
    assert set(found) == {0, 2, 5}


def test_observe_replaces_then_averages():
    first = start(LEVELS, CONFIG)
    second = observe(first, LEVELS, np.array([1, 3]), np.array([0.8, 0.2], np.float32), CONFIG)
    np.testing.assert_allclose(second.ease, [0, 0.8, 0, 0.2, 0, 0], rtol=1e-6)
    config = CurriculumConfig(memory=0.75)
    third = observe(second, LEVELS, np.array([1, 1, 0]), np.array([0.4, 0.0, 1.0], np.float32), config)
    # 0.75 x 0.8 + 0.25 x 0.4 = 0.7, and again 0.75 x 0.7 = 0.525
    np.testing.assert_allclose(third.ease, [1.0, 0.525, 0, 0.2, 0, 0], rtol=1e-6)
    np.testing.assert_array_equal(third.seen, [1, 3, 0, 1, 0, 0])


def test_observe_leaves_its_input_as_it_was():
    current = state([0.5] * 6, [1] * 6, 0)
    before = jax.tree.map(np.copy, current)
    after = observe(current, LEVELS, np.array([0, 2]), np.array([1.0, 1.0], np.float32), CONFIG)
    assert jax.tree.map(np.shape, after) == jax.tree.map(np.shape, before)
    assert jax.tree.map(lambda x: x.dtype, after) == jax.tree.map(lambda x: x.dtype, before)
    jax.tree.map(np.testing.assert_array_equal, current, before)
    assert after.cap == 1
    assert (after.ease != before.ease).sum() == 2


@pytest.mark.parametrize(
    ("cap", "indices", "ease", "expected"),
    [
        (0, [0, 2], [0.8, 0.7], 1),
        (0, [0, 2], [0.8, 0.59], 0),  # mean 0.695
        (1, [0, 2], [1.0, 1.0], 1),  # no problem at the cap
        (1, [0, 1], [0.0, 0.9], 2),  # only those at the cap count
        (2, [3], [1.0], 2),  # there is no higher level
    ],
)
def test_the_cap_rises_when_the_ease_at_it_passes_promote(cap, indices, ease, expected):
    current = state([0.5] * 6, [1] * 6, cap)
    assert observe(current, LEVELS, np.array(indices), np.array(ease, np.float32), CONFIG).cap == expected


def test_group_ease():
    answers = np.array([[4, 4, 4, 7], [-1, -1, -1, -1], [0, 1, 2, -1]], np.int32)
    quality = np.array([[1, 1, 1, 0.2], [0.4, 0.4, 0.4, 0.4], [0.5, 0.5, 0.5, 0.5]], np.float32)
    nothing = np.zeros((3, 4, 2, len(CHANNELS)), np.float32)
    ids = np.full((3, 4, 2), -1, np.int32)
    found = group_ease(
        StepScores(nothing[..., 0], nothing, quality), Evidence(nothing, nothing > 0, ids, answers)
    )
    # Mean qualities 0.8, 0.4, 0.5; largest shares 3/4, none (no answers), 1/4.
    np.testing.assert_allclose(found, [0.775, 0.2, 0.375], rtol=1e-6)
    assert found.dtype == np.float32
