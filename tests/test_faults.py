"""Faults on purpose, in real runs of `python -m sept_jax.train`: nothing is lost."""

import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import time

import jax
import numpy as np
import pytest
import saved

pytestmark = pytest.mark.slow

CONFIG = """
from configs import quickstart

def get_config():
    config = quickstart.get_config()
    config.update_from_flattened_dict({
        "steps": 8, "batch": 8, "mesh": (1, 1, 1),
        "model.shape": {"width": 16, "mlp_width": 24, "num_layers": 2, "num_heads": 4, "num_kv_heads": 2,
                        "head_dim": 4},
        "data.procedural.size": 64, "sampling.group_size": 3, "sampling.max_new_tokens": 48,
        "warm_start.steps": 3, "warm_start.batch": 8, "warm_start.ood_share": 0.0,
        "scoring.weighting": "reliability",
        "evaluation.every": 3, "evaluation.problems": 8, "evaluation.ood_problems": 8, "evaluation.batch": 8,
        "evaluation.samples": 2, "checkpoint.every": 2, "checkpoint.keep": 2, "log.samples_every": 2,
        "memory.length_buckets": 1, "memory.micro_batches": 1,
    })
    return config
"""
AT_CALL = """
import os, runpy, signal, sys
import sept_jax.{module} as module
{setup}
owner, name, fatal, seen = module{owner}, "{name}", {call}, [0]
real = getattr(owner, name)

def called(*args, **kwargs):
    seen[0] += 1
    if seen[0] == fatal:
        {fault}
    return real(*args, **kwargs)

setattr(owner, name, called)
sys.argv[0] = "train"
runpy.run_module("sept_jax.train", run_name="__main__")
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the config, in which all runs share what they compile."""
    folder = tmp_path_factory.mktemp("faults")
    (folder / "config.py").write_text(CONFIG)
    return folder


