"""Both ends of a worker process that checks text: JSON lines over pipes, bounded in length, time and memory.

Text crosses the pipe unchanged, unpaired surrogates included.
"""

import json
import os
import resource
import selectors
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from typing import Any

MAX_LINE_BYTES = 8 << 20
START_SECONDS = 60.0
CPU_SECONDS = 600
_READ_BYTES = 1 << 16


class WorkerLost(Exception):  # noqa: N818
    """The worker did not start, died, wrote what is no answer, or hung (`hung`), and was killed.

    `answers` are those it gave before.
    """

    def __init__(self, answers: list[Any], hung: bool):
        super().__init__("hangs" if hung else "died")
        self.answers = answers
        self.hung = hung


class WorkerProcess:
    """A process that answers a JSON line with JSON lines, started when asked and not running."""

    def __init__(self, module: str):
        self._module = module
        self._process: subprocess.Popen | None = None

    @property
    def pid(self) -> int | None:
        """The process id; None while it does not run."""
        return None if self._process is None else self._process.pid

    def ask(self, line: bytes, count: int, seconds: float) -> list[Any]:
        """`count` answers to a message (see `encode`), each due `seconds` after the one before; a worker
        that has to start first has START_SECONDS more.

        Raises:
          WorkerLost: an answer is missing; the next call starts another process.
        """
        answers: list[Any] = []
        hung = False
        try:
            first_seconds = seconds
            if self._process is None:
                self._start()
                first_seconds += START_SECONDS
            self._exchange(line, answers, count, first_seconds, seconds)
        except TimeoutError:
            hung = True
        except (OSError, EOFError, ValueError, RecursionError):
            pass
        except BaseException:
            self.close()  # what it still has to say answers no later message
            raise
        else:
            return answers
        self.close()
        raise WorkerLost(answers, hung)

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def _start(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", self._module],
            bufsize=0,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        os.set_blocking(self._process.stdin.fileno(), False)

    def _exchange(
        self, line: bytes, answers: list[Any], count: int, first_seconds: float, seconds: float
    ) -> None:
        unsent, partial = memoryview(line), bytearray()
        source, sink = self._process.stdout, self._process.stdin
        due = time.monotonic() + first_seconds
        with selectors.DefaultSelector() as selector:
            selector.register(source, selectors.EVENT_READ)
            selector.register(sink, selectors.EVENT_WRITE)
            while len(answers) < count:
                ready = selector.select(max(due - time.monotonic(), 0.0))
                if not ready:
                    raise TimeoutError
                for key, _ in ready:
                    if key.fileobj is sink:
                        unsent = unsent[os.write(sink.fileno(), unsent[:_READ_BYTES]) :]
                        if not unsent:
                            selector.unregister(sink)
                        continue
                    data = os.read(source.fileno(), _READ_BYTES)
                    if not data:
                        raise EOFError
                    partial += data
                    if b"\n" in data:
                        *whole, rest = partial.split(b"\n")
                        for answer in whole:
                            answers.append(decode(bytes(answer)))
                        partial = bytearray(rest)
                        due = time.monotonic() + seconds
                    if len(partial) > MAX_LINE_BYTES:
                        raise ValueError("an answer is too long")
        if partial or len(answers) > count:
            raise ValueError("more was answered than asked")


def encode(value: Any) -> bytes:
    """JSON in one line, without the line's end."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.encode("utf-8", "surrogatepass")


def decode(line: bytes) -> Any:
    """The inverse of `encode`.

    Raises:
      ValueError, RecursionError: the line is no JSON, or nested too deep.
    """
    return json.loads(line.decode("utf-8", "surrogatepass"))


def serve(reply: Callable[[Any], Iterable[Any]], memory_bytes: int) -> None:
    """The worker's end: writes the answers that `reply` gives to each message, until standard input ends,
    which it does with the parent.

    The limit on the address space counts from here on: import before. CPU time is limited by message, so
    that no worker outlives its parent in an endless check.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # an interrupt from the terminal is the parent's to handle
    resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    while line := sys.stdin.buffer.readline(MAX_LINE_BYTES + 1):
        soft = int(time.process_time()) + CPU_SECONDS
        if hard == resource.RLIM_INFINITY or soft < hard:
            resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))
        for answer in reply(decode(line)):
            sys.stdout.buffer.write(encode(answer) + b"\n")
            sys.stdout.buffer.flush()
