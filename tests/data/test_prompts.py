import numpy as np
import pytest
from ml_collections import ConfigDict

from sept_jax.data.prompts import encode_prompts, render
from sept_jax.errors import UserError
from sept_jax.records import Problem

PROBLEM = Problem(
    question="What is {x} + 2 if \\frac{solution}{2} = {solution}?", answer="3", level=1.0, id="set/train:7"
)
CONFIG = {
    "system": "Think in steps.",
    "instruction": "{question}\nEnd with \\boxed{}.",
    "few_shot": (("1+1?", "1+1=2\n#### 2"),),
    "plain": "Question: {question}\nSolution: {solution}\n\n",
}


class Characters:
    """One token a character; token 0 pads."""

    pad_id = 0

    def __init__(self, chat=False):
        self._chat = chat

    def encode(self, text):
        return [ord(character) for character in text]

    def apply_chat_template(self, messages):
        return (
            "".join(f"<{m['role']}>{m['content']}" for m in messages) + "<assistant>" if self._chat else None
        )


@pytest.mark.parametrize("config", [CONFIG, ConfigDict(CONFIG)])
def test_chat_template(config):
    assert render(PROBLEM, Characters(chat=True), config) == (
        "<system>Think in steps."
        "<user>1+1?\nEnd with \\boxed{}.<assistant>1+1=2\n#### 2"
        f"<user>{PROBLEM.question}\nEnd with \\boxed{{}}.<assistant>"
    )


def test_plain_template():
    assert render(PROBLEM, Characters(), CONFIG) == (
        "Think in steps.\n\nQuestion: 1+1?\nSolution: 1+1=2\n#### 2\n\n"
        f"Question: {PROBLEM.question}\nSolution: "
    )


def test_without_system_and_examples():
    bare = {**CONFIG, "system": "", "few_shot": (), "plain": "{question}\n{solution}"}
    assert render(PROBLEM, Characters(), bare) == f"{PROBLEM.question}\n"
    assert render(PROBLEM, Characters(chat=True), bare).startswith("<user>What is")


@pytest.mark.parametrize(
    ("field", "chat", "missing"),
    [("instruction", True, "question"), ("plain", False, "question"), ("plain", False, "solution")],
)
def test_a_template_without_its_placeholder(field, chat, missing):
    broken = {**CONFIG, field: CONFIG[field].replace(f"{{{missing}}}", "")}
    with pytest.raises(UserError, match=rf"config\.prompt\.{field} is .*: it needs {{{missing}}}"):
        render(PROBLEM, Characters(chat=chat), broken)


@pytest.mark.parametrize(("longest", "width"), [(1, 4), (4, 4), (5, 8), (8, 8)])
def test_padded_to_the_smallest_bucket_that_holds_the_longest(longest, width, check_record):
    prompts = encode_prompts(["a", "b" * longest], Characters(), (8, 4))
    check_record(prompts)
    np.testing.assert_array_equal(prompts.length, [1, longest])
    expected = np.zeros((2, width), np.int32)
    expected[0, 0] = ord("a")
    expected[1, :longest] = ord("b")
    np.testing.assert_array_equal(prompts.tokens, expected)
    assert prompts.tokens.dtype == np.int32


def test_too_long_a_prompt_is_named():
    with pytest.raises(UserError, match=r"problem set/train:9 is 9 tokens long .* holds 8: pass --config"):
        encode_prompts(["a", "b" * 9], Characters(), (4, 8), ids=("set/train:7", "set/train:9"))
    with pytest.raises(UserError, match=r"prompt 1 of the batch is 9 tokens long"):
        encode_prompts(["a", "b" * 9], Characters(), (4, 8))


def test_an_empty_prompt_is_named():
    with pytest.raises(UserError, match=r"problem b has an empty prompt"):
        encode_prompts(["a", ""], Characters(), (4,), ids=("a", "b"))
