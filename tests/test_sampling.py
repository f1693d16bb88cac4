import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
import tiny
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.sampling import (
    SamplingConfig,
    _packings,
    _sample,
    _stages,
    compilations,
    draw,
    next_token,
    sample_groups,
    truncate,
)
from sept_jax.update import path_logprobs

CONFIG = SamplingConfig(group_size=3, max_new_tokens=8, eos_ids=(1,))


def sample(config=CONFIG, seed=0, prompts=None, dtype=jnp.float32):
    prompts = tiny.prompts() if prompts is None else prompts
    return sample_groups(
        tiny.params(), prompts, jax.random.key(seed), model=tiny.MODEL, config=config, dtype=dtype
    )


def fits(counts, probabilities):
    """Whether the counts may have been drawn so: Pearson's test at 1e-4, and nothing of probability 0."""
    kept = probabilities > 0
    assert counts[~kept].sum() == 0
    return scipy.stats.chisquare(counts[kept], probabilities[kept] * counts.sum()).pvalue > 1e-4


def test_shapes(check_record):
    rollouts = sample()
    check_record(rollouts)
    assert rollouts.tokens.shape == (4, 3, 8)


def test_greedy_is_the_argmax_of_the_full_forward_pass():
    prompts, params = tiny.prompts(), tiny.params()
    rollouts = sample(dataclasses.replace(CONFIG, group_size=1, temperature=0.0))
    for b in range(4):
        sequence = list(prompts.tokens[b, : prompts.length[b]])
        for t in range(int(rollouts.length[b, 0])):
            logits = tiny.next_logits(params, sequence)
            assert int(rollouts.tokens[b, 0, t]) == int(jnp.argmax(logits))
            sequence.append(int(rollouts.tokens[b, 0, t]))


@pytest.mark.parametrize(("dtype", "tolerance"), [(jnp.float32, 1e-4), (jnp.bfloat16, 0.15)])
def test_logprobs_and_entropies_equal_a_teacher_forced_pass(dtype, tolerance):
    rollouts = sample(dtype=dtype)
    logprob, entropy = path_logprobs(tiny.params(), tiny.MODEL, tiny.prompts(), rollouts, dtype)
    np.testing.assert_allclose(rollouts.logprob, logprob, atol=tolerance)
    np.testing.assert_allclose(rollouts.entropy, entropy, atol=tolerance)
    np.testing.assert_array_equal(rollouts.logprob, rollouts.sample_logprob)
    beyond = np.arange(8) >= np.asarray(rollouts.length)[..., None]
    assert beyond.any()
    assert np.abs(np.asarray(rollouts.logprob))[beyond].max() == 0.0


def test_same_key_same_tokens_and_other_key_others():
    np.testing.assert_array_equal(sample(seed=3).tokens, sample(seed=3).tokens)
    assert (np.asarray(sample(seed=3).tokens) != np.asarray(sample(seed=4).tokens)).any()


def test_a_path_does_not_depend_on_the_other_problems_or_on_padding():
    prompts = tiny.prompts()
    alone = jax.tree.map(lambda x: x[:1], prompts)
    wide = prompts.replace(tokens=jnp.pad(prompts.tokens, [(0, 0), (0, 5)]))
    whole = sample()
    np.testing.assert_array_equal(whole.tokens[:1], sample(prompts=alone).tokens)
    np.testing.assert_array_equal(whole.tokens, sample(prompts=wide).tokens)


def test_chunks_draw_what_the_batch_does():
    prompts = tiny.prompts()
    whole = sample(prompts=prompts)
    halves = [
        sample_groups(
            tiny.params(), jax.tree.map(lambda x, at=at: x[at : at + 2], prompts), jax.random.key(0), at,
            model=tiny.MODEL, config=CONFIG, dtype=jnp.float32,
        )
        for at in (0, 2)
    ]  # fmt: skip
    for chunk, rows in zip(halves, (slice(0, 2), slice(2, 4)), strict=True):
        np.testing.assert_array_equal(chunk.tokens, whole.tokens[rows])
        np.testing.assert_allclose(chunk.logprob, whole.logprob[rows], atol=1e-5)
    assert (halves[0].tokens != halves[1].tokens).any()


