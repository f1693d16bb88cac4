"""A model as a directory that transformers, and what builds on it, can load."""

import contextlib
import json
import os
import pathlib
import shutil
from collections.abc import Iterator

import numpy as np
from jaxtyping import PyTree
from safetensors.numpy import save_file

from sept_jax.errors import UserError
from sept_jax.models.config import ModelConfig
from sept_jax.models.families import config_to_hf
from sept_jax.models.huggingface import INDEX, SINGLE
from sept_jax.models.layout import HUGGING_FACE, Tensor, check_params, file_tensors
from sept_jax.models.tokenizer import Tokenizer


def export_hf(
    directory: str | os.PathLike[str],
    config: ModelConfig,
    params: PyTree,
    tokenizer: Tokenizer,
    max_shard_bytes: int = 5 * 2**30,
) -> None:
    """Writes config.json, f32 safetensors, generation_config.json and the tokenizer's files.

    The directory appears whole or not at all: it is written beside its place and renamed.

    Raises:
      UserError: it exists and is not empty, the disk is full, or the parameters are not those of the config.
    """
    check_params(config, params)
    with _new_directory(directory) as partial:
        _write_json(partial / "config.json", _config_fields(config, tokenizer))
        _write_json(partial / "generation_config.json", _token_ids(tokenizer))
        tokenizer.save(partial)
        _write_weights(partial, config, params, max_shard_bytes)


def export_adapter(
    directory: str | os.PathLike[str], config: ModelConfig, adapter: PyTree, base: str | None
) -> None:
    """Writes a low-rank adapter as peft loads it: adapter_config.json and f32 safetensors. `base` is the path
    or the hub id of the model that it changes. The directory appears whole or not at all.

    Raises:
      UserError: it exists and is not empty, or the disk is full.
    """
    tensors = {}
    for name in config.lora.projections:
        for factor in ("a", "b"):
            for layer, matrix in enumerate(adapter["layers"][f"{name}_lora_{factor}"]):
                module = HUGGING_FACE[name].format(layer=layer).removesuffix(".weight")
                place = f"base_model.model.{module}.lora_{factor.upper()}.weight"
                tensors[place] = np.ascontiguousarray(matrix.T, np.float32)
    fields = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": config.lora.rank,
        "lora_alpha": config.lora.alpha,
        "lora_dropout": 0.0,
        "target_modules": [HUGGING_FACE[name].split(".")[-2] for name in config.lora.projections],
        "bias": "none",
        "inference_mode": True,
    }
    with _new_directory(directory) as partial:
        _write_json(partial / "adapter_config.json", fields)
        save_file(tensors, partial / "adapter_model.safetensors", metadata={"format": "pt"})


@contextlib.contextmanager
def _new_directory(directory: str | os.PathLike[str]) -> Iterator[pathlib.Path]:
    """A place to write to, beside the directory, which it becomes when all is written.

    Raises:
      UserError: the directory exists and is not empty, or the disk is full.
    """
    target = pathlib.Path(directory).absolute()
    if target.exists() and not (target.is_dir() and not any(target.iterdir())):
        raise UserError(f"{target} exists: expected a new or empty directory to export to")
    partial = target.parent / f".{target.name}.{os.getpid()}.partial"
    try:
        partial.mkdir(parents=True)
        yield partial
        partial.rename(target)
    except OSError as error:
        raise UserError(f"cannot export to {target}: {error.strerror or error}") from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _config_fields(config: ModelConfig, tokenizer: Tokenizer) -> dict:
    return config_to_hf(config) | _token_ids(tokenizer)


def _token_ids(tokenizer: Tokenizer) -> dict:
    ends = list(tokenizer.eos_ids)
    return {"eos_token_id": ends[0] if len(ends) == 1 else ends or None, "pad_token_id": tokenizer.pad_id}


def _write_json(path: pathlib.Path, fields: dict) -> None:
    path.write_text(json.dumps(fields, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _write_weights(directory: pathlib.Path, config: ModelConfig, params: PyTree, limit: int) -> None:
    shards = list(_shards(file_tensors(config, HUGGING_FACE), limit))
    weight_map = {}
    for number, shard in enumerate(shards, start=1):
        name = SINGLE if len(shards) == 1 else f"model-{number:05}-of-{len(shards):05}.safetensors"
        arrays = {tensor.name: np.ascontiguousarray(tensor.of(params), np.float32) for tensor in shard}
        save_file(arrays, directory / name, metadata={"format": "pt"})
        weight_map |= dict.fromkeys(arrays, name)
    if len(shards) > 1:
        size = sum(_bytes(tensor) for shard in shards for tensor in shard)
        _write_json(directory / INDEX, {"metadata": {"total_size": size}, "weight_map": weight_map})


def _shards(tensors: list[Tensor], limit: int) -> Iterator[list[Tensor]]:
    """Consecutive runs of at most `limit` bytes, or of one tensor that is larger."""
    shard, size = [], 0
    for tensor in tensors:
        if shard and size + _bytes(tensor) > limit:
            yield shard
            shard, size = [], 0
        shard.append(tensor)
        size += _bytes(tensor)
    yield shard


def _bytes(tensor: Tensor) -> int:
    return 4 * int(np.prod(tensor.shape))
