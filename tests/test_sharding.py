import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jax.sharding import AbstractMesh, NamedSharding, PartitionSpec

from sept_jax.errors import UserError
from sept_jax.records import Prompts
from sept_jax.sharding import (
    MESH_AXES,
    batch_total,
    constrain_batch,
    fetch_batch,
    gather_fsdp,
    gather_rows,
    like_parameters,
    make_mesh,
    own_rows,
    partition,
    place_batch,
    platform,
    tree_shardings,
)


@pytest.fixture(scope="module")
def mesh():
    return make_mesh((2, 2, 2))


def test_the_platform_is_that_of_the_mesh_in_use():
    assert platform() == jax.default_backend()
    here = make_mesh((8, 1, 1)).abstract_mesh
    chip = type(here.abstract_device)(device_kind="TPU v5 lite", num_cores=1, platform="tpu")
    elsewhere = AbstractMesh(here.axis_sizes, here.axis_names, abstract_device=chip)
    with jax.sharding.use_abstract_mesh(elsewhere):
        assert platform() == "tpu"


@pytest.mark.parametrize(
    ("shape", "sizes"),
    [((2, 2, 2), (2, 2, 2)), ((-1, 1, 1), (8, 1, 1)), ((2, -1, 2), (2, 2, 2)), ((1, 8, -1), (1, 8, 1))],
)
def test_make_mesh(shape, sizes):
    made = make_mesh(shape)
    assert made.axis_names == MESH_AXES == ("data", "fsdp", "tensor")
    assert tuple(made.shape.values()) == sizes
    assert set(made.axis_types) == {jax.sharding.AxisType.Auto}


@pytest.mark.parametrize(
    "shape", [(1, 1, 1), (3, 1, 1), (-1, 3, 1), (-1, -1, 1), (0, 1, 8), (-1, 0, 1), (-1, -2, -4), (8, 1)]
)
def test_a_mesh_of_another_size_says_what_to_type(shape):
    with pytest.raises(UserError) as error:
        make_mesh(shape)
    assert str(error.value) == (
        f"config.mesh is {shape}: its product must be the number of devices, 8; "
        "type --config.mesh='(-1, 1, 1)' to spread the batch over all of them"
    )


@pytest.mark.parametrize(
    ("axes", "shape", "spec"),
    [
        (("embed", "mlp"), (4, 6), ("fsdp", "tensor")),
        (("embed", "mlp"), (5, 6), (None, "tensor")),  # 2 does not divide 5
        (("embed", "kv_heads", None), (4, 3, 2), ("fsdp", None, None)),
        (("layers", "norm"), (2, 2), (None, None)),
        (("batch", None), (8, 3), (("data", "fsdp"), None)),
        (("batch", None), (6, 3), (None, None)),  # 4 does not divide 6
        ((), (), ()),
    ],
)
def test_partition_drops_what_does_not_divide(mesh, axes, shape, spec):
    assert partition(axes, shape, mesh) == PartitionSpec(*spec)


def test_partition_over_a_mesh_axis_of_one_device():
    assert partition(("embed", "mlp"), (4, 8), make_mesh((8, 1, 1))) == PartitionSpec(None, None)


def test_tree_shardings(mesh):
    axes = {"w": ("embed", "mlp"), "deep": {"norm": ("layers", "norm")}}
    shapes = {
        "w": jax.ShapeDtypeStruct((4, 8), jnp.float32),
        "deep": {"norm": jax.ShapeDtypeStruct((2, 3), jnp.float32)},
    }
    assert tree_shardings(axes, shapes, mesh) == {
        "w": NamedSharding(mesh, PartitionSpec("fsdp", "tensor")),
        "deep": {"norm": NamedSharding(mesh, PartitionSpec(None, None))},
    }


def test_adams_moments_are_cut_like_the_parameters(mesh):
    params = {"w": jnp.zeros((4, 8)), "block": {"w": jnp.zeros((8, 2)), "norm": jnp.zeros(3)}}
    axes = {"w": ("vocab", "embed"), "block": {"w": ("embed", "mlp"), "norm": ("norm",)}}
    shardings = tree_shardings(axes, params, mesh)
    state = jax.eval_shape(optax.chain(optax.clip_by_global_norm(1.0), optax.adamw(1e-3)).init, params)
    found = like_parameters(state, params, shardings, mesh)
    assert jax.tree.structure(found) == jax.tree.structure(state)
    for moment in ("mu", "nu"):
        assert optax.tree.get(found, moment) == shardings
    replicated = NamedSharding(mesh, PartitionSpec())
    assert optax.tree.get_all_with_path(found, "count")
    assert all(value == replicated for _, value in optax.tree.get_all_with_path(found, "count"))
    assert like_parameters(params, params, shardings, mesh) == shardings


