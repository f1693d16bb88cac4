"""Symbolic comparison of answers in a process of its own, bounded in time and memory.

Only that process imports sympy. A comparison whose worker dies or hangs is unknown.
"""

from collections.abc import Iterator

from sept_jax.checks.process import MAX_LINE_BYTES, WorkerLost, WorkerProcess, encode, serve

MEMORY_BYTES = 1 << 30


class SymbolicComparer:
    """Compares answers that the bounded parser abstains on. Starts its worker at the first comparison.

    `timeouts` counts the comparisons that were given up, `restarts` the workers that were replaced.
    """

    def __init__(self, timeout_seconds: float = 5.0):
        self._timeout_seconds = timeout_seconds
        self._worker = WorkerProcess("sept_jax.checks.comparer")
        self._known: dict[tuple[str, str], bool | None] = {}
        self.timeouts = self.restarts = 0

    def equal(self, first: str, second: str) -> bool | None:
        """Whether two answers are equal as mathematics; None where the worker abstains, dies or hangs."""
        if (first, second) not in self._known:
            self._known[first, second] = self._ask(first, second)
        return self._known[first, second]

    def close(self) -> None:
        """Ends the worker."""
        self._worker.close()

    def _ask(self, first: str, second: str) -> bool | None:
        line = encode([first, second]) + b"\n"
        if len(line) > MAX_LINE_BYTES:
            return None
        try:
            [verdict] = self._worker.ask(line, 1, self._timeout_seconds)
        except WorkerLost as lost:
            self.timeouts += lost.hung
            self.restarts += 1
            return None
        return verdict


def _serve() -> None:
    """The worker: one JSON pair in, one JSON verdict out, until standard input ends."""
    from sept_jax.checks.symbolic import symbolic_equal

    def reply(pair: list[str]) -> Iterator[bool | None]:
        try:
            yield symbolic_equal(*pair)
        except (MemoryError, RecursionError):
            yield None

    symbolic_equal("x", "x")  # imports before the limits
    serve(reply, MEMORY_BYTES)


if __name__ == "__main__":
    _serve()
