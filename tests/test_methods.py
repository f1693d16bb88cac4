"""Every method's reward, against hand-worked numbers, and what a config leaves to its method."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from configs import base, quickstart
from sept_jax import methods
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.records import CHANNELS, Evidence, PathText, Problem, Rollouts, Steps, StepTexts
from sept_jax.scoring import Judge, ModelQuestions

ANSWERS = (("#### 4", "#### 5", "#### 5", "no answer"), ("#### 7", "#### 8", "nothing", "nothing"))
ANSWER_ID = np.asarray([[0, 1, 1, -1], [0, 1, -1, -1]], np.int32)


def a_group(gold=("5", "7"), key=0):
    batch, size, width = 2, 4, 6
    length = np.asarray([[6, 3, 2, 0], [6, 6, 1, 1]], np.int32)
    inside = np.arange(width) < length[..., None]
    tokens = np.where(inside, np.random.default_rng(3).integers(2, 19, inside.shape), 0).astype(np.int32)
    entropies = np.where(inside, np.arange(width, dtype=np.float32), 0.0).astype(np.float32)
    zeros = np.zeros_like(entropies)
    finished = np.asarray([[True, True, False, True], [True] * 4])
    rollouts = Rollouts(tokens, length, zeros, zeros, entropies, finished)
    shape = (batch, size, 2, len(CHANNELS))
    evidence = Evidence(
        np.zeros(shape, np.float32), np.zeros(shape, bool), np.full(shape[:3], -1, np.int32), ANSWER_ID
    )
    judge = Judge(
        tiny.params(), tiny.prompts((5, 3)), tiny.MODEL, word_tokenizer("0123456789#\n "), jnp.float32, 1,
        ModelQuestions(),
    )  # fmt: skip
    return methods.Group(
        problems=tuple(Problem("?", answer, 1.0, str(i)) for i, answer in enumerate(gold)),
        texts=StepTexts(tuple(tuple(PathText(t, ((0, len(t)),)) for t in row) for row in ANSWERS)),
        rollouts=rollouts,
        steps=Steps(np.where(inside, 0, -1), np.ones(length.shape, np.int32)),
        evidence=evidence,
        judge=judge,
        key=jax.random.key(key),
        rows=np.arange(len(ANSWERS)),
        count=len(ANSWERS),
    )


def test_majority_is_the_most_frequent_answer_and_of_ties_the_first():
    np.testing.assert_array_equal(methods.majority(a_group()), [[0, 1, 1, 0], [1, 0, 0, 0]])


def test_no_answer_is_no_majority():
    group = a_group()
    nobody = group.evidence.replace(answer_id=np.full((2, 4), -1, np.int32))
    reward = methods.majority(dataclasses.replace(group, evidence=nobody))
    np.testing.assert_array_equal(reward, np.zeros((2, 4)))


def test_gold_pays_right_answers_alone():
    np.testing.assert_array_equal(methods.gold(a_group()), [[0, 1, 1, 0], [1, 0, 0, 0]])
    np.testing.assert_array_equal(methods.gold(a_group(gold=(None, "9"))), np.zeros((2, 4)))


def test_entropy_is_minus_the_mean_over_a_paths_own_tokens():
    np.testing.assert_allclose(methods.entropy(a_group()), [[-2.5, -1, -0.5, 0], [-2.5, -2.5, 0, 0]])


def test_self_certainty_is_the_divergence_of_uniform_from_the_policy():
    group = a_group()
    reward = methods.self_certainty(group)
    small = dataclasses.replace(group.judge, micro_batches=2, logit_chunk=2)
    in_parts = methods.self_certainty(dataclasses.replace(group, judge=small))
    np.testing.assert_allclose(in_parts, reward, rtol=1e-5)
    for b, g in ((0, 1), (1, 2)):
        sequence = list(np.asarray(group.judge.prompts.tokens[b][: group.judge.prompts.length[b]]))
        divergences = []
        for token in np.asarray(group.rollouts.tokens[b, g][: group.rollouts.length[b, g]]):
            logprobs = np.asarray(jax.nn.log_softmax(tiny.next_logits(group.judge.params, sequence)))
            size = len(logprobs)
            divergences.append(sum(1 / size * (np.log(1 / size) - logprob) for logprob in logprobs))
            sequence.append(int(token))
        assert reward[b, g] == pytest.approx(np.mean(divergences), rel=1e-4)
    assert reward[0, 3] == 0.0


def test_format_asks_for_an_end_and_an_answer_that_is_read():
    np.testing.assert_array_equal(methods.answered(a_group()), [[1, 1, 0, 0], [1, 1, 0, 0]])


def test_the_coin_is_fair_and_follows_the_key():
    throws = np.stack([methods.coin(a_group(key=key)) for key in range(64)])
    assert set(np.unique(throws)) == {0.0, 1.0}
    assert abs(throws.mean() - 0.5) < 0.1
    np.testing.assert_array_equal(methods.coin(a_group(key=5)), throws[5])


def test_the_coin_of_a_problem_does_not_depend_on_who_holds_it():
    group = a_group()
    last = dataclasses.replace(
        group, rows=np.array([1]), rollouts=jax.tree.map(lambda x: x[1:], group.rollouts)
    )
    np.testing.assert_array_equal(methods.coin(last), methods.coin(group)[1:])


def test_no_method_but_gold_reads_an_answer():
    for name, method in methods.METHODS.items():
        if method.reward is None or name == "trajectory":
            continue
        with_gold, garbage = (method.reward(a_group(gold=answers)) for answers in (("5", "7"), ("8", None)))
        assert np.array_equal(with_gold, garbage) == (name != "gold")


def test_what_a_config_leaves_open_is_the_methods():
    made = methods.complete(base.get_config())
    assert (made.advantage, made.loss.contrastive_weight) == ("to_go", 0.1)
    assert (made.sampling.temperature, made.curriculum.uniform) == (1.0, False)
    config = base.get_config()
    config.method = "self_evolve"
    made = methods.complete(config)
    assert (made.sampling.temperature, made.curriculum.uniform) == (0.6, True)
    assert config.sampling.temperature is None
    config.sampling.temperature = 1.0  # coupled temperatures
    assert methods.complete(config).sampling.temperature == 1.0
    assert methods.complete(made) == made


def test_what_a_config_says_stays():
    config = quickstart.get_config()
    config.advantage, config.curriculum.uniform, config.loss.contrastive_weight = "gain", True, 0.0
    assert methods.complete(config) == methods.complete(methods.complete(config))
    made = methods.complete(config)
    assert (made.advantage, made.curriculum.uniform, made.loss.contrastive_weight) == ("gain", True, 0.0)
