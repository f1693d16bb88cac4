"""Accuracy on held-out problems, with intervals. The only place that reads gold answers."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np
from absl import logging
from jaxtyping import Array, Bool, Float, PyTree

from sept_jax.checks.answers import final_answer, same_answer
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.data import Source
from sept_jax.data.prompts import PromptConfig, encode_prompts, render
from sept_jax.errors import UserError
from sept_jax.experiment import Experiment
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.records import Problem, Prompts, Rollouts
from sept_jax.sampling import SamplingConfig, sample_groups
from sept_jax.sharding import place_batch
from sept_jax.update import jitted_path_logprobs


@dataclasses.dataclass(frozen=True)
class Bench:
    """What stays the same over all evaluations of a run: problems, how they are asked, how paths are drawn.

    `samples` paths a problem at temperature 1 (and no truncation), `batch` problems at a time.
    """

    problems: tuple[Problem, ...]
    prompts: tuple[Prompts, ...]
    samples: int
    sampling: SamplingConfig


def make_bench(
    source: Source,
    count: int,
    batch: int,
    samples: int,
    tokenizer: Tokenizer,
    prompt_config: PromptConfig,
    sampling: SamplingConfig,
) -> Bench:
    """A bench on the first `count` problems of a source that have a gold answer; the last batch is filled up
    with its last one.

    Raises:
      UserError: no problem has a gold answer.
    """
    first = [source[i] for i in range(min(count, len(source)))]
    problems = tuple(problem for problem in first if problem.answer is not None)
    if not problems:
        raise UserError("config.data: no held-out problem has an answer: evaluation needs gold answers")
    if len(problems) < len(first):
        logging.warning("%d held-out problems without an answer are left out", len(first) - len(problems))
    prompts = []
    for start in range(0, len(problems), batch):
        chunk = problems[start : start + batch]
        chunk = chunk + (chunk[-1],) * (batch - len(chunk))
        texts = [render(problem, tokenizer, prompt_config) for problem in chunk]
        prompts.append(
            encode_prompts(texts, tokenizer, tuple(prompt_config["buckets"]), [p.id for p in chunk])
        )
    plain = dataclasses.replace(sampling, group_size=samples, temperature=1.0, top_k=0, top_p=1.0)
    return Bench(problems, tuple(prompts), samples, plain)


def make_benches(experiment: Experiment) -> dict[str, Bench]:
    """What is evaluated, by the prefix of its metrics: held-out problems, and out-of-distribution ones."""
    settings = experiment.config.evaluation
    sources = {"": (experiment.held_out, settings.problems)}
    if experiment.out_of_distribution is not None:
        sources["ood_"] = (experiment.out_of_distribution, settings.ood_problems)
    return {
        name: make_bench(
            source, count, settings.batch, settings.samples, experiment.tokenizer,
            experiment.config.prompt, experiment.sampling,
        )
        for name, (source, count) in sources.items()
    }  # fmt: skip


def is_correct(text: str, gold: str | None, comparer: SymbolicComparer | None) -> bool:
    """Whether the path's final answer is the gold one; a path without an answer is wrong."""
    answer = final_answer(text)
    if answer is None or gold is None:
        return False
    same = same_answer(answer, gold)
    if same is None and comparer is not None:
        same = comparer.equal(answer, gold)
    return bool(same)


def pass_at_k(correct: Bool[np.ndarray, "N n"], k: int) -> Float[np.ndarray, "N"]:
    """Unbiased pass@k of each problem from n >= k samples: 1 - C(n - c, k) / C(n, k) (Chen et al. 2021,
    equation 1)."""
    place = np.arange(1, correct.shape[1] + 1)
    wrong = (~correct).sum(1, keepdims=True)
    return 1.0 - np.where(place > wrong, 1.0 - k / place, 1.0).prod(1)


def interval(values: Float[np.ndarray, "N"], resamples: int = 2000) -> tuple[float, float]:
    """95 % percentile bootstrap interval of the mean over problems (Efron 1979), with a fixed seed."""
    draws = np.random.default_rng(0).integers(len(values), size=(resamples, len(values)))
    low, high = np.percentile(values[draws].mean(1), [2.5, 97.5])
    return float(low), float(high)


def sample_texts(
    experiment: Experiment, params: PyTree, bench: Bench, key: Array, sampling: SamplingConfig
) -> tuple[list[list[str]], list[Rollouts]]:
    """Texts `[problem][path]` for all of a bench's problems, and the rollouts batch by batch."""
    texts, batches = [], []
    for number, prompts in enumerate(bench.prompts):
        rollouts = sample_groups(
            params,
            place_batch(prompts, experiment.mesh),
            jax.random.fold_in(key, number),
            model=experiment.model,
            config=sampling,
            dtype=experiment.dtype,
        )
        batches.append(rollouts)
        tokens, length = np.asarray(rollouts.tokens), np.asarray(rollouts.length)
        for rows, sizes in zip(tokens, length, strict=True):
            paths = zip(rows, sizes, strict=True)
            texts.append([experiment.tokenizer.decode(row[:size].tolist()) for row, size in paths])
    return texts[: len(bench.problems)], batches


def evaluate(
    experiment: Experiment,
    params: PyTree,
    bench: Bench,
    key: Array,
    comparer: SymbolicComparer | None = None,
    start: PyTree | None = None,
    name: str = "",
) -> dict[str, float | list[float]]:
    """pass@1 (mean over samples), pass@8 where there are as many samples, and greedy accuracy, each with
    `<metric>_interval`, its 95 % interval over problems; all in [0, 1].

    `start` adds `kl_to_start`, nats a token, on the sampled paths. `name` goes before each metric.
    """
    texts, batches = sample_texts(experiment, params, bench, key, bench.sampling)
    single = dataclasses.replace(bench.sampling, group_size=1, temperature=0.0)
    best, _ = sample_texts(experiment, params, bench, key, single)

    def graded(paths: Sequence[Sequence[str]]) -> np.ndarray:
        pairs = zip(bench.problems, paths, strict=True)
        return np.asarray([[is_correct(t, problem.answer, comparer) for t in row] for problem, row in pairs])

    correct = graded(texts)
    by_problem = {"pass@1": correct.mean(1), "greedy": graded(best).mean(1)}
    if bench.samples >= 8:
        by_problem["pass@8"] = pass_at_k(correct, 8)
    result: dict[str, float | list[float]] = {}
    for metric, values in by_problem.items():
        result[name + metric] = float(values.mean())
        result[name + metric + "_interval"] = list(interval(values))
    if start is not None:
        result[name + "kl_to_start"] = kl_to_start(experiment, params, start, bench, batches)
    return result


def kl_to_start(
    experiment: Experiment, params: PyTree, start: PyTree, bench: Bench, batches: Sequence[Rollouts]
) -> float:
    """KL(policy || start) in nats a token: the mean over sampled tokens of the difference of the two
    teacher-forced log-probabilities."""
    total = tokens = 0.0
    left = len(bench.problems)
    for prompts, rollouts in zip(bench.prompts, batches, strict=True):
        placed = place_batch(prompts, experiment.mesh)
        policy, other = (
            jitted_path_logprobs(
                p, model=experiment.model, prompts=placed, rollouts=rollouts, dtype=experiment.dtype,
                logit_chunk=experiment.update.logit_chunk,
            )[0][:left]
            for p in (params, start)
        )  # fmt: skip
        total += float((policy - other).sum())
        tokens += float(rollouts.length[:left].sum())
        left -= len(rollouts.length)
    return total / max(tokens, 1.0)
