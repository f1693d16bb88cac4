import re
import subprocess
import sys
import time
from fractions import Fraction

import pytest

from sept_jax.checks.process import WorkerProcess, decode, encode
from sept_jax.checks.reading import Reading, read_guarded, read_path, unknown_reading
from sept_jax.checks.verdicts import UNKNOWN, Verdict
from sept_jax.checks.worker import CheckGuard, pack, unpack

QUESTION = "3+4*5-2="
WRONG = ("4*5=25\n", "3+25=28\n", "28-2=26\n", "#### 26")


@pytest.fixture
def guard():
    return CheckGuard(step_seconds=0.02)


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass
    return "done"


def test_the_worker_imports_the_checks_and_nothing_heavy():
    """What the process itself imports, a path read."""
    message = encode([[QUESTION, True, WRONG]]) + b"\n"
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "sept_jax.checks.worker"],
        input=message, capture_output=True, check=True,
    )  # fmt: skip
    imported = set(re.findall(r"\| +([\w.]+)$", done.stderr.decode(), re.MULTILINE))
    assert "sept_jax.checks.reading" in imported
    ours = {name for name in imported if name.startswith("sept_jax")}
    assert {name for name in ours if not name.startswith("sept_jax.checks")} <= {"sept_jax"}
    assert not {"jax", "numpy", "sympy", "flax", "absl", "pickle"} & imported
    assert unpack(decode(done.stdout)[0]) == read_path(QUESTION, WRONG, True)


@pytest.mark.parametrize(
    "reading",
    [
        read_path(QUESTION, WRONG, True),
        read_path(QUESTION, (), True),
        unknown_reading(3),
        Reading({"arithmetic": (Verdict(-0.5, "7/2 \ud800 \x00"), UNKNOWN)}, (Fraction(-7, 2), None), "1/2"),
        Reading({"arithmetic": (Verdict(0.0, "a reason alone"),)}, (Fraction(2**1023, 3),), Fraction(1, 2)),
        Reading({"arithmetic": (UNKNOWN,)}, (None,), ""),
    ],
)
def test_a_reading_is_packed_and_unpacked(reading):
    there = unpack(decode(encode(pack(reading))))
    assert there == reading
    assert isinstance(there.answer, str) is isinstance(reading.answer, str)
    assert all(value is None or isinstance(value, Fraction) for value in there.values)


def test_a_check_that_takes_too_long_is_interrupted(guard):
    assert guard("unknown", 1, spin, 0.001) == "done"
    began = time.process_time()
    assert guard("unknown", 1, spin, 5.0) == "unknown"
    assert 0.01 < time.process_time() - began < 0.5
    assert guard("unknown", 9, spin, 0.05) == "done"  # nine steps may take 0.18 s
    assert (guard.timeouts, guard.errors) == (1, 0)
    spin(0.05)  # nothing is left armed


def test_waiting_for_the_machine_is_no_timeout(guard):
    guard("unknown", 1, time.sleep, 0.1)
    assert guard.timeouts == 0


@pytest.mark.parametrize("error", [ValueError, RecursionError, MemoryError, KeyError])
def test_a_check_that_raises_is_unknown(guard, error):
    def check(text, strict):
        raise error(text)

    assert guard("unknown", 1, check, "x", strict=True) == "unknown"
    assert (guard.timeouts, guard.errors) == (0, 1)


def test_a_check_cannot_swallow_its_interruption(guard):
    def check():
        try:
            spin(5.0)
        except Exception:
            return "caught"

    assert guard("unknown", 1, check) == "unknown"
    assert guard.timeouts == 1


def test_one_failing_step_leaves_the_others(monkeypatch, guard):
    from sept_jax.checks import reading

    def fails_at_28(step, *rest, check=reading.check_arithmetic, **named):
        if step.startswith("3+25"):
            raise ValueError
        return check(step, *rest, **named)

    monkeypatch.setattr(reading, "check_arithmetic", fails_at_28)
    guarded = read_guarded(QUESTION, WRONG, True, guard)
    plain = read_path(QUESTION, WRONG, True)
    assert [v.value for v in guarded.verdicts["arithmetic"]] == [-1, 0, 1, 0]
    assert guarded.values[1] is None
    assert guarded.answer == plain.answer == 26
    for name, verdicts in plain.verdicts.items():
        if name != "arithmetic":
            assert guarded.verdicts[name] == verdicts
    assert guard.errors == 1


def test_the_workers_memory_stays_below_its_limit_and_its_caches_are_bounded():
    worker = WorkerProcess("sept_jax.checks.worker")
    text = "so we have 12*3 = 36 and then x^2 + 3x - 10 = (x+5)(x-2) while 36/4 = 9 apples for {} and {}\n"
    for start in range(0, 6_000, 1_000):
        paths = [[f"question {n}", False, [text.format(n + k, n) for k in range(10)]]
                 for n in range(start, start + 1_000, 10)]  # fmt: skip
        answers = worker.ask(encode(paths) + b"\n", len(paths), 60.0)
        assert {tuple(failures) for _, *failures in answers} == {(0, 0)}
    with open(f"/proc/{worker.pid}/status") as file:
        status = file.read()
    worker.close()
    peak_mib = int(re.search(r"VmPeak:\s+(\d+)", status)[1]) / 1024
    assert peak_mib < 512
