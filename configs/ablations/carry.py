"""Does what is learned on chains carry over? The starts know two more tasks, self-training sees chains alone.

The others are `story` and `quotient`, chains of sums, differences and quotients. Learning rates are those of
`chain.py`, which comes first.

  python -m sept_jax.ablate --config=configs/ablations/carry.py
"""

from configs.ablations import base, chain


def get_config():
    config = base.get_config()
    config.name = "carry"
    config.overrides = {
        "steps": chain.STEPS,
        "optimizer": {"decay_steps": chain.STEPS},
        "data": {"procedural": {"others": ("quotient", "story")}},
        "prompt": {"buckets": (16, 24, 48, 64, 80, 128)},
        "sampling": {"max_new_tokens": 84},
        "warm_start": {**chain.WARM_START, "steps": 2400},  # on three tasks, in turn
        "guard": {"enabled": False},
    }
    config.variants = {name: {"method": name} for name in ("sept", "gold")}
    config.order = ("sept", "gold")
    config.seeds = (0, 1, 2)
    config.search.taken_from = "results/ablations/chain/search.csv"
    config.debug_overrides.search.taken_from = None
    return config
