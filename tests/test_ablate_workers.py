"""Worker processes: their cores, what they do when a job fails or kills them, and how they end."""

import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import crew_jobs
import pytest

from sept_jax.ablation.workers import Crew, available_cores, core_shares


@pytest.mark.parametrize(
    ("cores", "processes", "shares"),
    [
        ({0, 1}, 2, [{0}, {1}]),
        ({4, 7, 5}, 2, [{4}, {5, 7}]),
        (set(range(8)), 3, [{0, 1}, {2, 3, 4}, {5, 6, 7}]),
        ({2, 3}, 1, [{2, 3}]),
        ({2, 3}, 3, [{2}, {3}, {2}]),
    ],
)
def test_cores_are_shared_fairly(cores, processes, shares):
    assert core_shares(cores, processes) == shares


def do_all(crew, jobs):
    left, done = list(jobs), {}

    def next_job(busy):
        assert len(busy) < 2
        return left.pop(0) if left else None

    crew.run(next_job, done.__setitem__)
    return done


def test_a_crew_does_every_job_whatever_happens_to_its_processes(tmp_path):
    crew = Crew(functools.partial(crew_jobs.note, str(tmp_path)), 1, tmp_path)
    try:
        done = do_all(crew, ["one", "bad", "two", "frail", "fatal", "three"])
    finally:
        crew.close()
    assert done["bad"] == "ValueError: a bad job"
    assert done["fatal"].startswith("its process died 2 times, with exit code -9")
    assert {job for job, error in done.items() if error is None} == {"one", "two", "frail", "three"}
    notes = {job: json.loads((tmp_path / job).read_text()) for job in ("one", "two", "frail", "three")}
    assert notes["one"]["pid"] == notes["two"]["pid"]
    assert len({note["pid"] for note in notes.values()}) == 3  # the first, and one after each death
    assert all(set(note["cores"]) == available_cores() for note in notes.values())
    assert "with a second line" in (tmp_path / "worker-0.log").read_text()


def test_what_a_worker_frees_it_keeps(tmp_path):
    crew = Crew(functools.partial(crew_jobs.note_page_faults, str(tmp_path)), 1, tmp_path)
    try:
        do_all(crew, ["faults"])
    finally:
        crew.close()
    first, *later = json.loads((tmp_path / "faults").read_text())
    assert first > 100
    assert max(later) < first / 10


@pytest.fixture
def ctrl_c():
    """SIGINT is KeyboardInterrupt, also where a shell has started the tests in the background, without it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c")
def test_closing_ends_a_run_that_trains(tmp_path):
    crew = Crew(functools.partial(crew_jobs.train_for_ever, str(tmp_path)), 1, tmp_path)

    def interrupt():
        while not (tmp_path / "job").exists():
            time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    with pytest.raises(KeyboardInterrupt):
        do_all(crew, ["job"])
    closing = threading.Thread(target=crew.close, daemon=True)
    closing.start()
    closing.join(timeout=30)
    assert not closing.is_alive()


PARENT = """
import functools, sys
import crew_jobs
from sept_jax.ablation.workers import Crew

if __name__ == "__main__":
    folder = sys.argv[1]
    crew = Crew(functools.partial(crew_jobs.wait_for_ever, folder), 1, __import__("pathlib").Path(folder))
    jobs = ["job"]
    crew.run(lambda busy: jobs.pop() if jobs else None, print)
"""


def test_when_the_parent_is_killed_its_processes_end(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PARENT)
    there = {"PYTHONPATH": os.pathsep.join([str(Path(__file__).parent), str(Path(__file__).parents[1])])}
    parent = subprocess.Popen([sys.executable, str(program), str(tmp_path)], env=os.environ | there)
    deadline = time.monotonic() + 60
    while not (tmp_path / "job").exists() or not (tmp_path / "job").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    child = int((tmp_path / "job").read_text())
    parent.kill()
    parent.wait()
    while time.monotonic() < deadline:
        try:
            state = Path(f"/proc/{child}/stat").read_text().rsplit(")", 1)[1].split()[0]
        except FileNotFoundError:
            return
        if state == "Z":
            return
        time.sleep(0.05)
    pytest.fail("the worker outlived its parent")
