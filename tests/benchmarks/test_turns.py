"""Sides of a comparison as processes; a stand-in works in place of a training step."""

import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from benchmarks.turns import Side

ROOT = Path(__file__).parents[2]
STAND_IN = """
from benchmarks.turns import Turns
turns, held, done = Turns(), [], 0
while turns.wait():
    print("what a library prints")
    held.append(b"x" * 2**26)
    done += 1
    turns.tell(done)
raise SystemExit(3)
"""


@pytest.fixture
def side(monkeypatch):
    monkeypatch.chdir(ROOT)
    with closing(Side([sys.executable, "-c", STAND_IN])) as made:
        yield made


def test_a_side_works_once_a_turn_and_tells_its_peak(side):
    seconds, peaks = zip(*((side.turn(), side.peak_bytes) for _ in range(3)), strict=True)
    assert seconds == (1, 2, 3)
    assert 2**26 < peaks[0] < 2**28
    assert peaks[2] - peaks[0] == pytest.approx(2 * 2**26, rel=0.05)
    side.close()
    assert side._process.returncode == 3  # it was told that there is no more


def test_the_peak_counts_what_the_side_started(monkeypatch):
    monkeypatch.chdir(ROOT)
    started = "held = b'x' * 2**27; print(len(held), flush=True); input()"
    code = f"""
import subprocess, sys
from benchmarks.turns import peak_bytes
alone = peak_bytes()
started = subprocess.Popen([sys.executable, "-c", {started!r}], stdin=-1, stdout=-1)
started.stdout.readline()
print(peak_bytes() - alone)
started.kill()
"""
    told = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout
    assert 2**27 < float(told) < 2**28


def test_a_side_that_ended_is_an_error(monkeypatch):
    monkeypatch.chdir(ROOT)
    with (
        closing(Side([sys.executable, "-c", "raise SystemExit(7)"])) as side,
        pytest.raises(RuntimeError, match="ended, exit code 7"),
    ):
        side.turn()


def test_no_process_of_a_peer_holds_jax():
    code = "import sys, benchmarks.memory, benchmarks.step; raise SystemExit('jax' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
