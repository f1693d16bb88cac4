import dataclasses

import jax
import pytest
import scripted

from configs import base
from sept_jax import memory
from sept_jax.errors import UserError
from sept_jax.experiment import build


def test_this_machine_says_what_it_has():
    assert 2**28 < memory.device_bytes() < 2**50


@pytest.mark.parametrize(
    ("stage", "changes", "rows", "typed"),
    [
        ("sampling", {"batch": 32, "sampling.chunks": 2}, 1, "--config.sampling.chunks=4,"),
        ("sampling", {"batch": 24, "sampling.chunks": 2}, 4, "--config.sampling.chunks=6,"),
        ("update", {"batch": 32, "memory.micro_batches": 4}, 8, "group_size=4"),  # 4 x 8 rows are all of it
        ("update", {"batch": 32, "memory.micro_batches": 1}, 8, "--config.memory.micro_batches=2,"),
        ("evaluation", {"evaluation.batch": 24}, 8, "--config.evaluation.batch=8,"),
        ("evaluation", {"evaluation.batch": 8, "evaluation.samples": 16}, 8, "evaluation.samples=8,"),
    ],
)
def test_what_to_lower(stage, changes, rows, typed):
    config = base.get_config()
    config.update_from_flattened_dict({"sampling.group_size": 8} | changes)
    assert typed in memory.less_of(stage, config, rows)


def test_too_little_memory_is_told_and_other_errors_pass():
    config = base.get_config()
    config.batch, config.memory.micro_batches = 16, 2
    told = r"out of memory in update \(Out of memory allocating 7 bytes\.\): type .*micro_batches=4,"
    with pytest.raises(UserError, match=told), memory.told("update", config, 1):
        raise jax.errors.JaxRuntimeError("RESOURCE_EXHAUSTED: Out of memory allocating 7 bytes.\nmore")
    with pytest.raises(jax.errors.JaxRuntimeError), memory.told("update", config, 1):
        raise jax.errors.JaxRuntimeError("INTERNAL: something else")


def test_a_step_that_does_not_fit_is_refused_with_settings_that_do(monkeypatch):
    config = scripted.config()
    config.update_from_flattened_dict(
        {"batch": 16, "sampling.group_size": 8, "memory.micro_batches": 1, "sampling.chunks": 1}
    )
    experiment = dataclasses.replace(build(config), mesh=scripted.ONE_DEVICE)
    memory.check(experiment)
    monkeypatch.setattr(memory, "device_bytes", lambda: 3_000_000)
    with pytest.raises(UserError, match=r"does not fit into memory: .* of .*; type --config\.") as told:
        memory.check(experiment)
    monkeypatch.setattr(memory, "device_bytes", lambda: None)
    memory.check(experiment)
    assert "micro_batches" in str(told.value) or "chunks" in str(told.value)
