"""Every method in one loop, on made word problems, where most mistakes are wrong relations that no equation
check can see.

  python -m sept_jax.ablate --config=configs/ablations/story.py
"""

from configs.ablations import chain


def get_config():
    config = chain.get_config()
    config.name = "story"
    config.base = "configs/story.py"
    config.overrides = {"guard": {"enabled": False}}  # rivals fall as they do; its alarms are replayed
    config.search.learning_rates = (2e-5, 6e-5, 2e-4)  # rivals want little: on chains most chose the least
    return config
