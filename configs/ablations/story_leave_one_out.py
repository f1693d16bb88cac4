"""What each part is worth on the made word problems: `sept` whole, and with one thing off, on or
otherwise.

The learning rate is that of `story.py`, which comes first; starts, too, made again where they are
not on this machine.

  python -m sept_jax.ablate --config=configs/ablations/story_leave_one_out.py
"""

from configs import story
from configs.ablations import base

ASKS_THE_MODEL = ("answer_gain", "coherence", "self_check")  # off in story.py


def get_config():
    config = base.get_config()
    config.name = "story_leave_one_out"
    config.base = "configs/story.py"
    scoring = story.get_config().scoring
    other = "fixed" if scoring.weighting == "reliability" else "reliability"
    variants = {
        "sept": {},
        **{
            f"no_{channel}": {"scoring": {"weights": {channel: 0.0}}}
            for channel, weight in scoring.weights.items()
            if weight
        },
        **{f"with_{channel}": {"scoring": {"weights": {channel: 1.0}}} for channel in ASKS_THE_MODEL},
        "with_contrastive": {"loss": {"contrastive_weight": 0.1}},  # off in story.py, too
        "with_curriculum": {"curriculum": {"uniform": False, "target": 0.85}},
        "temperature_1": {"sampling": {"temperature": 1.0}},
        f"weighting_{other}": {"scoring": {"weighting": other}},
        **{f"advantage_{name}": {"advantage": name} for name in ("first_low", "gain", "path", "min")},
    }
    config.overrides = {"guard": {"enabled": False}}
    config.variants = variants
    config.order = tuple(variants)
    config.seeds = (0, 1, 2)
    config.starts = "runs/ablations/story"
    config.search.taken_from = "results/ablations/story/search.csv"
    config.debug_overrides.order = ("sept", "with_contrastive")
    config.debug_overrides.search.taken_from = None
    return config
