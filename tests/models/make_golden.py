"""Writes golden/*.npz: a tiny random-weight model of each family, tokens, and the logits of transformers.

Needs torch: `pip install -e '.[test,peer]' -c constraints.txt && python tests/models/make_golden.py`
"""

import json
import pathlib

import numpy as np

GOLDEN = pathlib.Path(__file__).parent / "golden"

_SHAPE = {
    "vocab_size": 40,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "bos_token_id": None,
    "eos_token_id": 1,
    "pad_token_id": 0,
}
_LLAMA3 = {
    "rope_type": "llama3",
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 128,  # of wavelengths 6, 63, 628, 6283: kept, blended, cut, cut
}
MODELS = {
    "llama_scaled": (
        "Llama",
        {
            "head_dim": 8,
            "max_position_embeddings": 1024,
            "rope_parameters": {"rope_theta": 10000.0, **_LLAMA3},
        },
    ),
    "llama_tied": ("Llama", {"num_key_value_heads": 4, "tie_word_embeddings": True, "rms_norm_eps": 1e-5}),
    "qwen2": (
        "Qwen2",
        {"tie_word_embeddings": True, "rope_parameters": {"rope_theta": 1e6, "rope_type": "default"}},
    ),
    "qwen3": ("Qwen3", {"head_dim": 8, "tie_word_embeddings": False}),
}
"""Name -> family as transformers spells it, and what differs from the common shape."""


def build(name: str):
    """A torch model of `MODELS` in f32 whose every parameter, norms and biases too, is random."""
    import torch
    import transformers

    family, changes = MODELS[name]
    config = getattr(transformers, f"{family}Config")(**(_SHAPE | changes))
    model = getattr(transformers, f"{family}ForCausalLM")(config).float().eval()
    generator = torch.Generator().manual_seed(list(MODELS).index(name))
    with torch.no_grad():
        for path, parameter in model.named_parameters():
            noise = torch.randn(parameter.shape, generator=generator)
            parameter.copy_(1 + 0.3 * noise if "norm" in path else noise * 0.3)
    return model


def reference_logits(model, tokens: np.ndarray) -> np.ndarray:
    """The torch model's logits `[N, T, V]` for tokens `[N, T]`."""
    import torch

    with torch.no_grad():
        return model(torch.tensor(tokens.astype(np.int64))).logits.numpy()


def main() -> None:
    GOLDEN.mkdir(exist_ok=True)
    tokens = np.random.RandomState(0).randint(0, _SHAPE["vocab_size"], (2, 24)).astype(np.int32)
    for name in MODELS:
        model = build(name)
        fields = model.config.to_dict()
        if name == "llama_tied":  # as transformers 4 wrote it
            fields["rope_theta"] = fields.pop("rope_parameters")["rope_theta"]
            del fields["head_dim"]
        state = model.state_dict()
        if fields["tie_word_embeddings"]:
            del state["lm_head.weight"]
        np.savez_compressed(
            GOLDEN / f"{name}.npz",
            config=json.dumps(fields, sort_keys=True),
            tokens=tokens,
            logits=reference_logits(model, tokens),
            **{f"weights/{path}": value.numpy() for path, value in state.items()},
        )


if __name__ == "__main__":
    main()
