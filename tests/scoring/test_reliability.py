import jax
import numpy as np
import pytest

from sept_jax.records import CHANNELS, Evidence
from sept_jax.scoring import score_steps
from sept_jax.scoring.reliability import (
    count_votes,
    init_reliability,
    log_odds_weights,
    right_rate,
    update_reliability,
    vote_rates,
)


def evidence(votes):
    """Evidence whose first channels vote `votes[..., c]`; 0 is unknown."""
    votes = np.asarray(votes, np.float32)
    verdict = np.pad(votes, [(0, 0)] * 3 + [(0, len(CHANNELS) - votes.shape[-1])])
    empty = np.full(votes.shape[:3], -1, np.int32)
    return Evidence(verdict, verdict != 0, empty, empty[..., 0])


def simulate(rates, right, known, problems, seed):
    """Votes of channels with the given rates of verifying right and of refuting wrong steps."""
    generator = np.random.default_rng(seed)
    truth = generator.random((problems, 8, 16)) < right
    votes = np.zeros((*truth.shape, len(rates)), np.float32)
    for c, (verifies, refutes) in enumerate(rates):
        true = generator.random(truth.shape) < np.where(truth, verifies, refutes)
        votes[..., c] = np.where(true == truth, 1, -1) * (generator.random(truth.shape) < known)
    return evidence(votes), truth


def learn(rates, right, known, problems=64, batches=40, memory=0.7):
    count = np.full((problems, 8), 16, np.int32)
    reliability = init_reliability()
    for seed in range(batches):
        found, _ = simulate(rates, right, known, problems, seed)
        reliability = update_reliability(reliability, count_votes(found, count, reliability), memory)
    return reliability


@pytest.mark.parametrize(
    ("rates", "right"),
    [
        ([(0.97, 0.7), (0.95, 0.5), (0.85, 0.85), (0.9, 0.6)], 0.6),
        ([(0.95, 0.95), (0.9, 0.9), (0.8, 0.8), (0.7, 0.7)], 0.7),
    ],
)
def test_known_rates_are_recovered(rates, right, check_record):
    reliability = learn(rates, right, known=0.9)
    check_record(reliability)
    found = np.asarray(vote_rates(reliability))
    np.testing.assert_allclose(found[1, 1, : len(rates)], [v for v, _ in rates], atol=0.05)
    np.testing.assert_allclose(found[0, 0, : len(rates)], [r for _, r in rates], atol=0.05)
    assert right_rate(reliability) == pytest.approx(right, abs=0.05)
    np.testing.assert_allclose(found.sum(1), 1.0, rtol=1e-6)


def test_a_rule_that_sees_one_kind_of_mistake_is_not_taken_for_a_liar():
    # Half of the steps are wrong, each in one of two ways, and each of two rules sees one way only.
    generator = np.random.default_rng(0)
    fact = generator.choice(4, (64, 8, 16), p=[0.25, 0.25, 0.4, 0.1])  # right, right, wrong 1, wrong 2
    votes = np.stack(
        [np.where(fact == 2, -1, 1), np.where(fact == 3, -1, 1), np.where(fact < 2, 0.6, -0.6)], -1
    )
    found, count = evidence(votes), np.full((64, 8), 16, np.int32)
    reliability = init_reliability()
    for _ in range(20):
        reliability = update_reliability(reliability, count_votes(found, count, reliability), 0.8)
    weights, bias = log_odds_weights(reliability)
    score = np.asarray(score_steps(found, count, weights, bias).score)
    assert score[fact < 2].min() > 0.6
    assert score[fact >= 2].max() < 0.3


