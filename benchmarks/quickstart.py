"""The quickstart over several seeds: how long the whole run takes, and what it gains. Prints JSON.

python -m benchmarks.quickstart [--seeds 0 1 2 3 4] [--debug] [--json OUT]

Each seed is a run of the README's first command in a process of its own, with no program compiled before:
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

from benchmarks.compare import versions
from sept_jax.metrics import write_json
from sept_jax.run import commit

SHOWN = ("pass@1", "pass@8", "greedy", "ood_pass@1", "ood_greedy")


def run(seed: int, debug: bool) -> dict[str, Any]:
    """One run, in a folder that is removed afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        subprocess.run(
            [
                sys.executable, "-m", "sept_jax.train", "--config=configs/quickstart.py",
                f"--config.seed={seed}", f"--config.debug={debug}", f"--workdir={folder}/run",
            ],
            env={**os.environ, "JAX_COMPILATION_CACHE_DIR": f"{folder}/compiled"},
            stdout=subprocess.DEVNULL,
            check=True,
        )  # fmt: skip
        seconds = time.perf_counter() - began
        summary = json.loads(Path(folder, "run", "summary.json").read_text())
    base, final = ({name: summary[model][name] for name in SHOWN} for model in ("base", "final"))
    gain = {name: final[name] - base[name] for name in SHOWN}
    return {"seed": seed, "seconds": seconds, "base": base, "final": final, "gain": gain}


def main() -> None:
    parser = argparse.ArgumentParser(description="The quickstart over several seeds.")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--debug", action="store_true", help="a few steps through every stage")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found = {"commit": commit(), "versions": versions(), "runs": [run(s, given.debug) for s in given.seeds]}
    print(json.dumps(found, indent=1))
    if given.json:
        write_json(given.json, found)


if __name__ == "__main__":
    main()
