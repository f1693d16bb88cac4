"""`benchmarks/quickstart.py`, in debug mode."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
def test_every_seed_is_timed_and_compared_with_its_start(tmp_path):
    command = [sys.executable, "-m", "benchmarks.quickstart", "--seeds", "3", "--debug", "--json"]
    printed = subprocess.run(
        [*command, tmp_path / "out.json"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    [run] = json.loads((tmp_path / "out.json").read_text())
    assert json.loads(printed.stdout) == run
    assert "--config.seed=3" in run["workload"]
    assert run["seconds"] > 5
    shares = [share for model in ("base", "final") for share in run[model].values()]
    assert len(shares) == 10
    assert all(0 <= share <= 1 for share in shares)
    assert run["gain"]["greedy"] == pytest.approx(run["final"]["greedy"] - run["base"]["greedy"])
