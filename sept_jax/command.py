"""What every `python -m sept_jax.NAME` shares: flags, the config, and errors as one line.

It imports no jax, so that bad input is told at once.
"""

import argparse
import contextlib
import ctypes
import difflib
import importlib.machinery
import importlib.util
import io
import os
import re
import sys
import traceback
from collections.abc import Callable, Collection, Iterator
from typing import Any, NoReturn

from absl import app, flags, logging
from ml_collections import ConfigDict, config_flags

from sept_jax.errors import UserError

os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")  # else its import tells that there is no torch

_OVERRIDE = re.compile(r"--?(no)?config\.([^=]+)(=.*)?", re.DOTALL)


def run(main: Callable[[ConfigDict], Any]) -> None:
    """Reads `--config` and its overrides, applies `config.debug`, calls `main(config)`, and exits.

    Flags of the caller's own are defined with absl before this. Exit codes: 0; 2 after bad input
    (`UserError`, flags, config), told in one line; 130 after Ctrl-C. Anything else is a bug and keeps
    its traceback.
    """
    config_flags.DEFINE_config_file(
        "config", help_string="Config file: --config=configs/NAME.py", lock_config=True
    )
    logging.set_verbosity(logging.WARNING)  # --verbosity=0 shows what the libraries tell
    with one_line_errors():
        app.run(lambda argv: _start(main) and None, flags_parser=_parse)


def _start(main: Callable[[ConfigDict], Any]) -> Any:
    config = apply_debug(flags.FLAGS.config)
    cache_compilations()
    keep_freed_memory()
    overlap_transfers()
    return main(config)


def cache_compilations() -> None:
    """Lets jax keep what it compiles under the user's cache directory, unless `JAX_COMPILATION_CACHE_DIR`
    names another place: the next run of the same shapes starts without compiling."""
    variable = "JAX_COMPILATION_CACHE_DIR"
    if variable in os.environ:
        return
    caches = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    os.environ[variable] = os.path.join(caches, "sept_jax", "compiled")
    if "jax" in sys.modules:  # it has read the environment already
        sys.modules["jax"].config.update("jax_compilation_cache_dir", os.environ[variable])


def keep_freed_memory() -> None:
    """Tells glibc to keep what is freed; called before the first thread starts. XLA's CPU backend asks for
    its buffers anew at every call; given back to the kernel in between, they cost a page fault each 4 KiB, a
    third of a small model's step."""
    arena_max, mmap_max, trim_threshold = -8, -4, -1  # of malloc.h
    with contextlib.suppress(OSError, AttributeError):
        mallopt = ctypes.CDLL("libc.so.6").mallopt
        mallopt(arena_max, 1)
        mallopt(mmap_max, 0)
        mallopt(trim_threshold, 2**31 - 1)


def overlap_transfers() -> None:
    """Lets XLA on GPUs compute while devices talk, unless `XLA_FLAGS` says what it shall do; read with the
    first device. The compiler for TPUs does it anyway."""
    flag, given = "--xla_gpu_enable_latency_hiding_scheduler", os.environ.get("XLA_FLAGS", "")
    plugins = ("jax_cuda12_plugin", "jax_cuda13_plugin")
    if flag not in given and any(importlib.util.find_spec(name) for name in plugins):
        os.environ["XLA_FLAGS"] = f"{given} {flag}=true".strip()


class ArgumentParser(argparse.ArgumentParser):
    """One whose errors are `UserError`s."""

    def error(self, message: str) -> NoReturn:
        raise UserError(f"{message}; {' '.join(self.format_usage().split())}")


