"""What a run reports while it runs: TensorBoard events, `metrics.jsonl`, a progress bar."""

import contextlib
import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

import jax
import numpy as np
import tqdm

from sept_jax.errors import UserError
from sept_jax.folders import Folder


class JsonLines:
    """A file of one JSON object a line, each with its `step`; what is not finite is null.

    A line is flushed as it is written. Only the first process writes.
    """

    def __init__(self, path: str | Path):
        self._path = Path(path)
        self._file = None
        if jax.process_index() == 0:
            self._open()

    def write(self, line: Mapping[str, Any]) -> None:
        """Appends one line.

        Raises:
            UserError: the file cannot be written.
        """
        if self._file is not None:
            with _told(self._path):
                self._file.write(json.dumps(_finite(line), allow_nan=False) + "\n")
                self._file.flush()

    def truncate_after(self, step: int) -> None:
        """Drops the lines beyond `step`, and a torn last line, before a run resumes from `step`."""
        if self._file is None:
            return
        self.close()
        lines = self._path.read_text(encoding="utf-8", errors="replace").splitlines(keepends=True)
        _replace(self._path, "".join(line for line in lines if _is_kept(line, step)))
        self._open()

    def close(self) -> None:
        """Closes the file."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _open(self) -> None:
        with _told(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            self._file = self._path.open("a", encoding="utf-8")


class MetricsWriter:
    """Writes the same numbers to `<workdir>/metrics.jsonl` and to TensorBoard events beside it."""

    def __init__(self, workdir: str | Path):
        self._workdir = Path(workdir)
        self._lines = JsonLines(self._workdir / "metrics.jsonl")
        self._events = None
        if jax.process_index() == 0:
            self._open(purge_step=None)

    def write(self, step: int, scalars: Mapping[str, Any]) -> None:
        """Adds the scalars of `step` and flushes.

        Raises:
            UserError: the file cannot be written.
        """
        if self._events is None:
            return
        numbers = {name: float(value) for name, value in scalars.items()}
        self._lines.write({"step": int(step), **numbers})
        with _told(self._workdir):
            for name, value in numbers.items():
                self._events.add_scalar(name, value, int(step))
            self._events.flush()

    def truncate_after(self, step: int) -> None:
        """Drops what was written beyond `step`, and a torn last line, before a run resumes from `step`."""
        if self._events is None:
            return
        self._lines.truncate_after(step)
        self._events.close()
        self._open(purge_step=step + 1)

    def close(self) -> None:
        """Closes both files."""
        self._lines.close()
        if self._events is not None:
            self._events.close()
            self._events = None

    def _open(self, purge_step: int | None) -> None:
        import tensorboardX  # seconds, where torch is installed: it imports that

        with _told(self._workdir):
            self._events = tensorboardX.SummaryWriter(
                str(self._workdir),
                purge_step=purge_step,
                # Files of the same second would have the same name, and the later would replace the earlier.
                filename_suffix=f".{time.time_ns()}",
            )


class Progress:
    """A bar with the figures that it is given, tokens/s and time left.

    Where `stream` is no terminal it prints a line every `every_seconds` instead, and the last step's.
    """

    def __init__(
        self,
        total: int,
        start: int = 0,
        name: str = "step",
        every_seconds: float = 30.0,
        stream: TextIO | None = None,
    ):
        self._total = total
        self._name = name
        self._start = start
        self._every_seconds = every_seconds
        self._stream = sys.stderr if stream is None else stream
        self._began = time.monotonic()
        self._printed = -math.inf
        self._shown = jax.process_index() == 0
        self._bar = None
        if self._shown and self._stream.isatty():
            self._bar = tqdm.tqdm(
                total=total,
                initial=start,
                file=self._stream,
                dynamic_ncols=True,
                bar_format=name + " {n_fmt}/{total_fmt} |{bar:20}| {desc} {remaining} left",
            )

    def update(self, step: int, figures: Mapping[str, float], tokens_per_s: float) -> None:
        """Shows that `step` steps are done, and the figures by name."""
        if not self._shown:
            return
        shown = [f"{name} {value:.3f}" for name, value in figures.items()]
        figures_line = "  ".join([*shown, f"{tokens_per_s:,.0f} tokens/s"])
        if self._bar is not None:
            self._bar.set_description_str(figures_line, refresh=False)
            self._bar.update(step - self._bar.n)
            return
        now = time.monotonic()
        if step >= self._total or now - self._printed >= self._every_seconds:
            self._printed = now
            left = (now - self._began) / max(step - self._start, 1) * (self._total - step)
            remaining = tqdm.tqdm.format_interval(left)
            print(
                f"{self._name} {step}/{self._total}  {figures_line}  {remaining} left",
                file=self._stream,
                flush=True,
            )

    def close(self) -> None:
        """Ends the bar's line."""
        if self._bar is not None:
            self._bar.close()


def write_json(path: str | Folder, value: Any) -> None:
    """Writes `value` as JSON, whole or not at all; numbers that are not finite become null.

    Raises:
        UserError: the file cannot be written.
    """
    if jax.process_index() != 0:
        return
    text = json.dumps(_finite(value), indent=2, allow_nan=False) + "\n"
    with _told(path):
        if isinstance(path, str | Path):
            _replace(Path(path), text)
        else:
            path.write_text(text)  # a bucket has no torn files


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def _is_kept(line: str, step: int) -> bool:
    if not line.endswith("\n"):
        return False
    try:
        return json.loads(line)["step"] <= step
    except (ValueError, KeyError, TypeError):
        return False


def _finite(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(name): _finite(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    if isinstance(value, np.ndarray | np.generic | jax.Array):
        return _finite(np.asarray(value).tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


@contextlib.contextmanager
def _told(path: str | Folder):
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{path} cannot be written ({error.strerror}): make room or pass another --workdir, "
            "then run the same command with --resume"
        ) from error
