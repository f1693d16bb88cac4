"""Every method in one loop, on made word problems, where most mistakes are wrong relations that no equation
check can see.

  python -m sept_jax.ablate --config=configs/ablations/story.py
"""

from configs.ablations import chain


def get_config():
    config = chain.get_config()
    config.name = "story"
    config.base = "configs/story.py"
    config.search.learning_rates = (5e-5, 1e-4, 2e-4)  # on chains none chose more
    return config
