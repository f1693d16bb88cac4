"""What a config asks of the devices: shapes and static settings of every stage, and the model's shape."""

import dataclasses
import pathlib
from typing import Any

import huggingface_hub
from ml_collections import ConfigDict

from sept_jax.errors import UserError
from sept_jax.experiment import make_model, make_sampling, make_update
from sept_jax.methods import METHODS, complete
from sept_jax.models import gguf, huggingface
from sept_jax.models.config import Lora, ModelConfig, RopeScaling
from sept_jax.models.load import HINT, HUB_ID
from sept_jax.sampling import SamplingConfig
from sept_jax.update import UpdateConfig
from sept_jax.validation import DTYPES, fail, validate

_QWEN = {
    "family": "qwen2",
    "head_dim": 128,
    "rope_theta": 1e6,
    "norm_eps": 1e-6,
    "max_length": 32_768,
    "tie_embeddings": False,
    "qkv_bias": True,
    "qk_norm": False,
}
_LLAMA = {
    "family": "llama",
    "head_dim": 128,
    "rope_theta": 5e5,
    "norm_eps": 1e-5,
    "max_length": 131_072,
    "tie_embeddings": False,
    "qkv_bias": False,
    "qk_norm": False,
    "rope_scaling": RopeScaling(8.0, 1.0, 4.0, 8192),
}


def _shape(
    family: dict[str, Any], vocab: int, width: int, mlp: int, layers: int, heads: int, kv: int, **other: Any
) -> ModelConfig:
    shape = {
        "vocab_size": vocab,
        "width": width,
        "mlp_width": mlp,
        "num_layers": layers,
        "num_heads": heads,
        "num_kv_heads": kv,
    }
    return ModelConfig(**family | shape | other)


SIZES = {
    "0.5B": _shape(_QWEN, 151_936, 896, 4_864, 24, 14, 2, head_dim=64, tie_embeddings=True),
    "1.5B": _shape(_QWEN, 151_936, 1_536, 8_960, 28, 12, 2, tie_embeddings=True),
    "7B": _shape(_QWEN, 152_064, 3_584, 18_944, 28, 28, 4),
    "32B": _shape(_QWEN, 152_064, 5_120, 27_648, 64, 40, 8),
    "70B": _shape(_LLAMA, 128_256, 8_192, 28_672, 80, 64, 8),
}
"""The published shapes of Qwen2.5 0.5B to 32B and of Llama 3.1 70B."""


@dataclasses.dataclass(frozen=True)
class Workload:
    """One step of training, as its programs are compiled.

    `batch` problems of `sampling.group_size` paths, prompts of `prompt` tokens and paths of
    `sampling.max_new_tokens`; sampled in `chunks`, updated in `micro_batches`. `model` is plain, `lora` the
    adapter that is trained in its place. `passes` is how many teacher-forced passes of the batch the scoring
    takes, `references` how many f32 copies of the start are kept beside the state.
    """

    model: ModelConfig
    lora: Lora | None
    dtype: Any
    batch: int
    prompt: int
    sampling: SamplingConfig
    chunks: int
    update: UpdateConfig
    micro_batches: int
    optimizer: dict[str, Any]
    passes: int
    references: int

    @property
    def adapted(self) -> ModelConfig:
        """The model as it is trained."""
        return dataclasses.replace(self.model, lora=self.lora)

    @property
    def group(self) -> int:
        return self.sampling.group_size

    @property
    def new(self) -> int:
        return self.sampling.max_new_tokens

    @property
    def tokens(self) -> int:
        """New tokens of a step, all paths at full length."""
        return self.batch * self.group * self.new


def make_workload(config: ConfigDict, model: ModelConfig) -> Workload:
    """The step that the config asks for, at its longest prompts and paths.

    Raises:
      UserError: a setting is bad, or the model takes fewer tokens.
    """
    validate(config)
    config = complete(config)
    prompt = max(config.prompt.buckets)
    longest = prompt + config.sampling.max_new_tokens
    if longest > model.max_length:
        fail(
            "sampling.max_new_tokens", config.sampling.max_new_tokens,
            f"with the largest prompt bucket it makes {longest} tokens, the model takes {model.max_length}",
        )  # fmt: skip
    likelihood = METHODS[config.method].objective == "likelihood"
    adapter = Lora(**config.lora) if config.lora.rank else None
    kl = config.loss.kl_weight > 0 and not likelihood
    asked = config.scoring.weights
    passes = [asked.answer_gain > 0, asked.self_check > 0, kl, METHODS[config.method].asks_the_model]
    return Workload(
        model=model,
        lora=adapter,
        dtype=DTYPES[config.model.dtype],
        batch=config.batch,
        prompt=prompt,
        sampling=make_sampling(config, eos_ids=(0,)),  # which token it is changes nothing
        chunks=config.sampling.chunks,
        update=make_update(config),
        micro_batches=config.memory.micro_batches,
        optimizer=config.optimizer.to_dict(),
        passes=sum(passes),
        references=int((kl or config.sampling.policy == "start") and adapter is None),
    )


def model_shape(config: ConfigDict, size: str | None = None) -> ModelConfig:
    """The shape of the named size, or else of the config's model, whose weights are not read.

    Raises:
      UserError: there is no such size or model, or its shape is of no known family.
    """
    if size is not None:
        if size not in SIZES:
            raise UserError(
                f"--size={size}: expected one of {', '.join(SIZES)}, or --config.model.path=MODEL"
            )
        return SIZES[size]
    if config.model.path is None:
        return make_model(config)[0]
    local = pathlib.Path(config.model.path).expanduser()
    if local.is_file() and local.suffix == ".gguf":
        return gguf.gguf_config(gguf.open_gguf(local), str(local))
    return huggingface.load_config(local if local.is_dir() else _fetch_config(config))


def _fetch_config(config: ConfigDict) -> pathlib.Path:
    """The directory of a hub id's config.json, which alone is fetched."""
    path = config.model.path
    if not HUB_ID.fullmatch(path) or path.endswith(".gguf"):
        raise UserError(
            f"config.model.path is {path!r}: no such file or directory; type {HINT}, or --size=7B"
        )
    try:
        found = huggingface_hub.hf_hub_download(
            path, "config.json", revision=config.model.revision, etag_timeout=10
        )
    except Exception as error:  # whatever the network, the hub or the cache raise
        raise UserError(
            f"config.model.path is {path!r}: no such file or directory, and the Hugging Face hub does not "
            f"give its config.json ({type(error).__name__}); type {HINT}, or --size=7B"
        ) from None
    return pathlib.Path(found).parent
