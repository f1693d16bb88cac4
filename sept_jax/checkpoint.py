"""Checkpoints with Orbax: exact, atomic, and only ever of this model."""

import contextlib
import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from concurrent import futures
from pathlib import Path
from typing import Any

import jax
import numpy as np
import orbax.checkpoint as ocp
from absl import logging
from etils import epath

from sept_jax.errors import UserError
from sept_jax.processes import gather, raise_together, wait_for_others

_MANIFEST = "manifest.json"
_FULL = ("no space left", "file too large", "quota exceeded", "resource_exhausted", "enospc", "efbig")


class Checkpoints:
    """The checkpoints of one run: `<directory>/<step>`, the base (step 0) and the newest `keep` others.

    `model` is the model's configuration (JSON): a checkpoint of another model is refused. When Orbax has
    finalised a step, a manifest of its files' SHA-256 sums is written beside them, last; a step counts only
    with its manifest, and older ones go only when it is there. So an interrupted save leaves no step, and
    what has changed on disk since is found out. `directory` may be a bucket (`gs://...`).
    """

    def __init__(self, directory: str | Path, keep: int, model: Mapping[str, Any]):
        self._directory = epath.Path(directory)
        if "://" not in str(directory):
            self._directory = self._directory.absolute()
        self._keep, self._model = keep, _as_json(model)
        self._sealer, self._sealing = futures.ThreadPoolExecutor(1), None
        self._verified: set[int] = set()
        options = ocp.CheckpointManagerOptions(
            cleanup_tmp_directories=False,  # a reader would delete what a running job is writing
        )
        try:
            self._manager = ocp.CheckpointManager(self._directory, options=options)
        except OSError as error:
            raise UserError(
                f"checkpoint folder {self._directory} cannot be used ({error.strerror}): "
                "pass another --workdir"
            ) from error

    def steps(self) -> list[int]:
        """Returns the steps that can be restored, ascending."""
        folders = [folder for folder in self._directory.iterdir() if folder.name.isdecimal()]
        return sorted(int(folder.name) for folder in folders if (folder / _MANIFEST).exists())

    def latest(self) -> int | None:
        """Returns the newest step that can be restored, None when there is none."""
        return max(self.steps(), default=None)

    def save(
        self, step: int, tree: Mapping[str, Any], metadata: Mapping[str, Any], spared: Collection[int] = ()
    ) -> None:
        """Starts to write `tree` (pytrees by name; jax and numpy arrays, PRNG keys) and `metadata` (JSON).
        The steps `spared` are kept, however old.

        The arrays may be donated or changed once this returns. A step that exists is replaced.

        Raises:
            UserError: this save, or the one before, could not be written.
        """
        self.wait()
        leaves = _flatten(tree)
        arrays = {name: _stored(leaf) for name, leaf in leaves.items() if leaf.size}
        about = {
            "model": self._model,
            "metadata": _as_json(metadata),
            "leaves": _describe(leaves),
            "keys": _key_impls(leaves),
        }
        try:
            self._remove_unfinished()
            wait_for_others()
            self._manager.reload()
            if step in self._manager.all_steps():
                self._manager.delete(step)
            self._verified.discard(step)
            self._manager.save(
                step,
                args=ocp.args.Composite(arrays=ocp.args.PyTreeSave(arrays), about=ocp.args.JsonSave(about)),
                force=True,
            )
        except Exception as error:
            raise self._failed_save(error) from error
        self._sealing = self._sealer.submit(self._seal, step, spared)

    def wait(self) -> None:
        """Returns when all saves are on disk; every process comes here.

        Raises:
            UserError: one of them could not be written, by this process or another.
        """
        raise_together(self._failure())

    def _failure(self) -> UserError | None:
        """What went wrong in the save under way, when it has ended."""
        sealing, self._sealing = self._sealing, None
        try:
            if sealing is not None:
                sealing.result()
        except Exception as error:
            with contextlib.suppress(Exception):  # Orbax tells each thread of it, once
                self._manager.wait_until_finished()
            failure = self._failed_save(error)
            failure.__cause__ = error
            return failure
        return None

    def close(self) -> None:
        """Waits for this process's saves and ends the writer's threads.

        Raises:
            UserError: one of them could not be written.
        """
        try:
            if failure := self._failure():
                raise failure
        finally:
            self._sealer.shutdown()
            self._manager.close()

    def restore(
        self, step: int | None, like: Mapping[str, Any], among: Collection[int] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Returns `(tree, metadata)` of `step`, by default the newest that is whole, of the steps
        `among` if they are given, bit for bit as it was saved; a newer one that is not is told in the log.

        `like` has the structure to restore: `jax.ShapeDtypeStruct` leaves (their sharding is used) and
        jax arrays come back as jax arrays, numpy arrays as numpy arrays. It may leave out whole
        top-level names.

        Raises:
            UserError: there is no such step, it is of another model, or it cannot be read.
        """
        if self._sealing is not None:
            futures.wait([self._sealing])  # that it failed is for the next save to tell
        wait_for_others()  # the first process has sealed too
        if step is not None:
            return self._restore(self._existing(step), like)
        candidates = [step for step in self.steps() if among is None or step in among]
        candidates = candidates or [self._existing(None)]
        while len(candidates) > 1:
            try:
                return self._restore(candidates[-1], like)
            except _UnreadableError as error:
                logging.error("%s", error)
                candidates.pop()
        return self._restore(candidates[0], like)

    def _restore(self, step: int, like: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        if step not in self._verified:
            self._verify(step)
            self._verified.add(step)
        about = self._read(step, "about", ocp.args.JsonRestore())
        try:
            saved, keys, saved_model, metadata = (about[x] for x in ("leaves", "keys", "model", "metadata"))
        except (KeyError, TypeError) as error:
            raise self._unreadable(step, _line(error)) from error
        wanted = _flatten(like)
        self._check(
            step, saved_model, {n: about for n, about in saved.items() if n.split("/")[0] in like}, wanted
        )
        request = {name: _stored_shape(leaf) for name, leaf in wanted.items() if np.prod(leaf.shape)}
        args = ocp.args.PyTreeRestore(
            request, restore_args=jax.tree.map(_restore_args, request), partial_restore=True
        )
        arrays = self._read(step, "arrays", args) if request else {}
        leaves = [_returned(arrays.get(name), leaf, keys.get(name)) for name, leaf in wanted.items()]
        return jax.tree.unflatten(jax.tree.structure(like), leaves), metadata

    def _seal(self, step: int, spared: Collection[int]) -> None:
        """Waits until Orbax has finalised the step, writes its manifest, and lets the oldest go. A later step
        is one that could not be read: it takes no place."""
        self._manager.wait_until_finished()
        if jax.process_index() != 0:
            return
        folder = self._directory / str(step)
        partial = folder / f"{_MANIFEST}.partial"
        partial.write_text(json.dumps({"sha256": _sums(folder)}, indent=1))
        partial.rename(folder / _MANIFEST)
        own = [other for other in self.steps() if other <= step and other not in (0, *spared)]
        for old in own[: -self._keep]:
            (self._directory / str(old)).rmtree()

    def _verify(self, step: int) -> None:
        """The first process compares the sums; all learn what it found."""
        failure = None
        if jax.process_index() == 0:
            try:
                self._compare_sums(step)
            except _UnreadableError as error:
                failure = error
        if gather(np.asarray(failure is not None)).any():
            raise failure or self._unreadable(step, "the first process says how")

    def _compare_sums(self, step: int) -> None:
        folder = self._directory / str(step)
        try:
            expected = json.loads((folder / _MANIFEST).read_text())["sha256"]
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise self._unreadable(step, f"its manifest: {_line(error)}") from error
        found = _sums(folder)
        for name in sorted(expected.keys() | found.keys()):
            if name not in found:
                raise self._unreadable(step, f"{name} is missing")
            if name not in expected or found[name] != expected[name]:
                raise self._unreadable(step, f"{name} is not what was saved")

    def _existing(self, step: int | None) -> int:
        steps = self.steps()
        if step is None and steps:
            return steps[-1]
        if step in steps:
            return step
        there = f"it has steps {', '.join(map(str, steps))}" if steps else "it has none"
        missing = "no checkpoint" if step is None else f"no checkpoint of step {step}"
        raise UserError(
            f"{self._directory} has {missing}: {there}; pass the --workdir of a run that saved one"
        )

    def _read(self, step: int, item: str, args: Any) -> Any:
        try:
            return self._manager.restore(step, args=ocp.args.Composite(**{item: args}))[item]
        except Exception as error:
            raise self._unreadable(step, _line(error)) from error

    def _unreadable(self, step: int, what: str) -> "_UnreadableError":
        others = [other for other in self.steps() if other < step]
        then = f"the one before is of step {others[-1]}" if others else "there is none before it"
        return _UnreadableError(
            f"checkpoint {self._directory / str(step)} is truncated or corrupt ({what}): {then}"
        )

    def _failed_save(self, error: Exception) -> UserError:
        self._remove_unfinished()
        self._manager.reload()
        latest = self.latest()
        then = "nothing was saved before" if latest is None else f"step {latest} is intact"
        full = any(word in f"{error!r} {error.__cause__!r}".lower() for word in _FULL)
        what = "the disk is full" if full else "it cannot be written"
        return UserError(
            f"checkpoint in {self._directory} is not saved, {what} ({_line(error)}); {then}: "
            "make room, then run the same command with --resume"
        )

    def _remove_unfinished(self) -> None:
        if jax.process_index() == 0:
            unsealed = [
                folder
                for folder in self._directory.iterdir()
                if folder.name.isdecimal() and not (folder / _MANIFEST).exists()
            ]
            for folder in [*self._directory.glob("*orbax-checkpoint-tmp*"), *unsealed]:
                folder.rmtree(missing_ok=True)

    def _check(self, step: int, saved_model: Any, saved: dict[str, str], wanted: dict[str, Any]) -> None:
        differences = _differences("model", saved_model, self._model)
        differences = differences or _differences("", saved, _describe(wanted))
        if differences:
            shown = "; ".join(differences[:3])
            more = f" and {len(differences) - 3} more" if len(differences) > 3 else ""
            raise UserError(
                f"checkpoint {self._directory / str(step)} is of another model: {shown}{more}: "
                "pass the config that it was made with, or another --workdir"
            )


class _UnreadableError(UserError):
    """A checkpoint is not what was saved."""


def _sums(folder: epath.Path) -> dict[str, str]:
    """The SHA-256 sum of every file of a step but the manifest, by its place in the folder."""
    found = {}
    for file in _files(folder):
        name = file.relative_to(folder).as_posix()
        if not name.startswith(_MANIFEST):
            with file.open("rb") as stream:
                found[name] = hashlib.file_digest(stream, "sha256").hexdigest()
    return found


def _files(folder: epath.Path) -> Iterator[epath.Path]:
    for path in folder.iterdir():  # a bucket has no recursive glob
        yield from _files(path) if path.is_dir() else (path,)


def _flatten(tree: Any) -> dict[str, Any]:
    paths, _ = jax.tree.flatten_with_path(tree)
    named = {jax.tree_util.keystr(path, simple=True, separator="/"): leaf for path, leaf in paths}
    if len(named) != len(paths):
        raise ValueError("two leaves of the tree have the same name")
    return named


def _is_key(leaf: Any) -> bool:
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _stored(leaf: Any) -> Any:
    if isinstance(leaf, jax.Array):
        return jax.random.key_data(leaf) if _is_key(leaf) else leaf
    return np.array(leaf)


def _stored_shape(leaf: Any) -> Any:
    """What to ask Orbax for: numpy leaves as they are, jax leaves as shape, dtype and sharding."""
    if isinstance(leaf, np.ndarray):
        return leaf
    sharding = leaf.sharding or jax.sharding.SingleDeviceSharding(jax.local_devices()[0])
    if _is_key(leaf):
        data = jax.eval_shape(jax.random.key_data, jax.ShapeDtypeStruct(leaf.shape, leaf.dtype))
        if isinstance(sharding, jax.sharding.NamedSharding):
            sharding = jax.sharding.NamedSharding(sharding.mesh, jax.sharding.PartitionSpec(*sharding.spec))
        return jax.ShapeDtypeStruct(data.shape, data.dtype, sharding=sharding)
    return jax.ShapeDtypeStruct(leaf.shape, leaf.dtype, sharding=sharding)


def _restore_args(leaf: Any) -> ocp.RestoreArgs:
    if isinstance(leaf, np.ndarray):
        return ocp.RestoreArgs(restore_type=np.ndarray)
    return ocp.ArrayRestoreArgs(sharding=leaf.sharding, dtype=leaf.dtype, strict=True)


def _returned(value: Any, like: Any, key_impl: str | None) -> Any:
    if value is None:
        return (
            np.zeros(like.shape, like.dtype) if isinstance(like, np.ndarray) else jax.numpy.zeros_like(like)
        )
    return value if key_impl is None else jax.random.wrap_key_data(value, impl=key_impl)


def _key_impls(leaves: Mapping[str, Any]) -> dict[str, str]:
    return {name: str(jax.random.key_impl(leaf)) for name, leaf in leaves.items() if _is_key(leaf)}


def _describe(leaves: Mapping[str, Any]) -> dict[str, str]:
    return {name: f"{leaf.dtype}{list(leaf.shape)}" for name, leaf in leaves.items()}


def _differences(where: str, there: Any, here: Any) -> list[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        found = []
        for name in sorted({*there, *here}):
            place = f"{where}.{name}" if where else name
            found += _differences(place, there.get(name, "missing"), here.get(name, "missing"))
        return found
    return [] if there == here else [f"{where} is {there} there and {here} here"]


def _as_json(value: Any) -> Any:
    return json.loads(json.dumps(value))


def _line(error: BaseException) -> str:
    text = str(error).strip().split("\n", 1)[0]
    return f"{type(error).__name__}: {text[:200]}"
