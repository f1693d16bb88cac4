"""A run's work directory, on a disk or in a bucket.

In a bucket Orbax writes the checkpoints; files that grow line by line do not exist there, so they are written
to a folder of this machine and copied before each checkpoint: what a checkpoint needs is never younger.
"""

import hashlib
import importlib.util
import os
import shutil
from pathlib import Path

import jax
from etils import epath

from sept_jax.errors import UserError
from sept_jax.lock import LOCK
from sept_jax.processes import raise_together

Folder = Path | epath.Path


def folder(given: str) -> Folder:
    """The folder of that name; `gs://BUCKET/NAME` is in a bucket.

    Raises:
      UserError: it is in a bucket of a kind that cannot be used.
    """
    scheme, found, _ = given.partition("://")
    if not found:
        return Path(given)
    if scheme != "gs":
        raise UserError(f"--workdir={given}: expected a path, or gs://BUCKET/NAME")
    if importlib.util.find_spec("gcsfs") is None:
        raise UserError(
            f"--workdir={given}: buckets need gcsfs: type pip install -e '.[tpu]' -c constraints.txt"
        )
    os.environ.setdefault("EPATH_USE_TF", "false")  # else etils asks for TensorFlow
    return epath.Path(given)


def files_of(workdir: Folder) -> Path:
    """Where the files of a run are written on this machine: the work directory itself, if it is here."""
    if isinstance(workdir, Path):
        return workdir
    caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return caches / "sept_jax" / "runs" / hashlib.sha256(str(workdir).encode()).hexdigest()[:16]


class Files:
    """The files of a run in `here`, a folder of this machine, kept the same as in its work directory by the
    first process. `fresh` begins with none, else with those of the work directory."""

    def __init__(self, workdir: Folder, fresh: bool):
        self.here = files_of(workdir)
        self._there = None if isinstance(workdir, Path) or jax.process_index() else workdir
        self._copied: dict[str, tuple[int, int]] = {}
        if self._there is None:
            return
        self.here.mkdir(parents=True, exist_ok=True)
        for old in self.here.iterdir():
            if old.is_dir():
                shutil.rmtree(old)
            elif old.name != LOCK:  # it is held already
                old.unlink()
        for file in () if fresh else self._there.iterdir():
            if not file.is_dir() and file.name != LOCK:
                (self.here / file.name).write_bytes(file.read_bytes())

    def copy(self) -> None:
        """Brings what has changed to the work directory; every process comes here.

        Raises:
          UserError: it cannot be written; in all processes.
        """
        failure = None
        try:
            self._copy_changed()
        except UserError as error:
            failure = error
        raise_together(failure)

    def _copy_changed(self) -> None:
        if self._there is None:
            return
        for file in self.here.rglob("*"):
            about, name = file.stat(), file.relative_to(self.here).as_posix()
            state = (about.st_mtime_ns, about.st_size)
            if file.is_file() and name != LOCK and self._copied.get(name) != state:
                there = self._there / name
                try:
                    there.parent.mkdir(parents=True, exist_ok=True)
                    there.write_bytes(file.read_bytes())
                except OSError as error:
                    raise UserError(
                        f"{there} cannot be written ({error}): see that the bucket may be "
                        "written to, then run the same command with --resume"
                    ) from error
                self._copied[name] = state
