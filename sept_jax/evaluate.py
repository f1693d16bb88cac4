"""Accuracy of a run's base and of a checkpoint, on one or more sets of problems, with intervals.

python -m sept_jax.evaluate --config=configs/quickstart.py --workdir=runs/NAME [--json=FILE] \\
    [--data=PATH/gsm8k,FILE.jsonl] [--config.KEY=VALUE ...]

Without --workdir it evaluates the model of config.model.path.
"""

import contextlib
import math
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import jax
from absl import flags
from jaxtyping import Array, PyTree
from ml_collections import ConfigDict

from sept_jax import command, report
from sept_jax.accuracy import Metrics, differences, per_problem, with_intervals
from sept_jax.bench import Bench, bench_of, draw_paths, grade_drawn, make_benches, sample_graded
from sept_jax.checkpoint import Checkpoints
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.data.jsonl import JsonlSource
from sept_jax.errors import UserError
from sept_jax.experiment import Experiment, build, model_fingerprint, place_params
from sept_jax.folders import Folder, folder
from sept_jax.machine import check_file, device_count
from sept_jax.measure import described, measure
from sept_jax.metrics import write_json
from sept_jax.records import Rollouts
from sept_jax.run import commit, restore_policy
from sept_jax.sharding import own_rows, place_batch
from sept_jax.sources import make_sources
from sept_jax.update import jitted_path_logprobs


def evaluate(
    experiment: Experiment,
    params: PyTree,
    bench: Bench,
    key: Array,
    comparer: SymbolicComparer | None = None,
    start: PyTree | None = None,
    name: str = "",
) -> Metrics:
    """What the loop measures: pass@1 (mean over samples), greedy accuracy, and pass@8 and maj@8 where there
    are as many samples, each with `<metric>_interval`, its 95 % interval over problems; all in [0, 1].

    `start` adds `kl_to_start`, nats a token, on the sampled paths. `name` goes before each metric.
    """
    batches = list(draw_paths(experiment, params, bench, key, bench.sampling))
    greedy = sample_graded(experiment, params, bench, key, 0.0, comparer)
    values = per_problem(grade_drawn(batches, comparer), (1, 8)) | {"greedy": greedy.correct.mean(1)}
    result = with_intervals({name + metric: each for metric, each in values.items()})
    if start is not None:
        rollouts = [batch.rollouts for batch in batches]
        result[name + "kl_to_start"] = kl_to_start(experiment, params, start, bench, rollouts)
    return result


def kl_to_start(
    experiment: Experiment, params: PyTree, start: PyTree, bench: Bench, batches: Sequence[Rollouts]
) -> float:
    """KL(policy || start) in nats a token: the mean over sampled tokens of the difference of the two
    teacher-forced log-probabilities."""
    total = tokens = 0.0
    left = len(bench.problems)
    for prompts, rollouts in zip(bench.prompts, batches, strict=True):
        rows = own_rows(len(prompts.length), experiment.mesh)
        placed = place_batch(jax.tree.map(lambda x, rows=rows: x[rows], prompts), experiment.mesh)
        policy, other = (
            jitted_path_logprobs(
                p, model=experiment.adapted, prompts=placed, rollouts=rollouts, dtype=experiment.dtype,
                logit_chunk=experiment.update.logit_chunk,
            )[0][:left]
            for p in (params, start)
        )  # fmt: skip
        total += float((policy - other).sum())
        tokens += float(rollouts.length[:left].sum())
        left -= len(rollouts.length)
    return total / max(tokens, 1.0)


def models(
    experiment: Experiment, workdir: Folder | None, step: int | None, compare_base: bool
) -> Iterator[tuple[str, int, PyTree]]:
    """Name, step and parameters, on the mesh, of what is evaluated: the base (without a run, the config's
    model), then the checkpoint.

    Raises:
      UserError: there is no such checkpoint, or it is of another model.
    """
    if workdir is None:
        yield "base", 0, place_params(experiment, experiment.params)
        return
    config = experiment.config
    checkpoints = Checkpoints(workdir / "checkpoints", config.checkpoint.keep, model_fingerprint(experiment))
    with contextlib.closing(checkpoints):
        step = checkpoints.latest() if step is None else step
        if compare_base and step != 0:
            yield "base", 0, restore_policy(checkpoints, experiment, 0)
        yield "base" if step == 0 else "trained", step or 0, restore_policy(checkpoints, experiment, step)


def check_steps(workdir: Folder, step: int | None, compare_base: bool) -> None:
    """Checks that the checkpoints that `models` reads are there.

    Raises:
      UserError: one is not.
    """
    if not (workdir / "checkpoints").is_dir():
        raise UserError(f"--workdir={workdir} holds no run: type --workdir=runs/NAME")
    with contextlib.closing(Checkpoints(workdir / "checkpoints", 1, {})) as checkpoints:
        steps = checkpoints.steps()
    if not steps:
        raise UserError(f"--workdir={workdir} has no checkpoint: train first, or type --workdir=runs/NAME")
    if step not in (None, *steps):
        raise UserError(
            f"--step={step}: --workdir={workdir} has no checkpoint of step {step}: it has steps "
            f"{', '.join(map(str, steps))}; type --step={steps[-1]}"
        )
    if compare_base and 0 not in steps:
        raise UserError(f"--workdir={workdir} has no checkpoint of the start: type --nocompare_base")


