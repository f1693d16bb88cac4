"""From a config to the things a command works with."""

import dataclasses
import functools
import math
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Float32, Int, PyTree
from ml_collections import ConfigDict

from sept_jax import sharding
from sept_jax.curriculum import CurriculumConfig
from sept_jax.data import Source
from sept_jax.data.procedural import WorkedSource
from sept_jax.data.prompts import encode_prompts, render
from sept_jax.data.vocabulary import VOCABULARY
from sept_jax.guard import GuardConfig
from sept_jax.methods import METHODS, complete
from sept_jax.models import decoder, lora
from sept_jax.models.config import Lora, ModelConfig
from sept_jax.models.layout import StoredParam
from sept_jax.models.load import load_model
from sept_jax.models.tokenizer import Tokenizer, word_tokenizer
from sept_jax.records import CHANNELS, TrainState
from sept_jax.sampling import SamplingConfig
from sept_jax.scoring import ModelQuestions, ScoringConfig
from sept_jax.scoring.answer_gain import encode_answers
from sept_jax.scoring.self_check import SelfCheckConfig, encode_question
from sept_jax.sources import make_sources
from sept_jax.update import UpdateConfig, make_optimizer
from sept_jax.validation import DTYPES, fail, validate, validate_mesh

_AT_ONCE = 2**25
"""Bytes of stacked matrices that are on their way to a process's devices at once, but one layer at least."""


@dataclasses.dataclass(frozen=True)
class Experiment:
    """A config, made into what the loop uses. `params` are the start, f32: in its files (`StoredParam`) or on
    the host, any number of times for `place_params`; `lora` is the adapter that is trained in their place, if
    one is."""

    config: ConfigDict
    mesh: Mesh
    dtype: Any
    model: ModelConfig
    params: PyTree
    tokenizer: Tokenizer
    problems: Source
    held_out: Source
    out_of_distribution: Source | None
    others: Mapping[str, Source]
    worked: WorkedSource | None
    validation: Source | None
    sampling: SamplingConfig
    scoring: ScoringConfig
    questions: ModelQuestions
    update: UpdateConfig
    curriculum: CurriculumConfig
    guard: GuardConfig
    optimizer: optax.GradientTransformation
    lora: Lora | None

    @property
    def adapted(self) -> ModelConfig:
        """The model as it is trained, sampled, scored and evaluated."""
        return dataclasses.replace(self.model, lora=self.lora)


def build(config: ConfigDict) -> Experiment:
    """Validates the config, loads model, tokenizer and data, and makes the static settings of each stage.

    Raises:
      UserError: anything about the config, the weights or the data is wrong.
    """
    validate(config)
    config = complete(config)
    mesh = sharding.make_mesh(tuple(config.mesh))
    validate_mesh(config, mesh)
    sources = make_sources(config)
    model, params, tokenizer = make_model(config)
    evaluated = (
        sources.held_out, sources.out_of_distribution, sources.validation, *sources.others.values()
    )  # fmt: skip
    for source in filter(None, evaluated):
        check_prompts(source, tokenizer, config.prompt)
    if config.data.source != "procedural":  # made ones are as long as these
        check_prompts(sources.problems, tokenizer, config.prompt)
    stop = tuple(tuple(tokenizer.encode(text)) for text in config.sampling.stop)
    if not all(stop):
        fail("sampling.stop", tuple(config.sampling.stop), "a stop string must encode to a token")
    longest = max(config.prompt.buckets) + config.sampling.max_new_tokens
    if longest > model.max_length:
        fail(
            "sampling.max_new_tokens", config.sampling.max_new_tokens,
            f"with the largest prompt bucket it makes {longest} tokens, the model takes {model.max_length}",
        )  # fmt: skip
    sampling = make_sampling(config, eos_ids=tokenizer.eos_ids, stop=stop, pad_id=tokenizer.pad_id)
    return Experiment(
        config=config,
        mesh=mesh,
        dtype=DTYPES[config.model.dtype],
        model=model,
        params=params,
        tokenizer=tokenizer,
        **sources._asdict(),
        sampling=sampling,
        scoring=ScoringConfig(
            weights=tuple(float(config.scoring.weights[name]) for name in CHANNELS),
            against=config.scoring.against,
            bias=config.scoring.bias,
            max_steps=config.scoring.max_steps,
            strict=config.scoring.strict,
        ),
        questions=make_questions(config, tokenizer),
        update=make_update(config),
        curriculum=CurriculumConfig(**config.curriculum),
        guard=GuardConfig(**config.guard),
        optimizer=make_optimizer(**config.optimizer),
        lora=Lora(**config.lora) if config.lora.rank else None,
    )


def make_sampling(config: ConfigDict, **of_tokens: Any) -> SamplingConfig:
    """How a config draws paths; `of_tokens` are the settings that the tokenizer decides."""
    settings = config.sampling
    return SamplingConfig(
        group_size=settings.group_size,
        max_new_tokens=settings.max_new_tokens,
        temperature=settings.temperature,
        top_k=settings.top_k,
        top_p=settings.top_p,
        compactions=settings.compactions,
        growths=settings.growths,
        **of_tokens,
    )


