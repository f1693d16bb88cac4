"""A real model on GSM8K, of which it can do little: process rewards against label-free rivals and a coin.

An adapter of rank 16 is trained, by few updates: hours on 2 cores. Gold answers of training problems choose
the temperature of the evaluation, and nothing else.

  python -m sept_jax.ablate --config=configs/ablations/gsm8k.py
  python -m sept_jax.ablate --config=configs/ablations/gsm8k.py --config.overrides.model.path=MODEL.gguf \\
      --config.overrides.data.source=jsonl --config.overrides.data.path=PATH/gsm8k
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from configs.ablations import base, gym


def get_config():
    config = base.get_config()
    config.name = "gsm8k"
    config.base = "configs/gsm8k.py"
    config.overrides = {
        "model": {"path": "HuggingFaceTB/SmolLM2-135M-Instruct", "dtype": "bfloat16"},
        "data": ConfigDict({"source": "tfds", "path": placeholder(str)}),
        "steps": 6,
        "lora": {"rank": 16},
        "sampling": {"max_new_tokens": 160},
        "memory": {"remat": False},
        "optimizer": {"learning_rate": 1e-4, "decay_steps": 6},
        "guard": {"enabled": False},
    }
    config.variants = {name: {"method": name} for name in gym.METHODS}
    config.order = gym.METHODS
    config.seeds = (0, 1, 2)
    config.search.learning_rates = ()
    config.evaluation.validation_split = "train"
    config.evaluation.problems = 64
    config.evaluation.samples = 4
    config.evaluation.ood_problems = 0
    config.evaluation.batch = 16
    config.evaluation.temperatures = (0.3, 1.0)
    config.evaluation.validation_problems = 32
    config.evaluation.curve_points = 2
    config.evaluation.curve_problems = 16
    config.evaluation.curve_samples = 2
    return config
