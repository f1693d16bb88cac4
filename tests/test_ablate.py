"""The command, for real: two variants on a tiny decoder, interrupted, refused beside itself, resumed."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from configs import quickstart

ROOT = Path(__file__).parents[1]
KEPT = str(quickstart.get_config().optimizer.learning_rate)

CONFIG = """
from configs.ablations import chain

def get_config():
    config = chain.get_config()
    config.name = "tiny"
    config.overrides = {
        "model": {"shape": {"width": 16, "mlp_width": 24, "num_layers": 1}},
        "sampling": {"group_size": 2, "max_new_tokens": 72},
        "memory": {"length_buckets": 1},
        "scoring": {"workers": 1},
        "optimizer": {"decay_steps": 2},
    }
    config.search.variants = ("sept",)
    config.debug_overrides.seeds = (0, 1)
    return config
"""


@pytest.fixture
def command(tmp_path):
    (tmp_path / "tiny.py").write_text(CONFIG)
    environment = {name: value for name, value in os.environ.items() if name != "XLA_FLAGS"}
    environment |= {"PYTHONPATH": str(ROOT), "JAX_COMPILATION_CACHE_DIR": str(tmp_path / "compiled")}

    def command(*arguments):
        given = [
            "--config.debug",
            f"--config.workdir={tmp_path}/runs",
            f"--output={tmp_path}/out",
            *arguments,
        ]
        return subprocess.Popen(
            [sys.executable, "-m", "sept_jax.ablate", f"--config={tmp_path}/tiny.py", *given],
            cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            start_new_session=True,
            # what runs in the background of a shell ignores it
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        )  # fmt: skip

    return command


def rows_of(path):
    with path.open() as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
def test_an_ablation_is_interrupted_resumed_and_reported(command, tmp_path):
    first = command("--processes=1")
    assert first.stdout.readline() == "0 of 4 runs compared; start-seed0: done\n"
    os.killpg(first.pid, signal.SIGSTOP)  # it keeps the folder, and is not done before it is interrupted
    out, err = command().communicate(timeout=120)
    assert (out, err.count("\n")) == ("", 1)
    assert "another command is at work" in err
    os.killpg(first.pid, signal.SIGCONT)
    os.killpg(first.pid, signal.SIGINT)  # as Ctrl-C does, to the parent and its processes
    _, err = first.communicate(timeout=60)
    assert first.returncode == 130
    assert err.strip().endswith("interrupted")
    before = (tmp_path / "runs/start-seed0/test.json").stat().st_mtime_ns

    (tmp_path / "runs/worker-0.log").unlink()
    second = command("--processes=2")
    out, err = second.communicate(timeout=300)
    assert second.returncode == 0, err
    assert "4 of 4 runs compared" in out
    assert (tmp_path / "runs/start-seed0/test.json").stat().st_mtime_ns == before
    runs = rows_of(tmp_path / "out/runs.csv")
    rates = {row["learning_rate"] for row in rows_of(tmp_path / "out/search.csv") if row["chosen"] == "True"}
    assert [(row["method"], row["seed"], row["steps"], row["error"]) for row in runs] == [
        ("sept", "0", "2", ""), ("majority", "0", "2", ""),
        ("sept", "1", "2", ""), ("majority", "1", "2", ""),
    ]  # fmt: skip
    assert {row["learning_rate"] for row in runs if row["method"] == "sept"} == rates
    assert {row["learning_rate"] for row in runs if row["method"] == "majority"} == {KEPT}
    logs = [log.read_text() for log in (tmp_path / "runs").glob("worker-*.log")]
    assert sum(log.count("warm start 4/4") for log in logs) <= 1  # all others begin where the starts ended
    summary = (tmp_path / "out/summary.md").read_text()
    assert "4 of 4 runs" in summary
    for name in ("sept-0.0003-seed0", "majority-seed1"):
        steps = [folder.name for folder in (tmp_path / "runs" / name / "checkpoints").iterdir()]
        assert steps == ["2"]
        config = json.loads((tmp_path / "runs" / name / "config.json").read_text())
        assert config["data"]["eval_split"] == "validation"

    third = command("--processes=1")
    out, err = third.communicate(timeout=120)
    assert third.returncode == 0, err
    assert out == f"the report is in {tmp_path}/out\n"
    assert rows_of(tmp_path / "out/runs.csv") == runs


def test_bad_input_is_one_line(command, tmp_path):
    for arguments, message in (
        (["--processes=0"], "--processes=0: expected 1 or more"),
        (["--config.order=('sept','nothing')"], "config.order has 'nothing'"),
    ):
        process = command(*arguments)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 2
        assert message in err
        assert err.count("\n") == 1
    assert not (tmp_path / "runs").exists()
