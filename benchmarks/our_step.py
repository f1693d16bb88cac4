"""Our side of `benchmarks.step`: whole training steps, alone or with a reward model."""

import functools
import time
from pathlib import Path
from typing import Any

import jax
from jax.typing import DTypeLike
from jaxtyping import Array, Float, Int, PyTree

from benchmarks.turns import Turns
from configs import gsm8k
from sept_jax import command
from sept_jax.experiment import Experiment, build, place_params
from sept_jax.models import decoder
from sept_jax.models.config import ModelConfig
from sept_jax.records import Prompts
from sept_jax.run import start_loop
from sept_jax.scoring.pool import ReaderPool
from sept_jax.train import train_step

BUCKETS = (160, 416)
"""The longest of eight questions mostly fits the first: one program samples."""


def make_config(model: Path, data: Path, prompts: int, group: int, new: int, dtype: str) -> Any:
    """GSM8K's, with bare questions."""
    config = gsm8k.get_config()
    config.update_from_flattened_dict(
        {
            "batch": prompts,
            "model.path": str(model),
            "model.dtype": dtype,
            "data.source": "jsonl",
            "data.path": str(data),
            "prompt.instruction": "{question}",
            "prompt.few_shot": (),
            "prompt.buckets": BUCKETS,
            "sampling.group_size": group,
            "sampling.max_new_tokens": new,
            "sampling.compactions": 0,  # 64 tokens are too few for any path to leave early
            "sampling.growths": 0,
            "memory.micro_batches": 1,  # no second gradient to add up
            "memory.logit_chunk": 4,  # of each of the 64 paths
            "curriculum.start": 1.0,
            "mesh": (1, 1, 1),
        }
    )
    return config


def reward_model(experiment: Experiment) -> PyTree:
    """A model of the policy's size, in the compute type."""
    params = place_params(experiment, experiment.params)
    return jax.jit(decoder.for_compute, static_argnums=1, donate_argnums=0)(params, experiment.dtype)


@functools.partial(jax.jit, static_argnames=("model", "dtype"))
def judge(
    params: PyTree, prompts: Prompts, tokens: Int[Array, "B G T"], model: ModelConfig, dtype: DTypeLike
) -> Float[Array, "B G T"]:
    """A score at every token, as a process reward model's: one forward pass, and a head of one number."""
    return decoder.group_hidden(params, model, prompts, tokens, dtype, remat=False).sum(-1)


def steps(turns: Turns, config: Any, with_reward_model: bool) -> None:
    """A step a turn, each from the loop that the one before left."""
    command.cache_compilations()
    command.keep_freed_memory()
    experiment = build(config)
    readers = ReaderPool(experiment.config.scoring.workers)
    with jax.set_mesh(experiment.mesh):
        judging = reward_model(experiment) if with_reward_model else None
        loop = start_loop(experiment, experiment.params)
        while turns.wait():
            began = time.perf_counter()
            loop, scored, _, _ = train_step(experiment, readers, loop, None)
            if judging is not None:
                paths = scored.prompts, scored.rollouts.tokens
                judge(judging, *paths, experiment.model, experiment.dtype).block_until_ready()
            turns.tell(time.perf_counter() - began)
    readers.close()
