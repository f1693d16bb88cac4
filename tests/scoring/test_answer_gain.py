import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from test_prefixes import sampled

from sept_jax.errors import UserError
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.records import Prompts
from sept_jax.scoring import answer_gain, likelihood
from sept_jax.scoring.answer_gain import check_answer_gain, encode_answers, gain_verdicts, leave_one_out

TOKENIZER = word_tokenizer("0123456789+= \n#x,")
PARAMS = tiny.params()


def vote(*answers, gate=0.5):
    """Consensus by path, for answers whose identity is their text without the leading zeros."""
    ids = [-1 if a is None else int(a) for a in answers]
    return leave_one_out(np.array(ids), answers, gate)


def test_each_path_is_left_out_of_its_own_consensus():
    assert vote("7", "7", "7") == ["7", "7", "7"]
    # the others of a 7 give one 7 and one 9: no majority; the 9's others agree
    assert vote("7", "7", "9") == [None, None, "7"]
    # two against two: each path's others hold a majority of two, for the other side
    assert vote("7", "7", "9", "9") == ["9", "9", "7", "7"]


def test_a_consensus_needs_two_votes_and_more_than_the_gate():
    assert vote("7", "7") == [None, None]
    assert vote("7", None, None, None) == [None] * 4
    assert vote("7", "7", None, None) == [None, None, "7", "7"]
    assert vote("7", "7", "8", "9", None, gate=0.5)[4] is None  # exactly a half
    assert vote("7", "7", "8", "9", None, gate=0.4)[4] == "7"
    assert vote("7", "7", "9", "9", None, gate=0.4)[4] is None  # a tie


def test_a_path_without_an_answer_is_still_asked_about_the_others():
    assert vote(None, "7", "7", "7")[0] == "7"


def test_the_consensus_is_written_as_most_write_it_whatever_the_order():
    answers = ("07", "7", "07", "7", "007", None)
    assert vote(*answers)[5] == "7"  # two write 07, two 7: the shorter
    assert vote(*answers[:5][::-1], None)[5] == "7"
    assert vote("07", "07", "7", None)[3] == "07"


def test_only_the_answer_is_scored():
    branches, scored = encode_answers([["12", None], ["3", "12"]], TOKENIZER, "\n## {answer}\n")
    texts = [[TOKENIZER.decode(branches[b, g][scored[b, g]].tolist()) for g in range(2)] for b in range(2)]
    assert texts == [[" 12\n", ""], [" 3\n", " 12\n"]]
    assert TOKENIZER.decode(branches[0, 0].tolist()) == "\n## 12\n"
    assert branches.shape == scored.shape == (2, 2, 8)


def test_an_answer_beyond_the_budget_is_not_scored():
    _, scored = encode_answers([["1" * (answer_gain.MAX_TOKENS - 1), "1" * 500]], TOKENIZER, "#{answer}")
    assert scored.sum(-1).tolist() == [[answer_gain.MAX_TOKENS - 1, 0]]
    assert scored.shape[-1] == answer_gain.MAX_TOKENS


@pytest.mark.parametrize("cue", ["\n#### ", "{answer}", " \n{answer}"])
def test_a_cue_without_text_or_answer_is_refused(cue):
    with pytest.raises(UserError, match=r"config\.scoring\.questions\.answer_cue"):
        encode_answers([["1"]], TOKENIZER, cue)


def test_tanh_of_the_gain_in_units_of_its_root_mean_square():
    loglik = np.array([[[-12.0, -12.0, -4.0], [-12.0, -18.0, 50.0]]], np.float32)
    verdict, known = gain_verdicts(loglik, np.array([[2, 1]]), np.array([[True, True]]), 3)
    # gains 0, 8 and -6; what lies past the end does not count
    unit = np.sqrt((0 + 64 + 36) / 3)
    np.testing.assert_allclose(verdict, [[[0, np.tanh(8 / unit), 0], [np.tanh(-6 / unit), 0, 0]]], rtol=1e-6)
    assert known.tolist() == [[[True, True, False], [True, False, False]]]


def test_small_gains_are_not_blown_up_and_paths_not_asked_are_unknown():
    loglik = np.array([[[-1.0, -0.4], [-9.0, -1.0]]], np.float32)
    verdict, known = gain_verdicts(loglik, np.array([[1, 1]]), np.array([[True, False]]), 1)
    np.testing.assert_allclose(verdict[..., 0], [[np.tanh(0.2), 0]], rtol=1e-5)  # 0.6 nats of 3
    assert known[..., 0].tolist() == [[True, False]]


