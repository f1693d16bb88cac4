"""A bad config fails here, before anything is loaded or compiled."""

import math
import re
from collections.abc import Iterator
from typing import Any

import jax.numpy as jnp
from jax.sharding import Mesh
from ml_collections import ConfigDict

from sept_jax.advantages import ESTIMATORS
from sept_jax.data.procedural import OPERATORS, SPLITS
from sept_jax.data.prompts import check_templates
from sept_jax.errors import UserError
from sept_jax.methods import METHODS, complete
from sept_jax.models.config import PROJECTIONS
from sept_jax.records import CHANNELS
from sept_jax.scoring.evidence import BUILT
from sept_jax.sources import TASKS

WEIGHTINGS = ("fixed", "reliability")
DTYPES = {"bfloat16": jnp.bfloat16, "float32": jnp.float32}


def fail(key: str, value: Any, expected: str) -> None:
    """Raises the UserError of a setting."""
    raise UserError(f"config.{key} is {value!r}: {expected}")


def validate(config: ConfigDict) -> None:
    """Checks every setting that can be checked without loading or compiling.

    Raises:
      UserError: names the first bad setting, what was expected and what to type.
    """
    positive = [
        "batch", "sampling.max_new_tokens", "sampling.chunks", "scoring.max_steps", "scoring.against",
        "memory.micro_batches", "memory.logit_chunk", "memory.length_buckets",
        "optimizer.learning_rate", "optimizer.clip_norm",
        "evaluation.every", "evaluation.problems", "evaluation.samples", "evaluation.batch",
        "checkpoint.every", "checkpoint.keep", "log.samples_every", "guard.baseline_steps",
        "guard.max_skipped",
        "data.procedural.size", "data.gym.size", "data.procedural.max_operand", "warm_start.batch",
        "warm_start.learning_rate", "warm_start.clip_norm", "loss.contrastive_beta", "loss.clip_high",
    ]  # fmt: skip
    for key in positive:
        if not _number(config, key) > 0:
            fail(key, _get(config, key), "it must be above 0")
    if not _number(config, "curriculum.width") >= 0.01:
        fail("curriculum.width", config.curriculum.width, "below 0.01 no problem has weight left; type 0.08")
    for key in (
        "optimizer.b2", "warm_start.b2", "loss.clip_low", "curriculum.memory", "guard.memory", "guard.decay",
        "scoring.reliability_memory",
    ):  # fmt: skip
        if not 0 <= _number(config, key) < 1:
            fail(key, _get(config, key), "it must be in [0, 1)")
    for key in (
        "curriculum.target", "curriculum.promote", "warm_start.ood_share",
        *(f"warm_start.mistakes.{name}" for name in config.warm_start.mistakes),
    ):  # fmt: skip
        if not 0 <= _number(config, key) <= 1:
            fail(key, _get(config, key), "it must be in [0, 1]")
    if config.method not in METHODS:
        fail("method", config.method, f"expected one of {', '.join(METHODS)}")
    method, config = METHODS[config.method], complete(config)
    for key in (
        "steps", "warm_start.steps", "optimizer.warmup_steps", "optimizer.decay_steps",
        "sampling.temperature", "sampling.top_k", "sampling.compactions", "sampling.growths",
        "loss.kl_weight", "loss.contrastive_weight", "optimizer.weight_decay", "evaluation.ood_problems",
        "log.samples", "data.validation",
        "scoring.workers", "seed", "loss.contrastive_min_gap", "warm_start.warmup_steps",
        "warm_start.weight_decay", "guard.max_alarms", "guard.entropy_floor", "guard.diversity_floor",
        "guard.answered_fall", "guard.quality_fall", "guard.repetition_rise", "guard.common_answer_rise",
        "guard.kl_ceiling",
    ):  # fmt: skip
        if _number(config, key) < 0:
            fail(key, _get(config, key), "it must not be negative")
    for key, value in _leaves(config):
        if isinstance(value, float) and not math.isfinite(value):
            fail(key, value, "it must be a finite number")
    steps, decay_steps = config.steps, config.optimizer.decay_steps
    if 0 < decay_steps < steps:
        fail(
            "optimizer.decay_steps", decay_steps,
            f"the learning rate is 0 from that step on, and there are {steps}; type "
            f"--config.steps={decay_steps}, or, for a new run, --config.optimizer.decay_steps={steps}",
        )  # fmt: skip
    for key in ("loss.kl_weight", "loss.contrastive_weight"):
        if method.objective == "likelihood" and _get(config, key) > 0:
            fail(key, _get(config, key), f"{config.method} trains on likelihood alone; type --config.{key}=0")
    if config.seed >= 2**32:
        fail("seed", config.seed, "it must be below 2**32")
    if len(config.mesh) != 3 or not _integers(config.mesh):
        fail(
            "mesh", tuple(config.mesh), "expected the numbers of devices along data, fsdp and tensor; "
            "type --config.mesh='(-1, 1, 1)'",
        )  # fmt: skip
    if _number(config, "sampling.group_size") < (2 if method.objective == "policy_gradient" else 1):
        fail(
            "sampling.group_size", config.sampling.group_size,
            "step advantages are centred within the group and need at least 2; "
            "type --config.sampling.group_size=8",
        )  # fmt: skip
    if config.sampling.temperature == 0:
        fail("sampling.temperature", 0.0, "all paths of a group would be the same; type 1.0")
    if config.sampling.policy not in ("current", "start"):
        fail("sampling.policy", config.sampling.policy, "expected current or start")
    if config.sampling.policy == "start" and method.objective == "policy_gradient":
        fail(
            "sampling.policy", "start",
            f"the policy gradient of {config.method} needs the current policy's paths; type current, or "
            "--config.method=self_evolve",
        )  # fmt: skip
    if method.worked and config.data.source != "procedural":
        fail("method", config.method, "only the procedural source has worked solutions; type sept")
    if not 0 < _number(config, "sampling.top_p") <= 1:
        fail("sampling.top_p", config.sampling.top_p, "it must be in (0, 1]; 1 keeps the whole distribution")
    if config.scoring.weighting not in WEIGHTINGS:
        fail("scoring.weighting", config.scoring.weighting, f"expected one of {', '.join(WEIGHTINGS)}")
    share = config.scoring.questions.consensus_share
    if not 0 < share < 1:
        fail("scoring.questions.consensus_share", share, "it must be in (0, 1); type 0.5")
    if config.advantage not in ESTIMATORS:
        fail("advantage", config.advantage, f"expected one of {', '.join(ESTIMATORS)}")
    if config.model.dtype not in DTYPES:
        fail("model.dtype", config.model.dtype, f"expected one of {', '.join(DTYPES)}")
    if config.data.source not in ("tfds", "jsonl", "gym", "procedural"):
        fail("data.source", config.data.source, "expected tfds, jsonl, gym or procedural")
    if config.data.source == "procedural":
        _validate_made(config)
    if config.data.source in ("gym", "procedural"):
        _validate_splits(config)
    if config.data.source == "gym":
        _validate_gym(config.data.gym)
    if config.data.source == "jsonl" and not config.data.path:
        fail("data.path", config.data.path, "data.source is jsonl; type --config.data.path=PATH/gsm8k")
    if config.model.path is None and config.data.source != "procedural":
        fail(
            "model.path", None,
            "only the procedural task starts from nothing; type --config.model.path=DIR, FILE.gguf or hub id",
        )  # fmt: skip
    if config.warm_start.steps and config.data.source != "procedural":
        fail(
            "warm_start.steps",
            config.warm_start.steps,
            "only the procedural source has worked solutions; type 0",
        )
    if config.batch % config.memory.micro_batches:
        fail(
            "memory.micro_batches", config.memory.micro_batches,
            f"it must divide config.batch, {config.batch}",
        )  # fmt: skip
    if config.batch % config.sampling.chunks:
        fail("sampling.chunks", config.sampling.chunks, f"it must divide config.batch, {config.batch}")
    if _number(config, "lora.rank") < 0:
        fail("lora.rank", config.lora.rank, "it must be 0 (all parameters are trained) or more")
    if config.lora.rank and not _number(config, "lora.alpha") > 0:
        fail("lora.alpha", config.lora.alpha, "it must be above 0; twice the rank is usual")
    if not config.lora.projections or not set(config.lora.projections) <= set(PROJECTIONS):
        fail("lora.projections", tuple(config.lora.projections), f"expected some of {', '.join(PROJECTIONS)}")
    for key in ("loss.importance_cap", "guard.length_ratio"):
        if not _number(config, key) >= 1:
            fail(key, _get(config, key), "it must be at least 1")
    if config.checkpoint.on_error not in ("stop", "go_on"):
        fail("checkpoint.on_error", config.checkpoint.on_error, "expected stop or go_on")
    profile_steps(config)
    buckets = config.prompt.buckets
    if not buckets or not _integers(buckets) or list(buckets) != sorted(set(buckets)) or buckets[0] < 1:
        fail("prompt.buckets", tuple(buckets), "expected ascending lengths in tokens, such as (64, 128, 256)")
    check_templates(config.prompt)
    if not all(isinstance(text, str) for text in config.sampling.stop):
        fail("sampling.stop", tuple(config.sampling.stop), "expected strings, such as ('Question:',)")
    for name in config.scoring.weights:
        weight = _number(config, f"scoring.weights.{name}")
        if name not in CHANNELS:
            fail(f"scoring.weights.{name}", weight, f"the channels are {', '.join(CHANNELS)}")
        if not weight >= 0:
            fail(f"scoring.weights.{name}", weight, "it must be 0 (not asked) or more")
        if weight and name not in BUILT:
            fail(
                f"scoring.weights.{name}",
                weight,
                f"this channel has no implementation; type 0 (there are {', '.join(BUILT)})",
            )
    if not any(config.scoring.weights.values()):
        fail("scoring.weights", "0 for every channel", "at least one must count")
    if not 0 < config.curriculum.start <= 1:
        fail("curriculum.start", config.curriculum.start, "it must be in (0, 1]")


