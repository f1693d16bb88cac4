import subprocess
import sys

import pytest

from sept_jax.errors import UserError
from sept_jax.lock import only_one


def test_one_command_at_a_time(tmp_path):
    with only_one(tmp_path / "x", "--workdir"):
        with (
            pytest.raises(UserError, match=r"--workdir=.*x: another command is at work there"),
            only_one(tmp_path / "x", "--workdir"),
        ):
            pytest.fail("two commands at once")
        with only_one(tmp_path / "y", "--workdir"):
            pass
    with only_one(tmp_path / "x", "--workdir"):
        pass


def test_a_killed_holder_holds_nothing(tmp_path):
    code = (
        "import os, pathlib, signal, sys\n"
        "from sept_jax.lock import only_one\n"
        "with only_one(pathlib.Path(sys.argv[1]), '--workdir'):\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == -9
    with only_one(tmp_path, "--workdir"):
        pass


def test_a_place_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(UserError, match="cannot be used: "), only_one(tmp_path / "file" / "x", "--workdir"):
        pass
