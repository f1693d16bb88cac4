"""The loop: self-training with process rewards.

python -m sept_jax.train --config=configs/quickstart.py [--workdir=DIR] [--resume] [--config.KEY=VALUE ...]
"""

import dataclasses
import datetime
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import flax.struct
import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl import flags, logging
from jaxtyping import Array, PyTree
from ml_collections import ConfigDict

from sept_jax import command, curriculum, guard, report
from sept_jax.advantages import step_advantages
from sept_jax.checkpoint import Checkpoints
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.data.prompts import encode_prompts, render
from sept_jax.errors import UserError
from sept_jax.evaluate import Bench, evaluate, make_bench
from sept_jax.experiment import (
    Experiment,
    build,
    init_state,
    model_fingerprint,
    step_key,
)
from sept_jax.health import describe
from sept_jax.metrics import JsonLines, MetricsWriter, Progress, write_json
from sept_jax.records import (
    Curriculum,
    Evidence,
    Guard,
    Problem,
    Prompts,
    Rollouts,
    Steps,
    StepScores,
    StepTexts,
    TrainState,
    UpdateBatch,
)
from sept_jax.sampling import sample_groups
from sept_jax.scoring import gather_evidence, read_path, score_steps
from sept_jax.sharding import place_batch
from sept_jax.steps import split_steps
from sept_jax.update import cut_to_bucket, path_logprobs, update
from sept_jax.warm_start import warm_start


@dataclasses.dataclass(frozen=True)
class Scored:
    """A batch of problems with the paths drawn for them, and what the scorer says of these."""

    problems: tuple[Problem, ...]
    texts: StepTexts
    prompt_texts: tuple[str, ...]
    prompts: Prompts
    rollouts: Rollouts
    steps: Steps
    evidence: Evidence
    scores: StepScores
    seconds: Mapping[str, float]


def sample_and_score(
    experiment: Experiment, params: PyTree, problems: Sequence[Problem], key: Array
) -> Scored:
    """Problems to scored paths: prompts, rollouts, steps, evidence, scores."""
    config, began = experiment.config, time.perf_counter()
    prompt_texts = tuple(render(problem, experiment.tokenizer, config.prompt) for problem in problems)
    prompts = encode_prompts(
        prompt_texts, experiment.tokenizer, tuple(config.prompt.buckets), [p.id for p in problems]
    )
    prompts = place_batch(prompts, experiment.mesh)
    rollouts = sample_groups(
        params, prompts, key, model=experiment.model, config=experiment.sampling, dtype=experiment.dtype
    )
    rollouts.tokens.block_until_ready()
    sampled = time.perf_counter()
    scoring = experiment.scoring
    steps, texts = split_steps(
        rollouts.tokens, rollouts.length, experiment.tokenizer.detokenize, scoring.max_steps
    )
    evidence = gather_evidence(problems, rollouts, steps, texts, scoring)
    scores = score_steps(evidence, steps.count, np.asarray(scoring.weights, np.float32), scoring.bias)
    scores = jax.device_get(scores)
    seconds = {"sample": sampled - began, "score": time.perf_counter() - sampled}
    return Scored(tuple(problems), texts, prompt_texts, prompts, rollouts, steps, evidence, scores, seconds)


def update_batch(experiment: Experiment, scored: Scored, reference: PyTree | None) -> UpdateBatch:
    """What the update reads, cut to the length bucket of the longest path, on the mesh.

    `reference` are the start's parameters where the loss has a KL term.
    """
    advantage = step_advantages(scored.scores, scored.steps, experiment.config.advantage)
    batch = UpdateBatch(
        prompts=scored.prompts,
        rollouts=scored.rollouts,
        steps=scored.steps,
        quality=scored.scores.quality,
        advantage=advantage,
    )
    batch = cut_to_bucket(jax.device_get(batch), experiment.config.memory.length_buckets)
    batch = place_batch(batch, experiment.mesh)
    if reference is None:
        return batch
    logprob, _ = jax.jit(path_logprobs, static_argnames=("model", "dtype"))(
        reference, prompts=batch.prompts, rollouts=batch.rollouts,
        model=experiment.model, dtype=experiment.dtype,
    )  # fmt: skip
    return batch.replace(reference_logprob=logprob)


