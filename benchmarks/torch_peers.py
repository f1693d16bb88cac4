"""Hugging Face transformers on torch, doing the same work: the `peer` extra."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

from sept_jax.models.config import ModelConfig
from sept_jax.models.families import config_to_hf


def load(model: Path, dtype: str) -> Any:
    """A .gguf file or a directory, in evaluation mode."""
    folder, place = _source(model)
    return AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype), **place).eval()


def load_tokenizer(model: Path) -> Any:
    """Likewise."""
    folder, place = _source(model)
    return AutoTokenizer.from_pretrained(folder, **place)


def _source(model: Path) -> tuple[Path, dict[str, str]]:
    return (model, {}) if model.is_dir() else (model.parent, {"gguf_file": model.name})


def random(model: ModelConfig, dtype: str) -> Any:
    """Of that shape, on the GPU if torch sees one."""
    config = AutoConfig.for_model(**config_to_hf(model))
    made = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype)).eval()
    return made.to("cuda" if torch.cuda.is_available() else "cpu")


def generate(
    model: Any, prompts: list[list[int]], paths: int, new: int, eos: tuple[int, ...], pad: int
) -> Callable[[], int]:
    """Samples `paths` of each prompt at temperature 1 and counts tokens up to and with the ends; without
    `eos` every path has `new` tokens."""
    width = max(map(len, prompts))
    tokens = torch.tensor([[pad] * (width - len(row)) + row for row in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=model.device)
    ends = {"eos_token_id": list(eos)} if eos else {"eos_token_id": None, "min_new_tokens": new}

    def run() -> int:
        with torch.no_grad():
            out = model.generate(
                tokens, attention_mask=mask, num_return_sequences=paths, do_sample=True, temperature=1.0,
                top_k=0, top_p=1.0, max_new_tokens=new, pad_token_id=pad, **ends,
            )  # fmt: skip
        drawn = out[:, width:].cpu().numpy()
        if not eos:
            return drawn.size
        ended = np.isin(drawn, eos)
        return int(np.where(ended.any(1), ended.argmax(1) + 1, drawn.shape[1]).sum())

    return run


def update(
    model: Any, rows: int, length: int, prompt: int, dtype: str, checkpointing: bool
) -> Callable[[], int]:
    """One policy-gradient step of AdamW on f32 weights, autocast where asked; counts tokens. The first
    `prompt` tokens of a row, one at least, are given: no logits are made for them."""
    model.train()
    if checkpointing:
        model.gradient_checkpointing_enable()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6, fused=True)
    tokens, advantage = torch.randint(5, 40_000, (rows, length)), torch.randn(rows, 1)
    taught = length - prompt

    def run() -> int:
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=dtype == "bfloat16"):
            logits = model(tokens, logits_to_keep=taught + 1, use_cache=False).logits[:, :-1]
        chosen = torch.log_softmax(logits.float(), -1).gather(-1, tokens[:, -taught:, None])[..., 0]
        (-(chosen * advantage).mean()).backward()
        optimizer.step()
        optimizer.zero_grad()
        return rows * length

    return run
