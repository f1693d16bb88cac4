"""Whether a step fits into the devices' memory, asked before the first one, and what to lower where it does
not."""

import contextlib
import os
import re
from collections.abc import Iterator
from pathlib import Path

import jax
from absl import logging
from ml_collections import ConfigDict

from sept_jax.errors import UserError
from sept_jax.experiment import Experiment
from sept_jax.planning import estimate, verdict
from sept_jax.planning.chips import Chip
from sept_jax.planning.programs import compile_program
from sept_jax.planning.workload import make_workload

SURE = 0.5
"""A step that takes less than this share of the memory by estimate is not compiled to be sure."""


def device_bytes() -> int | None:
    """The memory that a device of this process has for a run, in bytes: its own, or of the host's, which its
    devices share, what is free or this process's already. None where the system does not say."""
    devices = jax.local_devices()
    limits = [(device.memory_stats() or {}).get("bytes_limit") for device in devices]
    if all(limits):
        return min(limits)
    try:
        free = int(re.search(r"MemAvailable:\s+(\d+) kB", Path("/proc/meminfo").read_text())[1]) * 1024
        held = int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, TypeError):
        return None
    return (free + held) // len(devices)


def check(experiment: Experiment) -> None:
    """Checks that sampling and update fit, at their largest shapes.

    By estimate where that leaves no doubt, else as the compiler says, which takes a compilation of both.

    Raises:
      UserError: one does not; names the settings that fit.
    """
    limit = device_bytes()
    if limit is None:
        return
    work, mesh = make_workload(experiment.config, experiment.model), experiment.mesh
    shape = tuple(mesh.shape.values())
    guess = estimate.peak_bytes(work, shape)
    if guess < SURE * limit:
        return
    logging.warning("memory may not suffice: the programs are compiled to be sure, which takes a while")
    programs = {name: compile_program(name, work, mesh) for name in ("update", "sampling")}
    device = Chip("device", limit, 1e12, 1e11, 1e10, 1)  # rates order the proposals alone
    state = verdict.state_bytes(work, mesh)
    fits, why = verdict.verdict(work, state, programs, device)
    if fits:
        return
    below = limit * min(1.0, guess / max(verdict.peaks(work, state, programs).values()))
    proposal = next(verdict.proposals(work, device, [shape], shape, below), None)
    then = "take a smaller model, or more devices"
    if proposal is not None:
        then = f"type {verdict.as_flags(proposal.settings)}"
    raise UserError(f"a step does not fit into memory: {why}; {then}")


@contextlib.contextmanager
def told(stage: str, config: ConfigDict, rows: int) -> Iterator[None]:
    """Inside, what the device tells of too little memory becomes a `UserError` that names the settings of
    `stage` (`sampling`, `update` or `evaluation`) to lower, and by how much. `rows` is the mesh's data x
    fsdp, over which batches divide."""
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        if "RESOURCE_EXHAUSTED" not in str(error):
            raise
        reason = " ".join(str(error).partition("\n")[0].removeprefix("RESOURCE_EXHAUSTED: ").split())
        raise UserError(
            f"the device is out of memory in {stage} ({reason}): {less_of(stage, config, rows)}"
        ) from error


def less_of(stage: str, config: ConfigDict, rows: int) -> str:
    """What to type so that a stage holds at most half as much at a time."""
    on = "type --config.{}={}, and --resume to go on"
    if stage == "evaluation":
        batch = config.evaluation.batch // 2 // rows * rows
        if batch:
            return on.format("evaluation.batch", batch)
        return on.format("evaluation.samples", max(1, config.evaluation.samples // 2))
    key = {"sampling": "sampling.chunks", "update": "memory.micro_batches"}[stage]
    section, name = key.split(".")
    for pieces in range(2 * config[section][name], config.batch + 1):
        if config.batch % (pieces * rows) == 0:
            return on.format(key, pieces)
    fewer = max(2, config.sampling.group_size // 2)
    return f"start another run with --config.sampling.group_size={fewer}"
