"""FLOPs, bytes and seconds of a training step from its shapes alone; no compiler is asked.

FLOPs are the matrix products' of the programs as they are written, masked parts included. Bytes, both those
moved and those held, are sums of the large arrays; docs/scaling.md compares what is held with the compiler's
figures.
"""

import dataclasses
import math

import numpy as np

from sept_jax.models.config import ModelConfig
from sept_jax.models.decoder import QUERIES
from sept_jax.planning.chips import HOP_SECONDS, Chip
from sept_jax.planning.workload import Workload

STAGES = ("sampling", "scoring", "update")
MeshShape = tuple[int, int, int]


@dataclasses.dataclass(frozen=True)
class Work:
    """What one device does in a stage: floating-point operations, bytes read and written in HBM, bytes sent
    to other devices, hops to neighbours one after the other."""

    flops: float
    hbm_bytes: float
    sent_bytes: float
    hops: float

    def __add__(self, other: "Work") -> "Work":
        return Work(
            *(a + b for a, b in zip(dataclasses.astuple(self), dataclasses.astuple(other), strict=True))
        )

    def times(self, count: float) -> "Work":
        return Work(*(x * count for x in dataclasses.astuple(self)))


def seconds(work: Work, chip: Chip) -> dict[str, float]:
    """The roofline: seconds at the chip's peaks of each resource, and `bound`, the largest of them, which no
    program beats and most take two to three times of."""
    parts = {
        "compute": work.flops / chip.flops_per_s,
        "hbm": work.hbm_bytes / chip.hbm_bytes_per_s,
        "network": work.sent_bytes / chip.ring_bytes_per_s + work.hops * HOP_SECONDS,
    }
    return parts | {"bound": max(parts.values())}


def layer_weights(model: ModelConfig) -> int:
    """Entries of one layer's matrices."""
    queries, keys = model.num_heads * model.head_dim, model.num_kv_heads * model.head_dim
    return model.width * (2 * queries + 2 * keys) + 3 * model.width * model.mlp_width


def head_weights(model: ModelConfig) -> int:
    return model.width * model.vocab_size


def parameters(model: ModelConfig) -> int:
    """Entries of the plain model's matrices; norms and biases are left out."""
    tables = 1 if model.tie_embeddings else 2
    return model.num_layers * layer_weights(model) + tables * head_weights(model)


def adapter_weights(work: Workload) -> int:
    """Entries of the adapter's factors in one layer, 0 without one."""
    if work.lora is None:
        return 0
    c = work.model
    queries, keys = c.num_heads * c.head_dim, c.num_kv_heads * c.head_dim
    outputs = {"query": queries, "key": keys, "value": keys, "output": c.width, "down": c.width}
    inputs = {"output": queries, "down": c.mlp_width}
    return sum(
        work.lora.rank * (inputs.get(name, c.width) + outputs.get(name, c.mlp_width))
        for name in work.lora.projections
    )


def itemsize(work: Workload) -> int:
    """Bytes of a number in the compute type."""
    return np.dtype(work.dtype).itemsize


def _attention(model: ModelConfig, queries: float, keys: float) -> float:
    """FLOPs of the two products of one layer's attention."""
    return 4.0 * queries * keys * model.num_heads * model.head_dim


def taught_keys(work: Workload) -> float:
    """Keys that a path's token meets in the teacher-forced pass, on average: the prompt's, and its own up to
    the end of its part."""
    ends = [min(first + QUERIES, work.new) for first in range(0, work.new, QUERIES)]
    starts = [0, *ends[:-1]]
    return work.prompt + sum((end - start) * end for start, end in zip(starts, ends, strict=True)) / work.new


def sampling_flops(work: Workload) -> float:
    """Of a batch, all devices together: each prompt once, then every path's tokens one by one."""
    c, rows = work.model, work.batch * work.group
    dense, head = c.num_layers * (layer_weights(c) + adapter_weights(work)), head_weights(c)
    prompts = work.batch * work.prompt
    prefill = 2.0 * prompts * dense + c.num_layers * _attention(c, prompts, work.prompt)
    decode = 2.0 * rows * (dense + head) + c.num_layers * _attention(c, rows, work.prompt + work.new)
    return prefill + 2.0 * work.batch * head + (work.new - 1) * decode


def _forward_flops(work: Workload, problems: int, weights: float) -> tuple[float, float]:
    """Of the teacher-forced pass: its layers, of which a token multiplies `weights` each, and its head."""
    c, new, prompts = work.model, problems * work.group * work.new, problems * work.prompt
    attention = _attention(c, prompts, work.prompt) + _attention(c, new, taught_keys(work))
    chunk = min(work.update.logit_chunk, work.new)
    headed = problems * work.group * math.ceil(work.new / chunk) * chunk
    return c.num_layers * (2.0 * (prompts + new) * weights + attention), 2.0 * headed * head_weights(c)


