"""How the start of a process is timed; a stand-in starts in place of the sampler."""

import os

import pytest

from benchmarks.startup import start

STAND_IN = """
import os, time
time.sleep(0.2)
open(os.environ["JAX_COMPILATION_CACHE_DIR"], "w").close()
print(1, flush=True)
time.sleep(0.5)
print(1, flush=True)
"""


def test_seconds_until_the_first_and_the_second_line(tmp_path):
    first, second = start(["-c", STAND_IN], tmp_path / "cache")
    assert os.path.exists(tmp_path / "cache")
    assert first >= 0.2
    assert 0.4 < second < 0.5 + first


@pytest.mark.parametrize("code", ["print(1)", "print(1); print(1); raise SystemExit(4)"])
def test_a_process_that_fails_is_no_measurement(code, tmp_path):
    with pytest.raises(SystemExit, match="exit code"):
        start(["-c", code], tmp_path)
