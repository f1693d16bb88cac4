"""Low-rank adapters (Hu et al. 2021): the factors apart from the base, joined with it, merged into it."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from sept_jax.models import decoder
from sept_jax.models.config import ModelConfig

_FACTORS = ("_lora_a", "_lora_b")


def split(params: PyTree) -> tuple[PyTree, PyTree]:
    """An adapted model's parameters as `(adapter, base)`; the adapter is a tree of its layers alone."""
    layers = params["layers"]
    adapter = {name: leaf for name, leaf in layers.items() if name.endswith(_FACTORS)}
    base = {name: leaf for name, leaf in layers.items() if name not in adapter}
    return {"layers": adapter}, {**params, "layers": base}


def join(adapter: PyTree, base: PyTree) -> PyTree:
    """The inverse of `split`; with an empty base, parameters that are all trained, these as they are."""
    return {**base, "layers": base["layers"] | adapter["layers"]} if base else adapter


def init_adapter(config: ModelConfig, key: Array) -> PyTree:
    """Factors in f32 that change nothing yet: A fan-in normal, B zero. `config` has `lora`."""
    return split(decoder.init_params(config, key))[0]


def merge(adapter: PyTree, base: PyTree, config: ModelConfig) -> PyTree:
    """The plain model's parameters, in f32: the base with the adapter added. To be kept in f32: bf16 would
    round most of a small change away."""
    layers, factors = dict(base["layers"]), adapter["layers"]
    for name in config.lora.projections:
        a, b = factors[f"{name}_lora_a"], factors[f"{name}_lora_b"]
        change = jnp.einsum("lir,lro->lio", a, b, precision=jax.lax.Precision.HIGHEST)
        layers[name] = layers[name].astype(jnp.float32) + config.lora.scale * change
    return decoder.for_compute({**base, "layers": layers}, jnp.float32)
