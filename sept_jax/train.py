"""The loop: self-training with process rewards.

python -m sept_jax.train --config=configs/quickstart.py [--workdir=DIR] [--resume] [--config.KEY=VALUE ...]

On a pod or a cluster every process runs the same command with --distributed.
"""

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import numpy as np
from absl import flags, logging
from jaxtyping import Array, Float, PyTree
from ml_collections import ConfigDict

from sept_jax import command, curriculum, guard, memory, processes, report
from sept_jax.advantages import step_advantages
from sept_jax.checkpoint import Checkpoints
from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.collect import Scored, rewarded, sample_and_score, sample_lines
from sept_jax.errors import UserError
from sept_jax.evaluate import evaluate, make_benches
from sept_jax.experiment import Experiment, build, model_fingerprint, policy, start_policy, step_key
from sept_jax.folders import Files, Folder, files_of, folder
from sept_jax.health import answer_marks, common_answer, describe, means
from sept_jax.lock import only_one
from sept_jax.methods import METHODS
from sept_jax.metrics import JsonLines, MetricsWriter, Progress, write_json
from sept_jax.preemption import Preempted, heard
from sept_jax.records import Reliability, StepScores, UpdateBatch
from sept_jax.run import (
    Loop,
    check_start,
    commit,
    find_workdir,
    open_workdir,
    restore_loop,
    restore_policy,
    roll_back,
    save_loop,
    start_loop,
    start_of,
)
from sept_jax.scoring.pool import ReaderPool
from sept_jax.scoring.reliability import update_reliability
from sept_jax.sharding import batch_total, fetch_batch, gather_rows, place_batch
from sept_jax.update import jitted_path_logprobs, micro_batches, update
from sept_jax.validation import profile_steps
from sept_jax.warm_start import further_batch, warm_start


def update_pieces(
    experiment: Experiment, scored: Scored, scores: StepScores, step: int, reference: PyTree | None
) -> list[UpdateBatch]:
    """The micro-batches that the update of step `step` reads.

    `reference` are the start's parameters, which a KL term of the loss needs.
    """
    config = experiment.config
    batch = (
        further_batch(experiment, step)
        if METHODS[config.method].worked
        else UpdateBatch(
            prompts=scored.prompts,
            rollouts=scored.rollouts,
            steps=scored.steps,
            quality=scores.quality,
            advantage=fetch_batch(
                step_advantages(*place_batch((scores, scored.steps), experiment.mesh), config.advantage)
            ),
        )
    )
    pieces = micro_batches(batch, config.memory.micro_batches, config.memory.length_buckets)
    if config.loss.kl_weight == 0 or experiment.update.objective == "likelihood":
        return pieces

    def with_reference(piece: UpdateBatch) -> UpdateBatch:
        placed = place_batch(piece, experiment.mesh)
        logprob, _ = jitted_path_logprobs(
            reference, model=experiment.adapted, prompts=placed.prompts, rollouts=placed.rollouts,
            dtype=experiment.dtype, logit_chunk=experiment.update.logit_chunk,
        )  # fmt: skip
        return piece.replace(reference_logprob=fetch_batch(logprob))

    return [with_reference(piece) for piece in pieces]


def batch_metrics(
    experiment: Experiment, scored: Scored, scores: StepScores, reliability: Reliability
) -> tuple[dict[str, float], Float[np.ndarray, " B"]]:
    """What the whole batch shows, and the ease of each of its problems; every process gets the same."""
    sums = describe(
        scored.prompts, scored.rollouts, scored.steps, scored.texts, scored.evidence, scored.scores,
        reliability,
    )  # fmt: skip
    quality = scores.quality
    sums["reward"] = (float(quality.sum()), quality.size)
    sums["reward_spread"] = (float(quality.std(-1).sum()), len(quality))
    totals = batch_total(np.array(list(sums.values()), np.float64), experiment.mesh).tolist()
    totals = dict(zip(sums, map(tuple, totals), strict=True))
    marks, ease = gather_rows(
        (answer_marks(scored.texts), curriculum.group_ease(scored.scores, scored.evidence)),
        scored.rows, scored.count,
    )  # fmt: skip
    rest = {"sampled_tokens": totals["length"][0], "common_answer": common_answer(marks)}
    return means(totals) | rest | {"ease": float(ease.mean())}, ease