def sources_of(experiment: Experiment, data: Sequence[str], samples: int) -> dict[str, Bench]:
    """The config's problems, held out, out of distribution and of other tasks, and those of further JSONL
    folders or files.

    Raises:
      UserError: a file is missing or malformed, holds no gold answer, or a prompt is too long.
    """
    names = {"": "held_out", "ood_": "out_of_distribution"}
    benches = make_benches(experiment, samples)
    benches = {names.get(prefix, prefix.rstrip("_")): bench for prefix, bench in benches.items()}
    for given in data:
        path, config = Path(given), experiment.config
        try:
            source = JsonlSource(path, config.data.eval_split)
            bench = bench_of(experiment, source, config.evaluation.problems, samples)
        except UserError as error:
            raise UserError(f"--data={given}: {error}") from error
        benches[given if path.stem in benches else path.stem] = bench
    return benches


def validation_bench(experiment: Experiment, samples: int) -> Bench | None:
    """Problems to choose a temperature on: a validation split where problems are made, else those cut from
    the training part; None where there are none, or they are what is evaluated."""
    config = experiment.config.copy_and_resolve_references()
    if config.data.eval_split == "validation":
        return None
    if config.data.source in ("procedural", "gym"):
        config.data.eval_split = "validation"
        return bench_of(experiment, make_sources(config).held_out, config.evaluation.problems, samples)
    if experiment.validation is not None:
        return bench_of(experiment, experiment.validation, len(experiment.validation), samples)
    return None


def temperatures_of(given: Sequence[str]) -> list[float]:
    """The temperatures of the flag, without repetitions.

    Raises:
      UserError: one is no number above 0, or there is none.
    """
    try:
        temperatures = list(dict.fromkeys(map(float, given)))
    except ValueError:
        temperatures = []
    if not temperatures or not all(0 < t < math.inf for t in temperatures):
        raise UserError(
            f"--temperatures={','.join(given)}: expected numbers above 0; type --temperatures=0.4,0.6,0.8,1.0"
        )
    return temperatures


def evaluate_run(
    config: ConfigDict,
    workdir: Folder | None,
    temperatures: Sequence[float],
    *,
    samples: int = 32,
    step: int | None = None,
    compare_base: bool = True,
    data: Sequence[str] = (),
) -> dict[str, Any]:
    """What the command writes: a run's base and its checkpoint of `step`, by default the newest, `described`
    on the config's problems and on those of the files or folders in `data`, and the gain.

    Without `workdir` the base is the model of `config.model.path`.

    Raises:
      UserError: there is no such run or checkpoint, it does not fit the config, or data cannot be read.
    """
    began = time.perf_counter()
    if workdir is None and (config.model.path is None or step):
        raise UserError("--workdir is missing: type --workdir=runs/NAME, or --config.model.path=MODEL alone")
    if workdir is not None:
        check_steps(workdir, step, compare_base)
    experiment = build(config)
    benches = sources_of(experiment, data, samples)
    choose_on = validation_bench(experiment, samples)
    found, result = {}, {}
    with jax.set_mesh(experiment.mesh), contextlib.closing(SymbolicComparer()) as comparer:
        key = jax.random.key(config.seed)
        for name, at, params in models(experiment, workdir, step, compare_base):
            found[name] = measure(experiment, params, benches, key, temperatures, choose_on, comparer)
            result[name] = {"step": at} | described(found[name], benches)
    if len(found) == 2:
        base, trained = (found[name].values for name in ("base", "trained"))
        result["gain"] = {name: differences(base[name], trained[name]) for name in benches}
    chosen_on = next(iter(benches)) if choose_on is None else "validation"
    return result | {
        "samples": samples, "split": config.data.eval_split, "temperature_chosen_on": chosen_on,
        "comparisons_given_up": comparer.restarts, "seconds": time.perf_counter() - began,
        "device": jax.devices()[0].device_kind, "config": config.to_dict(), "commit": commit(),
    }  # fmt: skip


def main(config: ConfigDict) -> None:
    given = flags.FLAGS
    temperatures = temperatures_of(given.temperatures)
    if given.json:
        check_file("--json", Path(given.json))
    device_count()
    if given.split:
        config.data.eval_split = given.split
    if given.problems:
        config.evaluation.problems = given.problems
        config.evaluation.ood_problems = min(config.evaluation.ood_problems, 1) * given.problems
    result = evaluate_run(
        config,
        folder(given.workdir) if given.workdir else None,
        temperatures,
        samples=given.samples,
        step=given.step,
        compare_base=given.compare_base,
        data=given.data,
    )
    print(report.evaluation(result))
    if given.json:
        write_json(given.json, result)
        print(f"\nwritten to {given.json}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "The run whose checkpoints are evaluated.")
    flags.DEFINE_integer("step", None, "The checkpoint; default the newest. 0 is the base.", lower_bound=0)
    flags.DEFINE_bool("compare_base", True, "Evaluate the base as well.")
    flags.DEFINE_string("split", None, "The split of the problems; default config.data.eval_split.")
    flags.DEFINE_list("data", [], "Further JSONL files, or folders with <split>.jsonl.")
    flags.DEFINE_integer("samples", 32, "Paths a problem.", lower_bound=1)
    flags.DEFINE_integer("problems", None, "Problems a source; default the config's.", lower_bound=1)
    flags.DEFINE_list("temperatures", ["0.4", "0.6", "0.8", "1.0"], "Among which the best is chosen.")
    flags.DEFINE_string("json", None, "Where the result is written.")
    command.run(main)
