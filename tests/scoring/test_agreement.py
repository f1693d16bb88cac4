import itertools
import math

import numpy as np
import pytest

from sept_jax.scoring.agreement import (
    DIFFICULTY,
    PRIOR,
    SCATTER,
    answer_posterior,
    check_agreement,
    explain_agreement,
)


def posterior(answers, log_odds=None):
    answers = np.asarray(answers, np.int32)
    log_odds = np.zeros(answers.shape) if log_odds is None else log_odds
    return np.asarray(answer_posterior(answers, np.asarray(log_odds, np.float32)))


def by_enumeration(answers, log_odds):
    """The posterior from the generative story itself: which paths are right, who sits with whom among the
    wrong ones, and the problem's difficulty on a fine grid."""
    stated = [g for g in range(len(answers)) if answers[g] >= 0]
    grid = np.linspace(-6, 6, 241)
    right = np.zeros(len(answers))
    total = 0.0
    for u in grid:
        p = 1 / (1 + np.exp(-(np.asarray(log_odds) + PRIOR + DIFFICULTY * u)))
        for size in range(len(stated) + 1):
            for chosen in itertools.combinations(stated, size):
                wrong = [g for g in stated if g not in chosen]
                theirs = {answers[g] for g in chosen}
                if len(theirs) > 1 or theirs & {answers[g] for g in wrong}:
                    continue
                chance = math.prod(p[g] for g in chosen) * math.prod(1 - p[g] for g in wrong)
                for n, g in enumerate(wrong):  # one after the other sits down in the restaurant
                    before = sum(answers[h] == answers[g] for h in wrong[:n])
                    chance *= (before or SCATTER) / (n + SCATTER)
                chance *= math.exp(-u * u / 2)
                total += chance
                right[list(chosen)] += chance
    return right / total


@pytest.mark.parametrize(
    "answers", [[0, 0, 0, 0], [0, 0, 0, 1], [0, 0, 1, 1], [0, 1, 2, 3], [0, 0, -1, 1], [-1, -1, -1, 2]]
)
def test_the_posterior_is_that_of_the_generative_story(answers):
    log_odds = np.array([0.0, -1.0, -0.5, -2.0])
    np.testing.assert_allclose(
        posterior([answers], log_odds[None])[0], by_enumeration(answers, log_odds), atol=0.015
    )


def test_more_votes_fewer_rivals_and_fewer_doubts_make_an_answer_likelier():
    chances = [posterior([group])[0, 0] for group in ([0, 1, 2, 3], [0, 0, 1, 2], [0, 0, 0, 1], [0, 0, 0, 0])]
    assert chances == sorted(chances)
    assert chances[0] < 0.2 < 0.5 < chances[1]
    assert chances[-1] > 0.95
    rival, alone = posterior([[0, 0, 1, 1], [0, 0, 1, 2]])[:, 0]
    assert rival < 0.5 < alone
    doubted = posterior([[0, 0, 0, 1]], [[-4, -4, -4, 0]])[0]
    assert doubted[3] > doubted[0]  # three voters whose steps are refuted do not outvote a clean path


def test_the_posterior_permutes_with_the_paths_and_groups_do_not_mix():
    generator = np.random.default_rng(0)
    answers = generator.integers(-1, 3, (5, 6)).astype(np.int32)
    log_odds = -generator.random((5, 6)).astype(np.float32)
    order = generator.permutation(6)
    whole = posterior(answers, log_odds)
    np.testing.assert_allclose(posterior(answers[:, order], log_odds[:, order]), whole[:, order], rtol=1e-5)
    np.testing.assert_allclose(posterior(answers[2:3], log_odds[2:3])[0], whole[2], rtol=1e-5)


def test_without_answers_nothing_is_right_and_nothing_is_nan():
    np.testing.assert_array_equal(posterior([[-1, -1]]), 0.0)
    huge = posterior([[0, 0, 1]], [[-1e4, -1e4, 0.0]])
    assert np.isfinite(huge).all()
    assert huge[0, 0] < 1e-6


def agreement(values, answers, count, log_odds=None):
    values, answers, count = (np.asarray(x, np.int32) for x in (values, answers, count))
    log_odds = np.zeros(answers.shape, np.float32) if log_odds is None else np.asarray(log_odds, np.float32)
    verdict, known = check_agreement(values, answers, count, log_odds)
    assert verdict.dtype == np.float32
    assert known.dtype == bool
    np.testing.assert_array_equal(known, verdict != 0)
    return verdict