def records(experiment: Experiment, scored: Scored, step: int, count: int) -> list[dict]:
    """The first `count` problems of a batch as lines of `samples.jsonl`."""
    lines = []
    for row in range(min(count, len(scored.problems))):
        problem, paths = scored.problems[row], scored.texts.paths[row]
        readings = [read_path(problem.question, path.steps, experiment.scoring.strict) for path in paths]
        lines.append(
            report.sample_record(step, problem, scored.prompt_texts[row], paths, readings, scored.scores, row)
        )
    return lines


@flax.struct.dataclass
class Loop:
    """All that a run carries from step to step; it is what a checkpoint holds."""

    train: TrainState
    curriculum: Curriculum
    guard: Guard


def start_loop(experiment: Experiment, params: PyTree) -> Loop:
    """The loop before its first step."""
    return Loop(
        init_state(experiment, params, experiment.optimizer),
        curriculum.start(experiment.train.levels, experiment.curriculum),
        guard.start(),
    )


def restore_params(checkpoints: Checkpoints, like: PyTree, step: int) -> PyTree:
    """The parameters alone of a checkpoint; step 0 is the start."""
    return checkpoints.restore(step, {"trainable": like})[0]["trainable"]


def as_tree(loop: Loop) -> dict[str, PyTree]:
    """The loop by the names under which a checkpoint holds its parts."""
    fields = ("trainable", "frozen", "opt_state", "step", "key")
    parts = {name: getattr(loop.train, name) for name in fields}
    return parts | {"curriculum": loop.curriculum, "guard": loop.guard}


def from_tree(tree: Mapping[str, PyTree]) -> Loop:
    """The inverse of `as_tree`."""
    tree = dict(tree)
    rest = tree.pop("curriculum"), tree.pop("guard")
    return Loop(TrainState(**tree), *rest)


def roll_back(loop: Loop, checkpoints: Checkpoints, decay: float) -> tuple[Loop, int]:
    """Parameters and optimizer of the newest checkpoint, with a smaller step from there on; the step, the
    key, the curriculum and the guard go on as they are, so that the run does not walk the same way again."""
    parts = {name: part for name, part in as_tree(loop).items() if name in ("trainable", "opt_state", "step")}
    saved, _ = checkpoints.restore(None, parts)
    scale = float(optax.tree.get(loop.train.opt_state, "step_size")) * decay
    opt_state = optax.tree.set(saved["opt_state"], step_size=jnp.float32(scale))
    state = loop.train.replace(trainable=saved["trainable"], opt_state=opt_state)
    return loop.replace(train=state), int(saved["step"])


