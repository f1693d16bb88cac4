"""Jobs for the worker processes of `test_ablate_workers.py`; importing this starts no jax."""

import json
import os
import resource
import signal
import threading
from pathlib import Path


def note(folder: str, job: str) -> None:
    """Notes who did a job on which cores; `bad` fails, `fatal` kills its process, `frail` only once."""
    begun = Path(folder, f"{job}.begun")
    first = not begun.exists()
    begun.touch()
    if job == "bad":
        raise ValueError("a bad job\nwith a second line")
    if job == "fatal" or (job == "frail" and first):
        os.kill(os.getpid(), signal.SIGKILL)
    Path(folder, job).write_text(json.dumps({"pid": os.getpid(), "cores": sorted(os.sched_getaffinity(0))}))


def wait_for_ever(folder: str, job: str) -> None:
    Path(folder, job).write_text(str(os.getpid()))
    signal.pause()


def train_for_ever(folder: str, job: str) -> None:
    """Hears SIGTERM as a run does that trains, and is in no hurry."""
    from sept_jax.preemption import heard  # it imports jax

    with heard():
        Path(folder, job).write_text(str(os.getpid()))
        while True:
            signal.pause()


def note_page_faults(folder: str, job: str) -> None:
    """Notes how many page faults it costs a thread to fill 100 MB that it has filled and freed before."""
    faults = []

    def fill():
        for _ in range(3):
            before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
            b"x" * (100 << 20)
            faults.append(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)

    thread = threading.Thread(target=fill)
    thread.start()
    thread.join()
    Path(folder, job).write_text(json.dumps(faults))
