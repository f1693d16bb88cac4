"""Hugging Face model directories: config.json and safetensors, in one shard or several."""

import json
import pathlib
from typing import Any

import ml_dtypes  # noqa: F401  (gives numpy the type that safetensors returns for bf16)
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError, safe_open

from sept_jax.errors import UserError
from sept_jax.models.config import ModelConfig
from sept_jax.models.families import config_from_hf
from sept_jax.models.layout import HUGGING_FACE, stored_params

SINGLE = "model.safetensors"
INDEX = "model.safetensors.index.json"


def read_json(path: pathlib.Path) -> dict[str, Any]:
    """The object in a JSON file.

    Raises:
      UserError: the file is absent, unreadable, no JSON, or holds no object.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}: expected a Hugging Face model directory") from None
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path} is not JSON ({error}): fetch the file again") from None
    if not isinstance(value, dict):
        raise UserError(f"{path} holds a {type(value).__name__}: expected a JSON object")
    return value


def load_config(directory: pathlib.Path) -> ModelConfig:
    """The `ModelConfig` of a model directory. Raises UserError, see `families.config_from_hf`."""
    path = directory / "config.json"
    return config_from_hf(read_json(path), str(path))


def load_params(directory: pathlib.Path, config: ModelConfig) -> PyTree:
    """The parameters as `StoredParam`s in bf16, f16 or f32 safetensors, checked by the files' headers. One
    file is open at a time, while a part of a tensor is read: mapped pages do not pile up.

    Raises:
      UserError: a file is absent, truncated or unreadable; a tensor is missing, unknown or of another shape
        or type.
    """
    path_of, header = {}, {}
    for path in _shards(directory):
        with _open(path) as shard:
            names = shard.keys()
            for name, tensor in zip(names, map(shard.get_slice, names), strict=True):
                path_of[name], header[name] = path, (tensor.get_dtype(), tuple(tensor.get_shape()))

    def shape_of(name: str) -> tuple[int, ...]:
        dtype, shape = header[name]
        if dtype not in ("F32", "F16", "BF16"):
            raise UserError(f"{path_of[name]}: tensor {name} is {dtype}: expected F32, F16 or BF16")
        return shape

    def read(name: str, index: tuple[slice, ...]) -> np.ndarray:
        with _open(path_of[name]) as shard:
            return shard.get_slice(name)[index]

    present = [name for name in header if not _is_unused(name, config)]
    return stored_params(config, HUGGING_FACE, present, shape_of, read, str(directory))


def _is_unused(name: str, config: ModelConfig) -> bool:
    """Buffers that old checkpoints carry, and the head that a tied model stores beside its embedding."""
    return name.endswith(".rotary_emb.inv_freq") or (config.tie_embeddings and name == HUGGING_FACE["head"])


def _shards(directory: pathlib.Path) -> list[pathlib.Path]:
    if (directory / SINGLE).exists():
        return [directory / SINGLE]
    if not (directory / INDEX).exists():
        raise UserError(f"{directory}: no weights: expected {SINGLE}, or {INDEX} and the shards it names")
    weight_map = read_json(directory / INDEX).get("weight_map")
    if not isinstance(weight_map, dict) or not all(isinstance(name, str) for name in weight_map.values()):
        raise UserError(f"{directory / INDEX}: weight_map is not an object of tensor name to file name")
    names = sorted(set(weight_map.values()))
    for name in names:
        if pathlib.PurePath(name).name != name or "\\" in name or name in ("", ".", ".."):
            raise UserError(f"{directory / INDEX}: shard {name!r} is not the name of a file in the directory")
    return [directory / name for name in names]


def _open(path: pathlib.Path) -> Any:
    if not path.is_file():
        raise UserError(f"{path} is missing: expected a safetensors file")
    try:
        return safe_open(path, framework="np")
    except (SafetensorError, OSError) as error:
        raise UserError(f"{path} is truncated or no safetensors file ({error}): fetch it again") from None


def generation_eos_ids(directory: pathlib.Path) -> tuple[int, ...]:
    """The ids that generation_config.json ends at, one or several; none without the file."""
    path = directory / "generation_config.json"
    if not path.exists():
        return ()
    ids = read_json(path).get("eos_token_id")
    ids = ids if isinstance(ids, list) else [] if ids is None else [ids]
    if not all(isinstance(index, int) and index >= 0 for index in ids):
        raise UserError(f"{path}: eos_token_id is {ids}: expected token ids")
    return tuple(ids)
