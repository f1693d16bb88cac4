import jax
import numpy as np
import pytest

from sept_jax.health import answer_marks, common_answer, describe, means, text_habits, token_habits
from sept_jax.records import (
    CHANNELS,
    Evidence,
    PathText,
    Prompts,
    Rollouts,
    Steps,
    StepScores,
    StepTexts,
)
from sept_jax.scoring.reliability import init_reliability
from sept_jax.steps import split_text

# One problem, four paths; the last path is empty. T = 4 tokens, S = 2 steps.
LENGTH = np.array([[4, 2, 2, 0]], np.int32)
COUNT = np.array([[2, 1, 1, 0]], np.int32)
INSIDE = np.arange(4) < LENGTH[..., None]
VALID = np.arange(2) < COUNT[..., None]


TEXTS = ("3+4=7\n#### 7", "#### 7", "#### 8", "")


def step_texts(*groups):
    return StepTexts(tuple(tuple(PathText(t, split_text(t)) for t in texts) for texts in groups))


def batch():
    entropy = np.where(INSIDE, np.float32(0.25), np.float32(0))
    zeros = np.zeros((1, 4, 4), np.float32)
    rollouts = Rollouts(
        np.array([[[1, 2, 3, 4]] + [[0] * 4] * 3], np.int32),
        LENGTH,
        zeros,
        zeros,
        entropy,
        np.array([[True, True, False, True]]),
    )
    verdict = np.zeros((1, 4, 2, len(CHANNELS)), np.float32)
    verdict[0, :, :, 0] = [[1, -1], [1, 9], [9, 9], [9, 9]]
    known = np.zeros(verdict.shape, bool)
    known[0, :, :, 0] = [[1, 1], [1, 1], [0, 0], [1, 1]]  # what lies past the ends must not count
    value_id = np.array([[[3, 3], [3, -1], [5, -1], [-1, -1]]], np.int32)
    evidence = Evidence(verdict, known, value_id, np.array([[3, 3, 5, -1]], np.int32))
    score = np.where(VALID, np.array([[[0.75, 0.25], [1.0, 0], [0.5, 0], [0, 0]]]), 0).astype(np.float32)
    quality = np.array([[0.5, 1.0, 0.5, 0.0]], np.float32)
    steps = Steps(np.where(INSIDE, 0, -1), COUNT)
    scores = StepScores(score, np.zeros_like(verdict), quality)
    prompts = Prompts(np.array([[1, 2, 3, 4, 0]], np.int32), np.array([4], np.int32))
    return prompts, rollouts, steps, step_texts(TEXTS), evidence, scores, init_reliability()


def test_hand_worked_batch():
    assert means(describe(*batch())) == pytest.approx(
        {
            "step_score": 2.5 / 4,
            "quality": 0.5,
            "quality_spread": 0.125**0.5,  # (0 + 1/4 + 0 + 1/4) / 4
            "length": 2.0,
            "finished": 0.75,
            "entropy": 0.25,
            "diversity": 0.75,  # 3, 5 and none
            "answered": 0.75,
            "no_steps": 0.5,  # the second and the third path
            "unchecked_steps": 0.25,  # the third path's
            "steps_per_path": 1.0,
            "repetition": 0.0,
            "trivial_steps": 0.0,
            "equations_per_step": 1.0,
            "repeated_4grams": 0.0,
            "copied_text": 1.0,  # of the one path that is long enough
            "channel/arithmetic/coverage": 0.75,
            "channel/arithmetic/verdict": 1 / 3,
            # the prior's rates: refuted 5 in 100 right and 25 in 50 wrong steps, verified 95 and 25
            "channel/arithmetic/worth_against": np.log(0.5 / 0.05),
            "channel/arithmetic/worth_for": np.log(0.95 / 0.5),
        }
    )