def test_hand_worked_group():
    # Paths 0, 1 and 2 answer 9, path 3 answers 8. Values 1, 2 and 3 lie on the way to 9.
    values = [[[1, 2, 9], [1, 3, 9], [1, 2, 9], [1, 5, 2]]]
    answers, count = [[9, 9, 9, 8]], [[3, 3, 3, 3]]
    verdict = agreement(values, answers, count)[0]
    nine, _, _, eight = posterior([[0, 0, 0, 1]])[0]
    # Path 0 shares all it derives with others that answer 9; to the lone other answer it takes a turn of
    # its own, after 1, which both have, at 2, which the other has too, and with its answer.
    np.testing.assert_allclose(verdict[0], [nine + eight, nine + eight, nine - eight], rtol=1e-5)
    # 3 is path 1's own: no sign for 9, a turn away from 8.
    np.testing.assert_allclose(verdict[1], [nine + eight, -eight, nine - eight], rtol=1e-5)
    # Path 3 leaves the way to 9 at 5; its 2 comes too late to count; its answer is another.
    np.testing.assert_allclose(verdict[3], [nine, -nine, -nine], rtol=1e-5)
    assert nine > 0.8


def test_the_first_step_of_its_own_is_the_one_that_is_doubted():
    values = [[[1, 2, 3, 4], [1, 2, 3, 4], [1, 2, 3, 4], [1, 6, 7, 8]]]
    verdict = agreement(values, [[4, 4, 4, 8]], [[4, 4, 4, 4]])[0, 3]
    assert verdict[0] > 0.8
    assert verdict[1] == verdict[3] < -0.8
    assert verdict[2] == 0.0


def test_other_values_on_the_way_to_the_same_answer_are_no_mistake():
    values = [[[1, 2, 9], [3, 4, 9], [1, 2, 9]]]
    verdict = agreement(values, [[9, 9, 9]], [[3, 3, 3]])[0, 1]
    np.testing.assert_array_equal(verdict[:2], 0.0)
    assert verdict[2] > 0.9


def test_a_weak_group_says_little_and_a_refuted_crowd_less():
    values = [[[1, 9], [2, 8], [3, 7], [4, 6]]]
    verdict = agreement(values, [[9, 8, 7, 6]], [[2, 2, 2, 2]])
    assert np.abs(verdict).max() < 0.4
    crowd, answers = [[[1, 9], [1, 9], [2, 8]]], [[9, 9, 8]]
    pulled = agreement(crowd, answers, [[2, 2, 2]])[0, 2]
    assert pulled[0] < -0.5
    refuted = agreement(crowd, answers, [[2, 2, 2]], [[-6, -6, 0]])[0, 2]
    assert refuted[0] > -0.1


def test_unknown_where_there_is_no_peer_no_step_no_value_or_no_answer():
    assert not agreement([[[0, 1]]], [[1]], [[2]]).any()
    assert not agreement([[[0, 1], [0, 1]]], [[-1, -1]], [[2, 2]]).any()
    verdict = agreement([[[-1, -1], [0, -1]]], [[-1, 0]], [[0, 1]])
    assert not verdict[0, 0].any()
    assert verdict[0, 1, 1] == 0


def test_the_answer_of_the_last_step_may_be_no_number():
    verdict = agreement([[[1, -1], [1, -1]]], [[4, 4]], [[2, 2]])
    assert (verdict > 0.6).all()


def test_verdicts_permute_with_the_paths_and_later_places_do_not_count():
    generator = np.random.default_rng(1)
    values = generator.integers(-1, 6, (4, 5, 6)).astype(np.int32)
    answers = generator.integers(-1, 3, (4, 5)).astype(np.int32)
    count = generator.integers(0, 7, (4, 5)).astype(np.int32)
    values[np.arange(6) >= count[..., None]] = -1
    order = generator.permutation(5)
    whole = agreement(values, answers, count)
    np.testing.assert_allclose(
        agreement(values[:, order], answers[:, order], count[:, order]), whole[:, order], atol=1e-6
    )
    np.testing.assert_allclose(agreement(values[1:2], answers[1:2], count[1:2])[0], whole[1], atol=1e-6)
    wider = np.pad(values, [(0, 0), (0, 0), (0, 3)], constant_values=-1)
    np.testing.assert_array_equal(agreement(wider, answers, count)[..., :6], whole)
    assert not whole[np.arange(6) >= count[..., None]].any()


def test_reasons_in_words():
    assert explain_agreement(0.624) == "paths to likely answers derive this too (62%)"
    assert explain_agreement(-1.0) == "paths to likely answers do not derive this (100%)"
