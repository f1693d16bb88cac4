"""Two real processes on one machine do what one does."""

import json
import os
import signal
import socket
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
import saved

from sept_jax.processes import gather, largest

CONFIG = """
from configs import quickstart

def get_config(kind):
    config = quickstart.get_config()
    config.update_from_flattened_dict({
        "steps": 4, "batch": 16, "model.dtype": "float32",
        "model.shape": {"width": 32, "mlp_width": 64, "num_layers": 2, "num_heads": 4, "num_kv_heads": 4,
                        "head_dim": 8},
        "data.procedural.size": 64, "sampling.group_size": 3, "sampling.max_new_tokens": 48,
        "sampling.chunks": 2, "sampling.compactions": 1,
        "warm_start.steps": 150, "warm_start.batch": 16, "warm_start.ood_share": 0.0,
        "evaluation.every": 2, "evaluation.problems": 10, "evaluation.ood_problems": 8,
        "evaluation.batch": 8, "evaluation.samples": 2, "checkpoint.every": 2, "log.samples_every": 2,
        "memory.length_buckets": 2, "memory.micro_batches": 2,
    })
    if kind == "channels":
        config.update_from_flattened_dict({
            "scoring.weighting": "reliability", "scoring.weights.answer_gain": 1.0,
            "scoring.weights.self_check": 1.0, "loss.kl_weight": 0.01,
        })
    else:
        config.method = kind
    return config
"""


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A folder with the config, and with a start that answers now and then."""
    folder = tmp_path_factory.mktemp("processes")
    (folder / "config.py").write_text(CONFIG)
    finish(start(folder, "start", "sept", "(4,1,1)", 1, "--config.steps=0"))
    return folder


def start(place, name, kind, mesh, processes, *more):
    """`processes` processes, of four devices together."""
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    flags = [f"--config={place / 'config.py'}:{kind}", f"--workdir={place / name}", f"--config.mesh={mesh}"]
    if name != "start":
        flags.append(f"--config.warm_start.start={place / 'start'}")
    environment = os.environ | {
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={4 // processes} "
        "--xla_backend_optimization_level=0",
        "PYTHONPATH": os.getcwd(),
        "JAX_COMPILATION_CACHE_DIR": str(place / f"compiled{processes}"),
        "JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS": "0",
    }
    started = []
    for index in range(processes):
        joined = ["--distributed", f"--coordinator=localhost:{port}"]
        joined += [f"--processes={processes}", f"--process={index}"]
        started.append(
            subprocess.Popen(
                [sys.executable, "-m", "sept_jax.train", *flags, *(joined if processes > 1 else ()), *more],
                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
            )
        )  # fmt: skip
    return started


def finish(started):
    said = [process.communicate(timeout=600) for process in started]
    assert all(process.returncode == 0 for process in started), said
    return said


def found(workdir):
    """What the run has learned, and what it has logged but for the clock."""
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    clock = ("seconds", "tokens_per_s", "score_wait_share", "scoring")
    kept = [{k: v for k, v in line.items() if not k.startswith(clock)} for line in lines]
    return saved.arrays(workdir, 4), kept


def assert_alike(one, two):
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-5), one[0], two[0])
    assert len(one[1]) == len(two[1])
    for here, there in zip(one[1], two[1], strict=True):
        assert here.keys() == there.keys()
        for name in here:
            np.testing.assert_allclose(here[name], there[name], rtol=1e-3, atol=1e-4, err_msg=name)


def test_one_process_is_the_identity():
    assert largest(7) == 7
    value = np.array([[1, -2], [3, 2**40]])
    np.testing.assert_array_equal(gather(value), value[None])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "mesh"),
    [
        ("channels", "(1,4,1)"),  # parameters and batch are cut over the processes
        ("trajectory", "(1,1,4)"),  # both processes hold all rows
    ],
)
def test_two_processes_train_as_one_does(place, kind, mesh):
    one, two = f"one-{kind}", f"two-{kind}"
    finish(start(place, one, kind, mesh, 1))
    said = finish(start(place, two, kind, mesh, 2))
    assert_alike(found(place / one), found(place / two))
    assert ["4 steps" in out for out, _ in said] == [True, False]
    assert (place / two / "summary.json").exists()


SAVES = """
import sys

import jax
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec

from sept_jax import checkpoint, processes
from sept_jax.errors import UserError
from sept_jax.sharding import make_mesh

folder, port, index = sys.argv[1:]
processes.join(f"localhost:{port}", 2, int(index))
whole = NamedSharding(make_mesh((2, 1, 1)), PartitionSpec())
array = jax.make_array_from_callback((3,), whole, lambda at: np.arange(3.0)[at])
kept = checkpoint.Checkpoints(folder, 2, {})
kept.save(1, {"x": array}, {})
kept.wait()
if index == "0":
    def full(folder):
        raise OSError(28, "No space left on device")
    checkpoint._sums = full
kept.save(2, {"x": array}, {})
try:
    kept.wait()
except UserError as error:
    print(error, kept.steps())
kept.close()
"""


@pytest.mark.slow
def test_a_save_that_the_first_process_could_not_finish_is_told_to_all(tmp_path):
    with socket.socket() as free:
        free.bind(("localhost", 0))
        port = free.getsockname()[1]
    environment = os.environ | {"PYTHONPATH": os.getcwd(), "XLA_FLAGS": "", "JAX_PLATFORMS": "cpu"}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", SAVES, str(tmp_path / "kept"), str(port), str(index)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        )
        for index in range(2)
    ]  # fmt: skip
    (first, _), (second, _) = finish(both)
    assert "the disk is full" in first
    assert "step 1 is intact" in first
    assert "another process has failed: its error says why [1]" in second


@pytest.mark.slow
def test_a_notice_to_one_process_stops_both_and_one_process_goes_on(place):
    whole, parts = "one-channels", "parts"
    if not (place / whole).exists():
        finish(start(place, whole, "channels", "(1,4,1)", 1))
    both = start(place, parts, "channels", "(1,4,1)", 2)
    log = place / parts / "metrics.jsonl"
    while not (log.exists() and '"step": 1' in log.read_text()):
        assert all(process.poll() is None for process in both), [p.communicate() for p in both]
        time.sleep(0.1)
    both[1].send_signal(signal.SIGTERM)
    for out, _ in finish(both):
        assert "told to stop: saved at step" in out
    finish(start(place, parts, "channels", "(1,4,1)", 1, "--resume"))
    assert_alike(found(place / whole), found(place / parts))
