"""Whether a step fits into the chips' memory, which mesh is best, and what to change if nothing fits."""

import dataclasses
import functools
import itertools
import math
from collections.abc import Iterator, Mapping

from jax.sharding import Mesh

from sept_jax.errors import UserError
from sept_jax.models.config import Lora
from sept_jax.planning import estimate
from sept_jax.planning.chips import Chip, Topology, make_mesh
from sept_jax.planning.estimate import MeshShape
from sept_jax.planning.programs import Program, abstract_state, bytes_on_device
from sept_jax.planning.workload import Workload

GB = 1e9


def state_bytes(work: Workload, mesh: Mesh) -> dict[str, float]:
    """What training keeps on one device, by its shapes."""
    state = abstract_state(work, mesh)
    plain = abstract_state(dataclasses.replace(work, lora=None), mesh).trainable if work.references else {}
    return {
        "parameters": bytes_on_device(state.trainable),
        "optimizer": bytes_on_device(state.opt_state),
        "frozen": bytes_on_device(state.frozen),
        "references": work.references * bytes_on_device(plain),
    }


_TAKEN = {
    "sampling": ("parameters", "frozen"),
    "scoring": ("parameters", "frozen"),
    "update": ("parameters", "frozen"),
    "apply": ("parameters", "optimizer"),
}
"""What of the state is among a program's arguments or results."""


def peaks(work: Workload, state: Mapping[str, float], programs: Mapping[str, Program]) -> dict[str, float]:
    """The most bytes on one device while each program runs: its own, what of the state is not among these,
    and the code of all programs."""
    code = sum(program.code_bytes for program in programs.values())
    found = {}
    for name, program in programs.items():
        rest = sum(size for part, size in state.items() if part not in _TAKEN[name])
        found[name] = program.live_bytes + code + rest
    return found


def verdict(
    work: Workload,
    state: Mapping[str, float],
    programs: Mapping[str, Program],
    chip: Chip,
) -> tuple[bool, str]:
    """Whether every program fits, and why or why not, in one line."""
    tops = peaks(work, state, programs)
    name = max(tops, key=tops.get)
    refused = [p for p in programs.values() if p.too_big]
    if tops[name] <= chip.hbm_bytes and not refused:
        spare = chip.hbm_bytes - tops[name]
        return True, (
            f"the most that a chip holds is {tops[name] / GB:.1f} GB, in {name}; {spare / GB:.1f} GB of "
            f"{chip.hbm_bytes / GB:.1f} GB are left"
        )
    if refused:
        name = max(refused, key=lambda p: tops[p.name]).name
    program = programs[name]
    arguments = program.argument_bytes + program.output_bytes - program.alias_bytes
    return False, (
        f"{name} takes {tops[name] / GB:.1f} GB a chip of {chip.hbm_bytes / GB:.1f} GB: "
        f"{arguments / GB:.1f} GB arguments and results, {program.temporary_bytes / GB:.1f} GB temporaries, "
        f"{(tops[name] - program.live_bytes) / GB:.1f} GB that stays beside it"
    )


