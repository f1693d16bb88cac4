"""Problems that stay the same over evaluations, and the paths drawn for them at a temperature."""

import dataclasses
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence

import jax
import numpy as np
from absl import logging
from jaxtyping import Array, Int, PyTree

from sept_jax.accuracy import Graded
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.data import Source
from sept_jax.data.prompts import PromptConfig, encode_prompts, render
from sept_jax.errors import UserError
from sept_jax.experiment import Experiment
from sept_jax.grading import grade
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.records import Problem, Prompts, Rollouts
from sept_jax.sampling import SamplingConfig, compilations, sample_groups
from sept_jax.sharding import fetch_batch, gather_rows, own_rows, place_batch


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


def make_benches(experiment: Experiment, samples: int | None = None) -> dict[str, Bench]:
    """What is evaluated, by the prefix of its metrics: held-out problems, out-of-distribution ones, those cut
    from the training part, and those of other tasks.

    `samples` paths a problem, by default the config's.
    """
    settings = experiment.config.evaluation
    sources = {"": (experiment.held_out, settings.problems)}
    if experiment.out_of_distribution is not None:
        sources["ood_"] = (experiment.out_of_distribution, settings.ood_problems)
    if experiment.validation is not None:
        sources["validation_"] = (experiment.validation, len(experiment.validation))
    sources |= {f"{task}_": (source, settings.problems) for task, source in experiment.others.items()}
    return {
        name: bench_of(experiment, source, count, samples or settings.samples)
        for name, (source, count) in sources.items()
    }


def bench_of(experiment: Experiment, source: Source, count: int, samples: int) -> Bench:
    """A bench of an experiment on a source: `make_bench` with the experiment's prompt and sampling.

    For more samples than the config's the batch is smaller, so that no more paths are in memory at a time.
    """
    config, mesh = experiment.config, experiment.mesh
    rows = 1 if mesh.empty else mesh.shape["data"] * mesh.shape["fsdp"]
    fitting = config.evaluation.batch * config.evaluation.samples // samples // rows * rows
    batch = max(rows, min(config.evaluation.batch, fitting))
    return make_bench(source, count, batch, samples, experiment.tokenizer, config.prompt, experiment.sampling)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """One batch of a bench: the rollouts, on the mesh, of which the first `count` rows are problems and the
    rest fills the batch up; and the problems and texts `[problem][path]` of this process's `rows`.

    `tokens`, this process's, were drawn for the texts in `seconds`; `compiled` if these hold a compilation.
    """

    problems: tuple[Problem, ...]
    texts: list[list[str]]
    rows: Int[np.ndarray, " rows"]
    count: int
    rollouts: Rollouts
    tokens: int
    seconds: float
    compiled: bool


def draw_paths(
    experiment: Experiment, params: PyTree, bench: Bench, key: Array, sampling: SamplingConfig
) -> Iterator[Drawn]:
    """The bench's paths, batch by batch."""
    first, decode, mesh = 0, experiment.tokenizer.decode, experiment.mesh
    for number, prompts in enumerate(bench.prompts):
        size = len(prompts.length)
        batch = bench.problems[first : first + size]
        first += size
        rows = own_rows(size, mesh)
        before, began = compilations(), time.perf_counter()
        rollouts = sample_groups(
            params,
            place_batch(jax.tree.map(lambda x, rows=rows: x[rows], prompts), mesh),
            jax.random.fold_in(key, number),
            model=experiment.adapted,
            config=sampling,
            dtype=experiment.dtype,
        )
        problems = tuple(batch[row] for row in rows if row < len(batch))
        tokens, length = (x[: len(problems)] for x in fetch_batch((rollouts.tokens, rollouts.length)))
        seconds = time.perf_counter() - began
        texts = [
            [decode(path[:end].tolist()) for path, end in zip(paths, ends, strict=True)]
            for paths, ends in zip(tokens, length, strict=True)
        ]
        compiled = compilations() > before
        yield Drawn(problems, texts, rows, len(batch), rollouts, int(length.sum()), seconds, compiled)


def grade_drawn(batches: Iterable[Drawn], comparer: SymbolicComparer | None) -> Graded:
    """A bench's batches, graded; every process grades its rows and has all of them."""
    graded, tokens, seconds = [], 0, 0.0
    for batch in batches:
        size, paths = batch.rollouts.length.shape
        shape = (len(batch.rows), paths)
        correct, answer = np.zeros(shape, bool), np.zeros(shape, np.int32)
        level = np.zeros(len(batch.rows), np.float32)
        for row, (problem, texts) in enumerate(zip(batch.problems, batch.texts, strict=True)):
            correct[row], answer[row] = grade(texts, problem.answer, comparer)
            level[row] = problem.level
        whole = gather_rows((correct, answer, level), batch.rows, size)
        graded.append([x[: batch.count] for x in whole])
        if not batch.compiled:
            tokens, seconds = tokens + batch.tokens, seconds + batch.seconds
    correct, answer, levels = map(np.concatenate, zip(*graded, strict=True))
    return Graded(correct, answer, levels, tokens, seconds)


def sample_graded(
    experiment: Experiment,
    params: PyTree,
    bench: Bench,
    key: Array,
    temperature: float = 1.0,
    comparer: SymbolicComparer | None = None,
) -> Graded:
    """The bench's paths drawn at a temperature and graded; one path a problem at temperature 0 (greedy).

    The same key draws the same paths of the same parameters.
    """
    paths = 1 if temperature == 0 else bench.samples
    sampling = dataclasses.replace(bench.sampling, group_size=paths, temperature=float(temperature))
    return grade_drawn(draw_paths(experiment, params, bench, key, sampling), comparer)


def sweep(
    experiment: Experiment,
    params: PyTree,
    bench: Bench,
    key: Array,
    temperatures: Sequence[float],
    comparer: SymbolicComparer | None = None,
) -> dict[float, Graded]:
    """`sample_graded` at each temperature, with one key for all."""
    return {t: sample_graded(experiment, params, bench, key, t, comparer) for t in temperatures}


def best_temperature(
    experiment: Experiment,
    params: PyTree,
    bench: Bench,
    key: Array,
    temperatures: Sequence[float],
    comparer: SymbolicComparer | None = None,
) -> tuple[float, dict[float, float]]:
    """The temperature of the highest pass@1, of ties the highest, which is the most diverse; and pass@1 by
    temperature."""
    swept = sweep(experiment, params, bench, key, temperatures, comparer)
    return best_of(swept), {t: float(graded.correct.mean()) for t, graded in swept.items()}


def best_of(swept: Mapping[float, Graded]) -> float:
    """The temperature of the highest pass@1, of ties the highest."""
    return max(swept, key=lambda t: (swept[t].correct.mean(), t))
