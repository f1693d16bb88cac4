"""Supervised training on worked solutions with mistakes, for tasks that make their own problems.

It gives an embedded model the format and a mediocre accuracy; self-training starts from there.
"""

import dataclasses
import time
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, PyTree

from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import WorkedSource
from sept_jax.data.prompts import PromptConfig, encode_prompts, render
from sept_jax.errors import UserError
from sept_jax.experiment import Experiment, init_state
from sept_jax.metrics import Progress
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.records import Prompts, Rollouts, Steps, UpdateBatch
from sept_jax.sharding import batch_total, own_rows
from sept_jax.update import make_optimizer, micro_batches, update

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

    With one path a prompt there is nothing to share: the prompt is its first token, and the path the rest of
    it, which is forced (no step's), and the solution. Mistakes can make a solution long: one of more than
    `width` tokens is cut there.

    Raises:
      UserError: more than a tenth of the solutions are longer than `width` tokens.
    """
    buckets = tuple(prompt_config["buckets"])
    texts = [render(source[i], tokenizer, prompt_config) for i in indices]
    prompts = encode_prompts(texts, tokenizer, buckets)
    rows = [[*tokenizer.encode(source.worked(i, mistakes)), tokenizer.eos_ids[0]] for i in indices]
    longest = max(map(len, rows))
    if sum(len(row) > width for row in rows) > len(rows) / 10:
        raise UserError(
            f"config.sampling.max_new_tokens is {width}: worked solutions have up to {longest} tokens; "
            f"type --config.sampling.max_new_tokens={longest}"
        )
    tokens = np.full((len(rows), 1, buckets[-1] - 1 + width), tokenizer.pad_id, np.int32)
    step_id, length = np.full_like(tokens, -1), np.empty((len(rows), 1), np.int32)
    for b, row in enumerate(rows):
        given, row = prompts.tokens[b, 1 : prompts.length[b]], row[:width]
        end = len(given) + len(row)
        tokens[b, 0, :end] = *given, *row
        step_id[b, 0, len(given) : end] = 0
        length[b] = end
    zeros = np.zeros(tokens.shape, np.float32)
    return UpdateBatch(
        prompts=Prompts(prompts.tokens[:, :1], np.ones_like(prompts.length)),
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


def batch_indices(levels: Float[np.ndarray, " N"], size: int, step: int) -> list[int]:
    """The problems of a step's batch. Of `_BLOCK` batches in a row each holds problems of like level, and so
    of like length, in a fixed random order: padding would be most of the work otherwise."""
    block, place = divmod(step, _BLOCK)
    first = block * _BLOCK * size
    alike = first + np.argsort(levels[first : first + _BLOCK * size], kind="stable")
    place = np.random.default_rng(block).permutation(len(alike) // size)[place]
    return alike[place * size : (place + 1) * size].tolist()


def _batch(experiment: Experiment, indices: Sequence[int]) -> UpdateBatch:
    """This process's rows of a batch."""
    rows = own_rows(len(indices), experiment.mesh)
    return worked_batch(
        experiment.worked,
        [indices[row] for row in rows],
        Mistakes(**experiment.config.warm_start.mistakes),
        experiment.tokenizer,
        experiment.config.prompt,
        experiment.sampling.max_new_tokens,
    )


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
        muon=settings.muon,
    )
    state = init_state(experiment, experiment.params, optimizer, experiment.model)
    objective = dataclasses.replace(experiment.update, objective="likelihood")
    levels = experiment.worked.levels[: settings.steps * settings.batch]
    progress = Progress(settings.steps, name="warm start")
    began, tokens, metrics = time.perf_counter(), 0, None

    def show(done: int) -> None:
        if metrics is not None:
            progress.update(done, {"loss": float(metrics["nll"])}, tokens / (time.perf_counter() - began))

    for step in range(settings.steps):
        batch = _batch(experiment, batch_indices(levels, settings.batch, step))  # the device is a step behind
        show(step)
        told = np.count_nonzero(batch.steps.step_id >= 0)
        tokens += int(batch_total(np.array([told]), experiment.mesh)[0])
        state, metrics = update(
            state, micro_batches(batch, 1, experiment.config.memory.length_buckets),
            optimizer=optimizer, model=experiment.model, config=objective, dtype=experiment.dtype,
        )  # fmt: skip
    show(settings.steps)
    progress.close()
    return state.trainable