def profile_steps(config: ConfigDict) -> range:
    """The steps, from 1 on, whose traces are asked for.

    Raises:
      UserError: the setting is none such.
    """
    asked = config.profile.steps
    if asked is None:
        return range(0)
    match = re.fullmatch(r"(\d+):(\d+)", asked, re.ASCII)
    if match is None or not 1 <= int(match[1]) <= int(match[2]) <= config.steps:
        fail("profile.steps", asked, f"expected FIRST:LAST within 1 and config.steps, {config.steps}")
    return range(int(match[1]), int(match[2]) + 1)


def _validate_made(config: ConfigDict) -> None:
    made = config.data.procedural
    if made.task not in TASKS:
        fail("data.procedural.task", made.task, f"expected one of {', '.join(TASKS)}")
    for name in made.others:
        if name not in TASKS or name == made.task:
            others = ", ".join(task for task in TASKS if task != made.task)
            fail("data.procedural.others", tuple(made.others), f"expected some of {others}")
    if not made.operators or not set(made.operators) <= set(OPERATORS):
        fail("data.procedural.operators", made.operators, f"expected some of {OPERATORS}, such as +-")
    for key in ("data.procedural.operations", "data.procedural.ood_operations"):
        counts = _get(config, key)
        if not counts or not _integers(counts) or min(counts) < 1:
            fail(key, tuple(counts), "expected numbers of operations, such as (2, 3, 4)")


