"""The mesh, and the one table from logical axis names to mesh axes.

No other file knows how many devices there are. Outside a mesh every function here is the identity.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import AbstractMesh, AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Int, PyTree, Shaped

from sept_jax.errors import UserError
from sept_jax.machine import device_count
from sept_jax.processes import gather

MESH_AXES = ("data", "fsdp", "tensor")

RULES: dict[str, str | tuple[str, ...] | None] = {
    "batch": ("data", "fsdp"),
    "embed": "fsdp",
    "vocab": "tensor",
    "heads": "tensor",
    "kv_heads": "tensor",
    "mlp": "tensor",
    "sequence": "tensor",
    "layers": None,
    "norm": None,
    "rank": None,
}
"""Logical axis -> mesh axis. Parameters are cut over `fsdp` and `tensor`, batches over `data` and `fsdp`, and
what is kept of them for the backward pass over `tensor` too."""


def make_mesh(shape: tuple[int, ...]) -> Mesh:
    """A `(data, fsdp, tensor)` mesh; one entry may be -1 and takes the devices that are left.

    Raises:
      UserError: the product of the shape is not the number of devices.
    """
    devices = device_count()
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
    try:
        return jax.make_mesh(tuple(sizes), MESH_AXES, axis_types=(AxisType.Auto,) * 3)
    except (NotImplementedError, ValueError) as error:  # its axes do not follow the wires of the chips
        raise UserError(
            f"config.mesh is {tuple(shape)}: it cannot be laid along these devices' wires; "
            "type --config.mesh='(1, -1, 1)'"
        ) from error


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


def _row_sharding(rows: int, rank: int, mesh: Mesh) -> NamedSharding:
    """Of an array with that many rows of a batch."""
    rest = rank - 1
    return NamedSharding(mesh, partition(("batch",) + (None,) * rest, (rows,) + (1,) * rest, mesh))


def own_rows(count: int, mesh: Mesh) -> Int[np.ndarray, " rows"]:
    """Which of a batch's `count` rows this process's devices hold, ascending: in one process all."""
    if mesh.empty:
        return np.arange(count)
    held = _row_sharding(count, 1, mesh).addressable_devices_indices_map((count,)).values()
    return np.unique(np.concatenate([np.arange(count)[index] for index in held]))


def _copies(mesh: Mesh) -> float:
    """How many processes hold each row: more than one where `tensor` reaches over processes."""
    if mesh.empty:
        return 1
    cut = mesh.shape["data"] * mesh.shape["fsdp"]
    return jax.process_count() * len(own_rows(cut, mesh)) / cut


def place_batch(tree: PyTree, mesh: Mesh) -> PyTree:
    """This process's rows of host arrays as the whole batch's on the mesh, cut over `data` and `fsdp` where
    that divides; with several processes it does."""
    if mesh.empty:
        return tree
    share = jax.process_count() / _copies(mesh)

    def put(x):
        x = np.asarray(x)
        count = round(len(x) * share)
        rows = own_rows(count, mesh)

        def piece(index):
            first, last, _ = index[0].indices(count)
            start = int(np.searchsorted(rows, first))
            return x[start : start + last - first]

        sharding = _row_sharding(count, x.ndim, mesh)
        return jax.make_array_from_callback((count, *x.shape[1:]), sharding, piece)

    return jax.tree.map(put, tree)


def fetch_batch(tree: PyTree) -> PyTree:
    """The inverse of `place_batch`: this process's rows of a batch's arrays, on the host."""
    if jax.process_count() == 1:
        return jax.device_get(tree)

    def get(x):
        pieces = {shard.index[0].start or 0: shard.data for shard in x.addressable_shards}
        return np.concatenate([np.asarray(pieces[first]) for first in sorted(pieces)])

    return jax.tree.map(get, _cut_by_rows(tree))


@jax.jit
def _cut_by_rows(tree: PyTree) -> PyTree:
    return jax.tree.map(constrain_batch, tree)


def gather_rows(values: PyTree, rows: Int[np.ndarray, " rows"], count: int) -> PyTree:
    """Host arrays of all `count` rows of a batch, from every process's `rows` of them."""
    places = gather(rows).ravel()

    def whole(x: Shaped[np.ndarray, "rows ..."]) -> Shaped[np.ndarray, "count ..."]:
        out = np.empty((count, *x.shape[1:]), x.dtype)
        out[places] = gather(x).reshape(-1, *x.shape[1:])
        return out

    return jax.tree.map(whole, values)


def batch_total(sums: Shaped[np.ndarray, " n *more"], mesh: Mesh) -> Shaped[np.ndarray, " n *more"]:
    """The whole batch's sums, from each process's sums over its own rows."""
    return gather(sums).sum(0) / _copies(mesh)


def batch_shards(rows: int) -> int:
    """Into how many pieces a batch axis of so many rows is cut under the mesh in use."""
    mesh = jax.sharding.get_abstract_mesh()
    if mesh.empty:
        return 1
    cut = int(np.prod([mesh.shape[name] for name in RULES["batch"]]))
    return cut if rows % cut == 0 else 1


def platform() -> str:
    """What the program that is traced is for: the mesh's devices, which need not be here, else jax's."""
    device = jax.sharding.get_abstract_mesh().abstract_device
    return (device and device.platform) or jax.default_backend()


def constrain(x: Array, axes: tuple[str | None, ...]) -> Array:
    """Keeps an array cut by the rules, inside a jitted function under a mesh."""
    mesh = jax.sharding.get_abstract_mesh()
    return x if mesh.empty else jax.lax.with_sharding_constraint(x, partition(axes, x.shape, mesh))


def constrain_batch(x: Array) -> Array:
    """Keeps an activation cut over its leading batch axis alone."""
    return constrain(x, ("batch",) + (None,) * (x.ndim - 1))


def in_pieces(one: Callable[..., Array], batch: PyTree, pieces: int) -> Array:
    """`one` over a batch cut along B, a piece at a time; row i goes to piece i mod `pieces`, so that each
    keeps its share of every device's rows."""
    cut = jax.tree.map(lambda x: jnp.moveaxis(x.reshape(-1, pieces, *x.shape[1:]), 1, 0), batch)
    out = jax.lax.map(lambda piece: one(jax.tree.map(constrain_batch, piece)), cut)
    return jnp.moveaxis(out, 0, 1).reshape(-1, *out.shape[2:])


def gather_fsdp(params: PyTree, axes: PyTree) -> PyTree:
    """Parameters whole but for `tensor`, inside a jitted function: what is used many times is sent once."""
    whole = {name for name, target in RULES.items() if target == "fsdp"}
    return jax.tree.map(
        lambda p, names: constrain(p, tuple(None if name in whole else name for name in names)), params, axes
    )