@contextlib.contextmanager
def one_line_errors() -> Iterator[None]:
    """Inside, a `UserError` ends the program with one line and exit code 2, Ctrl-C with 130; what standard
    output cannot encode is escaped."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        yield
    except UserError as error:
        _end(f"error: {one_line(str(error))}", 2)
    except KeyboardInterrupt:
        _end("interrupted", 130)


def one_line(text: str) -> str:
    """The text with white space as single spaces, without ml_collections' list of all fields, and what no
    terminal should get (escapes, other control characters, unpaired surrogates) replaced."""
    text = " ".join(text.partition("Other fields present")[0].split())
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)


def apply_debug(config: ConfigDict, explicit: Collection[str] | None = None) -> ConfigDict:
    """Returns `config`; if `config.debug`, with `config.debug_overrides` laid over it.

    The overrides are a tree of the config's shape with fewer keys, or dotted keys.

    `explicit` are dotted keys that keep their value, by default those given on the command line.

    Raises:
        UserError: `debug_overrides` has a key that the config lacks, or a value of another type.
    """
    if not config.get("debug", False):
        return config
    if explicit is None:
        known = "config" in flags.FLAGS and flags.FLAGS["config"].present
        explicit = config_flags.get_override_values(flags.FLAGS["config"]) if known else ()
    for key, value in _leaves(config.debug_overrides):
        if any(key == given or key.startswith(f"{given}.") for given in explicit):
            continue
        try:
            config.update_from_flattened_dict({key: value})
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise UserError(f"config.debug_overrides.{key} is {value!r}: {one_line(str(error))}") from error
    return config


def load_config(path: str) -> ConfigDict:
    """The config that the file at `path` returns; what follows a ":" there is passed to its `get_config`.

    Raises:
      UserError: there is no such file, or it cannot be loaded; names the line.
    """
    file, *argument = path.split(":", 1)
    if not os.path.isfile(file):
        raise UserError(f"--config={path}: there is no such file: pass e.g. --config=configs/quickstart.py")
    try:
        spec = importlib.util.spec_from_loader("config", importlib.machinery.SourceFileLoader("config", file))
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        config = module.get_config(*argument)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        frames = [
            frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file
        ]
        line = error.lineno if isinstance(error, SyntaxError) else frames[-1] if frames else None
        where = "" if line is None else f" line {line}:"
        raise UserError(
            f"--config={path} cannot be loaded:{where} {type(error).__name__}: {error}"
        ) from error
    if not isinstance(config, ConfigDict):
        raise UserError(f"--config={path}: get_config() returns {config!r}, not a ConfigDict")
    return config


def _parse(argv: list[str]) -> list[str]:
    path = _config_path(argv)
    if path is None:
        raise UserError("--config is missing: pass a config file, e.g. --config=configs/quickstart.py")
    config = load_config(path)
    _check_overrides(argv, config)
    try:
        rest = flags.FLAGS(argv)
    except flags.IllegalFlagValueError as error:
        match = re.match(r"flag --config\.([^=]+)=(.*?): ", str(error), re.DOTALL)
        if match is None:
            raise UserError(str(error)) from error
        expected = _type_of(config, match[1]).__name__
        raise UserError(f"--config.{match[1]} is {match[2]!r}: expected {expected}") from error
    except flags.UnrecognizedFlagError as error:
        hint = "" if "Did you mean" in str(error) else ": type --help for those that there are"
        raise UserError(f"{error}{hint}") from error
    except (flags.Error, KeyError, AttributeError, TypeError, ValueError) as error:
        raise UserError(str(error)) from error
    _check_tuples(config)
    if len(rest) > 1:
        raise UserError(f"{rest[1]} is no flag: flags begin with --, values are given as --name=value")
    return rest


def _config_path(argv: list[str]) -> str | None:
    path = None
    for index, argument in enumerate(argv[1:], 1):
        if re.fullmatch(r"--?config", argument):
            path = argv[index + 1] if index + 1 < len(argv) else None
        elif match := re.fullmatch(r"--?config=(.*)", argument, re.DOTALL):
            path = match[1]
    return path


def _check_overrides(argv: list[str], config: ConfigDict) -> None:
    known = [key for key, _ in _leaves(config, inner=True)]
    for argument in argv[1:]:
        match = _OVERRIDE.fullmatch(argument)
        if match is None:
            continue
        key = match[2]
        if key not in known and re.split(r"\[", key)[0] not in known:
            near = difflib.get_close_matches(key, known, n=1, cutoff=0.5)
            hint = f": did you mean --config.{near[0]}?" if near else ": see the config file for its keys"
            raise UserError(f"--config.{key} is no key of the config{hint}")


def _check_tuples(config: ConfigDict) -> None:
    """The flag takes any text as a tuple of one string; the elements' types are those of the default."""
    defaults = dict(_leaves(config))
    for key, value in config_flags.get_override_values(flags.FLAGS["config"]).items():
        kinds = {type(item) for item in defaults.get(key) or ()} if isinstance(value, tuple) else ()
        if kinds and not all(
            isinstance(item, (*kinds, int) if float in kinds else tuple(kinds)) for item in value
        ):
            expected = " or ".join(sorted(kind.__name__ for kind in kinds))
            raise UserError(f"--config.{key} is {value!r}: expected a tuple of {expected}")


def _type_of(config: ConfigDict, key: str) -> type:
    *parents, name = key.split(".")
    for parent in parents:
        config = config[parent]
    return config.get_type(name)


def _leaves(config: ConfigDict, prefix: str = "", inner: bool = False) -> Iterator[tuple[str, Any]]:
    for name, value in config.items(preserve_field_references=False):
        if isinstance(value, ConfigDict):
            if inner:
                yield prefix + name, value
            yield from _leaves(value, f"{prefix}{name}.", inner)
        else:
            yield prefix + name, value


def _end(line: str, code: int) -> None:
    print(line, file=sys.stderr, flush=True)
    sys.exit(code)