def start(place, name, *more, code=None, **changes):
    """A run of `place/name`, resumed if there is one to resume."""
    workdir = place / name
    program = ["-m", "sept_jax.train"] if code is None else ["-c", textwrap.dedent(code)]
    flags = [f"--config={place / 'config.py'}", f"--workdir={workdir}", *more]
    flags += ["--resume"] if (workdir / "config.json").exists() else []
    environment = os.environ | {
        "JAX_COMPILATION_CACHE_DIR": str(place / "compiled"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
        "PYTHONPATH": os.getcwd(),
    }
    environment.pop("XLA_FLAGS", None)
    return subprocess.Popen(
        [sys.executable, *program, *flags],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment | changes,
    )  # fmt: skip


def finish(process, code=0):
    out, err = process.communicate(timeout=300)
    assert process.returncode == code, (out, err)
    return out + err


def result(workdir):
    """The arrays of the last checkpoint by name, and the steps of metrics.jsonl and of samples.jsonl."""
    found = saved.arrays(workdir, 8)
    assert json.loads((workdir / "config.json").read_text())["steps"] == 8
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    samples = [json.loads(line) for line in (workdir / "samples.jsonl").read_text().splitlines()]
    return (
        found,
        [line["step"] for line in lines if "loss" in line],
        [(line["step"], line["eval/pass@1"]) for line in lines if "eval/pass@1" in line],
        [(line["step"], line["question"]) for line in samples],
    )


def assert_same(one, other):
    jax.tree.map(np.testing.assert_array_equal, one[0], other[0])
    assert one[1:] == other[1:]


@pytest.fixture(scope="module")
def undisturbed(place):
    finish(start(place, "undisturbed"))
    began = time.monotonic()
    finish(start(place, "again"))  # nothing to compile
    found = result(place / "undisturbed")
    assert found[1] == list(range(1, 9))
    return found, time.monotonic() - began


def kill_at(module, owner, name, call):
    return AT_CALL.format(
        module=module, setup="", owner=owner, name=name, call=call,
        fault="os.kill(os.getpid(), signal.SIGKILL)",
    )  # fmt: skip


def test_killed_at_25_moments_and_started_again_each_time(place, undisturbed):
    """17 anywhere, five between the parts of a save, three in an evaluation: no bit differs at the end."""
    expected, seconds = undisturbed
    draw = random.Random(0)
    inside = [kill_at("checkpoint", ".Checkpoints", "_seal", call) for call in (1, 2, 2)]
    inside += [kill_at("checkpoint", "", "_sums", call) for call in (1, 2)]
    inside += [kill_at("evaluate", "", "grade_drawn", call) for call in (1, 3, 4)]
    moments = [*inside, *(draw.uniform(0.0, 1.1 * seconds) for _ in range(17))]
    draw.shuffle(moments)
    killed = 0
    for moment in moments:
        if isinstance(moment, str):
            process = start(place, f"killed{killed // 4}", code=moment)
            process.communicate(timeout=300)
        else:
            process = start(place, f"killed{killed // 4}")
            time.sleep(moment)
            process.kill()
            process.communicate()
        killed += 1
    assert killed == 25
    for number in range(7):
        finish(start(place, f"killed{number}"))
        assert_same(result(place / f"killed{number}"), expected)


@pytest.mark.parametrize("moment", [0.4, 0.7, 0.9])
def test_told_to_stop_it_saves_and_ends_well(place, undisturbed, moment):
    expected, _ = undisturbed
    name = f"told{moment}"
    process = start(place, name)
    lines = place / name / "metrics.jsonl"
    while not (lines.exists() and lines.read_text().count('"loss"') >= 8 * moment - 2):
        time.sleep(0.02)
        assert process.poll() is None
    process.send_signal(signal.SIGTERM)
    told = finish(process)
    if "told to stop: saved at step" in told:
        step = int(told.split("told to stop: saved at step ")[1].split(";")[0])
        assert (place / name / "checkpoints" / str(step) / "manifest.json").exists()
        finish(start(place, name))
    assert_same(result(place / name), expected)


def test_a_second_process_is_refused_and_harms_nothing(place, undisturbed):
    first = start(place, "twice")
    while not (place / "twice" / "config.json").exists():
        time.sleep(0.02)
        assert first.poll() is None
    told = finish(start(place, "twice"), code=2)
    assert "another command is at work there" in told
    finish(first)
    assert_same(result(place / "twice"), undisturbed[0])


def test_updates_that_are_not_finite_stop_the_run_with_a_diagnosis(place):
    poison = AT_CALL.format(
        module="advantages",
        setup="import numpy as np",
        owner="",
        name="step_advantages",
        call=-1,
        fault="pass",
    ).replace("return real(*args, **kwargs)", "return real(*args, **kwargs) * np.nan")
    told = finish(start(place, "poisoned", "--config.guard.max_skipped=3", code=poison))
    assert "3 updates in a row were not finite (the loss of the last) and changed nothing" in told
    lines = [json.loads(line) for line in (place / "poisoned" / "metrics.jsonl").read_text().splitlines()]
    updates = [line for line in lines if "loss" in line]
    assert [line["step"] for line in updates] == [1, 2, 3]
    assert all(line["skipped"] == 1 for line in updates)
    assert "not finite" in json.loads((place / "poisoned" / "summary.json").read_text())["stopped"]


@pytest.mark.parametrize("on_error", ["stop", "go_on"])
def test_a_disk_that_is_full_while_saving(place, undisturbed, on_error):
    """The second save of the run fails as on a full disk."""
    full = AT_CALL.format(
        module="checkpoint", setup="import errno", owner=".Checkpoints", name="_seal", call=2,
        fault="raise OSError(errno.ENOSPC, 'No space left on device')",
    )  # fmt: skip
    name = f"full_{on_error}"
    process = start(place, name, f"--config.checkpoint.on_error={on_error}", code=full)
    told = finish(process, code=2 if on_error == "stop" else 0)
    assert "is not saved, the disk is full" in told
    if on_error == "stop":
        assert "step 0 is intact" in told
        finish(start(place, name, "--config.checkpoint.on_error=stop"))
    assert_same(result(place / name), undisturbed[0])


def test_a_start_that_cannot_be_saved_stops_the_run(place):
    full = AT_CALL.format(
        module="checkpoint", setup="import errno", owner=".Checkpoints", name="_seal", call=1,
        fault="raise OSError(errno.ENOSPC, 'No space left on device')",
    )  # fmt: skip
    told = finish(start(place, "full_at_once", "--config.checkpoint.on_error=go_on", code=full), code=2)
    assert "is not saved, the disk is full" in told
    assert "nothing was saved before" in told


def test_a_damaged_checkpoint_is_told_and_the_one_before_is_used(place, undisturbed):
    process = start(place, "damaged")
    newest = place / "damaged" / "checkpoints" / "6" / "manifest.json"
    while not newest.exists():
        time.sleep(0.02)
        assert process.poll() is None
    process.kill()
    process.communicate()
    [data] = (
        (newest.parent / "arrays" / "d").glob("*") if (newest.parent / "arrays" / "d").exists() else [None]
    )
    if data is None:
        data = max((f for f in newest.parent.rglob("*") if f.is_file()), key=lambda f: f.stat().st_size)
    content = bytearray(data.read_bytes())
    content[len(content) // 2] ^= 1
    data.write_bytes(content)
    told = finish(start(place, "damaged"))
    assert "is truncated or corrupt" in told
    assert "the one before is of step 4" in told
    assert_same(result(place / "damaged"), undisturbed[0])


@pytest.mark.parametrize(
    ("stage", "module", "name", "lower"),
    [
        ("sampling", "collect", "sample_groups", "--config.sampling.chunks=2"),
        ("update", "update", "apply_gradient", "--config.memory.micro_batches=2"),
    ],
)
def test_memory_that_runs_out_is_told_and_the_run_goes_on_with_less(
    place, undisturbed, stage, module, name, lower
):
    out = AT_CALL.format(
        module=module, setup="import jax", owner="", name=name, call=4,
        fault="raise jax.errors.JaxRuntimeError('RESOURCE_EXHAUSTED: Out of memory allocating 99 bytes')",
    )  # fmt: skip
    told = finish(start(place, f"memory_{stage}", code=out), code=2)
    assert f"out of memory in {stage} (Out of memory allocating 99 bytes): type {lower}, and --resume" in told
    finish(start(place, f"memory_{stage}", lower))
    found, expected = result(place / f"memory_{stage}"), undisturbed[0]
    assert found[1] == expected[1]
    for one, two in zip(jax.tree.leaves(found[0]), jax.tree.leaves(expected[0]), strict=True):
        np.testing.assert_allclose(one, two, atol=1e-4)


@pytest.mark.parametrize("sign", ["SIGKILL", "SIGSTOP"])
def test_a_scoring_worker_that_is_lost_costs_a_path(place, sign):
    lost = AT_CALL.format(
        module="collect",
        setup="import subprocess",
        owner="",
        name="split_steps",
        call=3,
        fault=f"subprocess.run(['pkill', '-{sign[3:]}', '-P', str(os.getpid()), '-f', 'checks.worker'])",
    )
    finish(start(place, f"lost_{sign}", "--config.scoring.workers=1", code=lost))
    lines = [json.loads(line) for line in (place / f"lost_{sign}" / "metrics.jsonl").read_text().splitlines()]
    updates = [line for line in lines if "loss" in line]
    assert [line["step"] for line in updates] == list(range(1, 9))
    assert sum(line["scoring/worker_restarts"] for line in updates) == 1
    assert all(line["skipped"] == 0 for line in updates)


def test_clocks_that_jump_change_nothing(place, undisturbed):
    jump = AT_CALL.format(
        module="collect",
        setup="import time; clocks = time.time, time.perf_counter, time.monotonic",
        owner="",
        name="split_steps",
        call=4,
        fault="time.time, time.perf_counter, time.monotonic = "
        "(lambda real=real, by=by: real() + by for real, by in zip(clocks, (-86400.0, 86400.0, 86400.0)))",
    )
    finish(start(place, "jump", code=jump))
    assert_same(result(place / "jump"), undisturbed[0])
