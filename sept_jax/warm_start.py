"""Supervised training on worked solutions with mistakes, for tasks that make their own problems.

It gives an embedded model the format and a mediocre accuracy; self-training starts from there.
"""

import dataclasses
import time
from collections.abc import Sequence

import jax
import numpy as np
from jaxtyping import Float, PyTree

from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import WorkedSource
from sept_jax.data.prompts import PromptConfig, encode_prompts, render
from sept_jax.errors import UserError
from sept_jax.experiment import Experiment, init_state
from sept_jax.metrics import Progress
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.records import Rollouts, Steps, UpdateBatch
from sept_jax.sharding import place_batch
from sept_jax.update import cut_to_bucket, make_optimizer, update

_BLOCK = 8


def worked_batch(
    source: WorkedSource,
    indices: Sequence[int],
    mistakes: Mistakes,
    tokenizer: Tokenizer,
    prompt_config: PromptConfig,
    width: int,
) -> UpdateBatch:
    """One worked solution a problem (G = 1), end token included, as a batch for the `likelihood` objective.

    Mistakes can make a solution long: one of more than `width` tokens is cut there.

    Raises:
      UserError: more than a tenth of the solutions are longer than `width` tokens.
    """
    texts = [render(source[i], tokenizer, prompt_config) for i in indices]
    prompts = encode_prompts(texts, tokenizer, tuple(prompt_config["buckets"]))
    rows = [[*tokenizer.encode(source.worked(i, mistakes)), tokenizer.eos_ids[0]] for i in indices]
    longest = max(map(len, rows))
    if sum(len(row) > width for row in rows) > len(rows) / 10:
        raise UserError(
            f"config.sampling.max_new_tokens is {width}: worked solutions have up to {longest} tokens; "
            f"type --config.sampling.max_new_tokens={longest}"
        )
    rows = [row[:width] for row in rows]
    length = np.asarray([[len(row)] for row in rows], np.int32)
    tokens = np.full((len(rows), 1, width), tokenizer.pad_id, np.int32)
    for b, row in enumerate(rows):
        tokens[b, 0, : len(row)] = row
    zeros = np.zeros(tokens.shape, np.float32)
    step_id = np.where(np.arange(width) < length[..., None], 0, -1).astype(np.int32)
    return UpdateBatch(
        prompts=jax.tree.map(np.asarray, prompts),
        rollouts=Rollouts(tokens, length, zeros, zeros, zeros, np.ones(length.shape, bool)),
        steps=Steps(step_id, np.ones_like(length)),
        quality=np.zeros(length.shape, np.float32),
        advantage=zeros,
    )


def further_batch(experiment: Experiment, step: int) -> UpdateBatch:
    """As many worked solutions as a step of self-training draws paths, none of them seen in the warm start
    or in another step."""
    config = experiment.config
    count = config.batch * config.sampling.group_size
    first = config.warm_start.steps * config.warm_start.batch + step * count
    return _batch(experiment, range(first, first + count))


def batch_indices(levels: Float[np.ndarray, "N"], size: int, step: int) -> list[int]:
    """The problems of a step's batch. Of `_BLOCK` batches in a row each holds problems of like level, and so
    of like length, in a fixed random order: padding would be most of the work otherwise."""
    block, place = divmod(step, _BLOCK)
    first = block * _BLOCK * size
    alike = first + np.argsort(levels[first : first + _BLOCK * size], kind="stable")
    place = np.random.default_rng(block).permutation(len(alike) // size)[place]
    return alike[place * size : (place + 1) * size].tolist()


def _batch(experiment: Experiment, indices: Sequence[int]) -> UpdateBatch:
    batch = worked_batch(
        experiment.worked,
        indices,
        Mistakes(**experiment.config.warm_start.mistakes),
        experiment.tokenizer,
        experiment.config.prompt,
        experiment.sampling.max_new_tokens,
    )
    return cut_to_bucket(batch, experiment.config.memory.length_buckets)


def warm_start(experiment: Experiment) -> PyTree:
    """Parameters after supervised training on worked solutions with mistakes."""
    settings = experiment.config.warm_start
    optimizer = make_optimizer(
        settings.learning_rate,
        settings.warmup_steps,
        settings.weight_decay,
        settings.clip_norm,
        settings.b2,
        decay_steps=settings.steps,
    )
    state = init_state(experiment, experiment.params, optimizer)
    objective = dataclasses.replace(experiment.update, objective="likelihood", micro_batches=1)
    levels = experiment.worked.levels[: settings.steps * settings.batch]
    progress = Progress(settings.steps, name="warm start")
    began, tokens = time.perf_counter(), 0
    for step in range(settings.steps):
        batch = _batch(experiment, batch_indices(levels, settings.batch, step))
        tokens += int(batch.rollouts.length.sum())
        state, metrics = update(
            state, place_batch(batch, experiment.mesh),
            optimizer=optimizer, model=experiment.model, config=objective, dtype=experiment.dtype,
        )  # fmt: skip
        progress.update(step + 1, {"loss": float(metrics["nll"])}, tokens / (time.perf_counter() - began))
    progress.close()
    return state.trainable