def train(experiment: Experiment, workdir: Path, resume: bool) -> dict[str, Any]:
    """Runs or resumes the loop and returns what `summary.json` holds."""
    config, began = experiment.config, time.perf_counter()
    writer, samples = MetricsWriter(workdir), JsonLines(workdir / "samples.jsonl")
    checkpoints = Checkpoints(workdir / "checkpoints", config.checkpoint.keep, model_fingerprint(experiment))
    benches, comparer = make_benches(experiment), SymbolicComparer()
    shown = [experiment.held_out[i] for i in range(min(config.batch, len(experiment.held_out)))]

    def measure(loop: Loop, start: PyTree | None) -> dict[str, Any]:
        key = step_key(loop.train.key, 0, "evaluate")
        results: dict[str, Any] = {}
        for name, bench in benches.items():
            results |= evaluate(
                loop.train.trainable, bench, key, experiment.tokenizer, experiment.model, experiment.dtype,
                comparer, start if name == "" else None, name,
            )  # fmt: skip
        writer.write(
            int(loop.train.step), {f"eval/{k}": v for k, v in results.items() if not k.endswith("_interval")}
        )
        return results

    def sample_line(loop: Loop) -> dict:
        key = step_key(loop.train.key, 0, "evaluate")
        scored = sample_and_score(experiment, loop.train.trainable, shown, key)
        return records(experiment, scored, int(loop.train.step), 1)[0]

    def save(loop: Loop, notes: dict[str, Any]) -> None:
        notes["seconds"] = notes["seconds_before"] + time.perf_counter() - began
        checkpoints.save(int(loop.train.step), as_tree(loop), notes)

    if resume and checkpoints.latest() is not None:
        loop = start_loop(experiment, experiment.params)
        saved, notes = checkpoints.restore(None, as_tree(loop))
        loop = from_tree(saved)
        notes["seconds_before"] = notes["seconds"]
        writer.truncate_after(int(loop.train.step))
        samples.truncate_after(int(loop.train.step))
    else:
        params = experiment.params
        if config.warm_start.steps:
            params = warm_start(experiment, params)
        loop = start_loop(experiment, params)
        base = measure(loop, None)
        notes = {
            "base": base,
            "last": base,
            "before": sample_line(loop),
            "sampled_tokens": 0.0,
            "train_seconds": 0.0,
        }
        notes |= {"seconds_before": 0.0, "stopped": None}
        save(loop, notes)
    reference = restore_params(checkpoints, loop.train.trainable, 0) if config.loss.kl_weight > 0 else None

    progress = Progress(config.steps, start=int(loop.train.step), name="self-training")
    for step in range(int(loop.train.step), config.steps):
        clock = time.perf_counter()
        root = loop.train.key
        indices = curriculum.draw(
            loop.curriculum, experiment.train.levels, step_key(root, step, "draw"), config.batch,
            experiment.curriculum,
        )  # fmt: skip
        problems = [experiment.train[int(i)] for i in indices]
        scored = sample_and_score(experiment, loop.train.trainable, problems, step_key(root, step, "sample"))
        scored_at = time.perf_counter()
        batch = update_batch(experiment, scored, reference)
        state, update_metrics = update(
            loop.train, batch,
            optimizer=experiment.optimizer, model=experiment.model, config=experiment.update,
            dtype=experiment.dtype,
        )  # fmt: skip
        metrics = {name: float(value) for name, value in update_metrics.items()}
        metrics |= describe(scored.rollouts, scored.steps, scored.evidence, scored.scores)
        ease = curriculum.group_ease(scored.scores, scored.evidence)
        observed = curriculum.observe(
            loop.curriculum, experiment.train.levels, indices, ease, experiment.curriculum
        )
        watched, alarm = guard.watch(loop.guard, metrics, experiment.guard)
        loop = Loop(state, observed, watched)
        if alarm and int(watched.alarms) <= config.guard.max_alarms:
            loop, back = roll_back(loop, checkpoints, config.guard.decay)
            logging.warning(
                "step %d: %s; parameters of step %d are restored, the learning rate is multiplied by %g",
                step + 1, alarm, back, config.guard.decay,
            )  # fmt: skip
        elif alarm:
            notes["stopped"] = f"step {step + 1}: {alarm}"
        now = time.perf_counter()
        metrics |= {
            "ease": float(ease.mean()),
            "level": float(np.mean([problem.level for problem in problems])),
            "level_cap": float(observed.cap),
            "alarms": float(watched.alarms),
            "seconds/sample": scored.seconds["sample"],
            "seconds/score": scored.seconds["score"],
            "seconds/update": now - scored_at,
            "seconds/step": now - clock,
            "tokens_per_s": metrics["sampled_tokens"] / (now - clock),
        }
        writer.write(step + 1, metrics)
        notes["sampled_tokens"] += metrics["sampled_tokens"]
        notes["train_seconds"] += metrics["seconds/step"]
        if (step + 1) % config.log.samples_every == 0:
            for line in records(experiment, scored, step + 1, config.log.samples):
                samples.write(line)
        ended = step + 1 == config.steps or notes["stopped"] is not None
        if (step + 1) % config.evaluation.every == 0 or ended:
            start = restore_params(checkpoints, loop.train.trainable, 0)
            notes["last"] = measure(loop, start)
        progress.update(
            step + 1,
            {"loss": metrics["loss"], "step score": metrics["step_score"], "pass@1": notes["last"]["pass@1"]},
            metrics["tokens_per_s"],
        )
        if (step + 1) % config.checkpoint.every == 0 or ended or alarm:
            save(loop, notes)
        if notes["stopped"]:
            logging.error("the run stops at %s", notes["stopped"])
            break
    progress.close()
    after = sample_line(loop)
    comparer.close()
    checkpoints.close()
    writer.close()
    samples.close()
    return {
        "base": notes["base"],
        "final": notes["last"],
        "steps": int(loop.train.step),
        "seconds": notes["seconds_before"] + time.perf_counter() - began,
        "tokens_per_s": notes["sampled_tokens"] / max(notes["train_seconds"], 1e-9),
        "stopped": notes["stopped"],
        "before": notes["before"],
        "after": after,
    }


