import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from test_prefixes import sampled

from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.records import Prompts
from sept_jax.scoring import trajectory
from sept_jax.scoring.trajectory import (
    MAX_CANDIDATES,
    candidate_answers,
    consistency_and_volatility,
    curiosity,
    shared_reward,
    trajectory_reward,
)

TOKENIZER = word_tokenizer("0123456789+= \n#x,")
PARAMS = tiny.params()


def candidates(*answers):
    """Words and indices, for answers whose identity is their text without the leading zeros."""
    words, own = candidate_answers(np.array([-1 if a is None else int(a) for a in answers]), answers)
    assert len(words) == MAX_CANDIDATES
    return [word for word in words if word], own.tolist()


def test_candidates_are_the_answers_most_frequent_first():
    assert candidates("7", "9", None, "9") == (["9", "7"], [1, 0, -1, 0])
    assert candidates(None, None) == ([], [-1, -1])
    # two write 07, one 7; then two each, where the shorter stands
    assert candidates("07", "7", "07", "8") == (["07", "8"], [0, 0, 0, 1])
    assert candidates("07", "7", "8") == (["7", "8"], [0, 0, 1])


def test_an_answer_beyond_the_most_frequent_eight_is_no_candidate():
    words, own = candidates(*map(str, range(10)), "9", "8")
    assert words == ["8", "9", "0", "1", "2", "3", "4", "5"]
    assert own == [2, 3, 4, 5, 6, 7, -1, -1, 0, 1, 1, 0]


def test_an_identity_without_words_and_words_without_an_identity_are_no_answers():
    words, own = candidate_answers(np.array([3, 3, -1]), [None, "", "12"])
    assert words == [None] * MAX_CANDIDATES
    assert own.tolist() == [-1, -1, -1]


def test_consistency_is_the_share_of_nearest_states_and_volatility_the_last_other():
    steady = [[2, 1, 3], [1, 2, 3], [1, 2, 3], [1, 2, 3], [0, 0, 0]]  # away at 0 only
    late = [[1, 2, 3], [1, 2, 3], [2, 1, 3], [1, 1, 3], [9, 0, 0]]  # away at 2, a tie at 3
    short = [[5, 5, 1], [5, 1, 5], [0, 0, 9], [0, 0, 9], [0, 0, 9]]  # 2 states, away at the second
    lost = [[1, 2, 9], [1, 2, 9], [1, 2, 9], [1, 2, 9], [1, 2, 9]]  # never near its own, of 5 states
    distance = np.array([steady, late, short, lost], np.float32)
    con, vol = consistency_and_volatility(distance, np.array([0, 0, 2, 2]), np.array([4, 4, 2, 5]))
    np.testing.assert_allclose(con, [3 / 4, 3 / 4, 1 / 2, 0])
    np.testing.assert_allclose(vol, [0, 2 / 4, 1 / 2, 4 / 5])


def test_a_candidate_that_was_not_measured_is_never_near():
    distance = np.array([[[3.0, np.inf], [4.0, np.inf]]], np.float32)
    con, vol = consistency_and_volatility(distance, np.array([0]), np.array([2]))
    assert (con.tolist(), vol.tolist()) == ([1.0], [0.0])


def test_paths_with_one_answer_share_the_length_of_their_mean_vector():
    con, vol, own = np.array([1.0, 0.5, 0.8, 1.0]), np.array([0.0, 0.5, 0.9, 0.0]), np.array([0, 0, 3, 0])
    x, y = (2 + 0.5 * np.cos(0.5)) / 3, 0.5 * np.sin(0.5) / 3
    shared = np.hypot(x, y)
    np.testing.assert_allclose(shared_reward(con, vol, own), [shared, shared, 0.8, shared])
    # volatility costs only where paths differ in it
    assert shared_reward(con, np.full(4, 0.7), own)[0] == pytest.approx(2.5 / 3)
    assert shared < 2.5 / 3


