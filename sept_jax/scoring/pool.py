"""Worker processes that read paths beside the device, and a cache: most paths repeat."""

import collections
import os
import queue
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple

from absl import logging

from sept_jax.checks.process import MAX_LINE_BYTES, WorkerLost, WorkerProcess, encode
from sept_jax.checks.reading import TEXT_CHANNELS, Reading, unknown_reading
from sept_jax.checks.worker import unpack

COUNTS = ("cache_hits", "check_timeouts", "check_errors", "worker_restarts")
PATH_SECONDS = 60.0
"""Above what the workers' own limits let a path of 32 steps take."""
CACHE_CHARACTERS = 1 << 25
_READING_CHARACTERS = 1_000  # what a cached reading weighs beside its text
_MESSAGE_PATHS = 64
_MESSAGE_BYTES = 1 << 18


class PathJob(NamedTuple):
    """A path to read; the arguments of `checks.reading.read_path`."""

    question: str
    steps: tuple[str, ...]
    strict: bool


def worker_count(wanted: int) -> int:
    """`wanted` workers, but never more than there are cores. 0: all cores but one, which is left to the
    loop that feeds the device; at least one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(wanted, cores) if wanted else max(cores - 1, 1)


class ReaderPool:
    """Reads paths in worker processes, which start when there is work for them.

    The readings do not depend on which worker read what. Nothing that happens in a worker raises here: a
    path whose worker dies, or is silent for `path_seconds`, is unknown everywhere and has no answer, and the
    worker is replaced.
    """

    def __init__(
        self, workers: int = 0, path_seconds: float = PATH_SECONDS, module: str = "sept_jax.checks.worker"
    ):
        self._workers = worker_count(workers)
        self._path_seconds = path_seconds
        self._idle: queue.LifoQueue[WorkerProcess] = queue.LifoQueue()
        for _ in range(self._workers):
            self._idle.put(WorkerProcess(module))
        self._threads = ThreadPoolExecutor(self._workers, "reader")
        self._cache: collections.OrderedDict[PathJob, Future[Reading]] = collections.OrderedDict()
        self._cached_characters = 0
        self._counts = dict.fromkeys(COUNTS, 0)
        self._lock = threading.Lock()

    def submit(self, jobs: Sequence[PathJob]) -> "list[Future[Reading]]":
        """The readings to come, in the order of the jobs. What was read before, or is being read, is not
        read again."""
        readings, new = [], []
        for job in jobs:
            reading = self._cache.get(job)
            if reading is None:
                reading = self._remember(job)
                line = encode([job.question, job.strict, job.steps])
                if len(line) + 3 <= MAX_LINE_BYTES:
                    new.append(_Sent(line, len(job.steps), reading))
                else:
                    reading.set_result(unknown_reading(len(job.steps)))
                    self._count("check_errors")
            else:
                self._cache.move_to_end(job)
                self._count("cache_hits")
            readings.append(reading)
        most = min(max(-(-len(new) // (2 * self._workers)), 1), _MESSAGE_PATHS)
        for message in _messages(new, most):
            self._threads.submit(self._read, message)
        return readings

    def result(self, readings: "Sequence[Future[Reading]]") -> list[Reading]:
        """Waits for what `submit` returned."""
        return [reading.result() for reading in readings]

    def counts(self) -> dict[str, int]:
        """How often, so far, a reading was found in the cache, a check took too long (`check_timeouts`) or
        failed in another way (`check_errors`), and a worker was lost. Without the last three the readings
        are those of `read_path`."""
        with self._lock:
            return dict(self._counts)

    def close(self) -> None:
        """Ends the workers, after what they are reading."""
        self._threads.shutdown(cancel_futures=True)
        while not self._idle.empty():
            self._idle.get().close()

    def _remember(self, job: PathJob) -> "Future[Reading]":
        reading: Future[Reading] = Future()
        self._cache[job] = reading
        self._cached_characters += _weight(job)
        while self._cached_characters > CACHE_CHARACTERS and len(self._cache) > 1:
            self._cached_characters -= _weight(self._cache.popitem(last=False)[0])
        return reading

    def _read(self, message: "list[_Sent]") -> None:
        worker = self._idle.get()
        try:
            while message:
                answers, lost = self._ask(worker, message)
                for path, answer in zip(message, answers, strict=False):
                    path.reading.set_result(self._unpack(path, answer))
                if lost:
                    path = message[len(answers)]
                    path.reading.set_result(unknown_reading(path.steps))
                message = message[len(answers) + lost :]
        finally:
            for path in message:  # nothing, unless something was raised: nobody may wait for ever
                if not path.reading.done():
                    self._count("check_errors")
                    path.reading.set_result(unknown_reading(path.steps))
            self._idle.put(worker)

    def _ask(self, worker: WorkerProcess, message: "list[_Sent]") -> tuple[list[Any], bool]:
        """The answers to the message's paths, in order, and whether the worker was lost over the next."""
        line = b"[" + b",".join(path.line for path in message) + b"]\n"
        try:
            return worker.ask(line, len(message), self._path_seconds), False
        except WorkerLost as lost:
            self._count("worker_restarts")
            logging.log_first_n(
                logging.WARNING, "a scoring worker %s: a path is left unread, the worker replaced", 5, lost
            )
            return lost.answers[: len(message) - 1], True

    def _unpack(self, path: "_Sent", answer: Any) -> Reading:
        try:
            packed, timeouts, errors = answer
            reading = unpack(packed)
            lengths = {len(reading.values), *(len(reading.verdicts[name]) for name in TEXT_CHANNELS)}
            if lengths != {path.steps}:
                raise ValueError("not one entry a step")
        except (ValueError, TypeError, LookupError, AttributeError):
            self._count("check_errors")
            return unknown_reading(path.steps)
        if timeouts or errors:
            self._count("check_timeouts", timeouts)
            self._count("check_errors", errors)
        return reading

    def _count(self, name: str, number: int = 1) -> None:
        with self._lock:
            self._counts[name] += number


class _Sent(NamedTuple):
    """A path on its way: its part of a message, its number of steps, and the reading to come."""

    line: bytes
    steps: int
    reading: "Future[Reading]"


def _messages(paths: Sequence[_Sent], most: int) -> Iterator[list[_Sent]]:
    """Cuts paths into messages of at most `most` paths and, but for a single path, _MESSAGE_BYTES."""
    message, size = [], 0
    for path in paths:
        if message and (len(message) == most or size + len(path.line) > _MESSAGE_BYTES):
            yield message
            message, size = [], 0
        message.append(path)
        size += len(path.line)
    if message:
        yield message


def _weight(job: PathJob) -> int:
    return _READING_CHARACTERS + sum(map(len, job.steps))
