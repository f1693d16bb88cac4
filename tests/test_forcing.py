import dataclasses
import string

import jax
import jax.numpy as jnp
import numpy as np
import tiny

from sept_jax.data import prompts
from sept_jax.forcing import TextScorer, encode_path, force_texts, join_steps
from sept_jax.models import decoder
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.records import PathText, Prompts, StepTexts
from sept_jax.scoring.evidence import BUILT

TOKENIZER = word_tokenizer("0123456789+= \n#x,")
PROMPTS = Prompts(jnp.asarray([[5, 6, 7, 0], [4, 0, 0, 0]], jnp.int32), jnp.asarray([3, 1], jnp.int32))
PARAMS = tiny.params()


def test_steps_are_joined_by_line_ends():
    path = join_steps(("1=1", "2=2\n", "", "3"))
    assert path.text == "1=1\n2=2\n\n3"
    assert path.steps == ("1=1\n", "2=2\n", "\n", "3")
    assert join_steps(()) == PathText("", ())


def test_tokens_keep_the_steps_that_were_given():
    path = join_steps(("1=1", "22", "3"))
    tokens, steps = encode_path(path, TOKENIZER)
    assert TOKENIZER.decode(tokens) == path.text
    assert steps == [0, 0, 0, 0, 1, 1, 1, 2]


def test_a_special_token_in_a_text_belongs_to_its_step():
    tokens, steps = encode_path(join_steps(("1<eos>1", "2")), TOKENIZER)
    assert tokens == [3, 1, 3, 15, 4]
    assert steps == [0, 0, 0, 0, 1]


def force(*paths, model=tiny.MODEL, max_steps=4):
    texts = StepTexts(tuple(tuple(map(join_steps, row)) for row in paths))
    return force_texts(
        PARAMS, PROMPTS, texts,
        model=model, tokenizer=TOKENIZER, max_steps=max_steps, dtype=jnp.float32,
    )  # fmt: skip


def test_forced_paths_look_like_sampled_ones(check_record):
    rollouts, steps = force([("1=1", "2"), ()], [("3",), ("4", "5", "6=6")], max_steps=2)
    check_record(rollouts)
    check_record(steps)
    assert rollouts.length.tolist() == [[5, 0], [1, 7]]
    assert steps.count.tolist() == [[2, 0], [1, 2]]
    assert steps.step_id[1, 1, :8].tolist() == [0, 0, 1, 1, 1, 1, 1, -1]
    assert not np.asarray(rollouts.logprob)[np.asarray(steps.step_id) < 0].any()
    assert TOKENIZER.decode(rollouts.tokens[1, 1, :7].tolist()) == "4\n5\n6=6"
    # by hand: the log-probability of the third character of the first path
    logits = tiny.next_logits(PARAMS, [5, 6, 7, *TOKENIZER.encode("1=")])
    expected = logits[TOKENIZER.encode("1")[0]] - jnp.log(jnp.exp(logits).sum())
    np.testing.assert_allclose(rollouts.logprob[0, 0, 2], expected, atol=1e-5)


def test_a_path_too_long_for_the_model_has_no_steps():
    model = dataclasses.replace(tiny.MODEL, max_length=9)
    rollouts, steps = force([("1=1",), ("123456",)], [("1",), ("12345",)], model=model)
    assert rollouts.length.tolist() == [[3, 0], [1, 5]]
    assert steps.count.tolist() == [[1, 0], [1, 1]]
    assert not np.asarray(rollouts.logprob)[0, 1].any()


def test_given_solutions_are_scored_by_rules_group_and_model():
    tokenizer = word_tokenizer(string.printable[:95] + "\n")
    model = dataclasses.replace(tiny.MODEL, vocab_size=tokenizer.vocab_size, max_length=512)
    params = decoder.init_params(model, jax.random.key(0))
    scorer = TextScorer(model, params, tokenizer, prompts.DEFAULT)
    right, wrong = ("3 * 4 = 12.", "12 + 1 = 13.", "#### 13"), ("3 * 4 = 12.", "12 + 1 = 15.", "#### 15")
    scores = scorer.score("Is 3 * 4 + 1 odd?", [right, wrong, right, ("x" * 600,)], BUILT)
    assert [len(path) for path in scores] == [3, 3, 3, 0]
    assert all(0 < score < 1 for path in scores for score in path)
    assert scores[1][1] < scores[0][1] == scores[2][1]