def make_benches(experiment: Experiment) -> dict[str, Bench]:
    """What is evaluated, by the prefix of its metrics: held-out problems, and out-of-distribution ones."""
    config = experiment.config
    sources = {"": (experiment.held_out, config.evaluation.problems)}
    if experiment.out_of_distribution is not None:
        sources["ood_"] = (experiment.out_of_distribution, config.evaluation.ood_problems)
    return {
        name: make_bench(
            source, count, config.evaluation.batch, config.evaluation.samples, experiment.tokenizer,
            config.prompt, tuple(config.prompt.buckets), experiment.sampling,
        )
        for name, (source, count) in sources.items()
    }  # fmt: skip


def open_workdir(config: ConfigDict, given: str | None, config_file: str, resume: bool) -> Path:
    """The run's directory, made if need be, with the config in it.

    Raises:
      UserError: it holds another run and `resume` is not asked for, or there is nothing to resume.
    """
    name = Path(config_file.split(":")[0]).stem
    workdir = Path(given or f"runs/{name}-{datetime.datetime.now():%Y%m%d-%H%M%S}")
    used = (workdir / "config.json").exists()
    if used and not resume:
        raise UserError(
            f"--workdir={workdir} holds a run: type --resume to continue it, or pass another --workdir"
        )
    if resume and not given:
        raise UserError("--resume needs the run to continue: type --workdir=runs/NAME --resume")
    if resume and not used:
        raise UserError(f"--workdir={workdir} holds no run to resume: leave out --resume to start one there")
    write_json(workdir / "config.json", config.to_dict())
    return workdir


def commit() -> str | None:
    """The git commit of the source tree, with "+" if it has changes; None outside a checkout."""

    def git(*args: str) -> str:
        there = Path(__file__).parent
        return subprocess.run(
            ["git", *args], cwd=there, check=True, capture_output=True, text=True
        ).stdout.strip()

    try:
        return git("rev-parse", "HEAD") + ("+" if git("status", "--porcelain", "-uno") else "")
    except (OSError, subprocess.CalledProcessError):
        return None


def main(config: ConfigDict) -> None:
    config_file = flags.FLAGS["config"].config_filename
    experiment = build(config)
    workdir = open_workdir(config, flags.FLAGS.workdir, config_file, flags.FLAGS.resume)
    print(f"writing to {workdir}", flush=True)
    with jax.set_mesh(experiment.mesh):
        summary = train(experiment, workdir, flags.FLAGS.resume)
    shown = {name: summary.pop(name) for name in ("before", "after")}
    write_json(workdir / "summary.json", summary | {"config": config.to_dict(), "commit": commit()})
    print("\n" + report.table(summary["base"], summary["final"]))
    for name, record in shown.items():
        print("\n" + report.solution(f"{name} self-training", record))
    print(f"\n{summary['steps']} steps in {summary['seconds']:.0f} s; all of it is in {workdir}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Where the run is written; default runs/<config>-<date>.")
    flags.DEFINE_bool("resume", False, "Continue the run in --workdir from its newest checkpoint.")
    command.run(main)
