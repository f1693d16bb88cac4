"""The worker that reads paths: `python -m sept_jax.checks.worker`, started by `sept_jax.scoring.pool`.

What a check may spend is counted in the checks themselves. Time and memory here are backstops: a check that
runs into one is unknown, and counted.
"""

import gc
import signal
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from typing import Any

from sept_jax.checks.process import serve
from sept_jax.checks.reading import Reading, read_guarded
from sept_jax.checks.verdicts import UNKNOWN, Verdict

MEMORY_BYTES = 512 << 20
STEP_SECONDS = 0.05
"""CPU time of one check of one step: it counts the check's own work, whatever else the machine does."""


class _Timeout(BaseException):
    """Passes through checks that catch Exception."""


class CheckGuard:
    """Runs checks (see `checks.reading.Guard`); counts those that took too long and those that raised."""

    def __init__(self, step_seconds: float = STEP_SECONDS):
        self._step_seconds = step_seconds
        self.timeouts = self.errors = 0
        signal.signal(signal.SIGPROF, self._interrupt)

    def __call__(
        self, otherwise: Any, steps: int, check: Callable[..., Any], *args: Any, **kwargs: Any
    ) -> Any:
        try:
            signal.setitimer(signal.ITIMER_PROF, self._step_seconds * max(steps, 1))
            try:
                return check(*args, **kwargs)
            finally:
                signal.setitimer(signal.ITIMER_PROF, 0.0)
        except _Timeout:
            self.timeouts += 1
        except Exception:
            self.errors += 1
        return otherwise

    @staticmethod
    def _interrupt(_signal: int, _frame: Any) -> None:
        raise _Timeout


def pack(reading: Reading) -> list[Any]:
    """A reading as JSON: verdicts `[value, reason]` or 0 (unknown), rationals "p/q", an answer in words
    `[words]`."""
    verdicts = {
        name: [0 if verdict == UNKNOWN else verdict for verdict in found]
        for name, found in reading.verdicts.items()
    }
    answer = [reading.answer] if isinstance(reading.answer, str) else _ratio(reading.answer)
    return [verdicts, [_ratio(value) for value in reading.values], answer]


def unpack(packed: Sequence[Any]) -> Reading:
    """The inverse of `pack`.

    Raises:
      ValueError, TypeError, KeyError, IndexError: it is none.
    """
    verdicts, values, answer = packed
    return Reading(
        {name: tuple(Verdict(*v) if v else UNKNOWN for v in found) for name, found in verdicts.items()},
        tuple(_rational(value) for value in values),
        answer[0] if isinstance(answer, list) else _rational(answer),
    )


def _ratio(value: Fraction | None) -> str | None:
    return None if value is None else f"{value.numerator}/{value.denominator}"


def _rational(text: str | None) -> Fraction | None:
    if text is None:
        return None
    numerator, denominator = text.split("/")
    return Fraction(int(numerator), int(denominator))


def main() -> None:
    """The worker: a message is a list of `[question, strict, steps]`, each answered by
    `[packed reading, timeouts, errors]`."""
    guard = CheckGuard()

    def reply(paths: list[Any]) -> Iterator[list[Any]]:
        for question, strict, steps in paths:
            guard.timeouts = guard.errors = 0
            packed = pack(read_guarded(question, tuple(steps), strict, guard))
            yield [packed, guard.timeouts, guard.errors]
        gc.collect(1)  # what this message left; within a check a collection would count as its time

    read_guarded("1+1=", ("1+1=2\n", "#### 2"), True, guard)  # imports and tables before the limits
    gc.disable()
    serve(reply, MEMORY_BYTES)


if __name__ == "__main__":
    main()
