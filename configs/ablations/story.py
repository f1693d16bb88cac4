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
    config.search.learning_rates = (5e-5, 1.5e-4, 3e-4)
    config.evaluation.problems = 640
    config.evaluation.validation_problems = 1500  # 512 tell rates apart to 2 points, no more
    return config
