"""What a command needs of its machine, asked before anything expensive: devices, places to write to."""

import os
from pathlib import Path

from sept_jax.errors import UserError


def device_count() -> int:
    """The number of devices; starts jax.

    Raises:
      UserError: jax finds none, as where JAX_PLATFORMS names what is not there.
    """
    import jax  # the parent process of an ablation has none

    try:
        return jax.device_count()
    except (RuntimeError, AssertionError) as error:  # jax asserts that a platform's plugin is installed
        asked = os.environ.get("JAX_PLATFORMS")
        named = "JAX_PLATFORMS is not set" if asked is None else f"JAX_PLATFORMS is {asked!r}"
        reason = str(error).partition("\n")[0] or "it is not installed"
        raise UserError(
            f"jax finds no device, {named} ({reason}): type JAX_PLATFORMS=cpu before the command"
        ) from error


def check_file(flag: str, path: Path) -> None:
    """Checks that a file can be written at `path`, which `flag` names; folders above it may be made.

    Raises:
      UserError: it is a directory, or the nearest folder above it is read-only or no folder.
    """
    if path.is_dir():
        raise UserError(f"{flag}={path} is a directory: type {flag}={path}/figures.json")
    check_folder(flag, path.absolute().parent)


def check_folder(flag: str, path: Path) -> None:
    """Checks that files can be written in a folder, which may be made.

    Raises:
      UserError: it, or the nearest above it that exists, is read-only or no folder.
    """
    path = path.absolute()
    above = next(place for place in (path, *path.parents) if os.path.lexists(place))
    if not above.is_dir() or not os.access(above, os.W_OK | os.X_OK):
        raise UserError(f"{flag}: {above} is no folder that can be written to: pass another path")
