"""What a run has saved, for tests."""

import json

import numpy as np

from sept_jax.checkpoint import Checkpoints

PARTS = ("trainable", "curriculum", "reliability")


def arrays(workdir, step):
    """Parameters, curriculum and reliabilities of a run's checkpoint, on the host."""
    folder = workdir / "checkpoints"
    about = json.loads((folder / str(step) / "about" / "metadata").read_text())
    tree = {}
    for name, kind in about["leaves"].items():
        dtype, _, shape = kind.partition("[")
        *parents, leaf = name.split("/")
        if parents and parents[0] in PARTS:
            at = tree
            for parent in parents:
                at = at.setdefault(parent, {})
            at[leaf] = np.zeros(json.loads("[" + shape), dtype)
    checkpoints = Checkpoints(folder, 2, about["model"])
    try:
        return checkpoints.restore(step, tree)[0]
    finally:
        checkpoints.close()
