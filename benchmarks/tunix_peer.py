"""Tunix's own sampler on random weights of the same shape, doing the same work. Installed by

pip install --no-deps google-tunix==0.1.7 google-metrax==0.2.4 clu==0.0.12 perfetto==0.59.1 sentencepiece~=0.2

beside the `peer` extra: without --no-deps it asks for an older safetensors, and for much that its sampler
does not import.
"""

import itertools
from collections.abc import Callable

import jax
import jax.numpy as jnp
from flax import nnx
from tunix.generate.sampler import CacheConfig, Sampler
from tunix.models.llama3.model import Llama3
from tunix.models.llama3.model import ModelConfig as Llama3Config

from sept_jax.models.config import ModelConfig

_NO_TOKEN = -1


class _Numbered:
    """The tokenizer that the sampler asks for: a text is the number of a prompt, and nothing is put before
    it."""

    def __init__(self, prompts: list[list[int]], pad: int):
        self._prompts, self._pad = prompts, pad

    def encode(self, text: str, **_) -> list[int]:
        return self._prompts[int(text)]

    def decode(self, ids: list[int], **_) -> str:
        return ""

    def bos_id(self) -> None:
        return None

    def eos_id(self) -> int:
        return _NO_TOKEN

    def pad_id(self) -> int:
        return self._pad


def random(model: ModelConfig, dtype: str) -> Llama3:
    """A Llama of that shape."""
    shape = Llama3Config(
        num_layers=model.num_layers, vocab_size=model.vocab_size, embed_dim=model.width,
        hidden_dim=model.mlp_width, num_heads=model.num_heads, num_kv_heads=model.num_kv_heads,
        head_dim=model.head_dim, rope_theta=int(model.rope_theta), norm_eps=model.norm_eps,
        weight_tying=model.tie_embeddings,
    )  # fmt: skip
    graph, state = nnx.split(Llama3(shape, rngs=nnx.Rngs(0)))
    return nnx.merge(graph, jax.tree.map(lambda x: x.astype(getattr(jnp, dtype)), state))


def generate(model: Llama3, prompts: list[list[int]], paths: int, new: int, pad: int) -> Callable[[], int]:
    """Samples `paths` of each prompt at temperature 1, all of `new` tokens, and counts the tokens that came
    out. The prompts are of one length, and the cache is no longer than it must be."""
    width, shape = len(prompts[0]), model.config
    sampler = Sampler(
        model, _Numbered(prompts, pad),
        CacheConfig(width + new, shape.num_layers, shape.num_kv_heads, shape.head_dim),
    )  # fmt: skip
    texts = [str(number) for number in range(len(prompts)) for _ in range(paths)]
    seeds = itertools.count()

    def run() -> int:
        out = sampler(
            texts, max_generation_steps=new, max_prompt_length=width, temperature=1.0, top_p=1.0,
            eos_tokens=[_NO_TOKEN], seed=next(seeds),
        )  # fmt: skip
        return sum(len(tokens) for tokens in out.tokens)

    return run