def check(answers, *texts, gate=0.5, **options):
    ids = np.array([[-1 if a is None else int(a) for a in answers]], np.int32)
    rollouts, steps = sampled(*texts)
    prompts = Prompts(jnp.asarray([[5, 6, 7]], jnp.int32), jnp.asarray([3], jnp.int32))
    return check_answer_gain(
        PARAMS, prompts, rollouts, steps, [answers], ids, model=tiny.MODEL, tokenizer=TOKENIZER,
        cue="\n#{answer}", gate=gate, width=4, dtype=jnp.float32, **options,
    )  # fmt: skip


def test_the_step_that_states_the_consensus_gains(monkeypatch):
    """A model that copies: a branch's answer token costs 1 nat if the prefix holds it, else 15."""

    def copies(params, prompts, tokens, cut, branches, scored, **_):
        out = np.zeros(cut.shape, np.float32)
        for b, g, k in np.ndindex(*cut.shape):
            seen = set(tokens[b, g, : cut[b, g, k]].tolist())
            wanted = branches[b, g][scored[b, g]].tolist()
            out[b, g, k] = -sum(1.0 if token in seen else 15.0 for token in wanted)
        return out

    monkeypatch.setattr(answer_gain, "continuation_logprobs", copies)
    verdict, known = check(("6", "6", "5"), "2+2=4\n4+2=6", "2+4=6", "2+2=4\n4+1=5")
    # the third path's peers agree on 6, which it never states; the first two's peers do not agree
    assert known[0, :, :2].tolist() == [[False, False], [False, False], [True, True]]
    assert not verdict.any()
    verdict, known = check(("6", "6", "6", "5"), "2+2=4\n4+2=6", "2+4=6", "6=6\n6=6", "2+2=4\n4+1=5")
    assert known[0, :, :2].tolist() == [[True, True], [True, False], [True, True], [True, True]]
    unit = np.sqrt(3 * 14**2 / 7)  # three steps of seven gain 14 nats
    gain = np.tanh(14 / unit)
    np.testing.assert_allclose(verdict[0, :, :2], [[0, gain], [gain, 0], [gain, 0], [0, 0]], rtol=1e-6)


def test_the_paths_own_answer_does_not_matter():
    texts = ("1=1\n2=2", "3=3", "4=4\n5=5", "6=6")
    first, known = check(("7", "7", "7", "9"), *texts)
    again, _ = check(("7", "7", "7", None), *texts)
    np.testing.assert_array_equal(known[0, 3], [True, False, False, False])
    np.testing.assert_allclose(first[0, 3], again[0, 3], rtol=1e-6)
    assert np.abs(first[0, 3, 0]) > 1e-3


def test_nothing_is_computed_without_a_consensus(monkeypatch):
    monkeypatch.setattr(answer_gain, "continuation_logprobs", None)
    verdict, known = check(("7", None), "1=1", "2=2")
    assert verdict.shape == known.shape == (1, 2, 4)
    assert not verdict.any()
    assert not known.any()


def test_the_gains_are_the_models_own():
    texts, answers = ("1=1\n2=2", "3=3\n4=4\n5=5", "6=6"), ("7", "7", "7")
    verdict, known = check(answers, *texts)
    rollouts, steps = sampled(*texts)
    cut = np.array([[[0, 3, 7, 7, 7], [0, 3, 7, 11, 11], [0, 3, 3, 3, 3]]], np.int32)
    branch = np.array([[TOKENIZER.encode("\n#7") + [0] * 5] * 3], np.int32)
    loglik = likelihood.continuation_logprobs(
        PARAMS, Prompts(jnp.asarray([[5, 6, 7]]), jnp.asarray([3])), np.asarray(rollouts.tokens)[..., :12],
        cut, branch, np.arange(8) == np.full((1, 3, 1), 2), model=tiny.MODEL, dtype=jnp.float32,
    )  # fmt: skip
    expected = gain_verdicts(np.asarray(loglik), np.asarray(steps.count), np.ones((1, 3), bool), 4)
    np.testing.assert_allclose(verdict, expected[0], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(known, expected[1])
    assert known.sum() == 6
