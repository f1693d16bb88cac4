"""The programs of a training step, compiled ahead of time from abstract arrays on a mesh."""

import dataclasses
import functools
import re
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from sept_jax import sampling, sharding, update
from sept_jax.models import decoder, lora
from sept_jax.models.config import ModelConfig
from sept_jax.planning.hlo import Collective, collectives
from sept_jax.planning.workload import Workload
from sept_jax.records import Prompts, Rollouts, Steps, TrainState, UpdateBatch


@dataclasses.dataclass(frozen=True)
class Program:
    """A compiled program, per device. Bytes are the compiler's, of buffers that live through a run; FLOPs
    and bytes moved are its cost analysis's, in which a loop's body counts once, and `own_seconds` is its own
    estimate, None where that is nonsense. `collectives` count loops as often as they run. `layers` are those
    of the models that were compiled: with two numbers, everything was continued linearly from these to the
    model's. `too_big` is the compiler's complaint where the program does not compile for want of memory."""

    name: str
    argument_bytes: float = 0.0
    output_bytes: float = 0.0
    alias_bytes: float = 0.0
    temporary_bytes: float = 0.0
    code_bytes: float = 0.0
    flops_once: float = 0.0
    moved_bytes_once: float = 0.0
    own_seconds: float | None = None
    collectives: dict[str, Collective] = dataclasses.field(default_factory=dict)
    layers: tuple[int, ...] = ()
    compile_seconds: float = 0.0
    too_big: str | None = None

    @property
    def live_bytes(self) -> float:
        """Arguments, results that are none of them, and temporaries; without the code."""
        return self.argument_bytes + self.output_bytes - self.alias_bytes + self.temporary_bytes


def bytes_on_device(tree: PyTree) -> float:
    """Of abstract arrays with shardings."""
    return float(
        sum(
            np.prod(leaf.sharding.shard_shape(leaf.shape), dtype=np.float64) * leaf.dtype.itemsize
            for leaf in jax.tree.leaves(tree)
        )
    )


@dataclasses.dataclass(frozen=True)
class Abstract:
    """What the programs take: abstract arrays with the shardings that training gives them."""

    policy: PyTree
    trainable: PyTree
    frozen: PyTree
    opt_state: PyTree
    optimizer: Any


def _placed(shapes: PyTree, shardings: PyTree) -> PyTree:
    return jax.tree.map(lambda x, s: jax.ShapeDtypeStruct(x.shape, x.dtype, sharding=s), shapes, shardings)


def abstract_state(work: Workload, mesh: Mesh) -> Abstract:
    """Parameters and optimizer state as `experiment.init_state` places them."""

    def params(model: ModelConfig) -> PyTree:
        shapes = decoder.abstract_params(model)
        return _placed(shapes, sharding.tree_shardings(decoder.logical_axes(model), shapes, mesh))

    def in_compute_type(tree: PyTree) -> PyTree:
        shapes = jax.eval_shape(functools.partial(decoder.for_compute, dtype=work.dtype), tree)
        return _placed(shapes, jax.tree.map(lambda x: x.sharding, tree))

    policy = trainable = params(work.adapted)
    frozen = {}
    if work.lora is not None:
        trainable, frozen = lora.split(trainable)
        frozen = in_compute_type(frozen)
        policy = lora.join(trainable, frozen)
    optimizer = update.make_optimizer(**work.optimizer)
    state = jax.eval_shape(optimizer.init, trainable)
    shardings = jax.tree.map(lambda x: x.sharding, trainable)
    opt_state = _placed(state, sharding.like_parameters(state, trainable, shardings, mesh))
    return Abstract(policy, trainable, frozen, opt_state, optimizer)


def _array(mesh: Mesh, shape: tuple[int, ...], dtype: Any, whole: bool = False) -> jax.ShapeDtypeStruct:
    """An array as `sharding.place_batch` places it, or on every device."""
    axes = () if whole else ("batch",) + (None,) * (len(shape) - 1)
    spec = PartitionSpec() if whole else sharding.partition(axes, shape, mesh)
    return jax.ShapeDtypeStruct(shape, dtype, sharding=NamedSharding(mesh, spec))


