import numpy as np

from sept_jax.checks.reading import read_path
from sept_jax.records import CHANNELS, Rollouts
from sept_jax.scoring import ScoringConfig, gather_evidence, score_steps
from sept_jax.steps import split_steps

QUESTION = "3+4*5-2="
RIGHT = "4*5=20\n3+20=23\n23-2=21\n#### 21"
WRONG = "4*5=25\n3+25=28\n28-2=26\n#### 26"
ARITHMETIC, PROVENANCE, AGREEMENT, COHERENCE = map(
    CHANNELS.index, ("arithmetic", "provenance", "agreement", "coherence")
)


def config(strict=True, max_steps=6, **weights):
    return ScoringConfig(tuple(weights.get(name, 0.0) for name in CHANNELS), 1.0, 0.0, max_steps, strict)


RULES = config(arithmetic=3.0, provenance=3.0)
ALL = config(arithmetic=3.0, provenance=3.0, agreement=1.0, coherence=1.0)


def sampled(groups, logprob=-1.0):
    """Rollouts of the given texts, one token a character."""
    width = max(len(text) for group in groups for text in group) + 1
    tokens = np.zeros((len(groups), len(groups[0]), width), np.int32)
    length = np.array([[len(text) for text in group] for group in groups], np.int32)
    for b, group in enumerate(groups):
        for g, text in enumerate(group):
            tokens[b, g, : len(text)] = [ord(c) for c in text]
    inside = np.arange(width) < length[..., None]
    each = np.where(inside, np.float32(logprob), np.float32(0))
    return Rollouts(tokens, length, each, each, -each, np.ones(length.shape, bool))


def gathered(questions, groups, settings, logprob=-1.0):
    rollouts = sampled(groups, logprob)
    steps, texts = split_steps(
        rollouts.tokens, rollouts.length, lambda ids: ("".join(map(chr, ids)), range(len(ids))),
        settings.max_steps,
    )  # fmt: skip
    readings = [
        [read_path(question, path.steps, settings.strict) for path in paths]
        for question, paths in zip(questions, texts.paths, strict=True)
    ]
    evidence = gather_evidence(readings, texts, steps, settings, rollouts)
    return evidence, score_steps(evidence, steps.count, settings.log_odds, settings.bias)


def test_a_right_and_a_wrong_path(check_record):
    evidence, scores = gathered([QUESTION], [[RIGHT, WRONG]], RULES)
    check_record(evidence)
    check_record(scores)
    right, wrong = evidence.verdict[0]
    np.testing.assert_array_equal(right[:4, ARITHMETIC], [1, 1, 1, 0])
    np.testing.assert_array_equal(right[:4, PROVENANCE], [1, 1, 1, 1])
    assert wrong[0, ARITHMETIC] == -1
    np.testing.assert_array_equal(wrong[:4, PROVENANCE], [1, 1, 1, 1])  # true books, false product
    assert not evidence.known[0, :, 4:].any()
    # Two channels of weight 3 agree: sigmoid(6) = 0.9975; one is left on the last step: sigmoid(3) = 0.9526.
    np.testing.assert_allclose(
        scores.score[0, 0], [0.9975274, 0.9975274, 0.9975274, 0.9525741, 0, 0], rtol=1e-5
    )
    assert scores.quality[0, 0] > 0.98
    np.testing.assert_allclose(scores.score[0, 1], [0.5, 0.9975274, 0.9975274, 0.9525741, 0, 0], rtol=1e-5)


def test_the_first_wrong_number_is_refuted():
    evidence, scores = gathered([QUESTION], [[RIGHT, RIGHT.replace("4*5=20", "4*6=24")]], RULES)
    assert evidence.verdict[0, 1, 0, PROVENANCE] == -1
    assert scores.quality[0, 1] < scores.quality[0, 0]


def test_unasked_channels_are_unknown():
    evidence, _ = gathered([QUESTION], [[RIGHT, WRONG]], config(arithmetic=1.0))
    others = np.arange(len(CHANNELS)) != ARITHMETIC
    assert evidence.known[..., ARITHMETIC].any()
    assert not evidence.known[..., others].any()
    assert not evidence.verdict[..., others].any()


def test_the_groups_and_the_models_channels():
    # Two of three paths agree on everything; the third is likelier, token by token.
    logprob = np.array([-1.0, -1.0, -0.5]).reshape(1, 3, 1)
    evidence, _ = gathered([QUESTION], [[RIGHT, RIGHT, WRONG]], ALL, logprob=logprob)
    agreement = evidence.verdict[0, :, :4, AGREEMENT]
    assert (agreement[:2] > 0.5).all()
    np.testing.assert_array_equal(agreement[0], agreement[1])
    assert agreement[2, 0] == agreement[2, 3] < -0.5  # where it turns off, and its answer
    np.testing.assert_array_equal(agreement[2, 1:3], 0.0)
    # Step means -1 (8 of them) and -0.5 (4): centre -5/6, spread sqrt(1/18); z = -0.707 and 1.414.
    coherence = evidence.verdict[0, :, :4, COHERENCE]
    np.testing.assert_allclose(coherence[:2], np.tanh(-np.sqrt(0.5)), rtol=1e-4)
    np.testing.assert_allclose(coherence[2], np.tanh(np.sqrt(2)), rtol=1e-4)


def test_ids_are_equal_where_the_rationals_are():
    paths = ["3-2.5=0.5\n#### 1/2", "3-5/2=1/2\n#### 0.5", "3-2=1\n#### 2/2", "3-1=2\nthe end"]
    evidence, _ = gathered(["What is 3 less 2.5?"], [paths], ALL)
    value, answer = evidence.value_id[0], evidence.answer_id[0]
    half = value[0, 0]
    assert half >= 0
    np.testing.assert_array_equal(value[:2, :2], half)
    np.testing.assert_array_equal(answer[:2], half)
    one = value[2, 0]
    assert (one >= 0, one != half, answer[2] == one) == (True, True, True)
    assert value[3, 0] not in (-1, half, one)
    assert value[3, 1] == answer[3] == -1
    assert (evidence.value_id[..., 2:] == -1).all()


def test_ids_belong_to_one_problem():
    paths = ["1+1=2\n#### 2", "1+2=3\n#### 3"]
    evidence, _ = gathered(["1+1=", "1+2="], [paths, paths[::-1]], RULES)
    np.testing.assert_array_equal(evidence.answer_id, [[0, 1], [0, 1]])  # numbered as they come


def test_answers_that_are_words_have_ids():
    paths = ["so \\boxed{\\text{even}}", "so \\boxed{Even}", "so \\boxed{odd}"]
    evidence, _ = gathered(["Even or odd?"], [paths], config(agreement=1.0, strict=False))
    even, same, odd = evidence.answer_id[0]
    assert even == same != odd
    right, too, wrong = evidence.verdict[0, :, 0, AGREEMENT]
    assert right == too > 0.5 > 0 > wrong


def test_no_text_and_more_steps_than_there_is_room_for():
    long = "".join(f"{i}+1={i + 1}\n" for i in range(9))
    evidence, scores = gathered([QUESTION], [["", long]], config(arithmetic=1.0, agreement=1.0, max_steps=3))
    assert not evidence.known[0, 0].any()
    assert scores.quality[0, 0] == 0.0
    np.testing.assert_array_equal(evidence.verdict[0, 1, :, ARITHMETIC], 1.0)
