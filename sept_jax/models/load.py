"""One way to a pretrained model: a .gguf file, a Hugging Face directory, or a hub id."""

import pathlib
import re

import huggingface_hub
from jaxtyping import PyTree

from sept_jax.errors import UserError
from sept_jax.models import gguf, huggingface
from sept_jax.models.config import ModelConfig
from sept_jax.models.gguf_tokenizer import gguf_tokenizer
from sept_jax.models.tokenizer import Tokenizer, load_tokenizer

FILES = ("*.safetensors", "*.safetensors.index.json", "*.json", "*.jinja", "tokenizer.model", "merges.txt")
"""What is fetched from the hub: weights, configs, tokenizer; no code, no pickles."""
HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]{0,95}(?:/[A-Za-z0-9][\w.-]{0,95})?", re.ASCII)
HINT = "--config.model.path=/path/to/dir-or-file.gguf"


def load_model(path: str, revision: str | None = None) -> tuple[ModelConfig, PyTree, Tokenizer]:
    """Shape, parameters (f32) and tokenizer of a pretrained model.

    `path` is a .gguf file, a directory with config.json and safetensors, or a hub id, then at `revision`. The
    parameters stay in their files until they are indexed (`layout.StoredParam`).

    Raises:
      UserError: nothing is there, or it is unreadable, incomplete or of an architecture without a decoder.
    """
    local = pathlib.Path(path).expanduser()
    if not path:
        raise UserError(f"config.model.path is empty: type {HINT}")
    if local.is_file():
        if local.suffix != ".gguf":
            raise UserError(f"{local} is no .gguf file: a directory of safetensors is given as the directory")
        reader = gguf.open_gguf(local)
        config = gguf.gguf_config(reader, str(local))
        tokenizer = gguf_tokenizer(reader, str(local))
        _check_vocabulary(config, tokenizer, str(local))
        return config, gguf.gguf_params(reader, config, str(local)), tokenizer
    directory = local if local.is_dir() else _download(path, revision)
    config = huggingface.load_config(directory)
    tokenizer = load_tokenizer(directory, huggingface.generation_eos_ids(directory))
    _check_vocabulary(config, tokenizer, str(directory))
    return config, huggingface.load_params(directory, config), tokenizer


def _check_vocabulary(config: ModelConfig, tokenizer: Tokenizer, where: str) -> None:
    if tokenizer.vocab_size > config.vocab_size:
        raise UserError(
            f"{where}: the tokenizer has {tokenizer.vocab_size} tokens, the model embeds only "
            f"{config.vocab_size}: expected files of one model"
        )


def _download(path: str, revision: str | None) -> pathlib.Path:
    if not HUB_ID.fullmatch(path) or path.endswith(".gguf"):
        raise UserError(f"config.model.path is {path!r}: no such file or directory; type {HINT}")
    try:
        return pathlib.Path(
            huggingface_hub.snapshot_download(
                path, revision=revision, allow_patterns=list(FILES), etag_timeout=10
            )
        )
    except Exception as error:  # whatever the network, the hub or the cache raise
        reason = str(error).strip().partition("\n")[0]
        raise UserError(
            f"config.model.path is {path!r}: no such file or directory, and the Hugging Face hub does not "
            f"give it ({type(error).__name__}: {reason}); type {HINT}"
        ) from None