def test_curiosity_is_surprisal_less_its_concentration():
    # step 0: 1 and 3 nats, shares 1/4 and 3/4; step 1: 2 and 2, even; the last token is past the end
    logprob = -np.array([[[1.0, 3.0, 2.0, 2.0, 50.0]]], np.float32)
    found = curiosity(logprob, np.array([[[0, 0, 1, 1, -1]]]), 3)
    divergence = 0.25 * np.log(0.5) + 0.75 * np.log(1.5)
    np.testing.assert_allclose(found, [[((2 - np.log(1 + divergence)) + 2) / 2]], rtol=1e-6)


def test_curiosity_of_certain_tokens_and_of_no_step_is_zero():
    logprob = np.array([[[0.0, 0.0], [-1.0, -1.0]]], np.float32)
    assert curiosity(logprob, np.array([[[0, 0], [-1, -1]]]), 2).tolist() == [[0.0, 0.0]]
    # all the surprise in one of two tokens: KL to uniform is ln 2
    one = curiosity(np.array([[[-4.0, 0.0]]], np.float32), np.array([[[0, 0]]]), 2)
    np.testing.assert_allclose(one, [[2 - np.log(1 + np.log(2))]])


def reward(answers, *texts, logprob=0.0, **options):
    ids = np.array([[-1 if a is None else int(a[:9]) for a in answers]], np.int32)
    rollouts, steps = sampled(*texts)
    rollouts = rollouts.replace(logprob=jnp.full(rollouts.tokens.shape, logprob))
    prompts = Prompts(jnp.asarray([[5, 6, 7]], jnp.int32), jnp.asarray([3], jnp.int32))
    found = trajectory_reward(
        PARAMS, prompts, rollouts, steps, [answers], ids, model=tiny.MODEL, tokenizer=TOKENIZER,
        cue="\n#{answer}", width=4, dtype=jnp.float32, **options,
    )  # fmt: skip
    return found[0]


@pytest.fixture
def copies(monkeypatch):
    """A model that copies: an answer token costs 1 nat if the prefix holds it, else 15."""

    def loglik(params, prompts, tokens, cut, branches, scored, **_):
        out = np.zeros(cut.shape, np.float32)
        for b, g, k in np.ndindex(*cut.shape):
            seen = set(tokens[b, g, : cut[b, g, k]].tolist())
            wanted = branches[b, g][scored[b, g]].tolist()
            out[b, g, k] = -sum(1.0 if token in seen else 15.0 for token in wanted)
        return out

    monkeypatch.setattr(trajectory, "continuation_logprobs", loglik)


@pytest.mark.usefixtures("copies")
def test_steady_paths_beat_one_that_leans_elsewhere():
    found = reward(("6", "6", "5", None), "2+2=4\n4+2=6", "2+4=6", "2+2=4\n4=6\n5=5", "7+7")
    # 6: ties, then its own: Con 1, Vol 0. 5: tie, tie, nearer to 6 at state 2, tie: Con 3/4
    np.testing.assert_allclose(found, [1, 1, 0.75, 0])
    found = reward(("6", "6", "5"), "2+4=6", "1+4=5\n6=6", "5=5")
    # the second path: tie, nearer to 5 at state 1, tie: Con 2/3, Vol 1/3
    mean = (1 + 2 / 3 * np.exp(1j / 3)) / 2
    np.testing.assert_allclose(found, [abs(mean), abs(mean), 1], rtol=1e-6)


@pytest.mark.usefixtures("copies")
def test_a_distance_is_a_mean_over_tokens():
    found = reward(("66", "5"), "1=1", "2=2")
    # 30 nats for two tokens are no farther than 15 for one
    np.testing.assert_allclose(found, [1, 1])


@pytest.mark.usefixtures("copies")
def test_a_group_with_one_answer_says_nothing():
    assert reward(("6", "6", None), "2+4=6", "1+5=6", "1", logprob=-5.0).tolist() == [0, 0, 0]
    assert reward((None, None), "2+4", "1", logprob=-5.0).tolist() == [0, 0]


