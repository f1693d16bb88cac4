"""Accuracy on held-out problems, with intervals. The only place that reads gold answers."""

import dataclasses
from collections.abc import Sequence

import jax
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Array, Bool, Float, PyTree

from sept_jax.checks.answers import final_answer, same_answer
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.data import Source
from sept_jax.data.prompts import PromptConfig, Tokenizer, encode_prompts, render
from sept_jax.models.config import ModelConfig
from sept_jax.records import Problem, Prompts, Rollouts
from sept_jax.sampling import SamplingConfig, sample_groups
from sept_jax.sharding import place_batch
from sept_jax.update import path_logprobs


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
    buckets: tuple[int, ...],
    sampling: SamplingConfig,
) -> Bench:
    """A bench on the first `count` problems of a source; the last batch is filled up with its last one."""
    problems = tuple(source[i] for i in range(min(count, len(source))))
    prompts = []
    for start in range(0, len(problems), batch):
        chunk = problems[start : start + batch]
        chunk = chunk + (chunk[-1],) * (batch - len(chunk))
        texts = [render(problem, tokenizer, prompt_config) for problem in chunk]
        prompts.append(encode_prompts(texts, tokenizer, buckets, [p.id for p in chunk]))
    plain = dataclasses.replace(sampling, group_size=samples, temperature=1.0, top_k=0, top_p=1.0)
    return Bench(problems, tuple(prompts), samples, plain)


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
    params: PyTree,
    bench: Bench,
    key: Array,
    tokenizer: Tokenizer,
    model: ModelConfig,
    sampling: SamplingConfig,
    dtype: DTypeLike,
) -> tuple[list[list[str]], list[Rollouts]]:
    """Texts `[problem][path]` for all of a bench's problems, and the rollouts batch by batch."""
    texts, batches = [], []
    mesh = jax.sharding.get_mesh()
    for number, prompts in enumerate(bench.prompts):
        rollouts = sample_groups(
            params, place_batch(prompts, mesh), jax.random.fold_in(key, number),
            model=model, config=sampling, dtype=dtype,
        )  # fmt: skip
        batches.append(rollouts)
        tokens, length = np.asarray(rollouts.tokens), np.asarray(rollouts.length)
        for b in range(len(tokens)):
            texts.append(
                [tokenizer.decode(tokens[b, g, : length[b, g]].tolist()) for g in range(len(length[b]))]
            )
    return texts[: len(bench.problems)], batches


def evaluate(
    params: PyTree,
    bench: Bench,
    key: Array,
    tokenizer: Tokenizer,
    model: ModelConfig,
    dtype: DTypeLike,
    comparer: SymbolicComparer | None = None,
    start: PyTree | None = None,
    name: str = "",
) -> dict[str, float | list[float]]:
    """pass@1 (mean over samples), pass@8 where there are as many samples, and greedy accuracy, each with
    `<metric>_interval`, its 95 % interval over problems; all in [0, 1].

    `start` adds `kl_to_start`, nats a token, on the sampled paths. `name` goes before each metric.
    """
    texts, batches = sample_texts(params, bench, key, tokenizer, model, bench.sampling, dtype)
    single = dataclasses.replace(bench.sampling, group_size=1, temperature=0.0)
    best, _ = sample_texts(params, bench, key, tokenizer, model, single, dtype)

    def graded(paths: Sequence[Sequence[str]]) -> np.ndarray:
        return np.asarray(
            [
                [is_correct(t, p.answer, comparer) for t in row]
                for p, row in zip(bench.problems, paths, strict=True)
            ]
        )

    correct = graded(texts)
    by_problem = {"pass@1": correct.mean(1), "greedy": graded(best).mean(1)}
    if bench.samples >= 8:
        by_problem["pass@8"] = pass_at_k(correct, 8)
    result: dict[str, float | list[float]] = {}
    for metric, values in by_problem.items():
        result[name + metric] = float(values.mean())
        result[name + metric + "_interval"] = list(interval(values))
    if start is not None:
        result[name + "kl_to_start"] = kl_to_start(start, bench, batches, model, dtype)
    return result


def kl_to_start(
    start: PyTree, bench: Bench, batches: Sequence[Rollouts], model: ModelConfig, dtype: DTypeLike
) -> float:
    """Mean over sampled tokens of logprob - start's logprob, nats a token: KL(policy || start) unbiased."""
    total = tokens = 0.0
    mesh = jax.sharding.get_mesh()
    for prompts, rollouts in zip(bench.prompts, batches, strict=True):
        logprob, _ = _start_logprobs(start, place_batch(prompts, mesh), rollouts, model, dtype)
        total += float((rollouts.logprob - logprob).sum())
        tokens += float(rollouts.length.sum())
    return total / max(tokens, 1.0)


_start_logprobs = jax.jit(
    lambda params, prompts, rollouts, model, dtype: path_logprobs(params, model, prompts, rollouts, dtype),
    static_argnames=("model", "dtype"),
)
