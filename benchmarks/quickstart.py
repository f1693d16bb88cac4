"""The quickstart over several seeds: how long the whole run takes, and what it gains. Prints JSON.

python -m benchmarks.quickstart [--seeds 0 1 2 3 4] [--debug] [--json OUT]

A row a seed: a run of the README's first command in a process of its own, with no program compiled before:
warm start, self-training and evaluation. `seconds` are those of the whole process; accuracies are shares.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.compare import report, versions
from sept_jax.run import commit

SHOWN = ("pass@1", "pass@8", "greedy", "ood_pass@1", "ood_greedy")


def run(seed: int, debug: bool) -> dict[str, Any]:
    """One run, in a folder that is removed afterwards."""
    arguments = ["-m", "sept_jax.train", "--config=configs/quickstart.py"]
    arguments += [f"--config.seed={seed}", f"--config.debug={debug}"]
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(
            [sys.executable, *arguments, f"--workdir={folder}/run"],
            env={**os.environ, "JAX_COMPILATION_CACHE_DIR": f"{folder}/compiled"},
            stdout=subprocess.DEVNULL,
            check=True,
        )
        seconds = time.perf_counter() - began
        summary = json.loads(Path(folder, "run", "summary.json").read_text())
    base, final = ({name: summary[model][name] for name in SHOWN} for model in ("base", "final"))
    return {
        "workload": " ".join(["python", *arguments]),
        "seconds": seconds,
        "base": base,
        "final": final,
        "gain": {name: final[name] - base[name] for name in SHOWN},
        "commit": commit(),
        "versions": versions(),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description="The quickstart over several seeds.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--debug", action="store_true", help="a few steps through every stage")
    parser.add_argument("--json", type=Path, help="where the rows are written, too")
    given = parser.parse_args()
    report((run(seed, given.debug) for seed in given.seeds), given.json)


if __name__ == "__main__":
    main()
