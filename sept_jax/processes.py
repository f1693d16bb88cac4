"""Several processes that run one program: how they find each other, and what they tell one another.

All of them hold the same state and take the same decisions; each has its own rows of a batch (`sharding`). In
one process every function here is the identity.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils
from jaxtyping import Shaped

from sept_jax.errors import UserError


def join(coordinator: str | None = None, count: int | None = None, index: int | None = None) -> None:
    """Makes this process one of several; it comes before all else that jax does.

    `coordinator` is host:port of the first process, `count` their number, `index` this one's. What is None
    jax asks its surroundings: a TPU pod, Slurm, Kubernetes, Open MPI.

    Raises:
      UserError: the surroundings do not say, or the others do not come.
    """
    try:
        jax.distributed.initialize(coordinator, count, index)
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"the processes cannot join ({str(error).splitlines()[0]}): on a TPU pod, Slurm or Kubernetes "
            "type --distributed alone; elsewhere give every process --distributed --coordinator=HOST:PORT "
            "--processes=COUNT --process=0, 1, ..."
        ) from error


def gather(value: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "processes ..."]:
    """Every process's array, bit for bit; the shapes agree."""
    value = np.asarray(value)
    if jax.process_count() == 1:
        return value[None]
    raw = multihost_utils.process_allgather(np.frombuffer(value.tobytes(), np.uint8))
    return np.frombuffer(np.asarray(raw).tobytes(), value.dtype).reshape(-1, *value.shape)


def largest(value: int) -> int:
    """The largest of the processes' values: they agree on the shape of an array with it."""
    return int(gather(np.asarray(value)).max())


def wait_for_others() -> None:
    """Returns when every process has come here."""
    gather(np.zeros(1))


def raise_together(error: UserError | None) -> None:
    """Raises in every process when one has an error: its own there, elsewhere one that says so."""
    if gather(np.asarray(error is not None)).any():
        raise error or UserError("another process has failed: its error says why")


@contextlib.contextmanager
def only_in_first(opened: contextlib.AbstractContextManager[Any]) -> Iterator[None]:
    """Enters what is given in the first process alone, and lets all go on when that is done.

    Raises:
      UserError: in all processes, when the first one could not enter.
    """
    with contextlib.ExitStack() as stack:
        refused = None
        if jax.process_index() == 0:
            try:
                stack.enter_context(opened)
            except UserError as error:
                refused = error
        raise_together(refused)
        yield
