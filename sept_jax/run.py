"""What a run keeps: the state of its loop, its checkpoints, its work directory."""

import dataclasses
import datetime
import functools
import json
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh
from jax.typing import DTypeLike
from jaxtyping import PyTree
from ml_collections import ConfigDict

from sept_jax import curriculum, guard, sharding
from sept_jax.checkpoint import Checkpoints
from sept_jax.errors import UserError
from sept_jax.experiment import Experiment, init_state, model_fingerprint
from sept_jax.folders import Folder, folder
from sept_jax.machine import check_folder
from sept_jax.methods import complete
from sept_jax.metrics import write_json
from sept_jax.models import decoder, lora
from sept_jax.models.config import ModelConfig
from sept_jax.records import Curriculum, Guard, Reliability, TrainState
from sept_jax.scoring.reliability import init_reliability

MAY_CHANGE = (
    "steps",
    "evaluation",
    "log",
    "profile",
    "checkpoint",
    "guard",
    "debug",
    "debug_overrides",
    "scoring.workers",
    "mesh",
    "memory",
    "sampling.chunks",
    "sampling.compactions",
    "sampling.growths",
)
"""Config keys that a resumed run may change: before an alarm they do not enter the updates, or by rounding
alone."""


@flax.struct.dataclass
class Loop:
    """All that a run carries from step to step; it is what a checkpoint holds."""

    state: TrainState
    curriculum: Curriculum
    guard: Guard
    reliability: Reliability


def start_loop(experiment: Experiment, params: PyTree) -> Loop:
    """The loop before its first step."""
    return Loop(
        init_state(experiment, params, experiment.optimizer, experiment.adapted),
        curriculum.start(experiment.problems.levels, experiment.curriculum),
        guard.start(),
        init_reliability(),
    )


_STATISTICS = ("curriculum", "guard", "reliability")


def as_tree(loop: Loop) -> dict[str, PyTree]:
    """The loop by the names under which a checkpoint holds its parts."""
    fields = ("trainable", "frozen", "opt_state", "step", "key")
    parts = {name: getattr(loop.state, name) for name in fields}
    return parts | {name: getattr(loop, name) for name in _STATISTICS}


def from_tree(tree: Mapping[str, PyTree]) -> Loop:
    """The inverse of `as_tree`."""
    tree = dict(tree)
    rest = [tree.pop(name) for name in _STATISTICS]
    return Loop(TrainState(**tree), *rest)


def save_loop(checkpoints: Checkpoints, loop: Loop, notes: Mapping[str, Any]) -> None:
    """Starts to write the loop; what is frozen is written at step 0 alone."""
    tree = as_tree(loop)
    if loop.state.step:
        del tree["frozen"]
    step, best = int(loop.state.step), notes["best"]
    spared = [] if step in notes["anchors"] else list(notes["anchors"])
    checkpoints.save(step, tree, notes, [*spared, *([best["step"]] if best else [])])


def restore_loop(checkpoints: Checkpoints, like: Loop) -> tuple[Loop, dict[str, Any]]:
    """The newest loop, and its notes."""
    tree = as_tree(like)
    frozen = tree.pop("frozen")
    saved, notes = checkpoints.restore(None, tree)
    if frozen:
        saved |= checkpoints.restore(0, {"frozen": frozen})[0]
    return from_tree(saved | {"frozen": saved.get("frozen", {})}), notes


def restore_params(
    checkpoints: Checkpoints, step: int | None, model: ModelConfig, mesh: Mesh, dtype: DTypeLike
) -> tuple[PyTree, PyTree]:
    """The trainable and the frozen parameters of a checkpoint, by default the newest, on the mesh; step 0 is
    the start. `model` is the one that was trained, in `dtype`."""
    shapes = decoder.abstract_params(model)
    shardings = sharding.tree_shardings(decoder.logical_axes(model), shapes, mesh)

    def read(step: int | None, name: str, shapes: PyTree, shardings: PyTree) -> PyTree:
        like = jax.tree.map(
            lambda p, s: jax.ShapeDtypeStruct(p.shape, p.dtype, sharding=s), shapes, shardings
        )
        return checkpoints.restore(step, {name: like})[0][name]

    if model.lora is None:
        return read(step, "trainable", shapes, shardings), {}
    (adapter, base), cut = lora.split(shapes), lora.split(shardings)
    base = jax.eval_shape(functools.partial(decoder.for_compute, dtype=dtype), base)
    return read(step, "trainable", adapter, cut[0]), read(0, "frozen", base, cut[1])


