"""One job of an ablation, in this process: train, choose the temperature, read the test split.

A run's folder holds what `sept_jax.train` writes, and `validation.json` and `test.json` once they are made: a
job that was cut off goes on where it was.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Iterator, Sequence
from typing import Any

import jax
from jaxtyping import PyTree

from sept_jax import command
from sept_jax.ablation.plan import START, Ablation, Job, Run, evaluation_config, run_config
from sept_jax.accuracy import per_problem
from sept_jax.bench import best_temperature, make_benches, sweep
from sept_jax.checkpoint import Checkpoints
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.experiment import Experiment, build, model_fingerprint
from sept_jax.methods import complete
from sept_jax.metrics import write_json
from sept_jax.run import commit, open_workdir, restore_policy
from sept_jax.train import train


def execute(ablation: Ablation, job: Job) -> None:
    """Does what of a job is not done yet.

    Raises:
      UserError: the run's config is bad, or its folder cannot be written.
    """
    command.cache_compilations()
    command.overlap_transfers()
    run, folder = job.run, ablation.folder(job.run)
    settings = ablation.evaluation
    if not (folder / "summary.json").exists():
        train_run(ablation, run)
    if not (folder / "validation.json").exists():
        began = time.perf_counter()
        experiment, params = trained(ablation, run, settings.validation_split)
        found = choose_temperature(experiment, params, settings.temperatures, run.seed)
        found |= {"seconds": time.perf_counter() - began, "evaluation": settings.to_dict()}
        write_json(folder / "validation.json", found)
    if job.test and not (folder / "test.json").exists():
        began = time.perf_counter()
        best = json.loads((folder / "validation.json").read_text())["best_temperature"]
        experiment, params = trained(ablation, run, settings.test_split)
        found = final_test(experiment, params, best, run.seed, settings.ood_samples)
        found["seconds"] = time.perf_counter() - began
        if run.variant != START:
            found["start"] = json.loads((folder / "start.json").read_text())
        write_json(folder / "test.json", found)
    if run.variant != START and not run_config(ablation, run).lora.rank:
        shutil.rmtree(folder / "checkpoints" / "0", ignore_errors=True)  # the seed's start has it


def train_run(ablation: Ablation, run: Run) -> None:
    """Runs or resumes the run in its folder, up to `summary.json`."""
    config, folder = complete(run_config(ablation, run)), ablation.folder(run)
    experiment = build(config)
    open_workdir(folder, config)
    if run.variant != START and not (folder / "start.json").exists():
        # of the one that it begins at: on another machine that may be made anew, and be another
        start = ablation.folder(Run(START, run.seed)) / "test.json"
        write_json(folder / "start.json", json.loads(start.read_text()))
    with jax.set_mesh(experiment.mesh):
        summary = train(experiment, folder, resume=True)
    write_json(folder / "summary.json", summary | {"config": config.to_dict(), "commit": commit()})


def trained(ablation: Ablation, run: Run, split: str) -> tuple[Experiment, PyTree]:
    """The experiment on a split of the problems, and the run's final parameters."""
    experiment = build(complete(evaluation_config(ablation, run, split)))
    checkpoints = Checkpoints(ablation.folder(run) / "checkpoints", 1, model_fingerprint(experiment))
    try:
        return experiment, restore_policy(checkpoints, experiment, None)
    finally:
        checkpoints.close()


def choose_temperature(
    experiment: Experiment, params: PyTree, temperatures: Sequence[float], seed: int
) -> dict[str, Any]:
    """Accuracy (pass@1) on the held-out problems by temperature, and the temperature of the best one."""
    bench = make_benches(experiment)[""]
    with _comparing(experiment) as comparer:
        best, accuracy = best_temperature(
            experiment, params, bench, jax.random.key(seed), temperatures, comparer
        )
    return {
        "best_temperature": best,
        "pass@1_best_temperature": accuracy[best],
        "by_temperature": {f"{t:g}": value for t, value in accuracy.items()},
    }


def final_test(
    experiment: Experiment, params: PyTree, best: float, seed: int, ood_samples: int
) -> dict[str, float]:
    """Every metric of an evaluation on the held-out problems and the out-of-distribution ones (`ood_samples`
    paths each): at temperature 1, at `best`, and greedy; in [0, 1]."""
    key = jax.random.fold_in(jax.random.key(seed), 1)  # not the paths that the temperature was chosen on
    benches = make_benches(experiment) | {
        name: bench for name, bench in make_benches(experiment, ood_samples).items() if name
    }
    result = {"best_temperature": best}
    with _comparing(experiment) as comparer:
        for name, bench in benches.items():
            drawn = sweep(experiment, params, bench, key, sorted({0.0, best, 1.0}), comparer)
            result[f"{name}greedy"] = float(drawn[0.0].correct.mean())
            for suffix, temperature in (("", 1.0), ("_best_temperature", best)):
                for metric, values in per_problem(drawn[temperature], (1, 8, 32)).items():
                    result[f"{name}{metric}{suffix}"] = float(values.mean())
    return result


@contextlib.contextmanager
def _comparing(experiment: Experiment) -> Iterator[SymbolicComparer]:
    with jax.set_mesh(experiment.mesh), contextlib.closing(SymbolicComparer()) as comparer:
        yield comparer
