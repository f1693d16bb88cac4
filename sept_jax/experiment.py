"""From a config to the things a command works with; a bad config fails here, before anything is loaded."""

import dataclasses
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, PyTree
from ml_collections import ConfigDict

from sept_jax import sharding
from sept_jax.advantages import ESTIMATORS
from sept_jax.curriculum import CurriculumConfig
from sept_jax.data import Source
from sept_jax.data.jsonl import JsonlSource
from sept_jax.data.procedural import OPERATORS, SPLITS, ChainSource, WorkedSource, mix_operations
from sept_jax.data.prompts import encode_prompts, render
from sept_jax.data.story import StorySource
from sept_jax.data.vocabulary import VOCABULARY
from sept_jax.errors import UserError
from sept_jax.guard import GuardConfig
from sept_jax.methods import METHODS, complete
from sept_jax.models import decoder
from sept_jax.models.config import ModelConfig
from sept_jax.models.load import load_model
from sept_jax.models.tokenizer import Tokenizer, word_tokenizer
from sept_jax.records import CHANNELS, TrainState
from sept_jax.sampling import SamplingConfig
from sept_jax.scoring import ModelQuestions, ScoringConfig
from sept_jax.scoring.answer_gain import encode_answers
from sept_jax.scoring.evidence import BUILT
from sept_jax.scoring.self_check import SelfCheckConfig, encode_question
from sept_jax.update import UpdateConfig, make_optimizer