def scoring_flops(work: Workload) -> float:
    """Of one teacher-forced pass over a batch, all devices together."""
    return sum(_forward_flops(work, work.batch, layer_weights(work.model) + adapter_weights(work)))


def update_flops(work: Workload) -> float:
    """Of one update by a batch, all devices together: forward, backward at twice that, and what is made anew
    for it, the logits and with remat every layer but its last product. What is frozen gets no gradient."""
    c = work.model
    weights, factors = layer_weights(c), adapter_weights(work)
    tokens = work.batch * (work.group * work.new + work.prompt)
    layers, head = _forward_flops(work, work.batch, weights + factors)
    total = 3.0 * layers + 4.0 * head
    if work.lora is not None:
        total -= c.num_layers * 2.0 * tokens * weights + head
    if work.update.remat:
        total += layers - c.num_layers * 2.0 * tokens * c.mlp_width * c.width
    return total


def _cuts(work: Workload, mesh: MeshShape) -> tuple[int, int, int]:
    """Pieces of the batch axis, of the weights, and of what is cut by heads."""
    data, fsdp, tensor = mesh
    return data * fsdp, fsdp * tensor, tensor


def _cache_bytes(work: Workload, mesh: MeshShape) -> tuple[float, float]:
    """Keys and values of the paths and of the prompts of a chunk, on one device."""
    c = work.model
    rows, _, tensor = _cuts(work, mesh)
    problems = work.batch / work.chunks / rows
    token = 2.0 * c.num_layers * c.num_kv_heads * c.head_dim * itemsize(work) / tensor
    return problems * work.group * work.new * token, problems * work.prompt * token


def cache_bytes(work: Workload, mesh: MeshShape) -> float:
    """Keys and values of a chunk on one device."""
    return sum(_cache_bytes(work, mesh))


def sampling_work(work: Workload, mesh: MeshShape) -> Work:
    """Of a batch: those that share an `fsdp` axis gather the weights from each other once, with the prompts;
    for every token each device reads them, and all keys and values."""
    c, (_, _, tensor) = work.model, mesh
    rows, _, _ = _cuts(work, mesh)
    size = itemsize(work)
    weights = (c.num_layers * layer_weights(c) + head_weights(c)) * size / tensor
    paths = work.batch / work.chunks / rows * work.group
    logits = 6 * 4.0 * paths * c.vocab_size / tensor
    token = Work(
        0.0,
        weights + cache_bytes(work, mesh) + logits,
        2 * c.num_layers * _reduced(paths * c.width * size, tensor),
        _hops(2 * c.num_layers + 4, tensor, 2),
    )
    prefill = _forward_work(work, mesh, work.batch / work.chunks / rows * work.prompt, work.prompt)
    each = token.times(work.new - 1) + prefill
    return dataclasses.replace(each.times(work.chunks), flops=sampling_flops(work) / math.prod(mesh))


def scoring_work(work: Workload, mesh: MeshShape) -> Work:
    """Of one teacher-forced pass over a batch."""
    rows, _, _ = _cuts(work, mesh)
    tokens = work.batch / rows * (work.group * work.new + work.prompt)
    moved = _forward_work(work, mesh, tokens, taught_keys(work))
    return dataclasses.replace(moved, flops=scoring_flops(work) / math.prod(mesh))


def update_work(work: Workload, mesh: MeshShape) -> Work:
    """Of one update: three times a forward pass's bytes (four with remat), the gradients' way to where their
    parameters are, and the optimizer's reading and writing."""
    c, (data, fsdp, tensor) = work.model, mesh
    rows, cut, _ = _cuts(work, mesh)
    pieces = work.micro_batches
    tokens = work.batch / pieces / rows * (work.group * work.new + work.prompt)
    passes = 4 if work.update.remat else 3
    piece = _forward_work(work, mesh, tokens, taught_keys(work)).times(passes)
    trained = c.num_layers * adapter_weights(work) if work.lora else parameters(c)
    gradient = 4.0 * trained / tensor
    across = gradient * (fsdp - 1) / fsdp + _reduced(gradient / fsdp, data)
    piece += Work(0.0, 3 * gradient, across, _hops(7 * c.num_layers, fsdp, 1))
    optimizer = Work(0.0, 8 * 4.0 * trained / cut, 0.0, 0.0)
    moved = piece.times(pieces) + optimizer
    return dataclasses.replace(moved, flops=update_flops(work) / math.prod(mesh))


