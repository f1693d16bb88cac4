import jax.numpy as jnp
import numpy as np
import pytest

from sept_jax.health import describe
from sept_jax.records import CHANNELS, Evidence, Rollouts, Steps, StepScores
from sept_jax.scoring.reliability import init_reliability

# One problem, four paths; the last path is empty. T = 4 tokens, S = 2 steps.
LENGTH = np.array([[4, 2, 2, 0]], np.int32)
COUNT = np.array([[2, 1, 1, 0]], np.int32)
INSIDE = np.arange(4) < LENGTH[..., None]
VALID = np.arange(2) < COUNT[..., None]


def batch():
    entropy = np.where(INSIDE, np.float32(0.25), np.float32(0))
    zeros = np.zeros((1, 4, 4), np.float32)
    rollouts = Rollouts(
        np.zeros((1, 4, 4), np.int32), LENGTH, zeros, zeros, entropy, np.array([[True, True, False, True]])
    )
    verdict = np.zeros((1, 4, 2, len(CHANNELS)), np.float32)
    verdict[0, :, :, 0] = [[1, -1], [1, 9], [9, 9], [9, 9]]
    known = np.zeros(verdict.shape, bool)
    known[0, :, :, 0] = [[1, 1], [1, 1], [0, 0], [1, 1]]  # what lies past the ends must not count
    evidence = Evidence(verdict, known, np.full((1, 4, 2), -1, np.int32), np.array([[3, 3, 5, -1]], np.int32))
    score = np.where(VALID, np.array([[[0.75, 0.25], [1.0, 0], [0.5, 0], [0, 0]]]), 0).astype(np.float32)
    quality = np.array([[0.5, 1.0, 0.5, 0.0]], np.float32)
    steps = Steps(jnp.where(jnp.asarray(INSIDE), 0, -1), jnp.asarray(COUNT))
    scores = StepScores(score, np.zeros_like(verdict), quality)
    return rollouts, steps, evidence, scores, init_reliability()


def test_hand_worked_batch():
    assert describe(*batch()) == pytest.approx(
        {
            "step_score": 2.5 / 4,
            "quality": 0.5,
            "quality_spread": 0.125**0.5,  # (0 + 1/4 + 0 + 1/4) / 4
            "length": 2.0,
            "finished": 0.75,
            "entropy": 0.25,
            "diversity": 0.75,  # 3, 5 and none
            "answered": 0.75,
            "steps_per_path": 1.0,
            "sampled_tokens": 8.0,
            "channel/arithmetic/coverage": 0.75,
            "channel/arithmetic/verdict": 1 / 3,
            # the prior's rates: refuted 5 in 100 right and 25 in 50 wrong steps, verified 95 and 25
            "channel/arithmetic/worth_against": np.log(0.5 / 0.05),
            "channel/arithmetic/worth_for": np.log(0.95 / 0.5),
        }
    )


def test_a_batch_without_steps_has_finite_numbers():
    rollouts, steps, evidence, scores, reliability = batch()
    rollouts = rollouts.replace(length=0 * LENGTH, entropy=0 * rollouts.entropy)
    scores = scores.replace(score=0 * scores.score, quality=0 * scores.quality)
    metrics = describe(rollouts, steps.replace(count=0 * steps.count), evidence, scores, reliability)
    assert all(np.isfinite(value) for value in metrics.values())
    assert (metrics["step_score"], metrics["entropy"]) == (0.0, 0.0)
