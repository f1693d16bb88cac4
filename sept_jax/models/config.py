"""The shape of a decoder, and nothing of where it came from."""

import dataclasses
import math

from sept_jax.errors import UserError

FAMILIES = ("llama", "qwen2", "qwen3")
"""The families whose forward pass `sept_jax.models.decoder` knows."""

MAX_LAYERS = 10_000
"""What a file may claim: each layer's tensors are listed before any is read."""


@dataclasses.dataclass(frozen=True)
class RopeScaling:
    """The llama3 type: wavelengths beyond `original_max_length / low_freq_factor` are stretched by `factor`,
    those below `original_max_length / high_freq_factor` kept, a linear blend between."""

    factor: float
    low_freq_factor: float
    high_freq_factor: float
    original_max_length: int

    def __post_init__(self):
        for name in ("factor", "low_freq_factor", "high_freq_factor", "original_max_length"):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"rope scaling: {name} is {getattr(self, name)}: expected a positive number")
        if self.high_freq_factor <= self.low_freq_factor:
            raise UserError(
                f"rope scaling: high_freq_factor is {self.high_freq_factor}: expected more than "
                f"low_freq_factor, which is {self.low_freq_factor}"
            )


PROJECTIONS = ("query", "key", "value", "output", "gate", "up", "down")
"""A layer's matrices, each of which an adapter may change."""


@dataclasses.dataclass(frozen=True)
class Lora:
    """A low-rank adapter (Hu et al. 2021): `W + alpha / rank * A @ B` in place of each projection's W."""

    rank: int
    alpha: float
    projections: tuple[str, ...] = PROJECTIONS

    @property
    def scale(self) -> float:
        return self.alpha / self.rank


@dataclasses.dataclass(frozen=True)
class ModelConfig:
    """A decoder with grouped-query attention, RoPE (half-split) and a gated SiLU MLP.

    `width` is the residual stream's, `head_dim` one head's, `max_length` the positions trained on. With
    `lora` the layers have an adapter's factors beside their weights, `<projection>_lora_a` and `_lora_b`.
    """

    family: str
    vocab_size: int
    width: int
    mlp_width: int
    num_layers: int
    num_heads: int
    num_kv_heads: int
    head_dim: int
    rope_theta: float
    norm_eps: float
    max_length: int
    tie_embeddings: bool
    qkv_bias: bool
    qk_norm: bool
    rope_scaling: RopeScaling | None = None
    lora: Lora | None = None

    def __post_init__(self):
        if self.family not in FAMILIES:
            raise UserError(f"model family is {self.family!r}: expected one of {', '.join(FAMILIES)}")
        for name in (
            "vocab_size",
            "width",
            "mlp_width",
            "num_layers",
            "num_heads",
            "num_kv_heads",
            "head_dim",
            "rope_theta",
            "norm_eps",
            "max_length",
        ):
            if not 0 < getattr(self, name) < math.inf:
                raise UserError(f"model {name} is {getattr(self, name)}: expected a positive number")
        if self.num_layers > MAX_LAYERS:
            raise UserError(f"model num_layers is {self.num_layers}: expected at most {MAX_LAYERS}")
        if self.num_heads % self.num_kv_heads:
            raise UserError(
                f"model num_heads is {self.num_heads}: expected a multiple of num_kv_heads, "
                f"which is {self.num_kv_heads}"
            )
        if self.head_dim % 2:
            raise UserError(f"model head_dim is {self.head_dim}: rotary embedding needs an even number")
