"""Every method in one loop, on chains of arithmetic, where the checks see nearly every mistake.

Same starts, same problems, same number of sampled paths, the same small search of the learning rate for each,
controls included; the test split is read once a run.

  python -m sept_jax.ablate --config=configs/ablations/chain.py
  python -m sept_jax.ablate --config=configs/ablations/chain.py --config.order="('sept', 'gold')"
"""

from configs.ablations import base

STEPS = 40
WARM_START = {"steps": 1200, "learning_rate": 3e-3, "muon": False}  # of the report: AdamW alone
OFTEN = ("sept", "sept_path", "gold", "majority", "self_evolve")
SELDOM = ("more_warm_start", "self_certainty", "entropy", "trajectory", "random", "format")


def get_config():
    config = base.get_config()
    config.name = "chain"
    config.overrides = {
        "steps": STEPS,
        "optimizer": {"decay_steps": STEPS},
        "guard": {"enabled": False},  # rivals fall as they do; its alarms are replayed
        "warm_start": WARM_START,
    }
    config.variants = {name: {"method": name, "seeds": 5} for name in OFTEN}
    config.variants.update({name: {"method": name, "seeds": 3} for name in SELDOM})
    config.order = OFTEN + SELDOM
    config.debug_overrides.order = ("sept", "majority")
    return config
