"""From problems to scored paths: the loop's stages before the update, chunk by chunk."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

import jax
import numpy as np
from jaxtyping import Array, PyTree

from sept_jax.checks.reading import Reading
from sept_jax.data.prompts import encode_prompts, render
from sept_jax.experiment import Experiment
from sept_jax.records import (
    Evidence,
    Problem,
    Prompts,
    Reliability,
    Rollouts,
    Steps,
    StepScores,
    StepTexts,
)
from sept_jax.sampling import sample_groups
from sept_jax.scoring import Judge, gather_evidence, score_steps
from sept_jax.scoring.pool import PathJob, ReaderPool
from sept_jax.scoring.reliability import log_odds_weights
from sept_jax.sharding import place_batch
from sept_jax.steps import split_steps


@dataclasses.dataclass(frozen=True)
class Scored:
    """A batch of problems with the paths drawn for them, and what the scorer says of these.

    `seconds` are spent on the host's clock until the last path was drawn (`sample`), on scoring whenever it
    was (`score`), and on scoring after that, when the device waits for it (`score_wait`). `counts` are the
    pool's, of this batch.
    """

    problems: tuple[Problem, ...]
    texts: StepTexts
    prompt_texts: tuple[str, ...]
    prompts: Prompts
    rollouts: Rollouts
    steps: Steps
    readings: tuple[tuple[Reading, ...], ...]
    evidence: Evidence
    scores: StepScores
    seconds: Mapping[str, float]
    counts: Mapping[str, int]


def sample_and_score(
    experiment: Experiment,
    readers: ReaderPool,
    reliability: Reliability,
    params: PyTree,
    problems: Sequence[Problem],
    key: Array,
) -> Scored:
    """Problems to scored paths: prompts, rollouts, steps, evidence, scores.

    The batch is drawn in chunks; while the device draws one, the host splits and the workers read the one
    before. The paths do not depend on the number of chunks, but for the rounding of smaller matmuls.
    """
    config, scoring, began = experiment.config, experiment.scoring, time.perf_counter()
    counts = readers.counts()
    prompt_texts = tuple(render(problem, experiment.tokenizer, config.prompt) for problem in problems)
    prompts = encode_prompts(
        prompt_texts, experiment.tokenizer, tuple(config.prompt.buckets), [p.id for p in problems]
    )
    size = len(problems) // config.sampling.chunks

    def draw(first: int) -> Rollouts:
        chunk = place_batch(jax.tree.map(lambda x: x[first : first + size], prompts), experiment.mesh)
        return sample_groups(
            params, chunk, key, first,
            model=experiment.model, config=experiment.sampling, dtype=experiment.dtype,
        )  # fmt: skip

    drawn = [draw(0)]
    splits: list[tuple[Steps, StepTexts]] = []
    pending: list[Future[Reading]] = []
    overlapped = 0.0
    for first in range(0, len(problems), size):
        rollouts, last = drawn[-1], first + size == len(problems)
        if not last:
            drawn.append(draw(first + size))
        rollouts.tokens.block_until_ready()
        sampled = time.perf_counter()
        splits.append(
            split_steps(rollouts.tokens, rollouts.length, experiment.tokenizer.detokenize, scoring.max_steps)
        )
        texts = splits[-1][1].paths
        pending += readers.submit(
            [
                PathJob(problem.question, path.steps, scoring.strict)
                for problem, paths in zip(problems[first : first + size], texts, strict=True)
                for path in paths
            ]
        )
        if not last:
            overlapped += time.perf_counter() - sampled
    rollouts = _join(drawn, experiment)
    steps = _join([steps for steps, _ in splits], experiment)
    texts = StepTexts(tuple(paths for _, texts in splits for paths in texts.paths))
    group = config.sampling.group_size
    flat = readers.result(pending)
    readings = tuple(tuple(flat[row : row + group]) for row in range(0, len(flat), group))
    prompts = place_batch(prompts, experiment.mesh)
    judge = make_judge(experiment, params, prompts)
    weights, bias = scoring.log_odds, scoring.bias
    if config.scoring.weighting == "reliability":
        weights, bias = jax.device_get(log_odds_weights(reliability))
    evidence = gather_evidence(readings, texts, steps, scoring, rollouts, judge, weights)
    scores = jax.device_get(score_steps(evidence, steps.count, weights, bias))
    waited = time.perf_counter() - sampled
    return Scored(
        problems=tuple(problems),
        texts=texts,
        prompt_texts=prompt_texts,
        prompts=prompts,
        rollouts=rollouts,
        steps=steps,
        readings=readings,
        evidence=evidence,
        scores=scores,
        seconds={"sample": sampled - began, "score": overlapped + waited, "score_wait": waited},
        counts={name: count - counts[name] for name, count in readers.counts().items()},
    )


def make_judge(experiment: Experiment, params: PyTree, prompts: Prompts) -> Judge:
    """The model as the one that is asked, about paths that follow `prompts` (on the mesh)."""
    return Judge(
        params, prompts, experiment.model, experiment.tokenizer, experiment.dtype,
        experiment.config.memory.micro_batches, experiment.questions,
    )  # fmt: skip


def _join(chunks: Sequence[PyTree], experiment: Experiment) -> PyTree:
    """Chunks of a batch, as one batch on the mesh."""
    if len(chunks) == 1:
        return chunks[0]
    joined = jax.tree.map(lambda *parts: np.concatenate(parts), *jax.device_get(chunks))
    return place_batch(joined, experiment.mesh)