def is_possible(work: Workload, mesh: MeshShape) -> bool:
    """Whether batches divide over the mesh, and heads over its tensor axis."""
    data, fsdp, tensor = mesh
    pieces = (work.micro_batches, work.chunks)
    return (
        all(work.batch % n == 0 and work.batch // n % (data * fsdp) == 0 for n in pieces)
        and work.model.num_kv_heads % tensor == 0
    )


def choose_mesh(work: Workload, topology: Topology, shapes: list[MeshShape]) -> MeshShape:
    """Of the given meshes the fastest of those that fit, both by estimate; if none fits, the smallest.

    Raises:
      UserError: the batch divides over none of them.
    """
    possible = [shape for shape in shapes if is_possible(work, shape)]
    if not possible:
        raise UserError(
            f"config.batch is {work.batch}, in {work.micro_batches} micro-batches and {work.chunks} chunks: "
            f"these divide over no mesh of {topology.name} that cuts its {work.model.num_kv_heads} KV heads; "
            f"type another --config.batch or --config.memory.micro_batches"
        )
    return min(possible, key=functools.partial(_rank, work, topology.chip))


def _rank(work: Workload, chip: Chip, shape: MeshShape) -> tuple[bool, float]:
    peak = estimate.peak_bytes(work, shape)
    fits = peak <= chip.hbm_bytes
    stages = estimate.step_work(work, shape)
    return not fits, estimate.step_seconds(work, stages, chip)["step"] if fits else peak


@dataclasses.dataclass(frozen=True)
class Proposal:
    """Settings close to those asked for that fit by estimate, as config keys with their values."""

    work: Workload
    mesh: MeshShape
    settings: dict[str, object]
    estimated_bytes: float


def proposals(
    work: Workload, chip: Chip, shapes: list[MeshShape], mesh: MeshShape | None, below: float
) -> Iterator[Proposal]:
    """What to change so that a step takes less than `below` bytes by estimate on a mesh of one of the shapes,
    the nearest first.

    Another mesh, other micro-batches or chunks change nothing but speed. Fewer problems or fewer paths of a
    problem come next; an adapter in place of all parameters counts as much as a sixth of the paths. `mesh` is
    what was asked for, None if the choice is free anyway.
    """
    found = []
    for changed, shape in _changes(work, shapes):
        peak = estimate.peak_bytes(changed, shape)
        if peak < below:
            fewer = work.batch * work.group / (changed.batch * changed.group)
            seconds = estimate.step_seconds(changed, estimate.step_work(changed, shape), chip)
            distance = math.log2(fewer) + (changed.lora != work.lora) * math.log2(6)
            found.append(((distance, work.group // changed.group, seconds["step"]), peak, changed, shape))
    for _, peak, changed, shape in sorted(found, key=lambda entry: entry[0]):
        yield Proposal(changed, shape, _differences(work, changed, mesh, shape), peak)


def _changes(work: Workload, shapes: list[MeshShape]) -> Iterator[tuple[Workload, MeshShape]]:
    """Workloads near the given one that can be laid on the meshes."""
    groups = [n for n in _divisors(work.group) if n > 1]
    adapters = [work.lora] if work.lora else [None, Lora(rank=16, alpha=32.0)]
    for group, adapter, batch in itertools.product(groups, adapters, _divisors(work.batch)):
        sampling = dataclasses.replace(work.sampling, group_size=group)
        for micro, chunks in itertools.product(_divisors(batch), _divisors(batch)):
            changed = dataclasses.replace(
                work, batch=batch, sampling=sampling, micro_batches=micro, chunks=chunks, lora=adapter
            )
            for shape in shapes:
                if is_possible(changed, shape):
                    yield changed, shape


def _divisors(number: int) -> list[int]:
    return [n for n in range(1, number + 1) if number % n == 0]


def _differences(
    work: Workload, changed: Workload, mesh: MeshShape | None, shape: MeshShape
) -> dict[str, object]:
    keys = {
        "batch": "batch",
        "sampling.group_size": "group",
        "memory.micro_batches": "micro_batches",
        "sampling.chunks": "chunks",
    }
    settings: dict[str, object] = {} if shape == mesh else {"mesh": shape}
    for key, name in keys.items():
        if getattr(work, name) != getattr(changed, name):
            settings[key] = getattr(changed, name)
    if changed.lora != work.lora:
        settings |= {"lora.rank": changed.lora.rank, "lora.alpha": changed.lora.alpha}
    return settings


def as_flags(settings: Mapping[str, object]) -> str:
    """Settings as they are typed after a command."""
    return " ".join(
        f"--config.{key}='{value}'" if isinstance(value, tuple) else f"--config.{key}={value:g}"
        for key, value in settings.items()
    )


def check_mesh(work: Workload, topology: Topology, shape: MeshShape) -> Mesh:
    """The mesh of that shape.

    Raises:
      UserError: it is none of the slice, or the batch does not divide over it.
    """
    mesh = make_mesh(topology, shape)
    rows = shape[0] * shape[1]
    for key, pieces in (("memory.micro_batches", work.micro_batches), ("sampling.chunks", work.chunks)):
        if work.batch // pieces % rows:
            raise UserError(
                f"config.{key} is {pieces}: {work.batch // pieces} of the batch's {work.batch} problems at a "
                f"time do not divide over the mesh's data x fsdp, {rows}; "
                f"type --config.batch={pieces * rows}, or fewer pieces"
            )
    return mesh
