"""Four times the training of `chain.py`, with the guard off: who holds, who falls, and when the guard would
have called.

Learning rates are those of `chain.py`, which comes first; starts, too, and they are made again where they are
not on this machine.

  python -m sept_jax.ablate --config=configs/ablations/chain_long.py
"""

from configs.ablations import base, chain

METHODS = ("sept", "majority", "self_evolve", "self_certainty")


def get_config():
    config = base.get_config()
    config.name = "chain_long"
    steps = 4 * chain.STEPS
    config.overrides = {
        "steps": steps,
        "optimizer": {"decay_steps": steps},
        "guard": {"enabled": False},
        "warm_start": chain.WARM_START,
    }
    config.variants = {name: {"method": name} for name in METHODS}
    config.order = METHODS
    config.seeds = (0, 1, 2)
    config.starts = "runs/ablations/chain"
    config.search.taken_from = "results/ablations/chain/search.csv"
    config.evaluation.curve_points = 16
    config.debug_overrides.order = ("sept", "majority")
    config.debug_overrides.search.taken_from = None
    return config
