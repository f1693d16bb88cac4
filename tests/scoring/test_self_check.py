import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from test_prefixes import sampled

from sept_jax.errors import UserError
from sept_jax.models.tokenizer import Tokenizer, word_tokenizer
from sept_jax.records import Prompts
from sept_jax.scoring import self_check
from sept_jax.scoring.self_check import SelfCheckConfig, check_self, check_verdicts, encode_question

TOKENIZER = word_tokenizer("0123456789+= \n#x,")
PARAMS = tiny.params()
CONFIG = SelfCheckConfig(question="x", plain="\n#{question}=", yes="1", no="0")


def test_probability_of_yes_relative_to_the_groups_line():
    # log-odds 3, 1 and 2 at steps 0, 1 and 0: the line runs from 2.5 to 1; what lies past the end is no step
    odds = np.array([[[3.0, 1.0], [2.0, -70.0]]], np.float32)
    verdict, known = check_verdicts(odds, np.array([[2, 1]]), 3)
    p = 1 / (1 + np.exp(-0.5))
    np.testing.assert_allclose(verdict, [[[2 * p - 1, 0, 0], [1 - 2 * p, 0, 0]]], atol=1e-6)
    assert known.tolist() == [[[True, True, False], [True, False, False]]]


def test_paths_of_one_step_are_compared_to_their_mean():
    verdict, known = check_verdicts(np.array([[[4.0], [0.0], [2.0]]], np.float32), np.array([[1, 1, 1]]), 1)
    np.testing.assert_allclose(verdict[0, :, 0], np.tanh([1.0, -1.0, 0.0]), atol=1e-6)
    assert known.all()


def test_a_habit_of_saying_yes_and_of_saying_it_late_says_nothing():
    plain = np.random.default_rng(0).normal(size=(1, 2, 3)).astype(np.float32)
    count = np.array([[3, 3]])
    habit = 5.0 + 2.0 * np.arange(3, dtype=np.float32)
    np.testing.assert_allclose(
        check_verdicts(plain + habit, count, 3)[0], check_verdicts(plain, count, 3)[0], atol=1e-5
    )
    only_habit, _ = check_verdicts(np.broadcast_to(habit, (1, 2, 3)), count, 3)
    np.testing.assert_allclose(only_habit, 0.0, atol=1e-6)


def test_two_steps_alone_are_unknown():
    verdict, known = check_verdicts(np.array([[[4.0, 0.0], [0.0, 0.0]]], np.float32), np.array([[2, 0]]), 2)
    assert not verdict.any()
    assert not known.any()


class Chat(Tokenizer):
    """A tokenizer with a chat template, its tokens the characters' code points."""

    def __init__(self):
        pass

    def apply_chat_template(self, messages):
        turns = [f"<{m['role']}>{m['content']}<end>" for m in messages]
        return "".join(turns) + "<assistant>"

    def encode(self, text):
        return [ord(c) for c in text]


def test_with_a_chat_template_the_question_is_the_users_turn():
    branch, choices = encode_question(Chat(), SelfCheckConfig("Right?"))
    assert "".join(map(chr, branch)) == "<end><user>Right?<end><assistant>"
    assert [chr(c) for c in choices] == ["Y", "N"]


def test_without_one_the_plain_layout_is_used():
    branch, choices = encode_question(TOKENIZER, CONFIG)
    assert TOKENIZER.decode(branch.tolist()) == "\n#x="
    assert TOKENIZER.decode(choices.tolist()) == "10"


@pytest.mark.parametrize(("yes", "no"), [("1", "12"), ("", "0"), ("0", "")])
def test_answers_that_begin_alike_are_refused(yes, no):
    with pytest.raises(UserError, match="self_check"):
        encode_question(TOKENIZER, SelfCheckConfig("x", "{question}", yes, no))


def check(*texts):
    rollouts, steps = sampled(*texts)
    prompts = Prompts(jnp.asarray([[5, 6, 7]], jnp.int32), jnp.asarray([3], jnp.int32))
    return check_self(
        PARAMS, prompts, rollouts, steps,
        model=tiny.MODEL, tokenizer=TOKENIZER, config=CONFIG, width=4, dtype=jnp.float32,
    )  # fmt: skip


def test_log_odds_are_of_the_next_token_after_step_and_question():
    verdict, known = check("1=1\n2=2", "3=3")
    odds = []
    for text in ("1=1", "1=1\n2=2", "3=3"):
        logits = tiny.next_logits(PARAMS, [5, 6, 7, *TOKENIZER.encode(text + "\n#x=")])
        yes, no = TOKENIZER.encode("10")
        odds.append(float(logits[yes] - logits[no]))
    apart = np.tanh((odds[0] - odds[2]) / 4)  # the second steps are one: the line runs through it
    assert abs(apart) > 0.02
    np.testing.assert_allclose(verdict[0, :, 0], [apart, -apart], atol=1e-5)
    np.testing.assert_allclose(verdict[0, :, 1:], 0.0, atol=1e-5)
    assert known[0].tolist() == [[True, True, False, False], [True, False, False, False]]


def test_a_group_without_steps_is_unknown(monkeypatch):
    monkeypatch.setattr(self_check, "choice_logits", lambda *a, **_: np.ones((*a[3].shape, 2), np.float32))
    rollouts, steps = sampled("", "")
    steps = steps.replace(step_id=jnp.full_like(steps.step_id, -1), count=jnp.zeros_like(steps.count))
    verdict, known = check_self(
        None, Prompts(jnp.zeros((1, 3), jnp.int32), jnp.asarray([3])), rollouts, steps,
        model=tiny.MODEL, tokenizer=TOKENIZER, config=CONFIG, width=4, dtype=jnp.float32,
    )  # fmt: skip
    assert not verdict.any()
    assert not known.any()
