"""From problems to scored paths: the loop's stages before the update, chunk by chunk."""

import dataclasses
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future

import jax
import numpy as np
from jaxtyping import Array, Int, PyTree

from sept_jax import report
from sept_jax.checks.reading import Reading
from sept_jax.data.prompts import encode_prompts, render
from sept_jax.experiment import Experiment
from sept_jax.methods import METHODS, Group
from sept_jax.processes import largest
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
from sept_jax.scoring.reliability import count_votes, log_odds_weights
from sept_jax.sharding import fetch_batch, own_rows, place_batch
from sept_jax.steps import split_steps


@dataclasses.dataclass(frozen=True)
class Scored:
    """This process's rows of a batch of problems, on the host, with the paths drawn for them, and what the
    scorer says of these; `rows` are their places in the batch, of `count` problems.

    `votes` are the channels' of the whole batch. `seconds` are spent on the host's clock until the last path
    was drawn (`sample`), on scoring whenever it was (`score`), and on scoring after that, when the device
    waits for it (`score_wait`). `counts` are the pool's, of this batch.
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
    votes: Reliability
    rows: Int[np.ndarray, " B"]
    count: int


def sample_and_score(
    experiment: Experiment,
    readers: ReaderPool,
    reliability: Reliability,
    params: PyTree,
    problems: Sequence[Problem],
    key: Array,
) -> Scored:
    """Problems to scored paths: prompts, rollouts, steps, evidence, scores.

    `problems` are the whole batch's; what is returned is of this process's. The batch is drawn in chunks;
    while the device draws one, the host splits and the workers read the one before. The paths do not depend
    on the number of chunks, but for the rounding of smaller matmuls.
    """
    config, scoring, began = experiment.config, experiment.scoring, time.perf_counter()
    mesh, counts = experiment.mesh, readers.counts()
    count, size = len(problems), len(problems) // config.sampling.chunks
    chunks = [first + own_rows(size, mesh) for first in range(0, count, size)]
    rows = np.concatenate(chunks)
    problems = tuple(problems[row] for row in rows)
    prompt_texts = tuple(render(problem, experiment.tokenizer, config.prompt) for problem in problems)
    prompts = encode_prompts(
        prompt_texts, experiment.tokenizer, tuple(config.prompt.buckets), [p.id for p in problems], largest
    )
    own = len(rows) // len(chunks)
    parts = [slice(first, first + own) for first in range(0, len(rows), own)]

    def draw(number: int) -> Rollouts:
        chunk = place_batch(jax.tree.map(lambda x: x[parts[number]], prompts), mesh)
        return sample_groups(
            params, chunk, key, number * size,
            model=experiment.adapted, config=experiment.sampling, dtype=experiment.dtype,
        )  # fmt: skip

    ahead = draw(0)
    drawn: list[Rollouts] = []
    splits: list[tuple[Steps, StepTexts]] = []
    pending: list[Future[Reading]] = []
    overlapped = 0.0
    for number, part in enumerate(parts):
        rollouts, last = ahead, number + 1 == len(parts)
        if not last:
            ahead = draw(number + 1)
        drawn.append(fetch_batch(rollouts))
        sampled = time.perf_counter()
        splits.append(
            split_steps(
                drawn[-1].tokens, drawn[-1].length, experiment.tokenizer.detokenize, scoring.max_steps
            )
        )
        pending += readers.submit(
            [
                PathJob(problem.question, path.steps, scoring.strict)
                for problem, paths in zip(problems[part], splits[-1][1].paths, strict=True)
                for path in paths
            ]
        )
        if not last:
            overlapped += time.perf_counter() - sampled
    rollouts = _join(drawn)
    steps = _join([steps for steps, _ in splits])
    texts = StepTexts(tuple(paths for _, texts in splits for paths in texts.paths))
    group = config.sampling.group_size
    flat = readers.result(pending)
    readings = tuple(tuple(flat[row : row + group]) for row in range(0, len(flat), group))
    weights, bias = scoring.log_odds, scoring.bias
    if config.scoring.weighting == "reliability":
        weights, bias = jax.device_get(log_odds_weights(reliability))
    judge = make_judge(experiment, params, prompts)
    evidence = gather_evidence(readings, texts, steps, scoring, rollouts, judge, weights)
    placed, step_count = place_batch((evidence, steps.count), mesh)
    scores = fetch_batch(score_steps(placed, step_count, weights, bias))
    votes = jax.device_get(count_votes(placed, step_count, reliability))
    waited = time.perf_counter() - sampled
    return Scored(
        problems=problems,
        texts=texts,
        prompt_texts=prompt_texts,
        prompts=prompts,
        rollouts=rollouts,
        steps=steps,
        readings=readings,
        evidence=evidence,
        scores=scores,
        seconds={"sample": sampled - began, "score": overlapped + waited, "score_wait": waited},
        counts={name: now - counts[name] for name, now in readers.counts().items()},
        votes=votes,
        rows=rows,
        count=count,
    )


def rewarded(experiment: Experiment, scored: Scored, params: PyTree, key: Array) -> StepScores:
    """The scores that the method learns from: the steps' own, or with its reward for the paths' quality."""
    reward = METHODS[experiment.config.method].reward
    if reward is None:
        return scored.scores
    judge = make_judge(experiment, params, scored.prompts)
    group = Group(
        scored.problems, scored.texts, scored.rollouts, scored.steps, scored.evidence, judge, key,
        scored.rows, scored.count,
    )  # fmt: skip
    return scored.scores.replace(quality=reward(group))


def make_judge(experiment: Experiment, params: PyTree, prompts: Prompts) -> Judge:
    """The model as the one that is asked, about paths that follow `prompts`."""
    return Judge(
        params, place_batch(prompts, experiment.mesh), experiment.adapted, experiment.tokenizer,
        experiment.dtype, experiment.config.memory.micro_batches, experiment.questions,
        experiment.update.logit_chunk,
    )  # fmt: skip


def sample_lines(scored: Scored, step: int, count: int) -> list[dict]:
    """The first `count` problems of this process as lines of `samples.jsonl`."""
    lines = []
    for row in range(min(count, len(scored.problems))):
        problem, paths, readings = scored.problems[row], scored.texts.paths[row], scored.readings[row]
        lines.append(
            report.sample_record(step, problem, scored.prompt_texts[row], paths, readings, scored.scores, row)
        )
    return lines


def _join(chunks: Sequence[PyTree]) -> PyTree:
    """Chunks of a batch as one."""
    return jax.tree.map(lambda *parts: np.concatenate(parts), *chunks)