def test_hand_worked_weights_and_sums():
    reliability = init_reliability()
    weights, bias = log_odds_weights(reliability)
    # Priors: P(-|wrong) = 25/50, P(-|right) = 5/100, P(+|right) = 95/100, P(+|wrong) = 25/50.
    np.testing.assert_allclose(weights[0], np.log(10), rtol=1e-6)
    np.testing.assert_allclose(weights[1], np.log(1.9), rtol=1e-6)
    assert bias == 0.0
    # One step, votes -0.5 and 1: log-odds -0.5 log 10 + log 1.9.
    sums = count_votes(evidence([[[[-0.5, 1.0]]]]), np.ones((1, 1), np.int32), reliability)
    p = 1 / (1 + np.exp(0.5 * np.log(10) - np.log(1.9)))
    np.testing.assert_allclose(sums.steps, [1 - p, p], rtol=1e-5)
    np.testing.assert_allclose(sums.confusion[:, :, 0], [[(1 - p) / 2, 0], [p / 2, 0]], rtol=1e-5)
    np.testing.assert_allclose(sums.confusion[:, :, 1], [[0, 1 - p], [0, p]], rtol=1e-5)
    assert not np.asarray(sums.confusion)[:, :, 2:].any()
    twice = update_reliability(sums, sums, 0.5)
    np.testing.assert_allclose(twice.confusion, 1.5 * sums.confusion, rtol=1e-6)


def test_what_one_channel_alone_says_counts_for_nothing():
    lonely = count_votes(evidence(np.ones((2, 3, 4, 1))), np.full((2, 3), 4, np.int32), init_reliability())
    assert not np.asarray(lonely.confusion).any()
    assert not np.asarray(lonely.steps).any()


def test_no_channel_counts_against_its_own_word_and_none_is_beyond_doubt():
    liar = learn([(0.95, 0.9), (0.95, 0.9), (0.2, 0.2)], 0.6, known=1.0, problems=16, batches=20)
    weights, bias = (np.asarray(x) for x in log_odds_weights(liar))
    np.testing.assert_array_equal(weights[:, 2], 0.0)
    sure = learn([(1.0, 1.0)] * 4, 1.0, known=1.0, problems=16, batches=20)
    weights, bias = (np.asarray(x) for x in log_odds_weights(sure))
    assert weights.max() <= np.log(99) + 1e-5
    assert np.isfinite(weights).all()
    assert bias == pytest.approx(np.log(9))


def test_nothing_known_changes_nothing_and_is_no_nan():
    nothing = count_votes(evidence(np.zeros((2, 2, 3, 4))), np.zeros((2, 2), np.int32), init_reliability())
    for leaf in jax.tree.leaves(nothing):
        assert not np.asarray(leaf).any()
    start, bias = log_odds_weights(init_reliability())
    weights, after = log_odds_weights(update_reliability(init_reliability(), nothing, 0.9))
    np.testing.assert_array_equal(weights, start)
    assert after == bias


def test_masked_steps_do_not_matter_and_the_order_of_paths_neither():
    found, _ = simulate([(0.9, 0.7), (0.8, 0.8), (0.7, 0.6)], 0.6, 0.9, 4, 0)
    count = np.random.default_rng(1).integers(0, 17, (4, 8)).astype(np.int32)
    sums = count_votes(found, count, init_reliability())
    outside = np.arange(16) >= count[..., None]
    noise = found.replace(verdict=np.where(outside[..., None], -1.0, found.verdict).astype(np.float32))
    noise = noise.replace(known=found.known | outside[..., None])
    order = np.random.default_rng(2).permutation(8)
    shuffled = jax.tree.map(lambda leaf: leaf[:, order], found)
    for other in (
        count_votes(noise, count, init_reliability()),
        count_votes(shuffled, count[:, order], init_reliability()),
    ):
        np.testing.assert_allclose(other.confusion, sums.confusion, rtol=1e-4, atol=1e-4)
        np.testing.assert_allclose(other.steps, sums.steps, rtol=1e-4)


def test_the_sums_of_two_hosts_add_up_to_those_of_the_batch():
    found, _ = simulate([(0.9, 0.7), (0.8, 0.8), (0.7, 0.6)], 0.6, 0.9, 6, 3)
    count, start = np.full((6, 8), 16, np.int32), init_reliability()
    parts = [
        count_votes(jax.tree.map(lambda leaf, rows=rows: leaf[rows], found), count[rows], start)
        for rows in (slice(2), slice(2, None))
    ]
    together = count_votes(found, count, start)
    added = jax.tree.map(lambda a, b: a + b, *parts)
    for one, other in zip(jax.tree.leaves(added), jax.tree.leaves(together), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5)
