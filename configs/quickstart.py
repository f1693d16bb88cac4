"""SePT from nothing in a few minutes on 2 cores: chains of arithmetic, no download.

A decoder of 0.5 M parameters with one token a character learns the format from worked solutions with
mistakes, then self-trains with process rewards: is each equation true, and is every quantity used once?
Gold answers are read in evaluation only.

  python -m sept_jax.train --config=configs/quickstart.py
"""

from configs import base


def get_config():
    config = base.get_config()
    config.steps = 64
    config.batch = 32
    config.model.dtype = "float32"
    config.model.shape.mlp_width = 288
    config.data.source = "procedural"
    config.prompt.plain = "{question}\n{solution}"
    config.prompt.buckets = (16, 24)
    config.sampling.max_new_tokens = 72  # of 6 operations; mistakes can make more, which is cut
    # of a decoder this small, compiling costs more than it saves
    config.sampling.compactions = config.sampling.growths = 0
    config.scoring.strict = True
    config.scoring.max_steps = 12
    config.scoring.weights.update(dict.fromkeys(config.scoring.weights, 0.0))
    config.scoring.weights.update(arithmetic=3.0, provenance=3.0)
    config.scoring.against = 1.0
    config.scoring.bias = -3.0  # a step is right when both rules say so, not when one has nothing to say
    config.curriculum.start = 1.0
    config.guard.quality_fall = 0.1  # means of 32 problems wander less than those of few
    config.optimizer.learning_rate = 2e-4
    config.optimizer.decay_steps = 64  # the last step
    config.memory.remat = False
    config.memory.micro_batches = 4
    config.memory.length_buckets = 8
    config.warm_start.steps = 500  # of AdamW alone, at 3e-3, 1,200 come as far
    config.warm_start.muon = True
    config.warm_start.learning_rate = 1e-2
    config.warm_start.ood_share = 0.1  # else longer chains are a format that it has never seen
    config.evaluation.every = 64
    config.evaluation.problems = 256
    config.evaluation.ood_problems = 128
    config.evaluation.batch = 64
    config.checkpoint.every = 64
    config.debug_overrides = {
        "steps": 2,
        "batch": 8,
        "memory": {"micro_batches": 1},
        "warm_start": {"steps": 4},
        "evaluation": {"every": 1, "problems": 16, "ood_problems": 16, "batch": 16},
        "checkpoint": {"every": 1},
        "log": {"samples_every": 1},
    }
    return config
