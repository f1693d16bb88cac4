"""Every jitted stage gives on eight devices what it gives on one."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import test_update
import tiny

from sept_jax import sharding
from sept_jax.models import decoder
from sept_jax.sampling import SamplingConfig, sample_groups
from sept_jax.update import micro_batches, update

AUTO = (jax.sharding.AxisType.Auto,) * 3


def on(mesh, batch):
    """Tokens of sampled paths, state and metrics after an update, and the sharded start, on a mesh."""
    axes = decoder.logical_axes(tiny.MODEL)
    placed = sharding.tree_shardings(axes, tiny.params(), mesh)
    with jax.set_mesh(mesh):
        params = jax.device_put(tiny.params(), placed)
        rollouts = sample_groups(
            params, sharding.place_batch(tiny.prompts((5, 3, 4, 2) * 2), mesh), jax.random.key(0),
            model=tiny.MODEL, config=SamplingConfig(4, 12, eos_ids=(1,), compactions=2), dtype=jnp.float32,
        )  # fmt: skip
        state = test_update.make_state(params)
        state, metrics = update(
            state, micro_batches(jax.device_get(batch), 2, 2),
            optimizer=test_update.OPTIMIZER, model=tiny.MODEL, config=test_update.CONFIG, dtype=jnp.float32,
        )  # fmt: skip
    return jax.device_get(rollouts), jax.device_get((state.trainable, state.opt_state, metrics)), params


@pytest.fixture(scope="module")
def one_device():
    mesh = jax.make_mesh((1, 1, 1), sharding.MESH_AXES, AUTO, devices=jax.devices()[:1])
    batch = test_update.make_batch()
    return batch, *on(mesh, batch)[:2]


@pytest.mark.parametrize("shape", [(8, 1, 1), (1, 4, 2), (2, 2, 2)])
def test_sampling_and_update_equal_one_device(one_device, shape):
    batch, rollouts, updated = one_device
    sampled, trained, _ = on(sharding.make_mesh(shape), batch)
    np.testing.assert_array_equal(sampled.tokens, rollouts.tokens)
    np.testing.assert_allclose(sampled.logprob, rollouts.logprob, atol=1e-5)
    gradients = [optax.tree.get(tree[1], "mu") for tree in (trained, updated)]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-6), *gradients)
    metrics = trained[2], updated[2]
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-5), *metrics)


def test_parameters_are_really_cut():
    params = on(sharding.make_mesh((2, 2, 2)), test_update.make_batch())[2]
    query = params["layers"]["query"]
    assert query.sharding.shard_shape(query.shape) == (2, 8, 8)
    assert params["embed"].sharding.shard_shape(params["embed"].shape) == (19, 8)
