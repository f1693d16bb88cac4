import pytest
from model_files import NAMES, golden

from sept_jax.errors import UserError
from sept_jax.models.config import RopeScaling
from sept_jax.models.families import config_from_hf, config_to_hf

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "vocab_size": 128256,
    "hidden_size": 2048,
    "intermediate_size": 8192,
    "num_hidden_layers": 16,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "max_position_embeddings": 131072,
    "rms_norm_eps": 1e-05,
    "rope_theta": 500000.0,
    "tie_word_embeddings": True,
}
SCALING = {
    "factor": 32.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 8192,
    "rope_type": "llama3",
}


def test_old_and_new_rope_fields_agree():
    old = config_from_hf(LLAMA | {"rope_scaling": SCALING}, "config.json")
    fields = {key: value for key, value in LLAMA.items() if key != "rope_theta"}
    new = config_from_hf(fields | {"rope_parameters": SCALING | {"rope_theta": 500000.0}}, "config.json")
    assert old == new
    assert old.rope_theta == 500000.0
    assert old.rope_scaling == RopeScaling(32.0, 1.0, 4.0, 8192)


def test_absent_fields_take_the_family_defaults():
    config = config_from_hf({k: v for k, v in LLAMA.items() if k != "num_key_value_heads"}, "config.json")
    assert (config.head_dim, config.num_kv_heads, config.rope_scaling) == (64, 32, None)
    qwen3 = config_from_hf(LLAMA | {"architectures": ["Qwen3ForCausalLM"]}, "config.json")
    assert (qwen3.head_dim, qwen3.qk_norm, qwen3.qkv_bias) == (128, True, False)
    qwen2 = config_from_hf(
        LLAMA
        | {"architectures": ["Qwen2ForCausalLM"], "sliding_window": 131072, "use_sliding_window": False},
        "config.json",
    )
    assert (qwen2.head_dim, qwen2.qk_norm, qwen2.qkv_bias) == (64, False, True)


@pytest.mark.parametrize("name", NAMES)
def test_round_trip(name):
    config = config_from_hf(golden(name)["config"], name)
    assert config_from_hf(config_to_hf(config), name) == config


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (
            {"architectures": ["GPT2LMHeadModel"]},
            ["'GPT2LMHeadModel'", "LlamaForCausalLM", "Qwen3ForCausalLM"],
        ),
        ({"architectures": None, "model_type": "mamba"}, ["'mamba'", "expected one of"]),
        ({"architectures": ["Qwen2ForCausalLM"], "use_sliding_window": True}, ["sliding-window"]),
        ({"layer_types": ["full_attention", "sliding_attention"]}, ["sliding-window"]),
        ({"attention_bias": True}, ["attention_bias is true"]),
        ({"mlp_bias": True}, ["mlp_bias is true"]),
        ({"hidden_act": "gelu"}, ["hidden_act is 'gelu'", "'silu'"]),
        ({"rope_scaling": {"type": "yarn", "factor": 4.0}}, ["rope type is 'yarn'", "'llama3'"]),
        ({"rope_parameters": {"rope_type": "linear", "factor": 4.0}}, ["rope type is 'linear'"]),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, ["low_freq_factor is missing"]),
        ({"rope_scaling": 4}, ["rope_parameters is 4", "object"]),
        ({"partial_rotary_factor": 0.5}, ["partial_rotary_factor is 0.5"]),
        ({"quantization_config": {"bits": 4}}, ["quantization_config", ".gguf"]),
        ({"hidden_size": None}, ["hidden_size is missing", "integer"]),
        ({"vocab_size": "many"}, ["vocab_size is 'many'", "integer"]),
        ({"num_attention_heads": 0}, ["num_heads is 0", "positive"]),
        ({"num_key_value_heads": 5}, ["num_heads is 32", "multiple of num_kv_heads"]),
    ],
)
def test_bad_config(change, parts):
    with pytest.raises(UserError) as error:
        config_from_hf(LLAMA | change, "dir/config.json")
    assert str(error.value).startswith("dir/config.json: ")
    assert all(part in str(error.value) for part in parts), error.value
