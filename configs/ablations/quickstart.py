"""A first comparison, in minutes: process rewards against the group's majority, on chains of arithmetic.

Half the updates of `chain.py`, two seeds, no search.

  python -m sept_jax.ablate --config=configs/ablations/quickstart.py
"""

from configs.ablations import base


def get_config():
    config = base.get_config()
    config.name = "quickstart"
    config.overrides = {"steps": 20, "optimizer": {"decay_steps": 20}}
    config.variants = {name: {"method": name} for name in ("sept", "majority", "gold")}
    config.order = ("sept", "majority", "gold")
    config.seeds = (0, 1)
    config.search.learning_rates = ()
    config.evaluation.samples = 8
    config.evaluation.problems = 128
    config.evaluation.ood_problems = 64
    config.evaluation.temperatures = (0.3, 0.6, 1.0)
    config.evaluation.validation_problems = 64
    config.evaluation.curve_points = 4
    config.evaluation.curve_problems = 64
    config.debug_overrides.order = ("sept", "majority")
    return config
