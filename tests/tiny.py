"""A decoder small enough to check by brute force, and prompts for it."""

import jax
import jax.numpy as jnp
import numpy as np

from sept_jax.models import decoder
from sept_jax.models.config import ModelConfig
from sept_jax.records import Prompts

MODEL = ModelConfig(
    family="qwen3",
    vocab_size=19,
    width=16,
    mlp_width=24,
    num_layers=2,
    num_heads=4,
    num_kv_heads=2,
    head_dim=4,
    rope_theta=100.0,
    norm_eps=1e-5,
    max_length=64,
    tie_embeddings=False,
    qkv_bias=True,
    qk_norm=True,
)


def params(seed: int = 0, scale: float = 3.0):
    """Random parameters, made larger so that distributions are far from uniform."""
    made = decoder.init_params(MODEL, jax.random.key(seed))
    return jax.tree.map(lambda p: p * scale if p.ndim > 1 else p + 0.1, made)


def prompts(lengths=(5, 3, 4, 2), width: int = 6, seed: int = 0) -> Prompts:
    tokens = np.random.default_rng(seed).integers(2, MODEL.vocab_size, (len(lengths), width))
    length = np.asarray(lengths, np.int32)
    tokens = np.where(np.arange(width) < length[:, None], tokens, 0)
    return Prompts(jnp.asarray(tokens, jnp.int32), jnp.asarray(length))


def next_logits(params, sequence):
    """Logits after a sequence of token ids, by the plain forward pass."""
    padded = np.zeros((1, 16), np.int32)
    padded[0, : len(sequence)] = sequence
    return _forward(params, padded)[0, len(sequence) - 1]


_forward = jax.jit(lambda params, tokens: decoder.logits(params, tokens, MODEL))