def restore_policy(checkpoints: Checkpoints, experiment: Experiment, step: int | None) -> PyTree:
    """The parameters of a checkpoint, by default the newest, on the mesh; step 0 is the start."""
    return lora.join(
        *restore_params(checkpoints, step, experiment.adapted, experiment.mesh, experiment.dtype)
    )


def check_start(workdir: Folder) -> None:
    """Checks that a run is there to start from.

    Raises:
      UserError: there is none.
    """
    if not (workdir / "checkpoints").is_dir():
        raise UserError(
            f"config.warm_start.start: {workdir} holds no run: give a run's work directory, such as runs/NAME"
        )


def start_of(workdir: Folder, experiment: Experiment) -> PyTree:
    """The parameters, on the mesh, that the run in `workdir`, of all parameters, started from.

    Raises:
      UserError: there is no such run, or its model has another shape.
    """
    check_start(workdir)
    whole = dataclasses.replace(experiment, lora=None)
    checkpoints = Checkpoints(workdir / "checkpoints", 1, model_fingerprint(whole))
    try:
        return restore_policy(checkpoints, whole, 0)
    finally:
        checkpoints.close()


def roll_back(loop: Loop, checkpoints: Checkpoints, anchors: Sequence[int], decay: float) -> tuple[Loop, int]:
    """Parameters and moments of the newest of the checkpoints `anchors`, else of the start, with a smaller
    step from there on; the step and with it the schedule, the key, the curriculum, the guard and the
    reliabilities go on as they are: the run does not walk the same way again."""

    def of_schedule(path: Any, _: Any) -> bool:
        return path[-1].tuple_name == "ScaleByScheduleState"

    parts = {name: part for name, part in as_tree(loop).items() if name in ("trainable", "opt_state", "step")}
    saved, _ = checkpoints.restore(None, parts, among=[0, *anchors])
    scale = optax.tree.get(loop.state.opt_state, "step_size") * jnp.float32(decay)
    count = optax.tree.get(loop.state.opt_state, "count", filtering=of_schedule)
    opt_state = optax.tree.set(saved["opt_state"], step_size=scale)
    opt_state = optax.tree.set(opt_state, of_schedule, count=count)
    state = loop.state.replace(trainable=saved["trainable"], opt_state=opt_state)
    return loop.replace(state=state), int(saved["step"])


def find_workdir(config: ConfigDict, given: str | None, config_file: str, resume: bool) -> Folder:
    """The run's directory, not made yet.

    Raises:
      UserError: it holds a run and `resume` is not asked for; there is nothing to resume; or the run to
        resume has another config.
    """
    name = Path(config_file.split(":")[0]).stem
    if resume and not given:
        raise UserError("--resume needs the run to continue: type --workdir=runs/NAME --resume")
    if given == "":
        raise UserError("--workdir is empty: type --workdir=runs/NAME, or leave it out")
    workdir = folder(given or f"runs/{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}")
    if isinstance(workdir, Path):
        check_folder("--workdir", workdir)
    saved = workdir / "config.json"
    if saved.exists() and not resume:
        raise UserError(f"--workdir={workdir} holds a run: type --resume to continue it, or pass another")
    if resume and not saved.exists():
        raise UserError(f"--workdir={workdir} holds no run to resume: leave out --resume to start one there")
    if resume:
        there, here = _saved_config(saved), json.loads(json.dumps(complete(config).to_dict()))
        for key, was, now in _differences("", there, here):
            if not {key, key.split(".")[0]}.intersection(MAY_CHANGE):
                raise UserError(
                    f"--workdir={workdir} was made with config.{key} = {was!r}, now it is {now!r}: "
                    f"type --config.{key}={was}, or start another run without --resume"
                )
    return workdir


def _saved_config(path: Folder) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        found = error
    if not isinstance(found, dict):
        raise UserError(f"{path} is no run's config ({found!r}): start another run, without --resume")
    return found


def open_workdir(workdir: Folder, config: ConfigDict) -> None:
    """Makes the run's directory and writes the config into it."""
    write_json(workdir / "config.json", complete(config).to_dict())


def _differences(prefix: str, there: Mapping, here: Mapping):
    for name in sorted(there.keys() & here.keys()):
        was, now = there[name], here[name]
        if isinstance(was, dict) and isinstance(now, dict):
            yield from _differences(f"{prefix}{name}.", was, now)
        elif was != now:
            yield prefix + name, was, now


def commit() -> str | None:
    """The git commit of the source tree, with "+" if it has changes; None outside a checkout."""

    def git(*args: str) -> str:
        there = Path(__file__).parent
        done = subprocess.run(["git", *args], cwd=there, check=True, capture_output=True, text=True)
        return done.stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None
