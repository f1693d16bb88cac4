import os
import signal
import time

import pytest

from sept_jax.checks import comparer
from sept_jax.checks.comparer import SymbolicComparer


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
    worker, shared._worker = shared._worker, None
    try:
        assert shared.equal("x+1", "1+x") is True
        assert shared._worker is None
    finally:
        shared._worker = worker


def test_a_worker_that_dies_is_replaced():
    made = SymbolicComparer()
    assert made.equal("x+1", "1+x") is True
    first = made._worker
    os.kill(first.pid, signal.SIGKILL)
    first.wait()
    assert made.equal("x+2", "2+x") is None
    assert (made.restarts, made.timeouts) == (1, 0)
    assert made.equal("x+3", "3+x") is True
    assert made._worker.pid != first.pid
    second = made._worker
    made.close()
    assert second.returncode is not None
    made.close()  # twice is fine


def test_a_worker_that_hangs_is_given_up():
    made = SymbolicComparer(timeout_seconds=0.2)
    assert made.equal("x+1", "1+x") is True
    worker = made._worker
    os.kill(worker.pid, signal.SIGSTOP)
    began = time.monotonic()
    assert made.equal("x+2", "2+x") is None
    assert time.monotonic() - began < 5.0
    assert (made.restarts, made.timeouts) == (1, 1)
    assert worker.returncode is not None
    assert made._worker is None


def test_a_worker_that_does_not_start_in_time_is_given_up(monkeypatch):
    monkeypatch.setattr(comparer, "_START_SECONDS", 0.0)
    made = SymbolicComparer(timeout_seconds=0.01)
    assert made.equal("x+1", "1+x") is None
    assert (made.restarts, made.timeouts) == (1, 1)
    made.close()
