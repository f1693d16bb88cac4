"""`story_carries.py` with paths drawn at temperature 1, where 0.6 is its own: is the comparison with gold
answers, or with the majority, one of temperatures?

Starts are those of `story_carries.py`, made again where they are not on this machine.

  python -m sept_jax.ablate --config=configs/ablations/story_temperature.py
"""

from configs.ablations import story_carries

METHODS = ("sept", "gold", "majority")


def get_config():
    config = story_carries.get_config()
    config.name = "story_temperature"
    config.overrides.sampling = {"temperature": 1.0}
    config.variants = {name: {**config.variants[name], "seeds": 5} for name in METHODS}
    config.order = METHODS
    config.starts = "runs/ablations/story_carries"
    config.debug_overrides.order = ("sept", "majority")
    return config
