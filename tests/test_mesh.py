"""Every jitted stage gives on eight devices what it gives on one, and a device holds its part alone."""

import dataclasses
import math

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import test_update
import tiny

from sept_jax import sharding
from sept_jax.models import decoder
from sept_jax.records import TrainState
from sept_jax.sampling import SamplingConfig, sample_groups
from sept_jax.update import make_optimizer, micro_batches, update

AUTO = (jax.sharding.AxisType.Auto,) * 3
MODEL = dataclasses.replace(tiny.MODEL, vocab_size=24, num_kv_heads=4)  # 8 and 4 divide every axis
OPTIMIZER = make_optimizer(1e-3, warmup_steps=1, weight_decay=0.1, clip_norm=1.0, b2=0.99)
MUON = make_optimizer(1e-3, warmup_steps=1, weight_decay=0.1, clip_norm=1.0, b2=0.99, muon=True)
MESHES = [(8, 1, 1), (1, 8, 1), (2, 2, 2), (1, 2, 4)]


def start():
    """Random parameters, larger than at a start, so that distributions are far from uniform."""
    made = decoder.init_params(MODEL, jax.random.key(0))
    return jax.tree.map(lambda p: p * 3.0 if p.ndim > 1 else p + 0.1, made)


def placed_start(mesh, optimizer=OPTIMIZER):
    """The state before the first update, on a mesh."""
    params = start()
    cut = sharding.tree_shardings(decoder.logical_axes(MODEL), params, mesh)
    params = jax.device_put(params, cut)
    opt_state = optimizer.init(params)
    like = sharding.like_parameters(opt_state, params, cut, mesh)
    return TrainState(
        params, {}, jax.device_put(opt_state, like), jnp.zeros((), jnp.int32), jax.random.key(0)
    )


def on(mesh, batch):
    """Sampled paths, and the state and metrics after an update, on a mesh."""
    with jax.set_mesh(mesh):
        state = placed_start(mesh)
        rollouts = sample_groups(
            state.trainable, sharding.place_batch(tiny.prompts((5, 3, 4, 2) * 2), mesh), jax.random.key(0),
            model=MODEL, config=SamplingConfig(4, 12, eos_ids=(1,), compactions=2, growths=2),
            dtype=jnp.float32,
        )  # fmt: skip
        state, metrics = update(
            state, micro_batches(jax.device_get(batch), 1, 2),
            optimizer=OPTIMIZER, model=MODEL, config=test_update.CONFIG, dtype=jnp.float32,
        )  # fmt: skip
    return jax.device_get(rollouts), jax.device_get((state.trainable, state.opt_state)), metrics


@pytest.fixture(scope="module")
def one_device():
    mesh = jax.make_mesh((1, 1, 1), sharding.MESH_AXES, AUTO, devices=jax.devices()[:1])
    batch = test_update.make_batch()
    return batch, *on(mesh, batch)


def assert_close(one, two, **tolerance):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, **tolerance), one, two)


@pytest.mark.parametrize("shape", MESHES)
def test_sampling_and_update_equal_one_device(one_device, shape):
    batch, rollouts, updated, metrics = one_device
    sampled, trained, told = on(sharding.make_mesh(shape), batch)
    np.testing.assert_array_equal(sampled.tokens, rollouts.tokens)
    np.testing.assert_allclose(sampled.logprob, rollouts.logprob, atol=5e-5)  # AVX2: 1.5e-5
    gradients = [optax.tree.get(tree[1], "mu") for tree in (trained, updated)]
    assert_close(*gradients, atol=1e-6)
    # where a gradient is as small as its rounding, the rounding decides which way Adam moves
    clear = jax.tree.map(lambda mean: np.abs(mean) > 1e-8, gradients[1])
    assert np.mean(np.concatenate(jax.tree.leaves(jax.tree.map(np.ravel, clear)))) > 0.95
    told_apart = [
        jax.tree.map(lambda p, at: np.where(at, p, 0.0), tree[0], clear) for tree in (trained, updated)
    ]
    assert_close(*told_apart, atol=1e-5)
    assert_close(jax.device_get(told), jax.device_get(metrics), rtol=1e-5, atol=1e-5)


def test_a_step_of_muon_equals_one_device():
    params = start()
    gradient = jax.tree.map(lambda p: jax.random.normal(jax.random.key(p.size), p.shape), params)
    expected, _ = jax.jit(MUON.update)(gradient, MUON.init(params), params)
    mesh = sharding.make_mesh((1, 2, 4))
    state = placed_start(mesh, MUON)
    placed = jax.device_put(gradient, jax.tree.map(lambda p: p.sharding, state.trainable))
    found, _ = jax.jit(MUON.update)(placed, state.opt_state, state.trainable)
    assert_close(jax.device_get(found), jax.device_get(expected), atol=1e-6)


@pytest.mark.parametrize("optimizer", [OPTIMIZER, MUON], ids=["adamw", "muon"])
@pytest.mark.parametrize("shape", MESHES)
def test_a_device_holds_its_part_of_parameters_and_optimizer(shape, optimizer):
    mesh = sharding.make_mesh(shape)
    state = placed_start(mesh, optimizer)
    cut = mesh.shape["fsdp"] * mesh.shape["tensor"]
    paths = jax.tree_util.tree_leaves_with_path((state.trainable, state.opt_state))
    for path, leaf in paths:
        part = math.prod(leaf.sharding.shard_shape(leaf.shape))
        is_vector = jax.tree_util.keystr(path).endswith(("norm']", "bias']", "ns_coeffs")) or leaf.ndim == 0
        if not is_vector:
            assert part * cut == leaf.size, path
        assert sum(shard.data.size for shard in leaf.addressable_shards) == 8 * part
