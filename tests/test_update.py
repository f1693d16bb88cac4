import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import tiny

from sept_jax.models import decoder
from sept_jax.models.config import PROJECTIONS
from sept_jax.records import Rollouts, Steps, TrainState, UpdateBatch
from sept_jax.update import (
    UpdateConfig,
    apply_gradient,
    bucket_length,
    clip_by_global_norm,
    loss,
    make_optimizer,
    micro_batches,
    path_logprobs,
    update,
)

CONFIG = UpdateConfig(contrastive_weight=0.3, kl_weight=0.2, logit_chunk=2, remat=False)
OPTIMIZER = make_optimizer(1e-2, warmup_steps=1, weight_decay=0.1, clip_norm=1.0, b2=0.99)


def make_batch(problems=8, paths=3, width=6, seed=0, params=None):
    """Paths of random tokens, some short, log-probabilities near the policy's, random credit."""
    rng = np.random.default_rng(seed)
    params = tiny.params() if params is None else params
    length = rng.integers(2, width + 1, (problems, paths)).astype(np.int32)
    inside = np.arange(width) < length[..., None]
    tokens = np.where(inside, rng.integers(2, 19, (problems, paths, width)), 0).astype(np.int32)
    prompts = tiny.prompts(tuple(rng.integers(2, 7, problems)), seed=seed)
    zeros = np.zeros(tokens.shape, np.float32)
    rollouts = Rollouts(*map(jnp.asarray, (tokens, length, zeros, zeros, zeros, length > 0)))
    exact, _ = jax.jit(lambda p, r: path_logprobs(params, tiny.MODEL, p, r, jnp.float32))(prompts, rollouts)
    near = exact + np.where(inside, rng.normal(0, 0.1, tokens.shape), 0).astype(np.float32)
    return UpdateBatch(
        prompts=prompts,
        rollouts=rollouts.replace(logprob=near),
        steps=Steps(
            jnp.asarray(np.where(inside, np.arange(width) // 2, -1), jnp.int32),
            jnp.asarray((length + 1) // 2),
        ),
        quality=jnp.asarray(rng.uniform(size=(problems, paths)), jnp.float32),
        advantage=jnp.asarray(np.where(inside, rng.normal(size=tokens.shape), 0), jnp.float32),
        reference_logprob=near + 0.05,
    )


def make_state(params=None):
    params = tiny.params() if params is None else params
    return TrainState(params, {}, OPTIMIZER.init(params), jnp.zeros((), jnp.int32), jax.random.key(0))


def run(batch, config=CONFIG, state=None, pieces=1, length_parts=1):
    return update(
        make_state() if state is None else state,
        micro_batches(jax.device_get(batch), pieces, length_parts),
        optimizer=OPTIMIZER, model=tiny.MODEL, config=config, dtype=jnp.float32,
    )  # fmt: skip


def assert_trees_close(a, b, **tolerance):
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **tolerance), a, b)


def test_records(check_record):
    batch = make_batch()
    check_record(batch.rollouts)
    check_record(batch.steps)


def test_accumulation_of_eight_equals_one_batch():
    batch = make_batch()
    one, one_metrics = run(batch)
    eight, eight_metrics = run(batch, pieces=8, length_parts=2)
    assert_trees_close(one_metrics, eight_metrics, rtol=1e-4, atol=1e-6)
    moved = jax.tree.map(lambda new, old: float(jnp.abs(new - old).max()), one.trainable, tiny.params())
    assert min(jax.tree.leaves(moved)) > 1e-4
    # Adam's first step is near a sign: compare its first moment, which is the gradient
    assert_trees_close(optax.tree.get(one.opt_state, "mu"), optax.tree.get(eight.opt_state, "mu"), atol=1e-6)


@pytest.mark.parametrize(("remat", "chunk"), [(True, 2), (False, 99)])
def test_remat_and_chunks_change_nothing(remat, chunk):
    plain, other = (
        run(make_batch(), config)[0]
        for config in (CONFIG, dataclasses.replace(CONFIG, remat=remat, logit_chunk=chunk))
    )
    assert_trees_close(
        optax.tree.get(plain.opt_state, "mu"), optax.tree.get(other.opt_state, "mu"), atol=1e-6
    )


def test_gradient_equals_finite_differences():
    params = tiny.params(scale=1.0)
    batch = make_batch(problems=3, params=params)
    smooth = dataclasses.replace(CONFIG, clip_low=0.999, clip_high=99.0)  # a clip is a kink
    totals = {"tokens": jnp.float32(30), "groups": jnp.float32(3)}

    @jax.jit
    def value(params):
        return loss(params, batch, totals, tiny.MODEL, smooth, jnp.float32)[0]

    gradient = jax.jit(jax.grad(value))(params)
    for seed in range(6):
        keys = jax.random.split(jax.random.key(seed), len(jax.tree.leaves(params)))
        keys = jax.tree.unflatten(jax.tree.structure(params), list(keys))
        direction = jax.tree.map(lambda p, k: jax.random.normal(k, p.shape), params, keys)
        up, down = (
            value(jax.tree.map(lambda p, d, h=h: p + h * d, params, direction)) for h in (1e-4, -1e-4)
        )
        slope = sum(jax.tree.leaves(jax.tree.map(lambda g, d: jnp.sum(g * d), gradient, direction)))
        assert float(slope) == pytest.approx(float(up - down) / 2e-4, rel=0.02, abs=0.05)


def test_first_loss_on_policy_by_hand():
    """With the rollouts' own log-probabilities the ratio is 1: the loss is minus the mean advantage."""
    batch = make_batch()
    logprob, _ = path_logprobs(tiny.params(), tiny.MODEL, batch.prompts, batch.rollouts, jnp.float32)
    batch = batch.replace(rollouts=batch.rollouts.replace(logprob=logprob))
    _, metrics = run(batch, UpdateConfig(remat=False))
    tokens = int(batch.rollouts.length.sum())
    assert float(metrics["loss"]) == pytest.approx(-float(batch.advantage.sum()) / tokens, abs=1e-5)
    assert float(metrics["sampler_gap_nats"]) < 1e-5
    assert abs(float(metrics["sampler_kl_nats"])) < 1e-6


def test_gap_and_kl_to_the_sampler_by_hand():
    """The sampler gave every token 0.5 nats less: the gap is 0.5, and of each e^0.5 - 1 - 0.5 is counted."""
    batch = make_batch()
    logprob, _ = path_logprobs(tiny.params(), tiny.MODEL, batch.prompts, batch.rollouts, jnp.float32)
    batch = batch.replace(rollouts=batch.rollouts.replace(logprob=logprob - 0.5))
    _, metrics = run(batch, UpdateConfig(remat=False))
    assert float(metrics["sampler_gap_nats"]) == pytest.approx(0.5, abs=1e-5)
    assert float(metrics["sampler_kl_nats"]) == pytest.approx(np.exp(0.5) - 1.5, abs=1e-5)


def test_likelihood_is_the_mean_negative_log_probability():
    batch = make_batch()
    logprob, _ = path_logprobs(tiny.params(), tiny.MODEL, batch.prompts, batch.rollouts, jnp.float32)
    _, metrics = run(batch, UpdateConfig(objective="likelihood", remat=False))
    expected = -float(logprob.sum()) / int(batch.rollouts.length.sum())
    assert float(metrics["loss"]) == pytest.approx(expected, rel=1e-5)


def test_what_lies_past_the_end_does_not_matter():
    batch = make_batch()
    past = np.asarray(batch.steps.step_id) < 0
    assert past.any()
    dirty = batch.replace(
        advantage=jnp.where(past, 7.0, batch.advantage),
        rollouts=batch.rollouts.replace(tokens=jnp.where(past, 5, batch.rollouts.tokens)),
    )
    clean, dirty = run(batch)[0], run(dirty)[0]
    assert_trees_close(clean.trainable, dirty.trainable, atol=0)


def test_no_credit_changes_nothing_but_weight_decay():
    batch = make_batch()
    batch = batch.replace(advantage=jnp.zeros_like(batch.advantage))
    _, metrics = run(batch, UpdateConfig(remat=False))
    assert float(metrics["grad_norm"]) == 0.0


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_not_finite_is_skipped_and_counted(bad):
    batch = make_batch()
    state, metrics = run(batch.replace(advantage=batch.advantage.at[0, 0, 0].set(bad)))
    assert float(metrics["skipped"]) == 1.0
    assert int(state.step) == 1
    assert_trees_close(state.trainable, tiny.params(), atol=0)
    assert_trees_close(state.opt_state, OPTIMIZER.init(tiny.params()), atol=0)


def test_gradients_are_applied_in_place():
    """With parameters, moments and gradient in memory nothing of their size is added."""
    params = {"w": jnp.zeros((512, 512))}
    state = TrainState(params, {}, OPTIMIZER.init(params), jnp.zeros((), jnp.int32), jax.random.key(0))
    parts = [{"loss": jnp.zeros(())}]
    memory = apply_gradient.lower(state, params, parts, optimizer=OPTIMIZER).compile().memory_analysis()
    assert memory.temp_size_in_bytes < 1 << 16
    assert memory.alias_size_in_bytes >= 3 * params["w"].nbytes


@pytest.mark.parametrize("limit", [0.5, 1e3])
def test_clipped_as_by_optax(limit):
    gradient = jax.tree.map(lambda p: 0.3 * p, tiny.params())
    expected, _ = optax.clip_by_global_norm(limit).update(gradient, optax.EmptyState())
    found, state = clip_by_global_norm(limit).update(gradient, optax.EmptyState())
    assert state == optax.EmptyState()
    assert_trees_close(found, expected, rtol=1e-6)


def test_step_size_scales_the_update():
    half = make_state()
    half = half.replace(opt_state=optax.tree.set(half.opt_state, step_size=jnp.float32(0.5)))
    full, half = run(make_batch())[0], run(make_batch(), state=half)[0]
    start = tiny.params()
    assert_trees_close(
        jax.tree.map(lambda n, o: (n - o) / 2, full.trainable, start),
        jax.tree.map(jnp.subtract, half.trainable, start),
        atol=1e-6,
    )


def test_only_matrices_are_decayed():
    optimizer = make_optimizer(1.0, warmup_steps=1, weight_decay=0.1, clip_norm=1.0, b2=0.99)
    params = tiny.params()
    updates, _ = optimizer.update(jax.tree.map(jnp.zeros_like, params), optimizer.init(params), params)
    assert float(jnp.abs(updates["final_norm"]).max()) == 0.0
    assert float(jnp.abs(updates["layers"]["query_bias"]).max()) == 0.0
    np.testing.assert_allclose(updates["layers"]["query"], -0.1 * params["layers"]["query"], rtol=1e-6)


def test_muon_moves_the_layers_matrices_alike_in_every_direction():
    settings = {"learning_rate": 0.1, "warmup_steps": 1, "weight_decay": 0.0, "clip_norm": 1e9, "b2": 0.99}
    params = tiny.params()

    def steep(path, p):  # singular values far apart
        return jax.random.normal(jax.random.key(len(str(path))), p.shape) * jnp.logspace(0, -2, p.shape[-1])

    gradient = jax.tree_util.tree_map_with_path(steep, params)

    def step(**kind):
        optimizer = make_optimizer(**settings, **kind)
        return optimizer.update(gradient, optimizer.init(params), params)[0]

    muon, adam = step(muon=True), step()
    for name in PROJECTIONS:
        spread = jnp.linalg.svd(muon["layers"][name], compute_uv=False)
        assert float((spread.max(-1) / spread.min(-1)).max()) < 5.0
        before = jnp.linalg.svd(gradient["layers"][name], compute_uv=False)
        assert float((before.max(-1) / before.min(-1)).min()) > 30.0
        rms = float(jnp.sqrt(jnp.mean(muon["layers"][name] ** 2)))
        assert 0.6 < rms / (0.2 * 0.1) < 1.3
    for name in ("embed", "final_norm"):
        np.testing.assert_allclose(muon[name], adam[name], rtol=0.5)  # Adam with Nesterov's momentum


def test_learning_rate_warms_up_linearly():
    optimizer = make_optimizer(0.4, warmup_steps=4, weight_decay=0.0, clip_norm=1e9, b2=0.99)
    params = {"w": jnp.ones(())}
    state, steps = optimizer.init(params), []
    for _ in range(6):
        updates, state = optimizer.update({"w": jnp.ones(())}, state, params)
        steps.append(-float(updates["w"]))
    np.testing.assert_allclose(steps, [0.1, 0.2, 0.3, 0.4, 0.4, 0.4], rtol=1e-4)


def largest_array(jaxpr):
    sizes = [0]
    for equation in jaxpr.eqns:
        sizes += [int(np.prod(v.aval.shape)) for v in equation.outvars]
        for inner in jax.core.jaxprs_in_params(equation.params):
            sizes.append(largest_array(inner))
    return max(sizes)


def test_no_array_of_all_logits_is_ever_made():
    model = dataclasses.replace(tiny.MODEL, vocab_size=5000)
    params = decoder.abstract_params(model)
    batch, totals = make_batch(), {"tokens": jnp.float32(30), "groups": jnp.float32(3)}
    trace = jax.make_jaxpr(jax.grad(lambda p: loss(p, batch, totals, model, CONFIG, jnp.float32)[0]))(params)
    all_logits = batch.rollouts.tokens.size * 5000
    assert batch.rollouts.tokens[..., :2].size * 5000 <= largest_array(trace.jaxpr) < all_logits


def test_micro_batches_are_sorted_by_length_and_cut():
    batch = jax.device_get(make_batch(width=12))
    length = np.minimum(batch.rollouts.length, np.array([2, 12, 4, 7, 12, 3, 8, 1])[:, None])
    batch = batch.replace(rollouts=batch.rollouts.replace(length=length))
    order = np.argsort(length.max(1), kind="stable")
    pieces = micro_batches(batch, 4, 3)
    assert [piece.rollouts.tokens.shape for piece in pieces] == [
        (2, 3, bucket_length(int(length[order[i : i + 2]].max()), 12, 3)) for i in (0, 2, 4, 6)
    ]
    for number, piece in enumerate(pieces):
        rows, width = order[2 * number : 2 * number + 2], piece.advantage.shape[2]
        np.testing.assert_array_equal(piece.advantage, batch.advantage[rows, :, :width])
        np.testing.assert_array_equal(piece.prompts.tokens, batch.prompts.tokens[rows])
        np.testing.assert_array_equal(piece.quality, batch.quality[rows])


@pytest.mark.parametrize(("parts", "width"), [(1, 12), (2, 12), (3, 8), (12, 7), (5, 8)])
def test_bucket_length(parts, width):
    assert bucket_length(7, 12, parts) == width