@pytest.mark.usefixtures("copies")
def test_curious_paths_get_a_bonus_but_not_without_an_answer():
    texts = ("2+4=6", "1+4=5", "7+7")
    calm, curious = (reward(("6", "5", None), *texts, logprob=nats) for nats in (-0.69, -0.7))
    np.testing.assert_allclose(calm, [1, 1, 0])
    np.testing.assert_allclose(curious, [1.4, 1.4, 0], rtol=1e-6)


@pytest.mark.usefixtures("copies")
def test_an_answer_too_long_to_be_scored_is_none():
    found = reward(("6", "5", "1" * 60), "2+4=6", "1+4=5", "1")
    np.testing.assert_allclose(found, [1, 1, 0])


TEXTS, ANSWERS = ("1=1\n2=2", "3=3\n4=4", "6=6", "9"), ("7", "7", "3", "12")


def test_the_distances_are_the_models_own():
    prompt, cue = [5, 6, 7], TOKENIZER.encode("\n#")
    distance = np.zeros((4, 3, 3), np.float32)
    ends = [(0, 3, 7), (0, 3, 7), (0, 3), (0, 1)]
    for g, text in enumerate(TEXTS):
        for k, end in enumerate(ends[g]):
            for a, answer in enumerate(("7", "12", "3")):
                sequence, surprisals = [*prompt, *TOKENIZER.encode(text)[:end], *cue], []
                for token in TOKENIZER.encode(answer):
                    logprobs = jax.nn.log_softmax(tiny.next_logits(PARAMS, sequence))
                    surprisals.append(-float(logprobs[token]))
                    sequence.append(token)
                distance[g, k, a] = np.mean(surprisals)
    own = np.array([0, 0, 2, 1])
    con, vol = consistency_and_volatility(distance, own, np.array([3, 3, 2, 2]))
    found = reward(ANSWERS, *TEXTS)
    np.testing.assert_allclose(found, shared_reward(con, vol, own), rtol=1e-5)
    np.testing.assert_allclose(con, [2 / 3, 1, 1 / 2, 0])  # four paths that tell
    np.testing.assert_allclose(vol, [2 / 3, 0, 0, 1 / 2])


def test_a_batch_gives_each_group_what_it_gets_alone():
    rollouts, steps = sampled(*TEXTS)
    twice = [jax.tree.map(lambda x: jnp.concatenate([x, x[:, ::-1]]), part) for part in (rollouts, steps)]
    prompts = Prompts(jnp.asarray([[5, 6, 7], [8, 9, 0]], jnp.int32), jnp.asarray([3, 2], jnp.int32))
    answers = [list(ANSWERS), ["12", None, "3", "12"]]
    ids = np.array([[7, 7, 3, 12], [12, -1, 3, 12]], np.int32)
    settings = {"model": tiny.MODEL, "tokenizer": TOKENIZER, "cue": "\n#{answer}", "width": 4}
    batch = trajectory_reward(
        PARAMS, prompts, *twice, answers, ids, **settings, dtype=jnp.float32, micro_batches=2
    )
    assert batch.dtype == np.float32
    for b in range(2):
        one = jax.tree.map(lambda x, b=b: x[b : b + 1], (prompts, *twice))
        alone = trajectory_reward(
            PARAMS, *one, answers[b : b + 1], ids[b : b + 1], **settings, dtype=jnp.float32
        )
        np.testing.assert_allclose(batch[b], alone[0], rtol=1e-5)
    assert batch[0].any()
    assert batch[1].any()


def test_paths_in_another_order_get_the_same_rewards():
    backwards = reward(ANSWERS[::-1], *TEXTS[::-1])
    np.testing.assert_allclose(reward(ANSWERS, *TEXTS), backwards[::-1], rtol=1e-6)