def train_step(
    experiment: Experiment, readers: ReaderPool, loop: Loop, reference: PyTree | None
) -> tuple[Loop, Scored, dict[str, float], str | None]:
    """One step: the new loop, the scored batch, its metrics, and the guard's alarm if there is one."""
    step, root, clock = int(loop.state.step), loop.state.key, time.perf_counter()
    levels, settings = experiment.problems.levels, experiment.curriculum
    rows = experiment.mesh.shape["data"] * experiment.mesh.shape["fsdp"]
    indices = curriculum.draw(
        loop.curriculum, levels, step_key(root, step, "draw"), experiment.config.batch, settings
    )
    problems = [experiment.problems[int(i)] for i in indices]
    key = step_key(root, step, "sample")
    offline = experiment.config.sampling.policy == "start"
    params = reference if offline else policy(loop.state)
    with memory.told("sampling", experiment.config, rows):
        scored = sample_and_score(experiment, readers, loop.reliability, params, problems, key)
    with memory.told("update", experiment.config, rows):  # a pass of the model, in the update's pieces
        scores = rewarded(experiment, scored, params, step_key(root, step, "reward"))
    del params  # the update takes their buffers
    scored_at = time.perf_counter()
    with memory.told("update", experiment.config, rows):
        state, updated = update(
            loop.state,
            update_pieces(experiment, scored, scores, step, reference),
            optimizer=experiment.optimizer,
            model=experiment.adapted,
            config=experiment.update,
            dtype=experiment.dtype,
        )
        metrics = {name: float(value) for name, value in updated.items()}
    updated_at = time.perf_counter()
    shown, ease = batch_metrics(experiment, scored, scores, loop.reliability)
    metrics |= shown
    observed = curriculum.observe(loop.curriculum, levels, indices, ease, settings)
    watched, alarm = guard.watch(loop.guard, metrics, experiment.guard)
    # on the host, as a checkpoint restores it: a resumed run reads the same arrays, laid out alike
    reliability = jax.device_get(
        update_reliability(loop.reliability, scored.votes, experiment.config.scoring.reliability_memory)
    )
    now = time.perf_counter()
    metrics |= {
        "level": float(np.mean([problem.level for problem in problems])),
        "level_cap": float(observed.cap),
        "alarms": float(watched.alarms),
        "seconds/update": updated_at - scored_at,
        "seconds/step": now - clock,
        "score_wait_share": scored.seconds["score_wait"] / (now - clock),
        "tokens_per_s": metrics["sampled_tokens"] / (now - clock),
    }
    metrics |= {f"seconds/{name}": seconds for name, seconds in scored.seconds.items()}
    metrics["seconds/other"] = metrics["seconds/step"] - sum(
        metrics[f"seconds/{name}"] for name in ("sample", "score_wait", "update")
    )
    metrics |= {f"scoring/{name}": float(count) for name, count in scored.counts.items()}
    return Loop(state, observed, watched, reliability), scored, metrics, alarm


def first_params(experiment: Experiment) -> PyTree:
    """The parameters that self-training starts from: another run's start, warm-started ones, the model's."""
    settings = experiment.config.warm_start
    if settings.start is not None:
        return start_of(folder(settings.start), experiment)
    return warm_start(experiment) if settings.steps else experiment.params


def best_yet(best: dict[str, float] | None, results: Mapping[str, Any], step: int) -> dict[str, float] | None:
    """Step and accuracy of the best policy so far on the problems cut from the training part; None without
    any. For a reader: nothing follows it."""
    accuracy = results.get("validation_pass@1")
    if accuracy is None or (best is not None and accuracy <= best["pass@1"]):
        return best
    return {"step": step, "pass@1": accuracy}


def train(experiment: Experiment, workdir: Folder, resume: bool) -> dict[str, Any]:
    """Runs or resumes the loop and returns what `summary.json` holds.

    Raises:
      Preempted: the run was told to stop, and is saved.
      UserError: a file cannot be written or read.
    """
    memory.check(experiment)
    with contextlib.ExitStack() as opened:
        return _train(experiment, workdir, resume, opened)


