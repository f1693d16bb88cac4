import os
import signal
import subprocess
import sys
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.checks import process
from sept_jax.checks.process import WorkerLost, WorkerProcess, decode, encode

ECHO = """
import os, time
from sept_jax.checks.process import serve
def reply(message):
    for item in message:
        if item == "die":
            os._exit(1)
        if item == "hang":
            time.sleep(1000)
        if item == "babble":
            os.write(1, b"no json\\n")
        if item == "flood":
            os.write(1, b"1" * 10_000_000)
        if item == "twice":
            os.write(1, b'"twice"\\n' * 3)  # at once: what comes later belongs to the next message
            continue
        if item == "memory":
            try:
                item = len(bytearray(300 << 20))
            except MemoryError:
                item = "no memory"
        if item == "interrupt":
            os.kill(os.getpid(), 2)
        yield item
serve(reply, 256 << 20)
"""


@pytest.fixture
def echo(tmp_path, monkeypatch):
    (tmp_path / "echo_worker.py").write_text(ECHO)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    made = WorkerProcess("echo_worker")
    yield made
    made.close()


def line(*items):
    return encode(items) + b"\n"


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(st.characters())))
def test_text_crosses_unchanged_in_one_line(items):
    assert decode(encode(items)) == items
    assert b"\n" not in encode(items)


def test_surrogates_cross_unchanged(echo):
    items = ["\ud800", "\ud83d\ude00", "\U0001f600", "\x00\n\r\x85\u2028", "x" * 1_000_000]
    assert items[1] != items[2]  # a pair of lone surrogates is not the character
    assert echo.ask(line(*items), len(items), 10.0) == items


def test_a_process_starts_when_asked_and_serves_many_messages(echo):
    assert echo.pid is None
    assert echo.ask(line(1, 2.5, None), 3, 10.0) == [1, 2.5, None]
    pid = echo.pid
    assert echo.ask(line("interrupt", "a"), 2, 10.0) == ["interrupt", "a"]  # Ctrl-C is the parent's
    assert echo.pid == pid
    echo.close()
    assert echo.pid is None
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
    echo.close()  # twice is fine
    assert echo.ask(line("again"), 1, 10.0) == ["again"]


@pytest.mark.parametrize("bad", ["die", "babble", "flood", "twice"])
def test_a_worker_that_dies_or_babbles_is_lost_with_what_it_said_before_kept(echo, bad):
    with pytest.raises(WorkerLost) as lost:
        echo.ask(line("a", bad), 2, 10.0)
    assert not lost.value.hung
    assert lost.value.answers[:1] == ["a"]
    assert echo.pid is None
    assert echo.ask(line("b"), 1, 10.0) == ["b"]


def test_a_worker_that_hangs_is_lost(echo):
    echo.ask(line("a"), 1, 10.0)
    began = time.monotonic()
    with pytest.raises(WorkerLost) as lost:
        echo.ask(line("a", "hang", "b"), 3, 0.2)
    assert (lost.value.hung, lost.value.answers) == (True, ["a"])
    assert time.monotonic() - began < 5.0


def test_a_stopped_worker_does_not_block_a_message_larger_than_the_pipe(echo):
    echo.ask(line("a"), 1, 10.0)
    os.kill(echo.pid, signal.SIGSTOP)
    with pytest.raises(WorkerLost) as lost:
        echo.ask(line("x" * 1_000_000), 1, 0.2)
    assert lost.value.hung


def test_the_address_space_is_limited(echo):
    assert echo.ask(line("memory", "b"), 2, 10.0) == ["no memory", "b"]


def test_a_worker_that_cannot_start_is_lost(monkeypatch):
    with pytest.raises(WorkerLost):
        WorkerProcess("no_such_module").ask(line("a"), 1, 10.0)
    monkeypatch.setattr(sys, "executable", "/no/such/program")
    with pytest.raises(WorkerLost):
        WorkerProcess("echo_worker").ask(line("a"), 1, 10.0)


def test_a_line_beyond_the_bound_ends_the_worker(echo, monkeypatch):
    with pytest.raises(WorkerLost):
        echo.ask(line("x" * process.MAX_LINE_BYTES), 1, 10.0)


def test_workers_end_with_their_parent(tmp_path, monkeypatch):
    """A parent that is killed closes its pipes; the worker reads the end of its input."""
    (tmp_path / "echo_worker.py").write_text(ECHO)
    program = (
        "import os; from sept_jax.checks.process import *\n"
        "w = WorkerProcess('echo_worker'); w.ask(encode([1]) + b'\\n', 1, 10.0)\n"
        "print(w.pid, flush=True); os.kill(os.getpid(), 9)"
    )
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=os.environ | {"PYTHONPATH": path}
    )
    worker = int(done.stdout)
    deadline = time.monotonic() + 10.0
    while _runs(worker):
        assert time.monotonic() < deadline
        time.sleep(0.02)


def _runs(pid):
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
