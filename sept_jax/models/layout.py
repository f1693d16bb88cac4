"""Where each parameter lies in a Hugging Face checkpoint and in a GGUF file; parameters that stay there."""

import dataclasses
import math
from collections.abc import Callable, Collection, Mapping
from typing import Any, NamedTuple, SupportsIndex

import jax
import numpy as np
from jaxtyping import Float32, PyTree

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

    def of(self, params: PyTree) -> Any:
        """This tensor's part of the parameters, in the file's orientation."""
        leaf = params
        for key in self.path:
            leaf = leaf[key]
        leaf = np.asarray(leaf) if self.layer is None else leaf[self.layer]
        return leaf.T if self.transposed else leaf


@dataclasses.dataclass(frozen=True, eq=False)
class StoredParam:
    """A parameter that stays in its files: an index reads that part of it, as f32 numpy, and keeps nothing.

    An index has ints and slices without a step, for all axes or the leading ones. `tensors` fill it, one a
    layer where it is stacked; `read` gives a part of one of them, in the file's orientation and float type.
    """

    shape: tuple[int, ...]
    tensors: tuple[Tensor, ...]
    read: Callable[[str, tuple[slice, ...]], np.ndarray]

    @property
    def dtype(self) -> np.dtype:
        return np.dtype(np.float32)

    @property
    def size(self) -> int:
        return math.prod(self.shape)

    @property
    def nbytes(self) -> int:
        return self.size * self.dtype.itemsize

    def __getitem__(
        self, index: SupportsIndex | slice | tuple[SupportsIndex | slice, ...]
    ) -> Float32[np.ndarray, "..."]:
        given = index if isinstance(index, tuple) else (index,)
        if len(given) > len(self.shape):
            raise IndexError(f"{len(given)} indices for shape {self.shape}")
        rest = (slice(None),) * (len(self.shape) - len(given))
        spans = tuple(map(_span, given + rest, self.shape))
        out = np.empty([span.stop - span.start for span in spans], np.float32)
        stacked = self.tensors[0].layer is not None
        tensors, within = (self.tensors[spans[0]], spans[1:]) if stacked else (self.tensors, spans)
        for place, tensor in zip(out if stacked else out[None], tensors, strict=True):
            if tensor.transposed:
                place[...] = self.read(tensor.name, within[::-1]).T
            else:
                place[...] = self.read(tensor.name, within)
        return out[*(slice(None) if isinstance(part, slice) else 0 for part in given), ...]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False:
            raise ValueError("a parameter in a file is no array yet: to read it makes one")
        whole = self[()]
        return whole if dtype is None else whole.astype(dtype, copy=False)


def _span(part: SupportsIndex | slice, size: int) -> slice:
    """The part of an axis as a slice with its two ends; an int is a slice of one."""
    found = range(size)[part]
    if not isinstance(found, range):
        return slice(found, found + 1)
    if found.step != 1:
        raise IndexError(f"{part} has a step: expected consecutive entries")
    return slice(found.start, max(found.start, found.stop))


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


def stored_params(
    config: ModelConfig,
    names: Mapping[str, str],
    present: Collection[str],
    shape_of: Callable[[str], tuple[int, ...]],
    read: Callable[[str, tuple[slice, ...]], np.ndarray],
    where: str,
) -> PyTree:
    """The parameter tree of `StoredParam`s, checked; of the tensors themselves nothing is read.

    `present` are the file's tensors that bear on the forward pass, `shape_of` gives the shape of one of them,
    `read` a part of it, both in the file's orientation.

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
    of_path: dict[tuple[str, ...], list[Tensor]] = {}
    for name, tensor in tensors.items():
        if (found := shape_of(name)) != tensor.shape:
            raise UserError(
                f"{where}: tensor {name} has shape {found}: expected {tensor.shape} from the config"
            )
        of_path.setdefault(tensor.path, []).append(tensor)
    return jax.tree_util.tree_map_with_path(
        lambda keys, leaf: StoredParam(leaf.shape, tuple(of_path[tuple(key.key for key in keys)]), read),
        abstract_params(config),
    )


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