def _validate_splits(config: ConfigDict) -> None:
    for key in ("data.train_split", "data.eval_split"):
        if _get(config, key) not in SPLITS:
            fail(key, _get(config, key), f"a made problem is in one of {', '.join(SPLITS)}")
    if config.data.train_split == config.data.eval_split:
        fail("data.eval_split", config.data.eval_split, "it is the training split; type validation or test")


def _validate_gym(gym: ConfigDict) -> None:
    if not gym.tasks:
        fail("data.gym.tasks", tuple(gym.tasks), "expected names such as ('chain_sum', 'leg_counting')")
    for key in ("levels", "ood_levels"):
        if not gym[key] or not _integers(gym[key]) or min(gym[key]) < 0:
            fail(f"data.gym.{key}", tuple(gym[key]), "expected levels from 0 on, such as (0, 1, 2)")


def _get(config: ConfigDict, key: str) -> Any:
    for name in key.split("."):
        if not isinstance(config, ConfigDict) or name not in config:
            raise UserError(
                f"config.{key} is missing: a config file changes what get_config() of configs/base.py returns"
            )
        config = config[name]
    return config


def _number(config: ConfigDict, key: str) -> int | float:
    value = _get(config, key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        fail(key, value, "expected a number")
    return value


def _integers(values: tuple) -> bool:
    return all(isinstance(value, int) and not isinstance(value, bool) for value in values)


def _leaves(config: ConfigDict, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in config.items():
        if isinstance(value, ConfigDict):
            yield from _leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def validate_mesh(config: ConfigDict, mesh: Mesh) -> None:
    """Checks that batches divide over the mesh.

    Raises:
      UserError: a batch does not.
    """
    rows = mesh.shape["data"] * mesh.shape["fsdp"]
    for key in ("batch", "evaluation.batch") + (("warm_start.batch",) if config.warm_start.steps else ()):
        if _get(config, key) % rows:
            fail(key, _get(config, key), f"it must be divisible by the mesh's data x fsdp, {rows}")
    for key, part in (("memory.micro_batches", "micro-batch"), ("sampling.chunks", "chunk")):
        pieces = _get(config, key)
        if config.batch // pieces % rows:
            fits = max(n for n in range(1, pieces) if config.batch % (n * rows) == 0)
            fail(
                key, pieces,
                f"a {part} has {config.batch // pieces} problems, which the mesh's data x fsdp, {rows}, does "
                f"not divide; type --config.{key}={fits}",
            )  # fmt: skip
