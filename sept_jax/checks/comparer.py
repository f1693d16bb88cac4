"""Symbolic comparison of answers in a process of its own, bounded in time and memory.

The worker speaks JSON lines over pipes, imports nothing but the checks, and is replaced when it dies or
hangs: its comparison is then unknown.
"""

import json
import resource
import selectors
import subprocess
import sys

MEMORY_BYTES = 1 << 30
CPU_SECONDS = 600
_START_SECONDS = 60.0


class SymbolicComparer:
    """Compares answers that the bounded parser abstains on. Starts its worker at the first comparison.

    `timeouts` counts the comparisons that were given up, `restarts` the workers that were replaced.
    """

    def __init__(self, timeout_seconds: float = 5.0):
        self._timeout_seconds = timeout_seconds
        self._worker: subprocess.Popen | None = None
        self._known: dict[tuple[str, str], bool | None] = {}
        self.timeouts = self.restarts = 0

    def equal(self, first: str, second: str) -> bool | None:
        """Whether two answers are equal as mathematics; None where the worker abstains, dies or hangs."""
        if (first, second) not in self._known:
            self._known[first, second] = self._ask(first, second)
        return self._known[first, second]

    def close(self) -> None:
        """Ends the worker."""
        if self._worker is not None:
            self._worker.kill()
            self._worker.communicate()
            self._worker = None

    def _ask(self, first: str, second: str) -> bool | None:
        timeout = self._timeout_seconds
        if self._worker is None:
            self._worker = subprocess.Popen(
                [sys.executable, "-m", "sept_jax.checks.comparer"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
            timeout += _START_SECONDS
        try:
            self._worker.stdin.write(json.dumps([first, second]).encode() + b"\n")
            self._worker.stdin.flush()
            with selectors.DefaultSelector() as selector:
                selector.register(self._worker.stdout, selectors.EVENT_READ)
                if not selector.select(timeout):
                    self.timeouts += 1
                    raise TimeoutError
            return json.loads(self._worker.stdout.readline())
        except (OSError, ValueError):  # the worker hangs, died, or its pipe is broken
            self.close()
            self.restarts += 1
            return None


def _serve() -> None:
    """The worker: one JSON pair in, one JSON verdict out, until standard input ends."""
    from sept_jax.checks.symbolic import symbolic_equal

    symbolic_equal("x", "x")  # imports before the limits
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    for line in sys.stdin:
        try:
            verdict = symbolic_equal(*json.loads(line))
        except (MemoryError, RecursionError):
            verdict = None
        print(json.dumps(verdict), flush=True)


if __name__ == "__main__":
    _serve()
