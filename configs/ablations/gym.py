"""A real model on sums and legs that it can partly do: process rewards against label-free rivals and a coin.

An adapter of rank 16 is trained: a run's state is small, and the start stays one for all.

  python -m sept_jax.ablate --config=configs/ablations/gym.py
  python -m sept_jax.ablate --config=configs/ablations/gym.py --config.overrides.model.path=MODEL.gguf
"""

from configs import gym
from configs.ablations import base

METHODS = ("sept", "self_evolve", "majority", "random")


def get_config():
    config = base.get_config()
    config.name = "gym"
    config.base = "configs/gym.py"
    config.overrides = {
        "model": {"path": gym.get_config().model.path, "dtype": "float32"},
        "steps": 20,
        "lora": {"rank": 16},
        "memory": {"remat": False},
        "optimizer": {"learning_rate": 3e-4, "decay_steps": 20},
        "guard": {"enabled": False},
    }
    config.variants = {name: {"method": name} for name in METHODS}
    config.order = METHODS
    config.seeds = (0, 1, 2)
    config.search.learning_rates = ()
    config.evaluation.problems = 64
    config.evaluation.samples = 8
    config.evaluation.ood_problems = 32
    config.evaluation.ood_samples = 4
    config.evaluation.batch = 16
    config.evaluation.temperatures = (0.3, 1.0)
    config.evaluation.validation_problems = 32
    config.evaluation.curve_points = 2
    config.evaluation.curve_problems = 32
    config.evaluation.curve_samples = 4
    return config
