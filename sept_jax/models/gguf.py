"""GGUF files: metadata to `ModelConfig`, dequantised tensors to parameters."""

import dataclasses
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from gguf import GGUFReader, ReaderTensor
from gguf.quants import dequantize
from jaxtyping import PyTree

from sept_jax.errors import UserError
from sept_jax.models.config import FAMILIES, ModelConfig, RopeScaling
from sept_jax.models.decoder import rope_frequencies
from sept_jax.models.layout import GGUF, stored_params

ROPE_FACTORS = "rope_freqs.weight"


def open_gguf(path: pathlib.Path) -> GGUFReader:
    """A reader over the memory-mapped file.

    Raises:
      UserError: the file is absent, truncated or no GGUF file.
    """
    try:
        return GGUFReader(path)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}: expected a .gguf file") from None
    except (ValueError, IndexError, KeyError, OverflowError) as error:
        raise UserError(f"{path} is truncated or no GGUF file ({error}): fetch it again") from None


def gguf_config(reader: GGUFReader, where: str) -> ModelConfig:
    """The `ModelConfig` in a file's metadata. `where` names the file in errors.

    Raises:
      UserError: another architecture, a feature that the decoder does not have, a missing or odd value.
    """
    metadata = Metadata(reader, where)
    family = metadata.get("general.architecture", str)
    if family not in FAMILIES:
        raise UserError(f"{where}: architecture is {family!r}: expected one of {', '.join(FAMILIES)}")

    def value(key: str, kind: type, default: Any = None) -> Any:
        return metadata.get(f"{family}.{key}", kind, default)

    width, heads = value("embedding_length", int), value("attention.head_count", int)
    head_dim = value("attention.key_length", int, width // max(heads, 1))
    _refuse_unknown_features(value, head_dim, f"{where}: {family}")
    tensors = {tensor.name: tensor for tensor in reader.tensors}
    if GGUF["embed"] not in tensors:
        raise UserError(f"{where}: tensor {GGUF['embed']} is missing")
    shape = {
        "vocab_size": int(tensors[GGUF["embed"]].shape[-1]),
        "width": width,
        "mlp_width": value("feed_forward_length", int),
        "num_layers": value("block_count", int),
        "num_heads": heads,
        "num_kv_heads": value("attention.head_count_kv", int, heads),
        "head_dim": head_dim,
        "rope_theta": value("rope.freq_base", float, 10000.0),
        "norm_eps": value("attention.layer_norm_rms_epsilon", float),
        "max_length": value("context_length", int),
    }
    original = value("rope.scaling.original_context_length", int, 8192)
    try:
        config = ModelConfig(
            family=family,
            **shape,
            tie_embeddings=GGUF["head"] not in tensors,
            qkv_bias=family == "qwen2",
            qk_norm=family == "qwen3",
        )
    except UserError as error:
        raise UserError(f"{where}: {error}") from None
    if ROPE_FACTORS in tensors:
        return _with_rope_factors(config, _dequantized(tensors[ROPE_FACTORS], where), original, where)
    return config


def gguf_params(reader: GGUFReader, config: ModelConfig, where: str) -> PyTree:
    """The parameters, which stay in the file: an index dequantises its tensors to f32 numpy (`StoredParam`),
    heads in the half-split order of the decoder.

    Raises:
      UserError: a tensor is missing, unknown, of another shape, or of a type that cannot be dequantised.
    """
    tensors = {tensor.name: tensor for tensor in reader.tensors if tensor.name != ROPE_FACTORS}
    for tensor in tensors.values():
        _dequantized(tensor, where, slice(1))  # a type that cannot be is told now
    heads_of = {}
    if config.family == "llama":  # the only family whose heads llama.cpp interleaves
        for layer in range(config.num_layers):
            heads_of[GGUF["query"].format(layer=layer)] = config.num_heads
            heads_of[GGUF["key"].format(layer=layer)] = config.num_kv_heads

    def shape_of(name: str) -> tuple[int, ...]:
        return tuple(map(int, reversed(tensors[name].shape)))

    def read(name: str, index: tuple[slice, ...]) -> np.ndarray:
        if name in heads_of:
            return _half_split(_dequantized(tensors[name], where), heads_of[name])[index]
        rows, *columns = index
        weight = _dequantized(tensors[name], where, rows)
        return weight[:, *columns] if columns else weight[rows]

    return stored_params(config, GGUF, tensors, shape_of, read, where)


class Metadata:
    """Typed access to a file's key-value pairs; errors name the file and the key."""

    def __init__(self, reader: GGUFReader, where: str):
        self._fields: Mapping[str, Any] = reader.fields
        self._where = where

    def get(self, key: str, kind: type, default: Any = None) -> Any:
        """The value of `key`, of Python type `kind`; an absent key without a default is a UserError."""
        if key not in self._fields:
            if default is None:
                raise UserError(f"{self._where}: metadata {key} is missing")
            return default
        try:
            value = self._fields[key].contents()
        except (ValueError, IndexError) as error:
            raise UserError(f"{self._where}: metadata {key} is unreadable ({error})") from None
        if kind is float and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            raise UserError(f"{self._where}: metadata {key} is {value!r:.60}: expected {kind.__name__}")
        return value


def _refuse_unknown_features(value: Any, head_dim: int, where: str) -> None:
    scaling = value("rope.scaling.type", str, "none")
    if scaling != "none":
        raise UserError(
            f"{where}.rope.scaling.type is {scaling!r}: expected 'none', or llama3's {ROPE_FACTORS}"
        )
    if value("rope.scale_linear", float, 1.0) != 1.0:
        raise UserError(f"{where}.rope.scale_linear is set: expected no linear scaling")
    if value("attention.sliding_window", int, 0):
        raise UserError(f"{where}.attention.sliding_window is set: expected full attention in all layers")
    if value("expert_count", int, 0):
        raise UserError(f"{where}.expert_count is set: mixtures of experts are not supported")
    for key in ("rope.dimension_count", "attention.value_length"):
        if (found := value(key, int, head_dim)) != head_dim:
            raise UserError(f"{where}.{key} is {found}: expected the head's size, {head_dim}")


def _dequantized(tensor: ReaderTensor, where: str, rows: slice = slice(None)) -> np.ndarray:
    data = tensor.data[rows] if tensor.data.ndim > 1 else tensor.data  # vectors are small
    try:
        return dequantize(data, tensor.tensor_type)
    except (NotImplementedError, ValueError) as error:
        raise UserError(
            f"{where}: tensor {tensor.name} has type {tensor.tensor_type.name} ({error}): "
            f"expected F32, F16, BF16, Q4_0, Q4_1, Q8_0 or a K-quant"
        ) from None


def _half_split(weight: np.ndarray, heads: int) -> np.ndarray:
    """Undoes llama.cpp's order of a head's rows (pairs of a plane beside each other)."""
    if weight.ndim != 2 or weight.shape[0] % (2 * heads):
        return weight
    pairs = weight.reshape(heads, -1, 2, weight.shape[1])
    return pairs.swapaxes(1, 2).reshape(weight.shape)


def _with_rope_factors(config: ModelConfig, factors: np.ndarray, original: int, where: str) -> ModelConfig:
    """The config whose llama3 scaling divides the frequencies by `factors`, as the tensor asks.

    The file holds the quotients only; low_freq_factor 1 and high_freq_factor 4 are Llama 3's.
    """
    plain = rope_frequencies(config)
    if factors.shape != plain.shape:
        raise UserError(f"{where}: tensor {ROPE_FACTORS} has shape {factors.shape}: expected {plain.shape}")
    if np.all(factors == 1):
        return config
    scaling = RopeScaling(
        factor=float(factors.max()), low_freq_factor=1.0, high_freq_factor=4.0, original_max_length=original
    )
    scaled = dataclasses.replace(config, rope_scaling=scaling)
    if not np.allclose(plain / rope_frequencies(scaled), factors, rtol=1e-4):
        raise UserError(f"{where}: tensor {ROPE_FACTORS} is not of the llama3 type of rope scaling")
    return scaled
