import jax.numpy as jnp
import numpy as np

from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.records import Rollouts, Steps
from sept_jax.scoring.prefixes import blank_tokens, cut_paths, power_bucket, prefix_ends
from sept_jax.steps import split_steps

TOKENIZER = word_tokenizer("0123456789+= \n")


def sampled(*texts, width=16, max_steps=4):
    """One problem's paths as a sampler returns them, each with an end token."""
    tokens = np.zeros((1, len(texts), width), np.int32)
    length = np.zeros((1, len(texts)), np.int32)
    for g, text in enumerate(texts):
        ids = [*TOKENIZER.encode(text), TOKENIZER.eos_ids[0]]
        tokens[0, g, : len(ids)], length[0, g] = ids, len(ids)
    zeros = np.zeros(tokens.shape, np.float32)
    rollouts = Rollouts(*map(jnp.asarray, (tokens, length, zeros, zeros, zeros, length > 0)))
    return rollouts, split_steps(tokens, length, TOKENIZER.detokenize, max_steps)[0]


def test_blank_tokens_are_the_pad_the_end_the_space_and_the_line_end():
    blank = blank_tokens(TOKENIZER, 18)  # two more ids than the tokenizer has
    assert np.flatnonzero(blank).tolist() == [0, 1, 14, 15, 16, 17]


def test_prefixes_end_at_the_last_visible_token_of_each_step():
    rollouts, steps = sampled("1+1=2\n2+2 = 4\n", "7\n")
    ends = prefix_ends(np.asarray(rollouts.tokens), np.asarray(steps.step_id), blank_tokens(TOKENIZER, 16), 3)
    assert ends.tolist() == [[[0, 5, 13, 13], [0, 1, 1, 1]]]


def test_a_blank_step_ends_where_the_one_before_does():
    steps = Steps(jnp.asarray([[[0, 0, 1, -1]]]), jnp.asarray([[2]]))
    blank = np.array([False, True])
    ends = prefix_ends(np.array([[[0, 1, 1, 0]]]), np.asarray(steps.step_id), blank, 2)
    assert ends.tolist() == [[[0, 1, 1]]]


def test_paths_are_cut_to_a_quarter_and_steps_to_a_power_of_two():
    rollouts, steps = sampled("1=1\n2=2\n3=3", "7", width=40, max_steps=9)
    tokens, ends = cut_paths(rollouts, steps, TOKENIZER, 16, 9)
    assert tokens.shape == (1, 2, 20)  # 11 visible tokens need two quarters of 40
    np.testing.assert_array_equal(tokens, rollouts.tokens[:, :, :20])
    assert ends.tolist() == [[[0, 3, 7, 11, 11], [0, 1, 1, 1, 1]]]


def test_power_bucket():
    assert [power_bucket(n, 12) for n in (0, 1, 2, 3, 4, 5, 8, 9, 12)] == [1, 1, 2, 4, 4, 8, 8, 12, 12]