def _train(
    experiment: Experiment, workdir: Folder, resume: bool, opened: contextlib.ExitStack
) -> dict[str, Any]:
    config, began = experiment.config, time.perf_counter()

    def closed_at_last(thing: Any) -> Any:
        return opened.enter_context(contextlib.closing(thing))

    stop_after = opened.enter_context(heard())
    files = Files(workdir, fresh=not resume)
    writer = closed_at_last(MetricsWriter(files.here))
    samples = closed_at_last(JsonLines(files.here / "samples.jsonl"))
    checkpoints = closed_at_last(
        Checkpoints(workdir / "checkpoints", config.checkpoint.keep, model_fingerprint(experiment))
    )
    comparer = closed_at_last(SymbolicComparer())
    readers = closed_at_last(ReaderPool(config.scoring.workers))
    benches = make_benches(experiment)

    measured_with = {name: config.evaluation[name] for name in ("problems", "samples", "ood_problems")}

    def accuracies(params: PyTree, key: Array, start: PyTree | None) -> dict[str, Any]:
        results: dict[str, Any] = {}
        rows = experiment.mesh.shape["data"] * experiment.mesh.shape["fsdp"]
        for name, bench in benches.items():
            with memory.told("evaluation", config, rows):
                results |= evaluate(
                    experiment, params, bench, step_key(key, 0, "evaluate"), comparer, start, name
                )
        return results | {"comparisons_given_up": comparer.restarts}

    def measure(loop: Loop, start: PyTree | None) -> dict[str, Any]:
        params, clock = policy(loop.state), time.perf_counter()
        results = accuracies(params, loop.state.key, start)
        shown = {f"eval/{k}": v for k, v in results.items() if not k.endswith("_interval")}
        shown["seconds/evaluation"] = time.perf_counter() - clock
        writer.write(int(loop.state.step), shown)
        return results

    def example(loop: Loop) -> dict:
        """The first held-out problem, sampled and scored."""
        problems = [experiment.held_out[i % len(experiment.held_out)] for i in range(config.batch)]
        key = step_key(loop.state.key, 0, "evaluate")
        params = policy(loop.state)
        scored = sample_and_score(experiment, readers, loop.reliability, params, problems, key)
        return sample_lines(scored, int(loop.state.step), 1)[0]

    def attempt(action: Callable[[], None], needed: bool = False) -> None:
        """What cannot be written ends the run, or, if it is not needed and the config says so, is told in the
        log alone."""
        try:
            action()
        except UserError as error:
            if needed or config.checkpoint.on_error == "stop":
                raise
            logging.error("%s; the run goes on", error)

    def save(loop: Loop, notes: dict[str, Any], needed: bool = False) -> None:
        def write() -> None:
            files.copy()
            save_loop(checkpoints, loop, notes)

        notes["seconds"] = seconds_before + time.perf_counter() - began
        attempt(checkpoints.wait)  # that the save before failed is no reason not to try this one
        attempt(write, needed)

    seconds_before, kept = 0.0, -1
    if resume and checkpoints.latest() is not None:
        loop, notes = restore_loop(checkpoints, start_loop(experiment, experiment.params))
        seconds_before, kept = notes["seconds"], int(loop.state.step)
        notes["stopped"] = None
        notes.setdefault("anchors", [kept])  # runs of earlier versions noted neither
        if notes.get("measured_with") != measured_with:  # trained and start are compared on the same problems
            begun = restore_policy(checkpoints, experiment, 0)
            notes |= {"base": accuracies(begun, loop.state.key, None), "measured_with": measured_with}
            if kept >= config.steps:
                notes["last"] = accuracies(policy(loop.state), loop.state.key, begun)
    writer.truncate_after(kept)
    samples.truncate_after(kept)
    if kept < 0:
        loop = start_loop(experiment, first_params(experiment))
        base = measure(loop, None)
        notes = {"base": base, "last": base, "before": example(loop), "stopped": None}
        notes |= {"sampled_tokens": 0.0, "train_seconds": 0.0, "skipped_in_a_row": 0}
        notes |= {"best": best_yet(None, base, 0), "anchors": [0], "measured_with": measured_with}
        save(loop, notes, needed=True)  # without its start a run cannot go on
        checkpoints.wait()

    def react(loop: Loop, step: int, alarm: str) -> Loop:
        """To an alarm: a checkpoint that is restored, and a lower learning rate or, after too many, the end.
        Neither gold answers nor SIGTERM shall steer the run: what was saved for them alone is passed over."""
        loop, back = roll_back(loop, checkpoints, notes["anchors"], config.guard.decay)
        told = f"step {step}: {alarm}; the parameters of step {back} are restored"
        if int(loop.guard.alarms) > config.guard.max_alarms:
            notes["stopped"] = told
            logging.error("the run stops at %s", told)
        else:
            logging.warning("%s, the learning rate is multiplied by %g", told, config.guard.decay)
        return loop

    reference = start_policy(loop.state)  # an adapter leaves the start in place
    if reference is None and (config.loss.kl_weight > 0 or config.sampling.policy == "start"):
        reference = restore_policy(checkpoints, experiment, 0)

    def start() -> PyTree:
        return reference or restore_policy(checkpoints, experiment, 0)

    traced, tracing = profile_steps(config), False
    trace = opened.enter_context(contextlib.ExitStack())
    progress = Progress(config.steps, start=int(loop.state.step), name="self-training")
    while int(loop.state.step) < config.steps and not notes["stopped"]:
        if not tracing and int(loop.state.step) + 1 in traced:
            trace.enter_context(jax.profiler.trace(files.here / "profile"))
            tracing = True
        loop, scored, metrics, alarm = train_step(experiment, readers, loop, reference)
        step = int(loop.state.step)
        if tracing and step + 1 not in traced:
            trace.close()
            tracing = False
        if alarm:
            loop = react(loop, step, alarm)
        notes["skipped_in_a_row"], skips = guard.watch_skipped(
            metrics, notes["skipped_in_a_row"], experiment.guard
        )
        if skips is not None:
            notes["stopped"] = f"step {step}: {skips}"
            logging.error("the run stops at %s", notes["stopped"])
        writer.write(step, metrics)
        notes["sampled_tokens"] += metrics["sampled_tokens"]
        notes["train_seconds"] += metrics["seconds/step"]
        if step % config.log.samples_every == 0:
            for line in sample_lines(scored, step, config.log.samples):
                samples.write(line)
        ended, is_best = step == config.steps or notes["stopped"] is not None, False
        if step % config.evaluation.every == 0 or ended:
            notes["last"] = measure(loop, start())
            watched, drift = guard.watch_drift(loop.guard, notes["last"], experiment.guard)
            if drift and not ended:
                loop = react(loop.replace(guard=watched), step, drift)
                alarm, ended = drift, notes["stopped"] is not None
                if ended:
                    notes["last"] = measure(loop, start())  # of what was restored
            else:
                best = best_yet(notes["best"], notes["last"], step)
                is_best, notes["best"] = best != notes["best"], best
        preempted = not ended and stop_after(step)
        if step % config.checkpoint.every == 0 or alarm:
            notes["anchors"] = [notes["anchors"][-1], step]  # the one before, where this one is not saved
        if step in notes["anchors"] or ended or preempted or is_best:
            save(loop, notes, needed=preempted)
        if preempted or ended:
            attempt(checkpoints.wait, needed=preempted)
        shown = {
            "loss": metrics["loss"],
            "step score": metrics["step_score"],
            "pass@1": notes["last"]["pass@1"],
        }
        progress.update(step, shown, metrics["tokens_per_s"])
        if preempted:
            raise Preempted(f"step {step}")
    progress.close()
    after = example(loop)
    files.copy()
    return {
        "base": notes["base"],
        "final": notes["last"],
        "steps": int(loop.state.step),
        "seconds": seconds_before + time.perf_counter() - began,
        "tokens_per_s": notes["sampled_tokens"] / max(notes["train_seconds"], 1e-9),
        "stopped": notes["stopped"],
        "best": notes["best"],
        "before": notes["before"],
        "after": after,
    }