def _forward_work(work: Workload, mesh: MeshShape, tokens: float, keys: float) -> Work:
    """Bytes of one pass of `tokens` tokens a device, each of which attends to `keys`: weights once, a layer's
    activations in and out of its products, its attention scores in f32 four times."""
    c, (_, fsdp, tensor) = work.model, mesh
    size = itemsize(work)
    weights = (c.num_layers * layer_weights(c) + head_weights(c)) * size / tensor
    inner = (2 * c.num_heads + 2 * c.num_kv_heads) * c.head_dim + 4 * c.mlp_width
    activations = tokens * size * (6 * c.width + inner / tensor)
    scores = 4 * 4.0 * tokens * keys * c.num_heads / tensor
    logits = 3 * 4.0 * tokens * c.vocab_size / tensor
    return Work(
        0.0,
        weights * (2 if fsdp > 1 else 1) + c.num_layers * (activations + scores) + logits,
        weights * (fsdp - 1) / fsdp + 2 * c.num_layers * _reduced(tokens * c.width * size, tensor),
        _hops(c.num_layers * 7 + 1, fsdp, 1) + _hops(2 * c.num_layers, tensor, 2),
    )


def _reduced(size: float, devices: int) -> float:
    """Bytes sent in an all-reduce of `size` bytes."""
    return 2.0 * size * (devices - 1) / devices


def _hops(count: int, devices: int, rounds: int) -> float:
    return float(count * rounds * math.ceil((devices - 1) / 2))


def resident_bytes(work: Workload, mesh: MeshShape) -> dict[str, float]:
    """What lies on one device all the time."""
    c = work.model
    _, cut, _ = _cuts(work, mesh)
    trained = c.num_layers * adapter_weights(work) if work.lora else parameters(c)
    size = itemsize(work)
    return {
        "parameters": 4.0 * trained / cut,
        "frozen": size * parameters(c) / cut if work.lora else 0.0,
        "optimizer": 8.0 * trained / cut,
        "references": 4.0 * work.references * parameters(c) / cut,
    }


def temporary_bytes(work: Workload, mesh: MeshShape) -> dict[str, float]:
    """What each stage holds beside that, on one device; the update's with its gradients."""
    c, (_, fsdp, tensor) = work.model, mesh
    rows, cut, _ = _cuts(work, mesh)
    size = itemsize(work)
    gathered = (c.num_layers * layer_weights(c) + head_weights(c)) * size / tensor if fsdp > 1 else 0.0
    copy = size * parameters(c) / cut
    paths = work.batch / work.chunks / rows * work.group
    sampling = gathered + copy + cache_bytes(work, mesh) + 6 * 4.0 * paths * c.vocab_size / tensor
    problems = work.batch / work.micro_batches / rows
    stream = problems * (work.group * work.new / tensor + work.prompt) * c.width * size
    attention, inner, logits, weights, head = _layer_bytes(work, problems, tensor)
    scoring = copy + 4 * stream + max(attention + 2 * weights, logits + head)
    kept = c.num_layers * stream
    if not work.update.remat:
        kept += c.num_layers * (2 * attention + 2 * inner)
    trained = c.num_layers * adapter_weights(work) if work.lora else parameters(c)
    update = kept + 3 * 4.0 * trained / cut + (0.0 if work.lora else copy)
    update += max(4 * attention + 6 * inner + 3 * weights, 4 * logits + 3 * head)
    return {"sampling": sampling, "scoring": scoring, "update": update}


def _layer_bytes(work: Workload, problems: float, tensor: int) -> tuple[float, ...]:
    """One layer's attention scores in f32 and inner activations of the MLP, a chunk's logits in f32, and the
    gathered weights of a layer and of the head, on one device."""
    c, size = work.model, itemsize(work)
    rows = problems * work.group
    chunk = min(work.update.logit_chunk, work.new)
    sizes = (
        4.0 * rows * c.num_heads * min(work.new, QUERIES) * (work.prompt + work.new),
        1.0 * size * rows * work.new * c.mlp_width,
        4.0 * rows * chunk * c.vocab_size,
        1.0 * size * layer_weights(c),
        1.0 * size * head_weights(c),
    )
    return tuple(x / tensor for x in sizes)


def peak_bytes(work: Workload, mesh: MeshShape) -> float:
    """The most that one device holds at a time."""
    return sum(resident_bytes(work, mesh).values()) + max(temporary_bytes(work, mesh).values())


def step_work(work: Workload, mesh: MeshShape) -> dict[str, Work]:
    """A step's stages; `scoring` is one pass, whether or not the step takes one."""
    return {
        "sampling": sampling_work(work, mesh),
        "scoring": scoring_work(work, mesh),
        "update": update_work(work, mesh),
    }


def step_seconds(work: Workload, stages: dict[str, Work], chip: Chip) -> dict[str, float]:
    """Seconds of each stage, and of a step with as many scoring passes as it takes."""
    each = {name: seconds(stage, chip)["bound"] for name, stage in stages.items()}
    counts = {"sampling": 1, "scoring": work.passes, "update": 1}
    return each | {"step": sum(counts[name] * each[name] for name in STAGES)}
