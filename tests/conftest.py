"""The suite's environment: shapes are checked, eight virtual CPU devices, no network."""

import dataclasses
import os
import typing
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"
# to compile is most of the suite's time: quickly compiled, what is computed is the same
os.environ["XLA_FLAGS"] = (
    "--xla_backend_optimization_level=0 --xla_force_host_platform_device_count=8 "
    + os.environ.get("XLA_FLAGS", "")
)

import jaxtyping
import pytest
from beartype import BeartypeConf, beartype

# The records are pytrees: jax rebuilds them with shapes, None and tracers for leaves, which a check at
# construction would refuse. They are imported before the hook, and tests check them with `check_record`.
import sept_jax.records  # noqa: F401

typecheck = beartype(conf=BeartypeConf(is_pep484_tower=True))  # an int is a float
jaxtyping.install_import_hook("sept_jax", f"{__name__}.typecheck")

_SHARED_DATA = Path(__file__).parents[2] / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    return _SHARED_DATA


@pytest.fixture(scope="session")
def check_record():
    """Returns a function that asserts that a record's arrays fit its annotations, its axes consistently."""

    def check(record):
        kinds = {
            field.name: typing.get_args(field.type) or (field.type,) for field in dataclasses.fields(record)
        }
        fields = [
            name for name, options in kinds.items() if any(hasattr(kind, "dim_str") for kind in options)
        ]
        assert fields, f"{type(record).__name__} has no field with a shape"
        with jaxtyping.jaxtyped("context"):
            for name in fields:
                value = getattr(record, name)
                found = f"{getattr(value, 'dtype', type(value))}{list(getattr(value, 'shape', []))}"
                fits = any(isinstance(value, kind) for kind in kinds[name])
                assert fits, f"{type(record).__name__}.{name} is {found}, not {kinds[name]}"

    return check


def pytest_collection_modifyitems(config, items):
    if not _SHARED_DATA.is_dir():
        left_out = [item for item in items if item.get_closest_marker("shared")]
        items[:] = [item for item in items if not item.get_closest_marker("shared")]
        config.hook.pytest_deselected(items=left_out)


def pytest_terminal_summary(terminalreporter):
    if not _SHARED_DATA.is_dir():
        terminalreporter.write_line(f"tests that read {_SHARED_DATA} were left out: it is not here")
