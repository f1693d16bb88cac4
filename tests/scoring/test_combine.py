import math

import jax.numpy as jnp
import numpy as np
import pytest

from sept_jax.records import CHANNELS, Evidence
from sept_jax.scoring import path_quality, score_steps


def evidence(verdict, known):
    """Evidence with `verdict[b][g][s]` a list of the first channels' verdicts."""
    verdict, known = (np.asarray(x, np.float32) for x in (verdict, known))
    fill = [(0, 0)] * 3 + [(0, len(CHANNELS) - verdict.shape[-1])]
    *shape, steps = verdict.shape[:3]
    return Evidence(
        np.pad(verdict, fill), np.pad(known, fill).astype(bool),
        np.full((*shape, steps), -1, np.int32), np.full(shape, -1, np.int32),
    )  # fmt: skip


def sigmoid(x):
    return 1 / (1 + math.exp(-x))


def test_hand_worked_scores(check_record):
    weights = np.zeros(len(CHANNELS), np.float32)
    weights[:3] = 2.0, 0.5, 1.0
    found = evidence(
        [[[[1, -1, 1], [-1, 0.5, 1], [1, 1, 1]], [[1, 1, 1], [1, 1, 1], [1, 1, 1]]]],
        [[[[1, 1, 0], [1, 1, 0], [1, 1, 1]], [[1, 1, 1], [1, 1, 1], [1, 1, 1]]]],
    )
    check_record(found)
    scores = score_steps(found, jnp.asarray([[2, 0]], jnp.int32), weights, 0.25)
    check_record(scores)
    # Step 0: 0.25 + 2 - 0.5; step 1: 0.25 - 2 + 0.25. The third channel is not known there.
    first, second = sigmoid(1.75), sigmoid(-1.5)
    np.testing.assert_allclose(scores.score, [[[first, second, 0], [0, 0, 0]]], rtol=1e-6)
    np.testing.assert_allclose(scores.quality, [[(first + second) / 2, 0]], rtol=1e-6)
    expected = np.zeros((1, 2, 3, len(CHANNELS)))
    expected[0, 0, 0, :2], expected[0, 0, 1, :2] = (2.0, -0.5), (-2.0, 0.25)
    np.testing.assert_allclose(scores.channel, expected, rtol=1e-6)


def test_a_step_of_which_nothing_is_known_scores_the_bias():
    nothing = evidence(np.ones((1, 1, 2, 1)), np.zeros((1, 1, 2, 1)))
    scores = score_steps(
        nothing, jnp.asarray([[2]], jnp.int32), np.full(len(CHANNELS), 3.0, np.float32), -1.0
    )
    np.testing.assert_allclose(scores.score, sigmoid(-1.0), rtol=1e-6)
    assert not scores.channel.any()


@pytest.mark.parametrize(("count", "quality"), [(0, 0.0), (1, 0.9), (2, 0.5)])
def test_path_quality_is_the_mean_over_the_paths_steps(count, quality):
    score = jnp.asarray([[[0.9, 0.1, 0.0]]]) * (jnp.arange(3) < count)
    assert path_quality(score, jnp.asarray([[count]], jnp.int32)).item() == pytest.approx(quality)
