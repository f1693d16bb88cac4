"""TPU chips by their public figures, and slices of them that programs can be compiled for without a TPU."""

import dataclasses
import importlib.util
import math
import os
import re
from collections.abc import Sequence

import jax
from jax.experimental import topologies
from jax.sharding import AxisType, Mesh

from sept_jax.errors import UserError
from sept_jax.sharding import MESH_AXES

HOP_SECONDS = 1e-6
"""Assumed latency of one hop between neighbouring chips."""


@dataclasses.dataclass(frozen=True)
class Chip:
    """One chip: `hbm_bytes` that a program may use, `flops_per_s` at bf16, `link_bytes_per_s` of one port in
    one direction, on a torus of `torus_axes` axes with two ports each."""

    name: str
    hbm_bytes: int
    flops_per_s: float
    hbm_bytes_per_s: float
    link_bytes_per_s: float
    torus_axes: int

    @property
    def ring_bytes_per_s(self) -> float:
        """What a chip sends around one axis of the torus, in both directions."""
        return 2 * self.link_bytes_per_s


_GIB = 2**30
CHIPS = {
    chip.name: chip
    for chip in (
        Chip("v4", int(30.75 * _GIB), 275e12, 1228e9, 50e9, 3),
        Chip("v5e", int(15.75 * _GIB), 197e12, 819e9, 50e9, 2),
        Chip("v5p", int(95.74 * _GIB), 459e12, 2765e9, 100e9, 3),
        Chip("v6e", int(31.25 * _GIB), 918e12, 1640e9, 100e9, 2),
    )
}
"""Peaks of Google Cloud's pages "TPU v4", "TPU v5e", "TPU v5p" and "TPU v6e" (interconnect of 2,400, 1,600,
4,800 and 3,200 Gbit/s a chip over 6, 4, 6 and 4 ports). HBM is sold as 32, 16, 95 and 32 GB; what is here is
what the compiler of libtpu 0.0.42 names when a program does not fit."""


@dataclasses.dataclass(frozen=True)
class Topology:
    """A slice: its chip and its devices, one a chip, which need not be attached."""

    name: str
    chip: Chip
    devices: Sequence[jax.Device]


def parse_topology(text: str) -> tuple[Chip, tuple[int, ...]]:
    """The chip and the torus of a name such as `v5e:4x4`.

    Raises:
      UserError: it is none.
    """
    match = re.fullmatch(r"(\w+):(\d+(?:x\d+){1,2})", text, re.ASCII)
    chip = match and CHIPS.get(match[1])
    if not chip:
        raise UserError(
            f"--topology={text}: expected a chip ({', '.join(CHIPS)}) and its slice, such as v5e:4x4 or "
            f"v5p:4x4x4"
        )
    sizes = tuple(int(size) for size in match[2].split("x"))
    if len(sizes) != chip.torus_axes or min(sizes) < 1:
        raise UserError(
            f"--topology={text}: a slice of {chip.name} has {chip.torus_axes} axes, such as "
            f"{chip.name}:{'x'.join('4' * chip.torus_axes)}"
        )
    return chip, sizes


def tpu_topology(name: str) -> Topology:
    """The slice of that name, from libtpu; no TPU is needed.

    Raises:
      UserError: the name is none, libtpu is not installed, or knows no such slice.
    """
    chip, sizes = parse_topology(name)
    if importlib.util.find_spec("libtpu") is None:
        raise UserError(
            "libtpu, the compiler for TPUs, is not installed: type pip install -e '.[tpu]' -c constraints.txt"
        )
    quiet = {
        "TPU_SKIP_MDS_QUERY": "1",  # else it asks the cloud's metadata server what it runs on
        "ALLOW_MULTIPLE_LIBTPU_LOAD": "1",  # several plans at a time: no chip is held
        "TPU_ACCELERATOR_TYPE": "v5litepod-1",
        "TPU_WORKER_HOSTNAMES": "localhost",
        "TPU_WORKER_ID": "0",
        "TPU_MIN_LOG_LEVEL": "3",
        "TPU_STDERR_LOG_LEVEL": "3",
    }
    for variable, value in quiet.items():
        os.environ.setdefault(variable, value)
    options = {}
    if math.prod(sizes) == 1:
        options["chips_per_host_bounds"] = (1, 1, 1)
    if chip.name == "v4":
        options["chip_config_name"] = "megacore"  # two cores as one device
    try:
        described = topologies.get_topology_desc(platform="tpu", topology_name=name, **options)
    except Exception as error:  # whatever the plugin raises
        reason = str(error).strip().partition("\n")[0]
        raise UserError(f"--topology={name}: libtpu knows no such slice ({reason})") from None
    return Topology(name, chip, tuple(described.devices))


def make_mesh(topology: Topology, shape: tuple[int, ...]) -> Mesh:
    """A `(data, fsdp, tensor)` mesh of the slice's chips.

    Raises:
      UserError: the product of the shape is not the number of chips, or the torus cannot be cut so.
    """
    count = len(topology.devices)
    shown = "x".join(map(str, shape))
    if len(shape) != len(MESH_AXES) or min(shape) < 1 or math.prod(shape) != count:
        raise UserError(
            f"--mesh={shown}: its product must be the number of chips of {topology.name}, {count}; leave it "
            f"out and one is chosen"
        )
    try:
        return jax.make_mesh(shape, MESH_AXES, axis_types=(AxisType.Auto,) * 3, devices=topology.devices)
    except NotImplementedError:
        raise UserError(
            f"--mesh={shown}: each of its axes must be a product of whole axes of the torus {topology.name}; "
            f"leave it out and one is chosen"
        ) from None


def mesh_shapes(topology: Topology) -> list[tuple[int, int, int]]:
    """All meshes that the slice can be cut into."""
    count = len(topology.devices)
    shapes = []
    for data in (n for n in range(1, count + 1) if count % n == 0):
        for fsdp in (n for n in range(1, count // data + 1) if count // data % n == 0):
            try:
                make_mesh(topology, (data, fsdp, count // data // fsdp))
            except UserError:
                continue
            shapes.append((data, fsdp, count // data // fsdp))
    return shapes


def parse_mesh(text: str) -> tuple[int, ...]:
    """The shape in a text such as `1x4x4`.

    Raises:
      UserError: it is none.
    """
    if not re.fullmatch(r"\d+x\d+x\d+", text, re.ASCII):
        raise UserError(f"--mesh={text}: expected data x fsdp x tensor, such as 1x4x4")
    return tuple(int(size) for size in text.split("x"))
