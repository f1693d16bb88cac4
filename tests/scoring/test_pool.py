import contextlib
import os
import random
import signal
import threading
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sept_jax.checks.process import MAX_LINE_BYTES, decode, encode
from sept_jax.checks.reading import read_path, unknown_reading
from sept_jax.checks.worker import pack
from sept_jax.scoring import pool as pools
from sept_jax.scoring.pool import PathJob, ReaderPool, worker_count

QUESTION = "3+4*5-2="
RIGHT = ("4*5=20\n", "3+20=23\n", "23-2=21\n", "#### 21")
CLEAN = {"cache_hits": 0, "check_timeouts": 0, "check_errors": 0, "worker_restarts": 0}

UNSOUND = """
import os, time
from sept_jax.checks import reading
from sept_jax.checks import worker
check = reading.check_arithmetic
def unsound(step, *args, **kwargs):
    if "spin" in step:
        while True:
            pass
    if "sleep" in step:
        time.sleep(1000)
    if "exit" in step:
        os._exit(0)
    if "raise" in step:
        raise KeyError(step)
    if "huge" in step:
        bytearray(1 << 30)
    return check(step, *args, **kwargs)
reading.check_arithmetic = unsound
worker.main()
"""


def job(*steps, question=QUESTION, strict=True):
    return PathJob(question, steps, strict)


def numbered(count, start=0):
    return [job(f"3+{n}={n + 3}\n", f"#### {n}") for n in range(start, start + count)]


def inline(jobs):
    return [read_path(*each) for each in jobs]


@contextlib.contextmanager
def opened(*args, **kwargs):
    made = ReaderPool(*args, **kwargs)
    try:
        yield made
    finally:
        made.close()


def pids(pool):
    return [worker.pid for worker in list(pool._idle.queue) if worker.pid]


@pytest.fixture(scope="module")
def shared():
    with opened(2) as made:
        yield made


@pytest.fixture
def unsound(tmp_path, monkeypatch):
    (tmp_path / "unsound_worker.py").write_text(UNSOUND)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with opened(1, path_seconds=1.0, module="unsound_worker") as made:
        made.result(made.submit([job("warm")]))
        yield made


def test_worker_count_is_bounded_by_the_cores(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(6)))
    assert [worker_count(n) for n in (0, 1, 5, 6, 7, 100)] == [5, 1, 5, 6, 6, 6]
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})
    assert [worker_count(n) for n in (0, 1, 2)] == [1, 1, 1]


def test_readings_are_those_of_read_path_in_order(shared):
    jobs = numbered(300)
    random.Random(0).shuffle(jobs)
    assert shared.result(shared.submit(jobs)) == inline(jobs)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.text(st.characters()), st.lists(st.text(st.characters())).map(tuple), st.booleans()),
        max_size=8,
    )
)
def test_any_text_is_read_as_inline(shared, jobs):
    jobs = [PathJob(*each) for each in jobs]
    assert shared.result(shared.submit(jobs)) == inline(jobs)


@pytest.mark.parametrize(
    "steps",
    [
        (),
        ("",),
        ("\ud800 1+1=2", "\ud83d\ude00", "\U0001f600", "\x00\x1b[0m\u2028 2+2=5"),
        ("9" * 100_000 + "=1", "#### " + "9" * 2_000),
        ("1+1=2\n" * 20_000,),
        ("(" * 50_000, "\\frac{" * 5_000, "x^" * 5_000),
        ("so \\boxed{\\text{Even}}",),
        ("#### 1/3",),
    ],
)
def test_awkward_text_is_read_as_inline(shared, steps):
    jobs = [job(*steps, strict=strict) for strict in (True, False)]
    assert shared.result(shared.submit(jobs)) == inline(jobs)


def test_a_path_beyond_the_line_is_unknown_and_not_sent():
    with opened(1) as made:
        long = job("x" * MAX_LINE_BYTES, "1+1=2")
        assert made.result(made.submit([long])) == [unknown_reading(2)]
        assert made.counts() == CLEAN | {"check_errors": 1}
        assert pids(made) == []


def test_nothing_starts_before_there_is_work_and_nothing_stays():
    made = ReaderPool(2)
    before = threading.active_count()
    assert made.result(made.submit([])) == []
    assert (pids(made), threading.active_count()) == ([], before)
    made.result(made.submit(numbered(200)))
    running = pids(made)
    assert 1 <= len(running) <= 2
    made.close()
    for pid in running:
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
    made.close()  # twice is fine
    assert threading.active_count() == before


def test_what_was_read_or_is_being_read_is_not_read_again():
    with opened(1) as made:
        first = made.submit([job(*RIGHT)] * 3)
        again = made.submit([job(*RIGHT), job(*RIGHT, strict=False), job(*RIGHT, question="?")])
        assert made.result(first + again) == inline([job(*RIGHT)] * 4) + inline(
            [job(*RIGHT, strict=False), job(*RIGHT, question="?")]
        )
        assert made.counts() == CLEAN | {"cache_hits": 3}
        os.kill(pids(made)[0], signal.SIGSTOP)
        assert made.result(made.submit([job(*RIGHT)])) == inline([job(*RIGHT)])  # nobody was asked


