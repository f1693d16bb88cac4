"""Worker processes that share the machine: each has its own cores and does job after job, so that what jax
compiled for one run serves the next."""

import contextlib
import dataclasses
import itertools
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Collection
from multiprocessing import connection
from pathlib import Path
from typing import Any

from sept_jax import command

_SPAWN = multiprocessing.get_context("spawn")
ATTEMPTS = 2
"""How often a job is begun whose worker dies."""


def core_shares(cores: Collection[int], processes: int) -> list[set[int]]:
    """The cores of each process: a fair share, or with more processes than cores one core each, in turn."""
    cores = sorted(cores)
    if processes > len(cores):
        return [{cores[i % len(cores)]} for i in range(processes)]
    ends = [len(cores) * i // processes for i in range(processes + 1)]
    return [set(cores[a:b]) for a, b in itertools.pairwise(ends)]


def available_cores() -> set[int]:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return os.sched_getaffinity(0)
    return set(range(os.cpu_count() or 1))


@dataclasses.dataclass
class _Worker:
    process: Any
    pipe: connection.Connection
    cores: set[int]
    log: Path
    job: Any = None


class Crew:
    """Processes that call `do(job)`, which returns nothing; what they print goes to `<logs>/worker-N.log`.

    `do` and jobs are pickled; jobs can be keys of a dict.
    """

    def __init__(self, do: Callable[[Any], None], processes: int, logs: Path):
        self._do = do
        shares = core_shares(available_cores(), processes)
        self._workers = [self._hire(cores, logs / f"worker-{i}.log") for i, cores in enumerate(shares)]

    def run(
        self,
        next_job: Callable[[Collection[Any]], Any],
        finished: Callable[[Any, str | None], None],
    ) -> None:
        """Does jobs until `next_job(jobs in work)` has none and none is in work. `finished(job, error)` is
        called after each; an error is one line. A job whose worker died is begun once more."""
        begun: dict[Any, int] = {}
        while True:
            for worker in self._workers:
                if worker.job is None:
                    job = next_job([other.job for other in self._workers if other.job is not None])
                    if job is not None:
                        self._give(worker, job)
                        begun[job] = begun.get(job, 0) + 1
            busy = [worker for worker in self._workers if worker.job is not None]
            if not busy:
                return
            for pipe in connection.wait([worker.pipe for worker in busy]):
                index = next(i for i, worker in enumerate(self._workers) if worker.pipe is pipe)
                worker = self._workers[index]
                job, error = worker.job, self._answer(worker)
                if isinstance(error, EOFError):
                    worker.process.join()
                    code = worker.process.exitcode
                    self._workers[index] = replaced = self._hire(worker.cores, worker.log)
                    if begun[job] < ATTEMPTS:
                        self._give(replaced, job)
                        begun[job] += 1
                        continue
                    error = f"its process died {ATTEMPTS} times, with exit code {code}; see {worker.log}"
                worker.job = None
                finished(job, error)

    def close(self) -> None:
        """Ends the processes at once; what they had in work is left as a kill leaves it."""
        for worker in self._workers:
            worker.process.kill()  # a run that trains would hear SIGTERM as a wish to end well
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()

    def _hire(self, cores: set[int], log: Path) -> _Worker:
        pipe, theirs = _SPAWN.Pipe()
        process = _SPAWN.Process(target=_serve, args=(theirs, self._do, cores, str(log)))
        process.start()
        theirs.close()
        return _Worker(process, pipe, cores, log)

    @staticmethod
    def _give(worker: _Worker, job: Any) -> None:
        worker.job = job
        with contextlib.suppress(BrokenPipeError):  # it died; the answer will be an EOFError
            worker.pipe.send(job)

    @staticmethod
    def _answer(worker: _Worker) -> str | EOFError | None:
        try:
            return worker.pipe.recv()
        except (EOFError, ConnectionResetError):
            return EOFError()


def _serve(pipe: connection.Connection, do: Callable[[Any], None], cores: set[int], log: str) -> None:
    """The life of a process: pinned before jax starts, so that its thread pool has the size of its share."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C reaches the whole group; the parent ends this one
    command.keep_freed_memory()  # before the first thread, from which on the number of arenas is fixed
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # an accelerator is shared
    threading.Thread(target=_follow_parent, daemon=True).start()
    file = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(file, stream.fileno())
    while True:
        try:
            job = pipe.recv()
        except EOFError:
            return
        print(f"== {job}", flush=True)
        try:
            do(job)
            error = None
        except Exception as problem:
            traceback.print_exc()
            error = f"{type(problem).__name__}: {problem}".split("\n", 1)[0]
        pipe.send(error)


def _follow_parent() -> None:
    """Ends this process when the parent is gone, however it went: no one else may write into its folder."""
    connection.wait([multiprocessing.parent_process().sentinel])
    os._exit(1)
