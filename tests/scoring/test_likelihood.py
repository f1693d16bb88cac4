import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
import tiny

from sept_jax.models.decoder import logits
from sept_jax.records import Prompts
from sept_jax.scoring.likelihood import choice_logits, continuation_logprobs

B, G, T, K, A = 4, 3, 9, 5, 4
PARAMS = tiny.params()


@pytest.fixture(scope="module")
def batch():
    """Prompts of 2 to 5 tokens, random paths, cuts from 0 to the whole path, branches of 2 to 4 tokens."""
    rng = np.random.default_rng(3)
    prompts = tiny.prompts((5, 3, 4, 2))
    tokens = rng.integers(2, 19, (B, G, T)).astype(np.int32)
    cut = np.sort(rng.integers(0, T + 1, (B, G, K)), axis=-1).astype(np.int32)
    cut[..., 0], cut[0, 0, -1] = 0, T
    branches = rng.integers(2, 19, (B, G, A)).astype(np.int32)
    size = rng.integers(2, A + 1, (B, G, 1))
    scored = (np.arange(A) >= 1) & (np.arange(A) < size)
    return prompts, tokens, cut, branches, scored


def naive(prompts, tokens, cut, branches):
    """Log-probabilities of every branch token, and logits after the last, one row a prefix."""
    rows = np.zeros((B * G * K, 24), np.int32)
    starts = []
    for row, (b, g, k) in enumerate(np.ndindex(B, G, K)):
        sequence = [
            *np.asarray(prompts.tokens)[b, : int(prompts.length[b])],
            *tokens[b, g, : cut[b, g, k]],
        ]
        starts.append(len(sequence))
        sequence += branches[b, g].tolist()
        rows[row, : len(sequence)] = sequence
    made = np.asarray(logits(PARAMS, jnp.asarray(rows), tiny.MODEL), np.float64)
    logprobs = made - np.log(np.exp(made).sum(-1, keepdims=True))
    said = [[logprobs[r, s + i - 1, rows[r, s + i]] for i in range(A)] for r, s in enumerate(starts)]
    after = [made[r, s + A - 1] for r, s in enumerate(starts)]
    return np.reshape(said, (B, G, K, A)), np.reshape(after, (B, G, K, -1))


def score(batch, **options):
    prompts, tokens, cut, branches, scored = batch
    return np.asarray(
        continuation_logprobs(
            PARAMS, prompts, tokens, cut, branches, scored, model=tiny.MODEL, dtype=jnp.float32, **options
        )
    )


def test_equals_one_row_a_prefix(batch):
    said, _ = naive(*batch[:4])
    expected = (said * batch[4][:, :, None]).sum(-1)
    assert np.abs(expected).min() > 0.1
    np.testing.assert_allclose(score(batch), expected, rtol=1e-5, atol=1e-5)


def test_choices_equal_one_row_a_prefix(batch):
    prompts, tokens, cut, branches, _ = batch
    one_branch = np.broadcast_to(branches[0, 0], branches.shape)
    _, after = naive(prompts, tokens, cut, one_branch)
    made = choice_logits(
        PARAMS, prompts, tokens, cut, branches[0, 0], np.array([7, 3], np.int32),
        model=tiny.MODEL, dtype=jnp.float32,
    )  # fmt: skip
    np.testing.assert_allclose(made, after[..., [7, 3]], rtol=1e-4, atol=1e-4)


def test_padding_and_pieces_do_not_matter(batch):
    prompts, tokens, cut, branches, scored = batch
    wider = Prompts(jnp.pad(prompts.tokens, ((0, 0), (0, 3)), constant_values=7), prompts.length)
    junk = np.where(np.arange(T) < cut.max(-1, keepdims=True), tokens, 5)
    more = ((0, 0), (0, 0), (0, 2))
    padded = (
        wider,
        np.pad(junk, more, constant_values=11),
        cut,
        np.pad(np.where(scored | (np.arange(A) == 0), branches, 13), more, constant_values=3),
        np.pad(scored, more),
    )
    np.testing.assert_allclose(score(padded, micro_batches=2), score(batch), rtol=1e-5, atol=1e-5)


def test_a_tied_head_chooses_as_the_same_head_untied(batch):
    prompts, tokens, cut, branches, _ = batch
    model = dataclasses.replace(tiny.MODEL, tie_embeddings=True)
    tied = {name: leaf for name, leaf in PARAMS.items() if name != "head"}
    made = [
        choice_logits(
            params, prompts, tokens, cut, branches[0, 0], np.array([7, 3], np.int32),
            model=model, dtype=jnp.float32,
        )
        for params, model in ((tied, model), (tied | {"head": tied["embed"].T}, tiny.MODEL))
    ]  # fmt: skip
    np.testing.assert_allclose(made[0], made[1], rtol=1e-5, atol=1e-5)
