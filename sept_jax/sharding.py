"""The mesh, and the one table from logical axis names to mesh axes.

No other file knows how many devices there are. Outside a mesh every function here is the identity.
"""

import jax
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree

from sept_jax.errors import UserError

MESH_AXES = ("data", "fsdp", "tensor")

RULES: dict[str, str | tuple[str, ...] | None] = {
    "batch": ("data", "fsdp"),
    "embed": "fsdp",
    "vocab": "tensor",
    "heads": "tensor",
    "kv_heads": "tensor",
    "mlp": "tensor",
    "layers": None,
    "norm": None,
    "rank": None,
}
"""Logical axis -> mesh axis. Parameters are cut over `fsdp` and `tensor`, batches over `data` and `fsdp`."""


def make_mesh(shape: tuple[int, ...]) -> Mesh:
    """A `(data, fsdp, tensor)` mesh; one entry may be -1 and takes the devices that are left.

    Raises:
      UserError: the product of the shape is not the number of devices.
    """
    devices = jax.device_count()
    sizes = list(shape)
    if sizes.count(-1) == 1:
        rest = -int(np.prod(sizes))
        if rest > 0 and devices % rest == 0:
            sizes[sizes.index(-1)] = devices // rest
    if len(sizes) != 3 or min(sizes) < 1 or int(np.prod(sizes)) != devices:
        raise UserError(
            f"config.mesh is {tuple(shape)}: its product must be the number of devices, {devices}; "
            f"type --config.mesh='(-1, 1, 1)' to spread the batch over all of them"
        )
    return jax.make_mesh(tuple(sizes), MESH_AXES, axis_types=(AxisType.Auto,) * 3)


def partition(
    axes: tuple[str | None, ...], shape: tuple[int, ...], mesh: Mesh | AbstractMesh
) -> PartitionSpec:
    """The rules applied to one array; an axis that its mesh axes do not divide stays whole."""
    entries = []
    for name, size in zip(axes, shape, strict=True):
        target = RULES[name] if name else None
        names = (target,) if isinstance(target, str) else (target or ())
        cut = int(np.prod([mesh.shape[n] for n in names])) if names else 1
        entries.append(target if cut > 1 and size % cut == 0 else None)
    return PartitionSpec(*entries)


def tree_shardings(axes: PyTree, shapes: PyTree, mesh: Mesh) -> PyTree:
    """`NamedSharding`s for a tree of arrays (or of their abstract values) with the given axis names."""
    return jax.tree.map(
        lambda leaf, names: NamedSharding(mesh, partition(names, leaf.shape, mesh)), shapes, axes
    )


def like_parameters(tree: PyTree, params: PyTree, shardings: PyTree, mesh: Mesh) -> PyTree:
    """Shardings for an optimizer state: what mirrors the parameters is cut like them, the rest replicated.

    A leaf mirrors a parameter when the parameter's path ends its own and the shapes agree.
    """
    by_path = {
        jax.tree_util.keystr(path): (leaf.shape, sharding)
        for (path, leaf), sharding in zip(
            jax.tree_util.tree_flatten_with_path(params)[0], jax.tree.leaves(shardings), strict=True
        )
    }
    replicated = NamedSharding(mesh, PartitionSpec())

    def one(path, leaf):
        for start in range(len(path)):
            shape, sharding = by_path.get(jax.tree_util.keystr(path[start:]), (None, None))
            if shape == leaf.shape:
                return sharding
        return replicated

    return jax.tree_util.tree_map_with_path(one, tree)


def place_batch(tree: PyTree, mesh: Mesh) -> PyTree:
    """Host arrays with a leading batch axis, on the mesh, cut over `data` and `fsdp` where that divides."""

    if mesh.empty:
        return tree

    def put(x):
        x = np.asarray(x)
        return jax.device_put(
            x, NamedSharding(mesh, partition(("batch",) + (None,) * (x.ndim - 1), x.shape, mesh))
        )

    return jax.tree.map(put, tree)


def batch_shards(rows: int) -> int:
    """Into how many pieces a batch axis of so many rows is cut under the mesh in use."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return 1
    cut = int(np.prod([mesh.shape[name] for name in RULES["batch"]]))
    return cut if rows % cut == 0 else 1


def constrain_batch(x: Array) -> Array:
    """Keeps an activation cut over its leading batch axis, inside a jitted function under a mesh."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return x
    spec = partition(("batch",) + (None,) * (x.ndim - 1), x.shape, mesh)
    return jax.lax.with_sharding_constraint(x, spec)
