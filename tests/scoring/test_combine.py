import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sept_jax.records import CHANNELS, Evidence
from sept_jax.scoring import path_quality, score_steps
from sept_jax.scoring.agreement import answer_posterior
from sept_jax.scoring.combine import TRUST, path_log_odds


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


def test_refutations_and_verifications_may_weigh_differently():
    found = evidence([[[[1, -1], [-0.5, 1]]]], np.ones((1, 1, 2, 2)))
    weights = np.zeros((2, len(CHANNELS)), np.float32)
    weights[:, :2] = [[3.0, 2.0], [0.5, 1.0]]  # against, for
    scores = score_steps(found, jnp.asarray([[2]], jnp.int32), weights, 0.0)
    np.testing.assert_allclose(scores.score[0, 0], [sigmoid(0.5 - 2.0), sigmoid(1.0 - 1.5)], rtol=1e-6)


def with_group(agreement_weight, agreement=0.5):
    """Scores of four paths of one step, three with one answer; the second is refuted by arithmetic."""
    verdict = np.zeros((1, 4, 1, len(CHANNELS)), np.float32)
    verdict[..., CHANNELS.index("arithmetic")] = np.array([1, -1, 1, 1]).reshape(1, 4, 1)
    verdict[..., CHANNELS.index("agreement")] = agreement
    answers = np.array([[0, 0, 0, 1]], np.int32)
    found = Evidence(verdict, verdict != 0, np.full((1, 4, 1), -1, np.int32), answers)
    weights = np.zeros(len(CHANNELS), np.float32)
    weights[CHANNELS.index("arithmetic")], weights[CHANNELS.index("agreement")] = 2.0, agreement_weight
    return score_steps(found, np.ones((1, 4), np.int32), weights, 0.0), answers


def test_quality_without_the_group_is_the_mean_score():
    for weight, agreement in ((0.0, 0.5), (2.0, 0.0)):
        scores, _ = with_group(weight, agreement)
        np.testing.assert_array_equal(scores.quality, scores.score[..., 0])


def test_quality_is_the_probability_of_the_answer_and_votes_are_weighted_by_their_doubts():
    scores, answers = with_group(2.0)
    expected = answer_posterior(answers, np.array([[0, -2.0, 0, 0]], np.float32))
    mean = scores.score[..., 0]
    np.testing.assert_allclose(scores.quality, mean + TRUST * (expected - mean), rtol=1e-5)
    assert scores.quality[0, 0] > scores.quality[0, 1]  # of two paths to one answer, the better steps
    unanimous = answer_posterior(answers, np.zeros((1, 4), np.float32))
    assert expected[0, 0] < unanimous[0, 0]
    half, _ = with_group(0.5)
    np.testing.assert_allclose(half.quality, (half.score[..., 0] + expected) / 2, rtol=1e-5)


def test_the_last_step_of_a_path_without_an_answer_scores_nothing_where_others_answer():
    found = evidence(np.ones((1, 3, 2, 1)), np.ones((1, 3, 2, 1)))
    weights, count = np.full(len(CHANNELS), 2.0, np.float32), np.array([[2, 1, 2]], np.int32)
    right = sigmoid(2.0)
    none = score_steps(found, count, weights, 0.0)
    np.testing.assert_allclose(none.score, [[[right, right], [right, 0], [right, right]]], rtol=1e-6)
    some = score_steps(found.replace(answer_id=np.array([[0, -1, -1]], np.int32)), count, weights, 0.0)
    np.testing.assert_allclose(some.score, [[[right, right], [0, 0], [right, 0]]], rtol=1e-6)
    np.testing.assert_allclose(some.quality, [[right, 0, right / 2]], rtol=1e-6)


def test_doubts_of_rules_add_up_over_a_path_and_nothing_else_does():
    share = np.zeros((1, 1, 3, len(CHANNELS)), np.float32)
    share[0, 0, :, CHANNELS.index("arithmetic")] = -2.0, 2.0, 2.0
    share[0, 0, :, CHANNELS.index("provenance")] = 1.0, -0.5, -0.5
    share[0, 0, :, CHANNELS.index("coherence")] = -1.0
    share[0, 0, :, CHANNELS.index("agreement")] = -1.0
    assert path_log_odds(share).item() == -3.0


def test_scores_permute_with_the_paths():
    generator = np.random.default_rng(0)
    verdict = generator.uniform(-1, 1, (3, 5, 4, len(CHANNELS))).astype(np.float32)
    found = Evidence(
        verdict, generator.random(verdict.shape) < 0.6,
        np.full((3, 5, 4), -1, np.int32), generator.integers(-1, 3, (3, 5)).astype(np.int32),
    )  # fmt: skip
    count = generator.integers(0, 5, (3, 5)).astype(np.int32)
    weights, order = generator.random(len(CHANNELS)).astype(np.float32), generator.permutation(5)
    whole = score_steps(found, count, weights, 0.1)
    shuffled = score_steps(jax.tree.map(lambda leaf: leaf[:, order], found), count[:, order], weights, 0.1)
    np.testing.assert_allclose(shuffled.quality, whole.quality[:, order], rtol=1e-5)
    np.testing.assert_allclose(shuffled.score, whole.score[:, order], rtol=1e-5)
    assert (whole.quality >= 0).all()
    assert (whole.quality <= 1).all()
