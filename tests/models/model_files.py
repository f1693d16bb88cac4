"""Small model files for the tests of this folder."""

import json
import pathlib

import numpy as np
from gguf import GGMLQuantizationType, GGUFWriter, TokenType
from gguf.quants import quantize
from safetensors.numpy import save_file

from sept_jax.models.tokenizer import word_tokenizer

GOLDEN = pathlib.Path(__file__).parent / "golden"
NAMES = ("llama_scaled", "llama_tied", "qwen2", "qwen3")


def golden(name: str) -> dict:
    """config (parsed), tokens, logits and weights (by tensor name) of a golden file."""
    with np.load(GOLDEN / f"{name}.npz") as file:
        weights = {key.removeprefix("weights/"): file[key] for key in file if key.startswith("weights/")}
        config = json.loads(str(file["config"]))
        return {"config": config, "tokens": file["tokens"], "logits": file["logits"], "weights": weights}


def write_hf(directory: pathlib.Path, config: dict, weights: dict, tokenizer: bool = True) -> pathlib.Path:
    """A Hugging Face directory with one shard."""
    directory.mkdir(parents=True, exist_ok=True)
    (directory / "config.json").write_text(json.dumps(config))
    save_file(weights, directory / "model.safetensors", metadata={"format": "pt"})
    if tokenizer:
        word_tokenizer("0123456789+-= \n").save(directory)
    return directory


def byte_tokens() -> list[str]:
    """GPT-2's characters for the 256 bytes, in the order of the bytes."""
    visible = [*range(33, 127), *range(161, 173), *range(174, 256)]
    hidden = iter(range(256, 512))
    return [chr(byte) if byte in visible else chr(next(hidden)) for byte in range(256)]


SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
TEMPLATE = (
    "{% for m in messages %}<|im_start|>{{ m['role'] }}\n{{ m['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def write_vocabulary(writer: GGUFWriter, pre: str = "smollm", merges: tuple[str, ...] = ("Ġ a",)) -> int:
    """Byte tokens, one token a merge, three special tokens; returns their number."""
    tokens = [*SPECIAL, *byte_tokens(), *(merge.replace(" ", "") for merge in merges)]
    kinds = [TokenType.CONTROL if token in SPECIAL else TokenType.NORMAL for token in tokens]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_merges(list(merges))
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(0)
    writer.add_chat_template(TEMPLATE)
    return len(tokens)


def interleaved(weight: np.ndarray, heads: int) -> np.ndarray:
    """A head's rows in the order that llama.cpp gives to arch `llama`: row i of each half side by side."""
    out = np.empty_like(weight)
    size = weight.shape[0] // heads
    for head in range(heads):
        for i in range(size // 2):
            for half in range(2):
                out[head * size + 2 * i + half] = weight[head * size + half * (size // 2) + i]
    return out


GGUF_NAMES = {
    "embed_tokens.": "token_embd.",
    "model.": "",
    "layers.": "blk.",
    "lm_head": "output",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "self_attn.q_norm": "attn_q_norm",
    "self_attn.k_norm": "attn_k_norm",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
}


def gguf_name(name: str) -> str:
    """Hugging Face's tensor name in llama.cpp's words."""
    if name == "model.norm.weight":
        return "output_norm.weight"
    for theirs, ours in GGUF_NAMES.items():
        name = name.replace(theirs, ours)
    return name


def write_gguf(
    path: pathlib.Path,
    config: dict,
    weights: dict[str, np.ndarray],
    kind: GGMLQuantizationType = GGMLQuantizationType.F32,
    architecture: str | None = None,
    vocabulary: dict | None = None,
    extra: dict[str, np.ndarray] | None = None,
    metadata: dict[str, str | int | float] | None = None,
    raw: dict[str, tuple[np.ndarray, GGMLQuantizationType]] | None = None,
) -> pathlib.Path:
    """A GGUF file of Hugging Face weights; matrices are of type `kind`, `raw` tensors as given."""
    family = architecture or config["model_type"]
    writer = GGUFWriter(path, family)
    heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_head_count(heads)
    writer.add_head_count_kv(kv_heads)
    writer.add_layer_norm_rms_eps(config["rms_norm_eps"])
    rope = config.get("rope_parameters") or config
    writer.add_rope_freq_base(rope["rope_theta"])
    if "head_dim" in config:
        writer.add_key_length(config["head_dim"])
        writer.add_value_length(config["head_dim"])
    for key, value in (metadata or {}).items():
        add = {str: writer.add_string, int: writer.add_uint32, float: writer.add_float32}[type(value)]
        add(key, value)
    write_vocabulary(writer, **(vocabulary or {}))
    for name, weight in weights.items():
        for part, count in (("q_proj.weight", heads), ("k_proj.weight", kv_heads)):
            if family == "llama" and name.endswith(part):
                weight = interleaved(weight, count)
        name = gguf_name(name)
        if raw and name in raw:
            writer.add_tensor(name, raw[name][0], raw_dtype=raw[name][1])
        elif weight.ndim == 1 or kind == GGMLQuantizationType.F32:
            writer.add_tensor(name, weight)
        elif kind == GGMLQuantizationType.F16:
            writer.add_tensor(name, weight.astype(np.float16))
        else:
            writer.add_tensor(name, quantize(weight, kind), raw_dtype=kind)
    for name, tensor in (extra or {}).items():
        writer.add_tensor(name, tensor)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
