"""Commands of the package, each in a process of its own, forked from one that has done the imports.

It forks before jax starts a backend, and it is no superuser: in a read-only folder it cannot write.
"""

import ctypes
import gc
import json
import os
import runpy
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Ended(NamedTuple):
    """How a command ended, and after how many seconds."""

    code: int
    stdout: str
    stderr: str
    seconds: float


class Commands:
    """Runs commands, one after the other; what takes longer than `limit` seconds is killed."""

    def __init__(self, limit: float, environment: Mapping[str, str]):
        self._server = subprocess.Popen(
            [sys.executable, __file__, str(limit)],
            env=dict(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def run(self, folder: Path, module: str, arguments: Sequence[str]) -> Ended:
        """What `python -m MODULE ARGUMENTS` does in a folder."""
        out, err = folder / ".stdout", folder / ".stderr"
        order = [module, arguments, str(folder), str(out), str(err)]
        self._server.stdin.write(json.dumps(order) + "\n")
        code, seconds = json.loads(self._server.stdout.readline())
        return Ended(code, out.read_text(), err.read_text(), seconds)

    def close(self) -> None:
        self._server.stdin.close()
        self._server.wait()


def _serve(limit: float) -> None:
    import sept_jax.ablate
    import sept_jax.ablation.execute
    import sept_jax.ablation.report
    import sept_jax.export
    import sept_jax.processbench
    import sept_jax.score
    import sept_jax.train  # noqa: F401

    gc.freeze()  # else a collection in a child copies all that was imported
    while line := sys.stdin.readline():
        began = time.monotonic()
        child = os.fork()
        if child == 0:
            _become(*json.loads(line))
        code = _exit_code(child, began + limit)
        print(json.dumps([code, time.monotonic() - began]), flush=True)


def _become(module: str, arguments: list[str], folder: str, out: str, err: str) -> None:
    for descriptor, path in ((0, os.devnull), (1, out), (2, err)):
        os.dup2(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o644), descriptor)
    os.chdir(folder)
    sys.argv[1:] = arguments
    sys.modules.pop(module, None)  # it was imported as a part of another command
    code = 0
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as ended:
        code = ended.code
    except BaseException:
        traceback.print_exc()
        code = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)  # to tear down what was imported takes a second


def _exit_code(child: int, deadline: float) -> int:
    """The exit code of a child, minus the signal that ended it."""
    while True:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > deadline:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.005)


def lay_down_privileges() -> None:
    """Linux lets root write anywhere; without its capabilities it is a user like others."""
    if sys.platform == "linux" and os.geteuid() == 0:
        version_3 = (ctypes.c_uint32 * 2)(0x20080522, 0)
        ctypes.CDLL(None).capset(version_3, (ctypes.c_uint32 * 6)())


if __name__ == "__main__":
    lay_down_privileges()
    _serve(float(sys.argv[1]))
