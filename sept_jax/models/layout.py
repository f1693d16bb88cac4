"""Where each parameter lies in a Hugging Face checkpoint and in a GGUF file."""

from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from sept_jax.errors import UserError
from sept_jax.models.config import ModelConfig
from sept_jax.models.decoder import abstract_params

LINEAR = frozenset({"query", "key", "value", "output", "gate", "up", "down", "head"})
"""Parameters that are `[in, out]` here and `[out, in]` in files."""

HUGGING_FACE = {
    "embed": "model.embed_tokens.weight",
    "attention_norm": "model.layers.{layer}.input_layernorm.weight",
    "query": "model.layers.{layer}.self_attn.q_proj.weight",
    "key": "model.layers.{layer}.self_attn.k_proj.weight",
    "value": "model.layers.{layer}.self_attn.v_proj.weight",
    "output": "model.layers.{layer}.self_attn.o_proj.weight",
    "query_bias": "model.layers.{layer}.self_attn.q_proj.bias",
    "key_bias": "model.layers.{layer}.self_attn.k_proj.bias",
    "value_bias": "model.layers.{layer}.self_attn.v_proj.bias",
    "query_norm": "model.layers.{layer}.self_attn.q_norm.weight",
    "key_norm": "model.layers.{layer}.self_attn.k_norm.weight",
    "mlp_norm": "model.layers.{layer}.post_attention_layernorm.weight",
    "gate": "model.layers.{layer}.mlp.gate_proj.weight",
    "up": "model.layers.{layer}.mlp.up_proj.weight",
    "down": "model.layers.{layer}.mlp.down_proj.weight",
    "final_norm": "model.norm.weight",
    "head": "lm_head.weight",
}
"""Parameter -> tensor name, one for each layer."""

GGUF = {
    "embed": "token_embd.weight",
    "attention_norm": "blk.{layer}.attn_norm.weight",
    "query": "blk.{layer}.attn_q.weight",
    "key": "blk.{layer}.attn_k.weight",
    "value": "blk.{layer}.attn_v.weight",
    "output": "blk.{layer}.attn_output.weight",
    "query_bias": "blk.{layer}.attn_q.bias",
    "key_bias": "blk.{layer}.attn_k.bias",
    "value_bias": "blk.{layer}.attn_v.bias",
    "query_norm": "blk.{layer}.attn_q_norm.weight",
    "key_norm": "blk.{layer}.attn_k_norm.weight",
    "mlp_norm": "blk.{layer}.ffn_norm.weight",
    "gate": "blk.{layer}.ffn_gate.weight",
    "up": "blk.{layer}.ffn_up.weight",
    "down": "blk.{layer}.ffn_down.weight",
    "final_norm": "output_norm.weight",
    "head": "output.weight",
}
"""Parameter -> tensor name, one for each layer."""


class Tensor(NamedTuple):
    """One tensor of a file: the parameter it fills (slice `layer` of it, where stacked) and its shape."""

    name: str
    path: tuple[str, ...]
    layer: int | None
    transposed: bool
    shape: tuple[int, ...]

    def view(self, params: PyTree) -> Any:
        """This tensor's part of the parameters, in the file's orientation; numpy: a view."""
        leaf = params
        for key in self.path:
            leaf = leaf[key]
        leaf = leaf if self.layer is None else leaf[self.layer]
        return leaf.T if self.transposed else leaf


def file_tensors(config: ModelConfig, names: Mapping[str, str]) -> list[Tensor]:
    """The tensors of a model's file; `names` is one of the tables above."""
    tensors = []
    for keys, leaf in jax.tree_util.tree_leaves_with_path(abstract_params(config)):
        path = tuple(key.key for key in keys)
        layered, transposed = path[0] == "layers", path[-1] in LINEAR
        shape = leaf.shape[1:] if layered else leaf.shape
        for layer in range(config.num_layers) if layered else (None,):
            name = names[path[-1]].format(layer=layer)
            tensors.append(Tensor(name, path, layer, transposed, shape[::-1] if transposed else shape))
    return tensors


def read_params(
    config: ModelConfig,
    names: Mapping[str, str],
    present: Collection[str],
    read: Callable[[str], np.ndarray],
    where: str,
) -> PyTree:
    """The parameter tree in f32 numpy, filled tensor by tensor: one tensor of the file is held at a time.

    `present` are the file's tensors that bear on the forward pass, `read` gives one of them in the file's
    orientation and any float type.

    Raises:
      UserError: a tensor is missing, has another shape, or is one that the family does not have.
    """
    tensors = {tensor.name: tensor for tensor in file_tensors(config, names)}
    model = f"a {config.num_layers}-layer {config.family} model"
    if missing := sorted(tensors.keys() - set(present)):
        raise UserError(
            f"{where}: tensor {missing[0]} is missing ({len(missing)} in all): "
            f"expected shape {tensors[missing[0]].shape} in {model}"
        )
    if unknown := sorted(set(present) - tensors.keys()):
        raise UserError(f"{where}: tensor {unknown[0]} ({len(unknown)} in all) is not part of {model}")
    params = jax.tree.map(lambda leaf: np.empty(leaf.shape, np.float32), abstract_params(config))
    for name, tensor in tensors.items():
        found = read(name)
        if found.shape != tensor.shape:
            raise UserError(
                f"{where}: tensor {name} has shape {found.shape}: expected {tensor.shape} from the config"
            )
        tensor.view(params)[...] = found
    return params


def check_params(config: ModelConfig, params: PyTree) -> None:
    """Raises UserError unless the parameters have the tree and the shapes of the config."""
    found, expected = (
        {jax.tree_util.keystr(path): leaf.shape for path, leaf in jax.tree_util.tree_leaves_with_path(tree)}
        for tree in (params, abstract_params(config))
    )
    wrong = sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))
    if wrong:
        raise UserError(
            f"parameter {wrong[0]} has shape {found.get(wrong[0])}: expected {expected.get(wrong[0])} "
            f"from the model's config"
        )