def test_paths_that_have_ended_leave_the_batch_and_change_nothing():
    long = dataclasses.replace(CONFIG, max_new_tokens=24)
    whole = sample(long)
    ended = np.sort(np.asarray(whole.length).ravel())
    assert ended[len(ended) // 2] < 16 < ended[-1]  # half of the rows leave long before the last does
    packed = sample(dataclasses.replace(long, compactions=6))
    np.testing.assert_array_equal(packed.tokens, whole.tokens)
    np.testing.assert_array_equal(packed.length, whole.length)
    np.testing.assert_array_equal(packed.finished, whole.finished)
    for name in ("logprob", "sample_logprob", "entropy"):
        np.testing.assert_allclose(getattr(packed, name), getattr(whole, name), atol=1e-4)


@pytest.mark.parametrize("compactions", [0, 6])
def test_caches_that_grow_change_nothing(compactions):
    long = dataclasses.replace(CONFIG, max_new_tokens=24)
    whole, grown = sample(long), sample(dataclasses.replace(long, growths=3, compactions=compactions))
    assert whole.length.max() == 24
    for name in ("tokens", "length", "finished"):
        np.testing.assert_array_equal(getattr(grown, name), getattr(whole, name))
    for name in ("logprob", "sample_logprob", "entropy"):
        np.testing.assert_allclose(getattr(grown, name), getattr(whole, name), atol=1e-4)


def test_caches_grow_before_rows_are_packed():
    config = SamplingConfig(8, 20, compactions=1, growths=2)
    assert _stages(4, 8, config) == [(5, 4, 4), (10, 4, 4), (20, 4, 4), (20, 0, 1)]
    assert _stages(1, 1, SamplingConfig(1, 1, growths=3)) == [(1, 0, 1)]


def test_the_rows_are_halved_prompts_last():
    assert _packings(4, 8, 4) == [(4, 4), (4, 2), (4, 1), (2, 1)]
    assert _packings(1, 3, 9) == [(1, 2), (1, 1)]
    assert _packings(4, 8, 0) == []


def test_a_path_ends_at_eos_and_is_padded():
    rollouts = sample()
    tokens, length = np.asarray(rollouts.tokens), np.asarray(rollouts.length)
    for row, size, finished in zip(
        tokens.reshape(-1, 8), length.reshape(-1), np.asarray(rollouts.finished).reshape(-1), strict=True
    ):
        ends = np.flatnonzero(row == 1)
        assert finished == (ends.size > 0)
        assert size == (ends[0] + 1 if ends.size else 8)
        assert (row[size:] == 0).all()
    assert 0 < np.asarray(rollouts.finished).mean() < 1


def test_a_stop_sequence_ends_a_path_and_stays_in_it():
    free = sample(dataclasses.replace(CONFIG, eos_ids=()))
    stop = tuple(int(t) for t in free.tokens[2, 1, 3:5])
    stopped = sample(dataclasses.replace(CONFIG, eos_ids=(), stop=(stop,)))
    for b in range(4):
        for g in range(3):
            row = [int(t) for t in free.tokens[b, g]]
            ends = [t for t in range(1, 8) if tuple(row[t - 1 : t + 1]) == stop]
            size = ends[0] + 1 if ends else 8
            assert int(stopped.length[b, g]) == size
            assert [int(t) for t in stopped.tokens[b, g]] == row[:size] + [0] * (8 - size)
            assert bool(stopped.finished[b, g]) == bool(ends)


@pytest.mark.parametrize(
    ("temperature", "top_k", "top_p"),
    [(1.0, 0, 1.0), (0.7, 0, 1.0), (1.3, 5, 1.0), (1.0, 0, 0.8), (0.9, 9, 0.7)],
)
def test_drawn_frequencies_match_the_softmax(temperature, top_k, top_p):
    logits = 2 * np.random.default_rng(0).normal(size=300).astype(np.float32)
    config = SamplingConfig(1, 1, temperature=temperature, top_k=top_k, top_p=top_p)
    count = 40_000
    uniform = jax.random.uniform(jax.random.key(1), (count,))
    rows = jnp.broadcast_to(jnp.asarray(logits), (count, 300))
    drawn = jax.jit(lambda x, u, t: next_token(x, u, t, config))(
        rows, uniform, jnp.float32(config.temperature)
    )
    token, logprob, sample_logprob, entropy = drawn
    exact = np.exp(logits.astype(np.float64) / temperature)
    exact /= exact.sum()
    order = np.argsort(-exact)
    if top_k:
        exact[order[top_k:]] = 0
        exact /= exact.sum()
    if top_p < 1:
        keep = int(np.searchsorted(np.cumsum(exact[order]), top_p)) + 1
        exact[order[keep:]] = 0
        exact /= exact.sum()
    assert fits(np.bincount(token, minlength=300), exact)
    sharper = exact**1.5 / (exact**1.5).sum()
    assert not fits(np.bincount(token, minlength=300), sharper)
    np.testing.assert_allclose(sample_logprob, np.log(exact[np.asarray(token)]), atol=1e-4)
    plain = np.exp(logits.astype(np.float64))
    plain /= plain.sum()
    np.testing.assert_allclose(logprob, np.log(plain[np.asarray(token)]), atol=1e-4)
    np.testing.assert_allclose(entropy[0], -(plain * np.log(plain)).sum(), rtol=1e-4)


def test_frequencies_of_the_sampler_itself_match_the_softmax():
    prompts = jax.tree.map(lambda x: x[:1], tiny.prompts())
    rollouts = sample(SamplingConfig(group_size=4000, max_new_tokens=1), prompts=prompts)
    logits = tiny.next_logits(tiny.params(), prompts.tokens[0, : prompts.length[0]])
    counts = np.bincount(np.asarray(rollouts.tokens).ravel(), minlength=19)
    probabilities = np.asarray(jax.nn.softmax(logits), np.float64)
    assert fits(counts, probabilities / probabilities.sum())


@settings(deadline=None, max_examples=60)
@given(
    st.lists(st.sampled_from([0.0, 1e-9, 0.25, 0.5, 1.0, 3.0]), min_size=1, max_size=300),
    st.floats(0, 1, exclude_max=True, width=32),
)
def test_draw_never_returns_an_index_of_weight_zero(weights, uniform):
    weights = np.asarray(weights, np.float32)
    if weights.sum() > 0:
        assert weights[int(draw(jnp.asarray(weights), jnp.float32(uniform)))] > 0


def test_draw_inverts_the_cumulative_sum():
    weights = np.zeros(300, np.float32)
    weights[[3, 130, 299]] = [1, 2, 1]
    uniform = jnp.asarray([0.0, 0.2, 0.25, 0.7, 0.76, 0.99])
    drawn = draw(jnp.broadcast_to(jnp.asarray(weights), (6, 300)), uniform)
    assert drawn.tolist() == [3, 3, 130, 130, 299, 299]


def test_truncate_by_hand():
    p = jnp.asarray([0.1, 0.4, 0.05, 0.3, 0.15])
    np.testing.assert_array_equal(truncate(p, 2, 1.0) > 0, [0, 1, 0, 1, 0])
    np.testing.assert_array_equal(truncate(p, 0, 0.7) > 0, [0, 1, 0, 1, 0])
    np.testing.assert_array_equal(truncate(p, 0, 0.71) > 0, [0, 1, 0, 1, 1])
    np.testing.assert_array_equal(truncate(p, 3, 0.4) > 0, [0, 1, 0, 0, 0])
    np.testing.assert_array_equal(truncate(p, 99, 1.0), p)


def test_a_temperature_of_one_draws_the_same_however_it_is_given():
    logits = jax.random.normal(jax.random.key(1), (64, 300))
    uniform = jax.random.uniform(jax.random.key(2), (64,))
    for one, other in zip(
        next_token(logits, uniform, 1.0, CONFIG),
        next_token(logits, uniform, jnp.ones(()), CONFIG),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, atol=1e-5)


def test_other_temperatures_share_one_program():
    _sample.clear_cache()
    for temperature in (0.5, 0.7, 1.0, 0.0):
        sample(dataclasses.replace(CONFIG, temperature=temperature))
    assert compilations() == 3