def main(config: ConfigDict) -> None:
    given = flags.FLAGS
    if given.distributed:
        if given.workdir is None:
            raise UserError("--workdir is missing: several processes share one; type --workdir=runs/NAME")
        processes.join(given.coordinator, given.processes, given.process)
    workdir = find_workdir(config, given.workdir, given["config"].config_filename, given.resume)
    experiment = build(config)
    if config.warm_start.start is not None:
        check_start(folder(config.warm_start.start))
    with processes.only_in_first(only_one(files_of(workdir), "--workdir")), jax.set_mesh(experiment.mesh):
        open_workdir(workdir, experiment.config)
        print(f"writing to {workdir}", flush=True)
        try:
            summary = train(experiment, workdir, given.resume)
        except Preempted as told:
            print(f"told to stop: saved at {told}; the same command with --resume goes on from there")
            return
    if jax.process_index() != 0:
        return
    shown = {name: summary.pop(name) for name in ("before", "after")}
    write_json(
        workdir / "summary.json", summary | {"config": experiment.config.to_dict(), "commit": commit()}
    )
    print("\n" + report.table(summary["base"], summary["final"]))
    for name, record in shown.items():
        print("\n" + report.solution(f"{name} self-training", record))
    print(f"\n{summary['steps']} steps in {summary['seconds']:.0f} s; all of it is in {workdir}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "Where the run is written; default runs/<config>-<date>.")
    flags.DEFINE_bool("resume", False, "Continue the run in --workdir from its newest checkpoint.")
    flags.DEFINE_bool("distributed", False, "This process is one of several, on a pod or a cluster.")
    flags.DEFINE_string("coordinator", None, "HOST:PORT of the first process, where jax cannot find it out.")
    flags.DEFINE_integer("processes", None, "The number of processes, likewise.", lower_bound=1)
    flags.DEFINE_integer("process", None, "The number of this process, from 0, likewise.", lower_bound=0)
    command.run(main)