def test_the_cache_is_bounded_by_text_and_drops_what_was_not_used_for_longest(monkeypatch):
    monkeypatch.setattr(pools, "CACHE_CHARACTERS", 10_000)
    with opened(1) as made:
        kept, *others = numbered(40)
        for other in others:
            made.result(made.submit([kept, other]))
        assert made.counts()["cache_hits"] == 38
        assert len(made._cache) == 9  # each weighs 1,000 and its text
        assert kept in made._cache
        assert others[0] not in made._cache
        assert made._cached_characters <= 10_000
        made.result(made.submit([job("x" * 50_000)]))
        assert len(made._cache) == 1
        made.result(made.submit([kept]))
        assert len(made._cache) == 1
        assert made._cached_characters < 1_100


def test_a_killed_workers_path_is_unknown_and_the_next_are_read():
    """The worker is stopped, so that it certainly holds the first path of the message when it is killed."""
    with opened(1) as made:
        made.result(made.submit([job("warm")]))
        [pid] = pids(made)
        os.kill(pid, signal.SIGSTOP)
        jobs = numbered(8)
        readings = made.submit(jobs)
        time.sleep(0.1)
        os.kill(pid, signal.SIGKILL)
        found = made.result(readings)
        # a message holds half of the paths; the first of them was in the worker's hands
        assert found == [unknown_reading(2), *inline(jobs[1:])]
        assert made.counts() == CLEAN | {"worker_restarts": 1}
        assert pids(made) != [pid]


def test_a_path_that_hangs_is_unknown_and_the_worker_replaced(unsound):
    [pid] = pids(unsound)
    jobs = [job("1+1=2"), job("1+2=3", "sleep 1+1=2"), job("1+3=4"), job("1+4=5")]
    began = time.monotonic()
    found = unsound.result(unsound.submit(jobs))
    assert time.monotonic() - began < 10.0
    assert found == [read_path(*jobs[0]), unknown_reading(2), *inline(jobs[2:])]
    assert unsound.counts() == CLEAN | {"worker_restarts": 1}
    assert pids(unsound) != [pid]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_a_path_that_ends_the_worker_is_unknown(unsound):
    jobs = [job("exit now"), job("1+1=2"), job("exit again"), job("1+4=5")]
    found = unsound.result(unsound.submit(jobs))
    assert found == [unknown_reading(1), read_path(*jobs[1]), unknown_reading(1), read_path(*jobs[3])]
    assert unsound.counts() == CLEAN | {"worker_restarts": 2}


@pytest.mark.parametrize(
    ("step", "count"), [("spin", "check_timeouts"), ("raise", "check_errors"), ("huge", "check_errors")]
)
def test_a_check_that_fails_makes_its_step_unknown(unsound, step, count):
    [pid] = pids(unsound)
    bad, good = job(f"{step} 1+1=3", "2+2=5"), job("1+1=3", "2+2=5")
    [found] = unsound.result(unsound.submit([bad]))
    assert [v.value for v in found.verdicts["arithmetic"]] == [0, -1]
    assert found.values == (None, 5)
    assert unsound.counts() == CLEAN | {count: 1}
    assert unsound.result(unsound.submit([good])) == inline([good])
    assert pids(unsound) == [pid]


def test_without_a_worker_everything_is_unknown_and_nothing_raises():
    with opened(1, module="no_such_module") as made:
        assert made.result(made.submit(numbered(3))) == [unknown_reading(2)] * 3
        assert made.counts() == CLEAN | {"worker_restarts": 3}


def test_an_answer_nested_too_deep_is_unknown_and_no_later_paths_answer(tmp_path, monkeypatch):
    (tmp_path / "deep_worker.py").write_text(
        "import sys\nfor line in sys.stdin.buffer:\n    print('[' * 200_000, flush=True)\n"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with opened(1, module="deep_worker") as made:
        readings = made.submit(numbered(2))
        assert [reading.result(timeout=60) for reading in readings] == [unknown_reading(2)] * 2
        assert made.counts() == CLEAN | {"worker_restarts": 2}


def test_nobody_waits_for_ever_when_the_pool_itself_fails(monkeypatch):
    def fails(*_):
        raise RuntimeError

    monkeypatch.setattr(ReaderPool, "_ask", fails)
    with opened(1) as made:
        readings = made.submit(numbered(2))
        assert [reading.result(timeout=60) for reading in readings] == [unknown_reading(2)] * 2
        assert made.counts() == CLEAN | {"check_errors": 2}


def test_an_answer_that_is_no_reading_is_unknown(tmp_path, monkeypatch):
    bad = [None, [1, 2, 3], [[{}, [], None], 0, 0], [[{"arithmetic": [[1]]}, [None], None], 0, 0]]
    good = [pack(read_path("?", ("2+2=4",), True)), 0, 0]
    short = [pack(read_path("?", (), True)), 0, 0]
    replies = decode(encode([*bad, short, good]))
    (tmp_path / "babbling_worker.py").write_text(
        "from sept_jax.checks.process import serve\n"
        f"replies = iter({replies!r})\n"
        "serve(lambda paths: (next(replies) for _ in paths), 1 << 29)"
    )
    monkeypatch.setenv("PYTHONPATH", str(tmp_path), prepend=os.pathsep)
    with opened(1, module="babbling_worker") as made:
        found = made.result(made.submit([job("2+2=4", question=f"{n}") for n in range(6)]))
        assert found == [*[unknown_reading(1)] * 5, read_path("?", ("2+2=4",), True)]
        assert made.counts() == CLEAN | {"check_errors": 5}