WEIGHTINGS = ("fixed", "reliability")
DTYPES = {"bfloat16": jnp.bfloat16, "float32": jnp.float32}


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A config, made into what the loop uses. `params` are the start, f32, on the host."""

    config: ConfigDict
    mesh: Mesh
    dtype: Any
    model: ModelConfig
    params: PyTree
    tokenizer: Tokenizer
    problems: Source
    held_out: Source
    out_of_distribution: Source | None
    worked: WorkedSource | None
    sampling: SamplingConfig
    scoring: ScoringConfig
    questions: ModelQuestions
    update: UpdateConfig
    curriculum: CurriculumConfig
    guard: GuardConfig
    optimizer: optax.GradientTransformation


def _fail(key: str, value: Any, expected: str) -> None:
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
        "data.procedural.size", "data.procedural.max_operand", "warm_start.batch",
        "warm_start.learning_rate", "warm_start.clip_norm", "loss.contrastive_beta", "loss.clip_high",
        "guard.length_ratio",
    ]  # fmt: skip
    for key in positive:
        if not _get(config, key) > 0:
            _fail(key, _get(config, key), "it must be above 0")
    if not config.curriculum.width >= 0.01:
        _fail("curriculum.width", config.curriculum.width, "below 0.01 no problem has weight left; type 0.08")
    for key in (
        "optimizer.b2", "warm_start.b2", "loss.clip_low", "curriculum.memory", "guard.memory", "guard.decay",
        "scoring.reliability_memory",
    ):  # fmt: skip
        if not 0 <= _get(config, key) < 1:
            _fail(key, _get(config, key), "it must be in [0, 1)")
    if config.method not in METHODS:
        _fail("method", config.method, f"expected one of {', '.join(METHODS)}")
    method, config = METHODS[config.method], complete(config)
    for key in (
        "steps", "warm_start.steps", "optimizer.warmup_steps", "optimizer.decay_steps",
        "sampling.temperature", "sampling.top_k", "loss.kl_weight", "loss.contrastive_weight",
        "optimizer.weight_decay", "evaluation.ood_problems", "log.samples", "scoring.workers",
    ):  # fmt: skip
        if _get(config, key) < 0:
            _fail(key, _get(config, key), "it must not be negative")
    if config.sampling.group_size < (2 if method.objective == "policy_gradient" else 1):
        _fail(
            "sampling.group_size", config.sampling.group_size,
            "step advantages are centred within the group and need at least 2; "
            "type --config.sampling.group_size=8",
        )  # fmt: skip
    if config.sampling.temperature == 0:
        _fail("sampling.temperature", 0.0, "all paths of a group would be the same; type 1.0")
    if config.sampling.policy not in ("current", "start"):
        _fail("sampling.policy", config.sampling.policy, "expected current or start")
    if config.sampling.policy == "start" and method.objective == "policy_gradient":
        _fail(
            "sampling.policy", "start",
            f"the policy gradient of {config.method} needs the current policy's paths; type current, or "
            "--config.method=self_evolve",
        )  # fmt: skip
    if method.worked and config.data.source != "procedural":
        _fail("method", config.method, "only the procedural source has worked solutions; type sept")
    if not 0 < config.sampling.top_p <= 1:
        _fail("sampling.top_p", config.sampling.top_p, "it must be in (0, 1]; 1 keeps the whole distribution")
    if config.scoring.weighting not in WEIGHTINGS:
        _fail("scoring.weighting", config.scoring.weighting, f"expected one of {', '.join(WEIGHTINGS)}")
    share = config.scoring.questions.consensus_share
    if not 0 < share < 1:
        _fail("scoring.questions.consensus_share", share, "it must be in (0, 1); type 0.5")
    if config.advantage not in ESTIMATORS:
        _fail("advantage", config.advantage, f"expected one of {', '.join(ESTIMATORS)}")
    if config.model.dtype not in DTYPES:
        _fail("model.dtype", config.model.dtype, f"expected one of {', '.join(DTYPES)}")
    if config.data.source not in ("tfds", "jsonl", "procedural"):
        _fail("data.source", config.data.source, "expected tfds, jsonl or procedural")
    if config.data.source == "procedural":
        _validate_made(config)
    if config.data.source == "jsonl" and not config.data.path:
        _fail("data.path", config.data.path, "data.source is jsonl; type --config.data.path=PATH/gsm8k")
    if config.model.path is None and config.data.source != "procedural":
        _fail(
            "model.path", None,
            "only the procedural task starts from nothing; type --config.model.path=DIR, FILE.gguf or hub id",
        )  # fmt: skip
    if config.warm_start.steps and config.data.source != "procedural":
        _fail(
            "warm_start.steps",
            config.warm_start.steps,
            "only the procedural source has worked solutions; type 0",
        )
    if config.batch % config.memory.micro_batches:
        _fail(
            "memory.micro_batches", config.memory.micro_batches,
            f"it must divide config.batch, {config.batch}",
        )  # fmt: skip
    if config.batch % config.sampling.chunks:
        _fail("sampling.chunks", config.sampling.chunks, f"it must divide config.batch, {config.batch}")
    buckets = config.prompt.buckets
    if not buckets or list(buckets) != sorted(set(buckets)) or buckets[0] < 1:
        _fail(
            "prompt.buckets", tuple(buckets), "expected ascending lengths in tokens, such as (64, 128, 256)"
        )
    for name, weight in config.scoring.weights.items():
        if name not in CHANNELS:
            _fail(f"scoring.weights.{name}", weight, f"the channels are {', '.join(CHANNELS)}")
        if not 0 <= weight < math.inf:
            _fail(f"scoring.weights.{name}", weight, "it must be 0 (not asked) or more")
        if weight and name not in BUILT:
            _fail(
                f"scoring.weights.{name}",
                weight,
                f"this channel has no implementation; type 0 (there are {', '.join(BUILT)})",
            )
    if not any(config.scoring.weights.values()):
        _fail("scoring.weights", "0 for every channel", "at least one must count")
    if not 0 < config.curriculum.start <= 1:
        _fail("curriculum.start", config.curriculum.start, "it must be in (0, 1]")
    if config.seed < 0:
        _fail("seed", config.seed, "it must not be negative")


def _validate_made(config: ConfigDict) -> None:
    made = config.data.procedural
    if made.task not in ("chain", "story"):
        _fail("data.procedural.task", made.task, "expected chain or story")
    if not made.operators or not set(made.operators) <= set(OPERATORS):
        _fail("data.procedural.operators", made.operators, f"expected some of {OPERATORS}, such as +-")
    for key in ("data.procedural.operations", "data.procedural.ood_operations"):
        counts = _get(config, key)
        if not counts or min(counts) < 1:
            _fail(key, tuple(counts), "expected numbers of operations, such as (2, 3, 4)")
    if not 0 <= config.warm_start.ood_share <= 1:
        _fail("warm_start.ood_share", config.warm_start.ood_share, "it must be in [0, 1]")
    for key in ("data.train_split", "data.eval_split"):
        if _get(config, key) not in SPLITS:
            _fail(key, _get(config, key), f"a made problem is in one of {', '.join(SPLITS)}")
    if config.data.train_split == config.data.eval_split:
        _fail("data.eval_split", config.data.eval_split, "it is the training split; type validation or test")


def _get(config: ConfigDict, key: str) -> Any:
    for name in key.split("."):
        config = config[name]
    return config


def validate_mesh(config: ConfigDict, mesh: Mesh) -> None:
    """Checks that batches divide over the mesh.

    Raises:
      UserError: a batch does not.
    """
    rows = mesh.shape["data"] * mesh.shape["fsdp"]
    for key in ("batch", "evaluation.batch") + (("warm_start.batch",) if config.warm_start.steps else ()):
        if _get(config, key) % rows:
            _fail(key, _get(config, key), f"it must be divisible by the mesh's data x fsdp, {rows}")
    for key, part in (("memory.micro_batches", "micro-batch"), ("sampling.chunks", "chunk")):
        pieces = _get(config, key)
        if config.batch // pieces % rows:
            fits = max(n for n in range(1, pieces) if config.batch % (n * rows) == 0)
            _fail(
                key, pieces,
                f"a {part} has {config.batch // pieces} problems, which the mesh's data x fsdp, {rows}, does "
                f"not divide; type --config.{key}={fits}",
            )  # fmt: skip


def build(config: ConfigDict) -> Experiment:
    """Validates the config, loads model, tokenizer and data, and makes the static settings of each stage.

    Raises:
      UserError: anything about the config, the weights or the data is wrong.
    """
    validate(config)
    config = complete(config)
    mesh = sharding.make_mesh(tuple(config.mesh))
    validate_mesh(config, mesh)
    train, held_out, ood, worked = make_sources(config)
    model, params, tokenizer = make_model(config)
    if config.data.source != "procedural":  # made problems are short by construction
        for source in (train, held_out):
            check_prompts(source, tokenizer, config.prompt)
    stop = tuple(tuple(tokenizer.encode(text)) for text in config.sampling.stop)
    if not all(stop):
        _fail("sampling.stop", tuple(config.sampling.stop), "a stop string must not be empty")
    longest = max(config.prompt.buckets) + config.sampling.max_new_tokens
    if longest > model.max_length:
        _fail(
            "sampling.max_new_tokens", config.sampling.max_new_tokens,
            f"with the largest prompt bucket it makes {longest} tokens, the model takes {model.max_length}",
        )  # fmt: skip
    sampling = SamplingConfig(
        group_size=config.sampling.group_size,
        max_new_tokens=config.sampling.max_new_tokens,
        temperature=config.sampling.temperature,
        top_k=config.sampling.top_k,
        top_p=config.sampling.top_p,
        eos_ids=tokenizer.eos_ids,
        stop=stop,
        pad_id=tokenizer.pad_id,
    )
    return Experiment(
        config=config,
        mesh=mesh,
        dtype=DTYPES[config.model.dtype],
        model=model,
        params=params,
        tokenizer=tokenizer,
        problems=train,
        held_out=held_out,
        out_of_distribution=ood,
        worked=worked,
        sampling=sampling,
        scoring=ScoringConfig(
            weights=tuple(float(config.scoring.weights[name]) for name in CHANNELS),
            against=config.scoring.against,
            bias=config.scoring.bias,
            max_steps=config.scoring.max_steps,
            strict=config.scoring.strict,
        ),
        questions=make_questions(config, tokenizer),
        update=UpdateConfig(
            objective=METHODS[config.method].objective,
            remat=config.memory.remat,
            logit_chunk=config.memory.logit_chunk,
            **config.loss,
        ),
        curriculum=CurriculumConfig(**config.curriculum),
        guard=GuardConfig(**config.guard),
        optimizer=make_optimizer(**config.optimizer),
    )


def make_questions(config: ConfigDict, tokenizer: Tokenizer) -> ModelQuestions:
    """What the model's own channels ask it; those that are asked are tried on the tokenizer.

    Raises:
      UserError: the tokenizer cannot encode a question, or an answer cannot be told from the other.
    """
    asked = config.scoring.questions.to_dict()
    questions = ModelQuestions(**asked | {"self_check": SelfCheckConfig(**asked["self_check"])})
    if config.scoring.weights.answer_gain:
        encode_answers([["1"]], tokenizer, questions.answer_cue)
    if config.scoring.weights.self_check:
        encode_question(tokenizer, questions.self_check)
    return questions


def check_prompts(source: Source, tokenizer: Tokenizer, prompt_config: ConfigDict) -> None:
    """Encodes every problem of a source once, so that none stops a run when it is first drawn.

    Raises:
      UserError: a prompt is empty or longer than the largest bucket.
    """
    for index in range(len(source)):
        problem = source[index]
        text = render(problem, tokenizer, prompt_config)
        encode_prompts([text], tokenizer, tuple(prompt_config.buckets), [problem.id])


def make_sources(config: ConfigDict) -> tuple[Source, Source, Source | None, WorkedSource | None]:
    """The problems to train on, the held-out ones, those with more operations, and those of the warm start.

    Raises:
      UserError: the data cannot be read.
    """
    data = config.data
    if data.source == "jsonl":
        if Path(data.path).is_file():
            _fail(
                "data.path", data.path, "one file is no train and test split; give the folder that holds both"
            )
        return JsonlSource(data.path, data.train_split), JsonlSource(data.path, data.eval_split), None, None
    if data.source == "tfds":
        from sept_jax.data.tfds import TfdsSource  # slow to import, and only this source needs it

        train, held_out = (
            TfdsSource(data.name, split, data.path) for split in (data.train_split, data.eval_split)
        )
        return train, held_out, None, None
    made, warm, evaluation = data.procedural, config.warm_start, config.evaluation
    usual, rare, seed = tuple(made.operations), tuple(made.ood_operations), 4 * config.seed
    shown = warm.steps * warm.batch
    if METHODS[config.method].worked:
        shown += config.steps * config.batch * config.sampling.group_size
    mixed = mix_operations(usual, rare, warm.ood_share, shown)
    return (
        _made_source(made, made.size, seed, usual, data.train_split),
        _made_source(made, evaluation.problems, seed + 1, usual, data.eval_split),
        _made_source(made, evaluation.ood_problems, seed + 2, rare, data.eval_split)
        if evaluation.ood_problems
        else None,
        _made_source(made, shown, seed + 3, mixed, data.train_split) if shown else None,
    )


def _made_source(
    made: ConfigDict, size: int, seed: int, operations: tuple[int, ...], split: str
) -> WorkedSource:
    if made.task == "story":
        return StorySource(size, seed, operations, split)
    return ChainSource(size, seed, operations, made.max_operand, made.max_value, made.operators, split)


def make_model(config: ConfigDict) -> tuple[ModelConfig, PyTree, Tokenizer]:
    """Shape, f32 parameters on the host and tokenizer of the model that the config names, or of a new one."""
    if config.model.path is not None:
        return load_model(config.model.path, config.model.revision)
    tokenizer = word_tokenizer(VOCABULARY)
    model = ModelConfig(
        family="qwen3",
        vocab_size=tokenizer.vocab_size,
        rope_theta=10_000.0,
        norm_eps=1e-5,
        max_length=max(config.prompt.buckets) + config.sampling.max_new_tokens,
        tie_embeddings=True,
        qkv_bias=False,
        qk_norm=True,
        **config.model.shape,
    )
    key, _ = _seed_keys(config)
    return model, jax.device_get(jax.jit(decoder.init_params, static_argnums=0)(model, key)), tokenizer


def _seed_keys(config: ConfigDict) -> tuple[Array, Array]:
    """The key of a new decoder's parameters, and the run's root key."""
    init, root = jax.random.split(jax.random.key(config.seed))
    return init, root


def param_shardings(experiment: Experiment) -> PyTree:
    """How the parameters lie on the mesh."""
    shapes = decoder.abstract_params(experiment.model)
    return sharding.tree_shardings(decoder.logical_axes(experiment.model), shapes, experiment.mesh)


def init_state(experiment: Experiment, params: PyTree, optimizer: optax.GradientTransformation) -> TrainState:
    """Parameters (f32) and a fresh optimizer state on the mesh, step 0 and the run's root key."""
    shardings = param_shardings(experiment)
    params = jax.tree.map(lambda p, s: jax.device_put(jnp.asarray(p, jnp.float32), s), params, shardings)
    abstract = jax.eval_shape(optimizer.init, params)
    by_leaf = sharding.like_parameters(abstract, params, shardings, experiment.mesh)
    replicated = NamedSharding(experiment.mesh, PartitionSpec())
    return TrainState(
        trainable=params,
        frozen={},
        opt_state=jax.jit(optimizer.init, out_shardings=by_leaf)(params),
        step=jax.device_put(jnp.zeros((), jnp.int32), replicated),
        key=jax.device_put(_seed_keys(experiment.config)[1], replicated),
    )


def step_key(state_key: Array, step: int, purpose: str) -> Array:
    """The key of one use in one step; the root key never changes, so a resumed run draws the same."""
    uses = ("draw", "sample", "evaluate", "reward")
    return jax.random.fold_in(jax.random.fold_in(state_key, step), uses.index(purpose))


def model_fingerprint(experiment: Experiment) -> Mapping[str, Any]:
    """What a checkpoint must agree on: the model's shape, as JSON."""
    return dataclasses.asdict(experiment.model)
