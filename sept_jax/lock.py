"""One process at a time in a work directory."""

import contextlib
import fcntl
from collections.abc import Iterator
from pathlib import Path

from sept_jax.errors import UserError

LOCK = "lock"
"""The name of the file in a folder that its holder has locked."""


@contextlib.contextmanager
def only_one(folder: Path, flag: str) -> Iterator[None]:
    """Holds a folder, which is made, while inside; however its holder ends, the kernel frees it. `flag` is
    what names the folder on the command line.

    Raises:
      UserError: another process holds it, or it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        file = (folder / LOCK).open("w")
    except OSError as error:
        raise UserError(f"{flag}={folder} cannot be used: {error.strerror}; pass another") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"{flag}={folder}: another command is at work there: wait for it, or pass another"
            ) from error
        yield
