import os
import signal
import time

import pytest

from sept_jax.checks import process
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.checks.process import MAX_LINE_BYTES


@pytest.fixture(scope="module")
def shared():
    made = SymbolicComparer()
    yield made
    made.close()


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        (r"2\sqrt{3}", r"\sqrt{12}", True),
        ("(x+1)^2", "x^2+2x+1", True),
        (r"2\sqrt{3}", r"\sqrt{13}", False),
        ("x+1", "x-1", False),
        ("9^{9^{9}}", "1", None),
        ("1", "__import__('os').system('true')", None),
        ("x" * 100_000, "1", None),
        ("1\n[]", "\ud800\x00", None),
    ],
)
def test_verdicts(shared, first, second, same):
    assert shared.equal(first, second) is same
    assert (shared.timeouts, shared.restarts) == (0, 0)


def test_a_verdict_is_kept(shared):
    shared.equal("x+1", "1+x")
    pid = shared._worker.pid
    shared._worker.close()
    assert shared.equal("x+1", "1+x") is True
    assert shared._worker.pid is None
    assert pid is not None


def test_a_pair_beyond_the_line_is_unknown_and_not_sent():
    made = SymbolicComparer()
    assert made.equal("x" * MAX_LINE_BYTES, "1") is None
    assert (made._worker.pid, made.restarts) == (None, 0)


def test_a_worker_that_dies_is_replaced():
    made = SymbolicComparer()
    assert made.equal("x+1", "1+x") is True
    first = made._worker.pid
    os.kill(first, signal.SIGKILL)
    assert made.equal("x+2", "2+x") is None
    assert (made.restarts, made.timeouts) == (1, 0)
    assert made.equal("x+3", "3+x") is True
    second = made._worker.pid
    assert second != first
    made.close()
    with pytest.raises(ProcessLookupError):
        os.kill(second, 0)
    made.close()  # twice is fine


def test_a_worker_that_hangs_is_given_up():
    made = SymbolicComparer(timeout_seconds=0.2)
    assert made.equal("x+1", "1+x") is True
    worker = made._worker.pid
    os.kill(worker, signal.SIGSTOP)
    began = time.monotonic()
    assert made.equal("x+2", "2+x") is None
    assert time.monotonic() - began < 5.0
    assert (made.restarts, made.timeouts) == (1, 1)
    with pytest.raises(ProcessLookupError):
        os.kill(worker, 0)
    assert made._worker.pid is None


def test_a_worker_that_does_not_start_in_time_is_given_up(monkeypatch):
    monkeypatch.setattr(process, "START_SECONDS", 0.0)
    made = SymbolicComparer(timeout_seconds=0.01)
    assert made.equal("x+1", "1+x") is None
    assert (made.restarts, made.timeouts) == (1, 1)
    made.close()
