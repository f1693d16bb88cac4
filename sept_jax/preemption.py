"""What a scheduler says before it takes the machine away: SIGTERM, heard between two steps."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

import jax
from jax.experimental import multihost_utils


@contextlib.contextmanager
def heard() -> Iterator[Callable[[int], bool]]:
    """Inside, SIGTERM ends nothing: the function given tells of a step whether the run is to stop after it.
    With several processes a notice to one of them stops all after the same step."""
    if jax.process_count() > 1:  # jax's coordination service hears the signal
        yield multihost_utils.reached_preemption_sync_point
        return
    asked = threading.Event()
    in_main = threading.current_thread() is threading.main_thread()
    before = signal.signal(signal.SIGTERM, lambda *_: asked.set()) if in_main else None
    try:
        yield lambda step: asked.is_set()
    finally:
        if in_main:
            signal.signal(signal.SIGTERM, before)


class Preempted(Exception):  # noqa: N818
    """A run was told to stop after a step, and is saved there."""
