"""What every experiment builds on: all settings, their defaults, and why.

An experiment's file calls `get_config()` here and changes what differs.
"""

import dataclasses

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

from sept_jax.data import prompts
from sept_jax.models.config import PROJECTIONS
from sept_jax.scoring import AGAINST, WEIGHTS, ModelQuestions


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.seed = 0
    config.steps = 100  # updates by self-training
    config.batch = 8  # problems a step
    config.method = "sept"  # an entry of sept_jax/methods.py; None below: the method's own
    config.mesh = (-1, 1, 1)  # devices along data, fsdp, tensor; -1 takes what is left
    config.debug = False  # lay debug_overrides over the config: a short run through every stage
    config.debug_overrides = ConfigDict()

    config.model = ConfigDict()
    config.model.path = placeholder(str)  # hub id, HF directory, or .gguf; none: a new decoder of `shape`
    config.model.revision = placeholder(str)  # of the hub id
    config.model.dtype = "bfloat16"  # compute type; master weights are always f32
    config.model.shape = ConfigDict(
        {"width": 128, "mlp_width": 384, "num_layers": 3, "num_heads": 4, "num_kv_heads": 4, "head_dim": 32}
    )

    # a low-rank adapter is trained in place of the parameters; rank 0: none
    config.lora = ConfigDict({"rank": 0, "alpha": 16.0, "projections": PROJECTIONS})

    config.data = ConfigDict()
    config.data.source = "tfds"  # tfds, jsonl, gym or procedural
    config.data.name = "gsm8k"  # tfds: the data set
    config.data.path = placeholder(str)  # jsonl: folder of the splits; tfds: data_dir
    config.data.train_split = "train"
    config.data.eval_split = "test"
    # so many problems are cut from the training part and evaluated too: the checkpoint that is best on them
    # is kept for a look, and nothing follows it
    config.data.validation = 0
    config.data.gym = ConfigDict(
        {
            "tasks": ("chain_sum", "leg_counting"),  # of reasoning-gym, those with levels
            "levels": (0, 1, 2),  # of each of the task's own settings of difficulty
            "ood_levels": (3, 4),
            "size": 3_000,
        }
    )
    config.data.procedural = ConfigDict(
        {
            "task": "chain",  # chain, quotient or story
            "others": (),  # further tasks, in the warm start and evaluated: does the training carry over?
            "size": 100_000,
            "operations": (2, 3, 4),
            "ood_operations": (5, 6),  # more operations than are trained on
            "operators": "+-*",  # chain: those that it draws from
            "max_operand": 19,  # chain and quotient
            "max_value": 99,  # chain and quotient
        }
    )

    config.prompt = ConfigDict(prompts.DEFAULT)
    config.prompt.buckets = (64, 128, 256, 512)  # prompts are padded to the smallest that fits

    config.sampling = ConfigDict()
    config.sampling.group_size = 8
    config.sampling.max_new_tokens = 256
    # the policy gradient takes paths as drawn from the policy at temperature 1: other settings bias it
    config.sampling.temperature = placeholder(float)
    config.sampling.policy = "current"  # "start": all paths are the untrained policy's (offline)
    config.sampling.top_k = 0
    config.sampling.top_p = 1.0
    # how often the arrays of their keys and values, which each token reads whole, double, and how often the
    # paths that go on are packed into half as many rows; each is one more pass to compile
    config.sampling.growths = 2
    config.sampling.compactions = 2
    config.sampling.stop = ()  # strings that end a path
    # the batch is drawn in as many pieces, one scored while the next is drawn; smaller pieces are slower: on
    # an H100, 64 x 16 paths of 256 tokens (0.5 B) took 1.8 s in one, 2.3 s in two, and scoring them 0.2 s
    config.sampling.chunks = 1

    config.scoring = ConfigDict()
    config.scoring.weights = ConfigDict(WEIGHTS)  # of each channel's verdict, in log-odds; 0: not asked
    config.scoring.against = AGAINST  # a negative verdict weighs as much as this many positive ones
    config.scoring.bias = 0.0  # log-odds of a step that no channel knows anything about
    # fixed: the weights above; reliability: estimated from how the channels agree, over batches, without
    # labels (weights then only say which channels are asked)
    config.scoring.weighting = "fixed"
    config.scoring.reliability_memory = 0.9  # of the votes of earlier batches
    # answer_gain: the cue, and the share of peers that makes a consensus; self_check: what is asked
    config.scoring.questions = ConfigDict(dataclasses.asdict(ModelQuestions()))
    config.scoring.max_steps = 32  # later steps join the last
    config.scoring.workers = 0  # processes that run the rules, at most one a core; 0: all cores but one
    config.scoring.strict = False  # the task uses every quantity once: provenance keeps books

    config.advantage = placeholder(str)  # first_low, to_go, gain, path, min or grpo

    config.optimizer = ConfigDict()  # AdamW
    config.optimizer.learning_rate = 1e-6
    config.optimizer.warmup_steps = 5
    config.optimizer.decay_steps = 0  # cosine to zero at this step; 0: constant
    config.optimizer.weight_decay = 0.0
    config.optimizer.clip_norm = 1.0
    config.optimizer.b2 = 0.99

    config.loss = ConfigDict()
    config.loss.clip_low = 0.2
    config.loss.clip_high = 0.2
    config.loss.importance_cap = 5.0  # the most that a token weighs when the update finds it likelier
    config.loss.contrastive_weight = placeholder(float)
    config.loss.contrastive_beta = 1.0
    config.loss.contrastive_min_gap = 0.1
    config.loss.kl_weight = 0.0  # above 0 a copy of the start stays in memory, unless an adapter is trained

    config.memory = ConfigDict()
    # the update's batch is cut into as many pieces, of paths of like length, one in memory at a time
    config.memory.micro_batches = 1
    config.memory.remat = True  # keep each layer's input alone for the backward pass
    config.memory.logit_chunk = 64  # positions of a path whose logits are in memory at a time
    config.memory.length_buckets = 4  # a piece is cut to the next of so many parts of max_new_tokens

    config.curriculum = ConfigDict(
        {
            "uniform": placeholder(bool),
            "target": 0.5,
            "width": 0.08,
            "start": 0.3,
            "promote": 0.7,
            "memory": 0.5,
        }
    )

    config.guard = ConfigDict(
        {
            "enabled": True,
            "baseline_steps": 5,
            "memory": 0.7,
            "entropy_floor": 0.05,  # of its start's
            "length_ratio": 3.0,  # times its start's, or as small a part of it
            # of its start's: paths that agree are what is wanted, so one answer a group is no alarm by itself
            "diversity_floor": 0.05,
            "answered_fall": 0.5,  # share of paths, from the start's
            "quality_fall": 0.3,  # of paths, from the start's
            "repetition_rise": 0.3,  # share of a path's steps, from the start's
            "common_answer_rise": 0.3,  # share of the batch's answers that are one and the same
            "kl_ceiling": 0.5,  # nats a token from the start, seen at evaluations
            "decay": 0.5,
            "max_alarms": 3,
            "max_skipped": 5,  # updates in a row that are not finite; then the run stops
        }
    )

    config.warm_start = ConfigDict()
    config.warm_start.steps = 0  # 0: none
    config.warm_start.start = placeholder(str)  # a run whose start is taken instead of training one
    config.warm_start.batch = 64
    config.warm_start.ood_share = 0.0  # of the worked problems with ood_operations: the format of longer ones
    config.warm_start.learning_rate = 3e-3
    config.warm_start.warmup_steps = 30  # then cosine to zero at the last step
    config.warm_start.weight_decay = 0.01
    config.warm_start.clip_norm = 1.0
    config.warm_start.b2 = 0.95
    config.warm_start.muon = False  # the layers' matrices follow Muon, the rest Adam with Nesterov's step
    config.warm_start.mistakes = ConfigDict(
        # a line's probability of each (precedence: a solution's); see data/mistakes.py
        {"digit": 0.03, "copy": 0.02, "operator": 0.02, "precedence": 0.05, "carry": 0.45, "relation": 0.0}
    )

    config.evaluation = ConfigDict()
    config.evaluation.every = 50  # steps; the start and the end are always evaluated
    config.evaluation.problems = 128
    config.evaluation.ood_problems = 0  # procedural and gym only
    config.evaluation.samples = 8  # paths a problem, at temperature 1
    config.evaluation.batch = 16

    # on_error: whether a run whose checkpoint cannot be written is to "stop", or to "go_on"
    config.checkpoint = ConfigDict({"every": 50, "keep": 2, "on_error": "stop"})

    # steps "FIRST:LAST" whose traces jax.profiler writes into the work directory's profile/
    config.profile = ConfigDict({"steps": placeholder(str)})

    config.log = ConfigDict({"samples_every": 10, "samples": 2})  # problems written to samples.jsonl
    return config.lock()  # a misspelt key of a file is an error
