"""Both ends of a comparison in which every side is a process of its own and works when it is told to.

The parent writes an empty line for a piece of work and reads `{"seconds": ..., "peak_bytes": ...}`. Between
turns a side waits for its standard input, and costs no time.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path


class Side:
    """The parent's end. It starts at once; its first turn waits until it is ready."""

    def __init__(self, arguments: Sequence[str]):
        self._process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.peak_bytes = 0.0

    def turn(self) -> float:
        """Seconds of one piece of work; `peak_bytes` are then the most that the side had resident so far.

        Raises:
          RuntimeError: the process has ended.
        """
        try:
            self._process.stdin.write("\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # as below
        line = self._process.stdout.readline()
        if not line:
            code = self._process.wait()
            raise RuntimeError(
                f"{' '.join(self._process.args)} ended, exit code {code}: its errors are above"
            )
        told = json.loads(line)
        self.peak_bytes = told["peak_bytes"]
        return told["seconds"]

    def close(self) -> None:
        """Tells it that there are no more turns, and waits for its end."""
        self._process.communicate()


class Turns:
    """The side's end. What anything else prints goes to standard error."""

    def __init__(self):
        self._answers = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)

    def wait(self) -> bool:
        """Until the next turn; False if there are no more."""
        return bool(sys.stdin.readline())

    def tell(self, seconds: float) -> None:
        """What the turn took."""
        told = {"seconds": seconds, "peak_bytes": peak_bytes()}
        print(json.dumps(told), file=self._answers, flush=True)


def peak_bytes() -> float:
    """The most that this process, and each that it started, had resident, libraries and weights included.
    `ru_maxrss` would count what the parent held, too."""
    listed = Path("/proc/self/task").glob("*/children")
    started = [process for file in listed for process in file.read_text().split()]
    told = [Path("/proc", process, "status").read_text() for process in ("self", *started)]
    return 1024.0 * sum(int(peak) for status in told for peak in re.findall(r"VmHWM:\s+(\d+) kB", status))