def _prompts(work: Workload, mesh: Mesh, problems: int) -> Prompts:
    return Prompts(_array(mesh, (problems, work.prompt), jnp.int32), _array(mesh, (problems,), jnp.int32))


def _rollouts(work: Workload, mesh: Mesh, problems: int) -> Rollouts:
    rows, tokens = (problems, work.group), (problems, work.group, work.new)
    return Rollouts(
        tokens=_array(mesh, tokens, jnp.int32),
        length=_array(mesh, rows, jnp.int32),
        logprob=_array(mesh, tokens, jnp.float32),
        sample_logprob=_array(mesh, tokens, jnp.float32),
        entropy=_array(mesh, tokens, jnp.float32),
        finished=_array(mesh, rows, jnp.bool_),
    )


def _batch(work: Workload, mesh: Mesh, problems: int) -> UpdateBatch:
    rows, tokens = (problems, work.group), (problems, work.group, work.new)
    kl = work.update.kl_weight > 0 and work.update.objective != "likelihood"
    return UpdateBatch(
        prompts=_prompts(work, mesh, problems),
        rollouts=_rollouts(work, mesh, problems),
        steps=Steps(_array(mesh, tokens, jnp.int32), _array(mesh, rows, jnp.int32)),
        quality=_array(mesh, rows, jnp.float32),
        advantage=_array(mesh, tokens, jnp.float32),
        reference_logprob=_array(mesh, tokens, jnp.float32) if kl else None,
    )


def _key(mesh: Mesh) -> jax.ShapeDtypeStruct:
    key = jax.eval_shape(lambda: jax.random.key(0))
    return jax.ShapeDtypeStruct(key.shape, key.dtype, sharding=NamedSharding(mesh, PartitionSpec()))


