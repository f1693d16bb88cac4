"""`story.py` with starts that drop more carries and misread less: most wrong paths have an arithmetic slip,
and rules refute three fifths of them.

  python -m sept_jax.ablate --config=configs/ablations/story_carries.py
"""

from configs.ablations import chain, story


def get_config():
    config = story.get_config()
    config.name = "story_carries"
    config.overrides.warm_start = {
        **chain.WARM_START,
        "steps": 1500,
        "mistakes": {"digit": 0.01, "copy": 0.01, "carry": 0.4, "relation": 0.35},
    }
    for name in ("sept", "sept_path"):  # of the report: their own pairs and target, which story.py changes
        config.variants[name]["loss"] = {"contrastive_weight": 0.1}
    config.overrides.steps = chain.STEPS
    config.overrides.optimizer = {"decay_steps": chain.STEPS}
    config.overrides.curriculum = {"target": 0.5, "uniform": None}
    config.search.learning_rates = (5e-5, 1e-4, 2e-4)
    config.evaluation = chain.get_config().evaluation
    return config