def test_a_batch_without_steps_has_finite_numbers():
    prompts, rollouts, steps, _, evidence, scores, reliability = batch()
    rollouts = rollouts.replace(length=0 * LENGTH, entropy=0 * rollouts.entropy)
    scores = scores.replace(score=0 * scores.score, quality=0 * scores.quality)
    steps = steps.replace(count=0 * steps.count)
    metrics = means(describe(prompts, rollouts, steps, step_texts(("",) * 4), evidence, scores, reliability))
    assert all(np.isfinite(value) for value in metrics.values())
    assert (metrics["step_score"], metrics["entropy"]) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("text", "share"),
    [
        ("4*5=20\n3+20=23\n#### 23", 0),
        ("4*5=20\n4*5=20\n3+20=23\n#### 23", 1 / 4),
        ("4*5=20\n5*4=20\n20 = 4*5\n20/5=4\n#### 4", 3 / 5),  # the same numbers in any order
        ("So we add.\nso  we add.\nSo we add!", 1 / 3),
        ("x = 4\ny = 4\nz = 4", 0),  # values, not equations of two numbers
    ],
)
def test_repetition(text, share):
    assert means(text_habits(step_texts([text])))["repetition"] == pytest.approx(share)


@pytest.mark.parametrize(
    ("step", "trivial"),
    [
        ("1 = 1", 1), ("72 = 72", 1), ("2 + 2 = 4", 1), ("That is 72 + 0 = 72", 1), ("72*1=72", 1),
        ("72/1=72", 1), ("72-0=72", 1), ("72=72*1", 1), ("4*5=20", 0), ("12-6=6", 0), ("20=4*5", 0),
        ("3*10=30", 0), ("x = 5", 0), ("#### 1", 0),
    ],
)  # fmt: skip
def test_trivial_steps(step, trivial):
    assert means(text_habits(step_texts([step])))["trivial_steps"] == trivial


def test_merged_equations_and_the_common_answer():
    texts = step_texts(["4*5=20, 3+20=23\n1+1=2\nso\n#### 23"], ["#### 23", "#### 4"], ["?"])
    assert means(text_habits(texts))["equations_per_step"] == 1.5
    pairs = step_texts(["#### 23", "#### 4"], ["#### 23", "?"])
    assert common_answer(answer_marks(pairs)) == pytest.approx(2 / 3)
    nothing = step_texts(["?"])
    assert means(text_habits(nothing)) == {"repetition": 0, "trivial_steps": 0, "equations_per_step": 0}
    assert common_answer(answer_marks(nothing)) == 0


def test_the_sums_of_two_parts_are_those_of_the_whole():
    """What several processes add up is what one would have said."""
    prompts, rollouts, steps, texts, evidence, scores, reliability = batch()
    twice = jax.tree.map(lambda x: np.concatenate([x, x]), (prompts, rollouts, steps, evidence, scores))
    whole = describe(*twice[:3], StepTexts(texts.paths * 2), *twice[3:], reliability)
    part = describe(prompts, rollouts, steps, texts, evidence, scores, reliability)
    added = {name: (2 * total, 2 * count) for name, (total, count) in part.items()}
    assert means(added) == pytest.approx(means(whole))


def test_repeated_and_copied_4grams():
    tokens = np.array([[[1, 2, 3, 4, 1, 2, 3, 4, 9, 9], [5, 5, 5, 5, 5, 5, 7, 7, 7, 7], [1, 2, 3] + [0] * 7]])
    length = np.array([[8, 6, 3]])
    # 1234 2341 3412 4123 1234: one of five again; 5555 three times: two of three; the third is too short
    prompt, size = (
        np.array([[2, 3, 4, 1, 5, 5, 5, 5]]),
        np.array([5]),
    )  # 2341 and 3415; 5555 lies past the end
    assert means(token_habits(prompt, size, tokens, length)) == pytest.approx(
        {"repeated_4grams": (1 / 5 + 2 / 3) / 2, "copied_text": (1 / 5 + 0) / 2}
    )
    assert means(token_habits(prompt, size, tokens[..., :3], np.minimum(length, 3))) == {
        "repeated_4grams": 0, "copied_text": 0,
    }  # fmt: skip


def test_equal_grams_are_told_from_gramlike_neighbours():
    generator = np.random.default_rng(0)
    tokens = generator.integers(0, 3, (2, 4, 40))
    length = generator.integers(4, 41, (2, 4))
    shares = []
    for row, size in zip(tokens.reshape(-1, 40), length.ravel(), strict=True):
        grams = [tuple(row[i : i + 4]) for i in range(size - 3)]
        shares.append(1 - len(set(grams)) / len(grams))
    found = means(token_habits(tokens[:, 0], length[:, 0], tokens, length))
    assert found["repeated_4grams"] == pytest.approx(np.mean(shares))
