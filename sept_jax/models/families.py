"""Hugging Face's config.json to `ModelConfig` and back."""

from typing import Any

from sept_jax.errors import UserError
from sept_jax.models.config import ModelConfig, RopeScaling

ARCHITECTURES = {"LlamaForCausalLM": "llama", "Qwen2ForCausalLM": "qwen2", "Qwen3ForCausalLM": "qwen3"}
"""Class name in config.json -> family."""


def config_from_hf(fields: dict[str, Any], where: str) -> ModelConfig:
    """The `ModelConfig` of a parsed config.json, as transformers 4 or 5 writes it.

    `where` names the file in errors.

    Raises:
      UserError: another architecture, a feature that the decoder does not have, a field absent or no number.
    """
    family = _family(fields, where)
    _refuse_unknown_features(fields, family, where)
    width, heads = _number(fields, "hidden_size", where), _number(fields, "num_attention_heads", where)
    head_dim = 128 if family == "qwen3" else width // max(heads, 1)
    shape = {
        "vocab_size": _number(fields, "vocab_size", where),
        "width": width,
        "mlp_width": _number(fields, "intermediate_size", where),
        "num_layers": _number(fields, "num_hidden_layers", where),
        "num_heads": heads,
        "num_kv_heads": _number(fields, "num_key_value_heads", where, default=heads),
        "head_dim": _number(fields, "head_dim", where, default=head_dim),
        "rope_theta": _rope_theta(fields, where),
        "norm_eps": _number(fields, "rms_norm_eps", where, default=1e-6, kind=float),
        "max_length": _number(fields, "max_position_embeddings", where),
    }
    scaling = _rope_scaling(fields, where)
    try:
        return ModelConfig(
            family=family,
            **shape,
            tie_embeddings=bool(fields.get("tie_word_embeddings", False)),
            qkv_bias=family == "qwen2",
            qk_norm=family == "qwen3",
            rope_scaling=scaling and RopeScaling(**scaling),
        )
    except UserError as error:
        raise UserError(f"{where}: {error}") from None


def config_to_hf(config: ModelConfig) -> dict[str, Any]:
    """The fields of config.json; rope in the form of transformers 4, which 5 and other readers accept too."""
    (architecture,) = (name for name, family in ARCHITECTURES.items() if family == config.family)
    fields = {
        "architectures": [architecture],
        "model_type": config.family,
        "vocab_size": config.vocab_size,
        "hidden_size": config.width,
        "intermediate_size": config.mlp_width,
        "num_hidden_layers": config.num_layers,
        "num_attention_heads": config.num_heads,
        "num_key_value_heads": config.num_kv_heads,
        "head_dim": config.head_dim,
        "hidden_act": "silu",
        "rms_norm_eps": config.norm_eps,
        "max_position_embeddings": config.max_length,
        "tie_word_embeddings": config.tie_embeddings,
        "rope_theta": config.rope_theta,
        "rope_scaling": None,
        "torch_dtype": "float32",
    }
    if scaling := config.rope_scaling:
        fields["rope_scaling"] = {
            "rope_type": "llama3",
            "factor": scaling.factor,
            "low_freq_factor": scaling.low_freq_factor,
            "high_freq_factor": scaling.high_freq_factor,
            "original_max_position_embeddings": scaling.original_max_length,
        }
    return fields


def _family(fields: dict[str, Any], where: str) -> str:
    architectures = fields.get("architectures") or []
    by_type = {family: name for name, family in ARCHITECTURES.items()}
    named = architectures[0] if isinstance(architectures, list) and architectures else architectures
    name = named or by_type.get(str(fields.get("model_type")))
    if not isinstance(name, str) or name not in ARCHITECTURES:
        found = repr(name or fields.get("model_type"))
        raise UserError(f"{where}: architecture is {found}: expected one of {', '.join(ARCHITECTURES)}")
    return ARCHITECTURES[name]


def _refuse_unknown_features(fields: dict[str, Any], family: str, where: str) -> None:
    if family == "qwen2" or family == "qwen3":
        sliding = fields.get("use_sliding_window", False)
    else:
        sliding = fields.get("sliding_window") is not None
    kinds = fields.get("layer_types") or []
    if not isinstance(kinds, list):
        raise UserError(f"{where}: layer_types is {kinds!r}: expected a list of one kind a layer")
    if sliding or any(kind != "full_attention" for kind in kinds):
        raise UserError(f"{where}: sliding-window attention is in use: expected full attention in all layers")
    for key in ("attention_bias", "mlp_bias"):
        if fields.get(key):
            raise UserError(f"{where}: {key} is true: {family} models with it are not supported")
    if (activation := fields.get("hidden_act", "silu")) != "silu":
        raise UserError(f"{where}: hidden_act is {activation!r}: expected 'silu'")
    if fields.get("quantization_config"):
        raise UserError(
            f"{where}: quantization_config is set: expected plain bf16, f16 or f32 weights, or a .gguf file"
        )


def _rope(fields: dict[str, Any], where: str) -> dict[str, Any]:
    rope = fields.get("rope_parameters") or fields.get("rope_scaling") or {}
    if not isinstance(rope, dict):
        raise UserError(f"{where}: rope_parameters is {rope!r}: expected an object")
    return rope


def _rope_theta(fields: dict[str, Any], where: str) -> float:
    outer = _number(fields, "rope_theta", where, default=10000.0, kind=float)
    return _number(_rope(fields, where), "rope_theta", where, default=outer, kind=float)


def _rope_scaling(fields: dict[str, Any], where: str) -> dict[str, Any] | None:
    rope = _rope(fields, where)
    share = rope.get("partial_rotary_factor", fields.get("partial_rotary_factor", 1.0))
    if share != 1.0:
        raise UserError(f"{where}: partial_rotary_factor is {share}: expected 1")
    kind = rope.get("rope_type", rope.get("type", "default"))
    if kind == "default":
        return None
    if kind != "llama3":
        raise UserError(f"{where}: rope type is {kind!r}: expected 'default' or 'llama3'")
    return {
        "factor": _number(rope, "factor", where, kind=float),
        "low_freq_factor": _number(rope, "low_freq_factor", where, kind=float),
        "high_freq_factor": _number(rope, "high_freq_factor", where, kind=float),
        "original_max_length": _number(rope, "original_max_position_embeddings", where),
    }


def _number(
    fields: dict[str, Any], key: str, where: str, default: int | float | None = None, kind: type = int
) -> int | float:
    value = fields.get(key)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, (int, float) if kind is float else int):
        found = "missing" if value is None else repr(value)
        expected = "number" if kind is float else "integer"
        raise UserError(f"{where}: {key} is {found}: expected a JSON {expected}")
    return kind(value)
