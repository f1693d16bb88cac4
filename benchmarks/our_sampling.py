"""Our side of the benchmarks of sampling: prompts, and a turn that draws paths for them."""

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from configs import gsm8k
from sept_jax.data.prompts import encode_prompts, render
from sept_jax.models.config import ModelConfig
from sept_jax.records import Problem, Prompts
from sept_jax.sampling import SamplingConfig, sample_groups


def padded(rows: list[list[int]]) -> Prompts:
    """Rows of one length."""
    return Prompts(jnp.asarray(rows, jnp.int32), jnp.full(len(rows), len(rows[0]), jnp.int32))


def natural_prompts(file: Path, count: int, tokenizer: Any) -> Prompts:
    """The first questions of GSM8K's `file`, as `configs/gsm8k.py` asks them."""
    questions = [json.loads(line)["question"] for line in file.read_text().splitlines()[:count]]
    settings = gsm8k.get_config().prompt
    texts = [render(Problem(q, None, 0.0, str(i)), tokenizer, settings) for i, q in enumerate(questions)]
    return encode_prompts(texts, tokenizer, tuple(settings.buckets))


def draw(
    params: PyTree, model: ModelConfig, prompts: Prompts, config: SamplingConfig, dtype: str
) -> Callable[[], int]:
    """Samples and counts the tokens; another key each time."""
    keys = map(jax.random.key, itertools.count())

    def run() -> int:
        rollouts = sample_groups(
            params, prompts, next(keys), model=model, config=config, dtype=getattr(jnp, dtype)
        )
        return int(rollouts.length.sum())

    return run