def make_update(config: ConfigDict) -> UpdateConfig:
    """What an update of a config minimises, and how it is computed."""
    return UpdateConfig(
        objective=METHODS[config.method].objective,
        remat=config.memory.remat,
        logit_chunk=config.memory.logit_chunk,
        **config.loss,
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


def make_model(config: ConfigDict) -> tuple[ModelConfig, PyTree, Tokenizer]:
    """Shape, f32 parameters and tokenizer of the model that the config names, in its files, or of a new one
    (numpy)."""
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


def place_params(experiment: Experiment, params: PyTree) -> PyTree:
    """The plain model's parameters, f32, on the mesh.

    Of those in files or on the host a process reads the slices of its own devices, each once, a few layers at
    a time; those on devices do not pass through the host.
    """
    axes, shapes = decoder.logical_axes(experiment.model), decoder.abstract_params(experiment.model)
    return jax.tree.map(_place, params, sharding.tree_shardings(axes, shapes, experiment.mesh))


def _place(leaf: Array | np.ndarray | StoredParam, cut: NamedSharding) -> Array:
    if isinstance(leaf, jax.Array):
        return jax.device_put(jnp.asarray(leaf, jnp.float32), cut)
    layers, layer = leaf.shape[0], 4 * math.prod(cut.shard_shape(leaf.shape)[1:])
    count = max(1, _AT_ONCE // (layer * len(cut.addressable_devices)))
    if len(leaf.shape) < 3 or layers <= count:
        return _read(leaf, range(layers), cut)
    whole = jnp.zeros(leaf.shape, jnp.float32, device=cut)
    for first in range(0, layers, count):
        whole = _write(whole, _read(leaf, range(layers)[first : first + count], cut), first)
    return whole.block_until_ready()


def _read(leaf: np.ndarray | StoredParam, rows: range, cut: NamedSharding) -> Array:
    """Some rows of a parameter, by the slices of this process's devices: each is read once."""
    shape = (len(rows), *leaf.shape[1:])
    read: dict[str, Array] = {}
    pieces = []
    for device, (of_rows, *rest) in cut.addressable_devices_indices_map(shape).items():
        own = rows[of_rows]
        place = str((own, rest))
        if place in read:
            pieces.append(jax.device_put(read[place], device))
        else:
            part = np.asarray(leaf[slice(own.start, own.stop), *rest], np.float32)
            read[place] = jax.device_put(part, device).block_until_ready()
            pieces.append(read[place])
            del part  # before the next is read
    return jax.make_array_from_single_device_arrays(shape, cut, pieces)


@functools.partial(jax.jit, donate_argnums=0)
def _write(
    whole: Float32[Array, "L A B"], part: Float32[Array, "l A B"], first: Int[Array, ""]
) -> Float32[Array, "L A B"]:
    return jax.lax.dynamic_update_slice_in_dim(whole, part, first, 0)


def init_state(
    experiment: Experiment, params: PyTree, optimizer: optax.GradientTransformation, model: ModelConfig
) -> TrainState:
    """The state before the first step of training `model` from the given parameters, on the mesh: these in
    f32, or, frozen, in the compute type beside a new adapter in f32; a fresh optimizer state, step 0 and the
    run's root key."""
    mesh, init_key = experiment.mesh, _seed_keys(experiment.config)[0]
    shardings = sharding.tree_shardings(decoder.logical_axes(model), decoder.abstract_params(model), mesh)
    trainable, frozen = place_params(experiment, params), {}
    if model.lora is not None:
        shardings = lora.split(shardings)[0]
        frozen = jax.jit(decoder.for_compute, static_argnums=1, donate_argnums=0)(trainable, experiment.dtype)
        trainable = jax.jit(lora.init_adapter, static_argnums=0, out_shardings=shardings)(model, init_key)
    abstract = jax.eval_shape(optimizer.init, trainable)
    by_leaf = sharding.like_parameters(abstract, trainable, shardings, mesh)
    replicated = NamedSharding(mesh, PartitionSpec())
    return TrainState(
        trainable=trainable,
        frozen=frozen,
        opt_state=jax.jit(optimizer.init, out_shardings=by_leaf)(trainable),
        step=jax.device_put(jnp.zeros((), jnp.int32), replicated),
        key=jax.jit(lambda: _seed_keys(experiment.config)[1], out_shardings=replicated)(),
    )


def policy(state: TrainState) -> PyTree:
    """The parameters that a state stands for: what sampling, scoring and evaluation use. An adapter stays
    beside its base: added to weights in bf16, a small change would be rounded away."""
    return lora.join(state.trainable, state.frozen)


def start_policy(state: TrainState) -> PyTree | None:
    """The parameters that the run began at, where an adapter leaves them in place; else None."""
    if not state.frozen:
        return None
    return lora.join(jax.tree.map(jnp.zeros_like, state.trainable), state.frozen)


def step_key(state_key: Array, step: int, purpose: str) -> Array:
    """The key of one use in one step; the root key never changes, so a resumed run draws the same."""
    uses = ("draw", "sample", "evaluate", "reward")
    return jax.random.fold_in(jax.random.fold_in(state_key, step), uses.index(purpose))


def model_fingerprint(experiment: Experiment) -> Mapping[str, Any]:
    """What a checkpoint must agree on: the shape of the model and of its adapter, as JSON."""
    return dataclasses.asdict(experiment.adapted)
