import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import tiny
from ml_collections import ConfigDict

from configs import quickstart
from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import ChainSource
from sept_jax.data.prompts import encode_prompts, render
from sept_jax.data.vocabulary import VOCABULARY
from sept_jax.errors import UserError
from sept_jax.experiment import build
from sept_jax.methods import complete
from sept_jax.models import decoder
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.update import path_logprobs
from sept_jax.warm_start import batch_indices, further_batch, warm_start, worked_batch

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
        solution = [*tokenizer.encode(source.worked(index, MISTAKES)), eos]
        length, tokens = batch.rollouts.length[row, 0], batch.rollouts.tokens[row, 0]
        given = length - len(solution)
        asked = [*batch.prompts.tokens[row], *tokens[:given]]
        assert tokenizer.decode([int(token) for token in asked]) == f"{source[index].question}\n"
        np.testing.assert_array_equal(tokens[given:length], solution)
        np.testing.assert_array_equal(tokens[length:], pad)
        at = np.arange(len(tokens))
        learned = (at >= given) & (at < length)
        np.testing.assert_array_equal(batch.steps.step_id[row, 0], np.where(learned, 0, -1))
    np.testing.assert_array_equal(batch.prompts.length, 1)
    assert batch.rollouts.tokens.shape == (4, 1, 23 + 64)
    assert not batch.advantage.any()


def test_a_long_solution_is_cut_and_many_say_what_to_type():
    source, tokenizer = ChainSource(40, 3), word_tokenizer(VOCABULARY)
    lengths = [len(tokenizer.encode(source.worked(i, MISTAKES))) + 1 for i in range(40)]
    second, longest = sorted(lengths)[-2:]
    assert second < longest
    batch = worked_batch(source, range(40), MISTAKES, tokenizer, PROMPT, second)
    learned = (batch.steps.step_id[:, 0] >= 0).sum(-1)
    np.testing.assert_array_equal(learned, np.minimum(lengths, second))
    last = batch.rollouts.length[np.argmax(lengths), 0] - 1
    assert batch.rollouts.tokens[np.argmax(lengths), 0, last] != tokenizer.eos_ids[0]
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


def test_a_forced_prompt_teaches_what_a_shared_one_does():
    """The loss is that of the solution after its whole prompt, computed the other way."""
    source, tokenizer = ChainSource(8, 3), word_tokenizer(VOCABULARY)
    batch = worked_batch(source, range(4), MISTAKES, tokenizer, PROMPT, 64)
    model = dataclasses.replace(tiny.MODEL, vocab_size=tokenizer.vocab_size)
    params = decoder.init_params(model, jax.random.key(0))
    logprob, _ = path_logprobs(
        params, model, *jax.tree.map(jnp.asarray, (batch.prompts, batch.rollouts)), jnp.float32
    )
    texts = [render(source[i], tokenizer, PROMPT) for i in range(4)]
    prompts = encode_prompts(texts, tokenizer, (24,))
    for row in range(4):
        learned = batch.steps.step_id[row, 0] >= 0
        tokens = batch.rollouts.tokens[row, 0][learned]
        asked = prompts.tokens[row, : prompts.length[row]]
        logits = decoder.logits(params, jnp.asarray([[*asked, *tokens]], jnp.int32), model)[0]
        expected = jax.nn.log_softmax(logits)[np.arange(len(tokens)) + len(asked) - 1, tokens]
        np.testing.assert_allclose(logprob[row, 0][learned], expected, atol=1e-4)


@pytest.mark.slow
def test_muon_needs_fewer_steps_than_adamw():
    def loss(muon):
        config = quickstart.get_config()
        config.method = "more_warm_start"  # it has solutions that the warm start does not see
        config = complete(config)
        config.warm_start.update(steps=40, batch=16, muon=muon, learning_rate=1e-2 if muon else 3e-3)
        config.memory.length_buckets = 1
        config.model.shape.update(width=64, mlp_width=128, num_layers=2)
        experiment = build(config)
        with jax.set_mesh(experiment.mesh):
            params = warm_start(experiment)
            unseen = jax.tree.map(jnp.asarray, further_batch(experiment, 0))
            logprob, _ = path_logprobs(
                params, experiment.model, unseen.prompts, unseen.rollouts, jnp.float32, logit_chunk=32
            )
        told = unseen.steps.step_id >= 0
        return -float(jnp.where(told, logprob, 0.0).sum() / told.sum())

    assert loss(muon=True) < loss(muon=False) - 0.1