def test_what_has_the_name_but_not_the_shape_is_replicated(mesh):
    params = {"w": jnp.zeros((4, 8))}
    shardings = tree_shardings({"w": ("embed", "mlp")}, params, mesh)
    state = {"v": {"w": jnp.zeros(4)}, "w": jnp.zeros((4, 8)), "x": jnp.zeros((4, 8))}
    replicated = NamedSharding(mesh, PartitionSpec())
    assert like_parameters(state, params, shardings, mesh) == {
        "v": {"w": replicated}, "w": shardings["w"], "x": replicated,
    }  # fmt: skip


def test_place_batch(mesh):
    tokens = np.arange(32, dtype=np.int32).reshape(8, 4)
    placed = place_batch(Prompts(tokens, np.full(8, 4, np.int32)), mesh)
    assert placed.tokens.sharding.spec == PartitionSpec(("data", "fsdp"), None)
    assert placed.tokens.addressable_shards[0].data.shape == (2, 4)
    np.testing.assert_array_equal(placed.tokens, tokens)
    assert place_batch(tokens[:5], mesh).sharding.is_fully_replicated
    assert place_batch(tokens, jax.sharding.get_mesh()) is tokens  # outside a mesh


def test_constrain_batch(mesh):
    x = jnp.arange(24.0).reshape(8, 3)
    assert constrain_batch(x) is x  # outside a mesh
    with jax.set_mesh(mesh):
        found = jax.jit(lambda x: constrain_batch(2 * x))(x)
    assert found.sharding.is_equivalent_to(
        NamedSharding(mesh, PartitionSpec(("data", "fsdp"), None)), found.ndim
    )
    np.testing.assert_array_equal(found, 2 * x)


def test_adam_steps_on_a_mesh_equal_those_on_one_device(mesh):
    optimizer = optax.adam(0.1)
    params = {"w": jnp.arange(32.0).reshape(4, 8) / 32, "norm": jnp.ones(3)}
    shardings = tree_shardings({"w": ("embed", "mlp"), "norm": ("norm",)}, params, mesh)

    @functools.partial(jax.jit)
    def two_steps(params, state):
        for _ in range(2):
            gradient = jax.grad(lambda p: jnp.sum(jnp.sin(p["w"])) + jnp.sum(p["norm"] ** 2))(params)
            updates, state = optimizer.update(gradient, state, params)
            params = optax.apply_updates(params, updates)
        return params

    state = optimizer.init(params)
    cut = like_parameters(state, params, shardings, mesh)
    found = two_steps(jax.device_put(params, shardings), jax.device_put(state, cut))
    jax.tree.map(functools.partial(np.testing.assert_allclose, rtol=1e-6), found, two_steps(params, state))


@pytest.mark.parametrize("shape", [(8, 1, 1), (2, 2, 2), (1, 1, 8)])
def test_a_batch_goes_to_the_mesh_and_comes_back(shape):
    mesh = make_mesh(shape)
    batch = {"tokens": np.arange(48).reshape(8, 3, 2), "length": np.arange(8)}
    with jax.set_mesh(mesh):
        placed = place_batch(batch, mesh)
        assert placed["tokens"].sharding.shard_shape((8, 3, 2))[0] == 8 // (shape[0] * shape[1])
        back = fetch_batch(placed)
    jax.tree.map(np.testing.assert_array_equal, back, batch)


def test_one_process_holds_all_rows_once(mesh):
    np.testing.assert_array_equal(own_rows(8, mesh), np.arange(8))
    np.testing.assert_array_equal(own_rows(6, mesh), np.arange(6))
    assert batch_total(np.array([3.0, 4.0]), mesh).tolist() == [3.0, 4.0]
    values, places = np.array([[1, 2], [3, 4]]), np.array([1, 0])
    np.testing.assert_array_equal(gather_rows(values, places, 2), values[::-1])


def test_parameters_are_gathered_over_fsdp_alone(mesh):
    weight = jax.device_put(jnp.ones((4, 8)), NamedSharding(mesh, PartitionSpec("fsdp", "tensor")))
    with jax.set_mesh(mesh):
        whole = jax.jit(lambda p: gather_fsdp(p, {"w": ("embed", "mlp")}))({"w": weight})["w"]
    assert whole.sharding.shard_shape(whole.shape) == (4, 4)
