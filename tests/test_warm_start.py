import numpy as np
import pytest
from ml_collections import ConfigDict

from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import ChainSource
from sept_jax.data.vocabulary import VOCABULARY
from sept_jax.errors import UserError
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.warm_start import batch_indices, worked_batch

PROMPT = {
    "system": "", "instruction": "{question}", "few_shot": (),
    "plain": "{question}\n{solution}", "buckets": (24,),
}  # fmt: skip
MISTAKES = Mistakes(digit=0.3)


@pytest.mark.parametrize("wrap", [dict, ConfigDict])
def test_worked_batch(wrap, check_record):
    source, tokenizer = ChainSource(8, 3), word_tokenizer(VOCABULARY)
    batch = worked_batch(source, range(2, 6), MISTAKES, tokenizer, wrap(PROMPT), 64)
    eos, pad = tokenizer.eos_ids[0], tokenizer.pad_id
    for row, index in enumerate(range(2, 6)):
        solution = tokenizer.encode(source.worked(index, MISTAKES))
        length = len(solution) + 1
        assert batch.rollouts.length[row, 0] == length
        tokens = batch.rollouts.tokens[row, 0]
        np.testing.assert_array_equal(tokens[:length], [*solution, eos])
        np.testing.assert_array_equal(tokens[length:], pad)
        np.testing.assert_array_equal(batch.steps.step_id[row, 0], np.where(np.arange(64) < length, 0, -1))
        asked = batch.prompts.tokens[row, : batch.prompts.length[row]]
        assert tokenizer.decode(asked.tolist()) == f"{source[index].question}\n"
    assert batch.rollouts.tokens.shape == (4, 1, 64)
    assert not batch.advantage.any()


def test_a_long_solution_is_cut_and_many_say_what_to_type():
    source, tokenizer = ChainSource(40, 3), word_tokenizer(VOCABULARY)
    lengths = [len(tokenizer.encode(source.worked(i, MISTAKES))) + 1 for i in range(40)]
    second, longest = sorted(lengths)[-2:]
    assert second < longest
    batch = worked_batch(source, range(40), MISTAKES, tokenizer, PROMPT, second)
    np.testing.assert_array_equal(batch.rollouts.length[:, 0], np.minimum(lengths, second))
    assert batch.rollouts.tokens[np.argmax(lengths), 0, -1] != tokenizer.eos_ids[0]
    middle = sorted(lengths)[20]
    with pytest.raises(UserError, match=rf"max_new_tokens is {middle}: .* type .*max_new_tokens={longest}$"):
        worked_batch(source, range(40), MISTAKES, tokenizer, PROMPT, middle)


def test_batches_hold_like_levels_and_every_problem_once():
    levels = np.asarray([2, 3, 4] * 40, np.float32)
    batches = [batch_indices(levels, 8, step) for step in range(15)]
    assert sorted(np.concatenate(batches)) == list(range(120))
    assert sorted(np.concatenate(batches[:8])) == list(range(64))
    assert sum(len(set(levels[batch])) for batch in batches[:8]) == 8 + 2  # two batches lie across a border
    assert levels[np.concatenate(batches[:8])].tolist() != sorted(levels[:64].tolist())