def _lower_sampling(work: Workload, mesh: Mesh, state: Abstract) -> Any:
    draw = functools.partial(
        sampling.sample_groups, model=work.adapted, config=work.sampling, dtype=work.dtype
    )
    prompts, first = _prompts(work, mesh, work.batch // work.chunks), _array(mesh, (), jnp.int32, whole=True)
    return jax.jit(draw).lower(state.policy, prompts, _key(mesh), first)


def _lower_scoring(work: Workload, mesh: Mesh, state: Abstract) -> Any:
    problems = work.batch // work.micro_batches
    return update.jitted_path_logprobs.lower(
        state.policy, work.adapted, _prompts(work, mesh, problems), _rollouts(work, mesh, problems),
        work.dtype, logit_chunk=work.update.logit_chunk,
    )  # fmt: skip


def _lower_gradient(work: Workload, mesh: Mesh, state: Abstract) -> Any:
    totals = {name: _array(mesh, (), jnp.float32, whole=True) for name in ("tokens", "groups")}
    piece = _batch(work, mesh, work.batch // work.micro_batches)
    return update.add_gradient.lower(
        state.trainable, state.trainable, state.frozen, piece, totals, work.adapted, work.update, work.dtype
    )


def _lower_apply(work: Workload, mesh: Mesh, state: Abstract) -> Any:
    number = _array(mesh, (), jnp.float32, whole=True)
    step = _array(mesh, (), jnp.int32, whole=True)
    whole = TrainState(state.trainable, {}, state.opt_state, step, _key(mesh))
    parts = [{"loss": number, "policy_loss": number}] * work.micro_batches
    return update.apply_gradient.lower(whole, state.trainable, parts, state.optimizer)


LOWER: dict[str, Callable[[Workload, Mesh, Abstract], Any]] = {
    "update": _lower_gradient,
    "scoring": _lower_scoring,
    "sampling": _lower_sampling,
    "apply": _lower_apply,
}
"""A step's programs, the likeliest not to fit first."""


def compile_program(name: str, work: Workload, mesh: Mesh, probe: Sequence[int] = ()) -> Program:
    """A program for the mesh's devices, which need not be attached.

    `probe` are two numbers of layers, fewer than the model's: these are compiled, and what is counted is
    continued linearly to the model's. Sampling is unrolled over the layers, and takes long to compile.
    """
    if not probe or work.model.num_layers <= max(probe):
        return _compile(name, work, mesh)
    few, more = (
        _compile(name, dataclasses.replace(work, model=dataclasses.replace(work.model, num_layers=n)), mesh)
        for n in sorted(probe)
    )
    return extrapolate(few, more, work.model.num_layers)


def extrapolate(few: Program, more: Program, layers: int) -> Program:
    """The program of a model of `layers` layers, on the line through two of fewer."""
    if few.too_big or more.too_big:
        return more if more.too_big else few
    share = (layers - few.layers[0]) / (more.layers[0] - few.layers[0])

    def line(low: float, high: float) -> float:
        return low + (high - low) * share

    numbers = {
        field.name: line(getattr(few, field.name), getattr(more, field.name))
        for field in dataclasses.fields(Program)
        if field.type is float
    }
    zero = Collective(0, 0, 0, 0)
    joined = {
        kind: Collective(
            *map(
                line,
                dataclasses.astuple(few.collectives.get(kind, zero)),
                dataclasses.astuple(more.collectives.get(kind, zero)),
            )
        )
        for kind in few.collectives | more.collectives
    }
    own = None
    if few.own_seconds is not None and more.own_seconds is not None:
        own = line(few.own_seconds, more.own_seconds)
    return dataclasses.replace(
        more,
        **numbers
        | {
            "collectives": joined,
            "own_seconds": own,
            "layers": few.layers + more.layers,
            "compile_seconds": few.compile_seconds + more.compile_seconds,
        },
    )


def argument_bytes(name: str, work: Workload, mesh: Mesh) -> float:
    """Of a program's large arguments on one device, by their shapes."""
    state = abstract_state(work, mesh)
    taken = {
        "update": (state.trainable, state.trainable, state.frozen),
        "apply": (state.trainable, state.trainable, state.opt_state),
    }
    return bytes_on_device(taken.get(name, state.policy))


def _compile(name: str, work: Workload, mesh: Mesh) -> Program:
    began = time.perf_counter()
    layers = (work.model.num_layers,)
    with jax.set_mesh(mesh):
        lowered = LOWER[name](work, mesh, abstract_state(work, mesh))
        try:
            compiled = lowered.compile()
        except jax.errors.JaxRuntimeError as error:
            if "RESOURCE_EXHAUSTED" not in str(error):
                raise
            return Program(
                name,
                argument_bytes=argument_bytes(name, work, mesh),
                temporary_bytes=too_big_bytes(str(error)) or 0.0,
                layers=layers,
                compile_seconds=time.perf_counter() - began,
                too_big=" ".join(str(error).split()).removeprefix("RESOURCE_EXHAUSTED: ")[:300],
            )
    memory, cost = compiled.memory_analysis(), compiled.cost_analysis() or {}
    own = cost.get("optimal_seconds", -1.0)
    trips = [work.new - 1.0] if name == "sampling" else []
    return Program(
        name=name,
        argument_bytes=float(memory.argument_size_in_bytes),
        output_bytes=float(memory.output_size_in_bytes),
        alias_bytes=float(memory.alias_size_in_bytes),
        temporary_bytes=float(memory.temp_size_in_bytes),
        code_bytes=float(memory.generated_code_size_in_bytes),
        flops_once=float(cost.get("flops", 0.0)),
        moved_bytes_once=float(cost.get("bytes accessed", 0.0)),
        own_seconds=float(own) if own > 0 else None,
        collectives=collectives(compiled.as_text(), trips),
        layers=layers,
        compile_seconds=time.perf_counter() - began,
    )


def too_big_bytes(message: str) -> float | None:
    """The bytes of temporaries that the compiler says it would have needed."""
    found = re.search(r"temporaries \(([\d.]+)([KMGT])\)", message)
    return float(found[1]) * 2.0 ** (10 * ("KMGT".index(found[2]) + 1)) if found else None
