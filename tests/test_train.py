"""The loop from problem to updated weights, on a tiny decoder."""

import contextlib
import dataclasses
import errno
import json
import os
import signal
import string
import time

import jax
import numpy as np
import optax
import pytest
import tiny
from ml_collections import ConfigDict

from configs import gsm8k, quickstart
from sept_jax import run as runs
from sept_jax import train as loop_module
from sept_jax.checkpoint import Checkpoints
from sept_jax.checks.reading import read_path
from sept_jax.collect import sample_and_score
from sept_jax.errors import UserError
from sept_jax.experiment import build, model_fingerprint
from sept_jax.export import export
from sept_jax.methods import METHODS
from sept_jax.models import decoder, lora
from sept_jax.models.export import export_hf
from sept_jax.models.load import load_model
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.preemption import Preempted
from sept_jax.report import table
from sept_jax.scoring.evidence import BUILT
from sept_jax.scoring.pool import ReaderPool
from sept_jax.train import train, train_step

ONE_DEVICE = jax.make_mesh(
    (1, 1, 1), ("data", "fsdp", "tensor"), (jax.sharding.AxisType.Auto,) * 3, devices=jax.devices()[:1]
)
SHAPE = {"width": 16, "mlp_width": 24, "num_layers": 2, "num_heads": 4, "num_kv_heads": 2, "head_dim": 4}


def chain_config(**changes) -> ConfigDict:
    config = quickstart.get_config()
    config.update_from_flattened_dict(
        {
            "steps": 6,
            "batch": 8,
            "model.shape": SHAPE,
            "data.procedural.size": 64,
            "data.validation": 8,
            "sampling.group_size": 3,
            "sampling.max_new_tokens": 48,
            "warm_start.steps": 3,
            "warm_start.batch": 8,
            "warm_start.ood_share": 0.0,
            "scoring.weighting": "reliability",
            "evaluation.every": 2,
            "evaluation.problems": 8,
            "evaluation.ood_problems": 8,
            "evaluation.batch": 8,
            "evaluation.samples": 2,
            "checkpoint.every": 2,
            "checkpoint.keep": 3,
            "log.samples_every": 2,
            "memory.length_buckets": 1,
            "memory.micro_batches": 1,
            "optimizer.warmup_steps": 2,
            "optimizer.decay_steps": 6,
        }
        | changes
    )
    return config


def run(config, workdir, resume=False, mesh=ONE_DEVICE):
    experiment = dataclasses.replace(build(config), mesh=mesh)
    with jax.set_mesh(mesh):
        summary = train(experiment, workdir, resume)
        checkpoints = Checkpoints(workdir / "checkpoints", 3, model_fingerprint(experiment))
        loop, notes = runs.restore_loop(checkpoints, runs.start_loop(experiment, experiment.params))
        checkpoints.close()
    return summary, runs.as_tree(loop), notes


def assert_same_bits(a, b):
    paths, structure = jax.tree.flatten_with_path(a)
    others, other_structure = jax.tree.flatten_with_path(b)
    assert structure == other_structure
    for (path, x), (_, y) in zip(paths, others, strict=True):
        if jax.dtypes.issubdtype(x.dtype, jax.dtypes.prng_key):
            x, y = jax.random.key_data(x), jax.random.key_data(y)
        np.testing.assert_array_equal(np.asarray(x), np.asarray(y), err_msg=jax.tree_util.keystr(path))


def updates_of(workdir):
    """The metrics of every update."""
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "loss" in line]


def assert_every_check_ran(workdir):
    """No backstop decided a verdict: only then are runs equal bit for bit."""
    for line in updates_of(workdir):
        for name in ("check_timeouts", "check_errors", "worker_restarts"):
            assert line[f"scoring/{name}"] == 0, (name, line)


def evaluations_of(workdir):
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    return [line for line in lines if "eval/pass@1" in line]


def steps_of(file, field="step"):
    return [json.loads(line)[field] for line in file.read_text().splitlines()]


@pytest.fixture(scope="module")
def whole_run(tmp_path_factory):
    workdir = tmp_path_factory.mktemp("whole")
    return workdir, *run(chain_config(), workdir)


def test_a_run_leaves_what_it_promises(whole_run):
    workdir, summary, tree, _ = whole_run
    assert summary["steps"] == int(tree["step"]) == 6
    for part in ("base", "final"):
        for metric in ("pass@1", "greedy", "ood_pass@1"):
            low, high = summary[part][f"{metric}_interval"]
            assert 0 <= low <= summary[part][metric] <= high <= 1
    assert summary["tokens_per_s"] > 0
    best = max((line["eval/validation_pass@1"], -line["step"]) for line in evaluations_of(workdir))
    assert summary["best"] == {"step": -best[1], "pass@1": best[0]}
    assert str(summary["best"]["step"]) in os.listdir(workdir / "checkpoints")
    assert list(workdir.glob("events*"))
    lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
    updates = updates_of(workdir)
    assert [line["step"] for line in updates] == [1, 2, 3, 4, 5, 6]
    assert [line["step"] for line in lines if "eval/pass@1" in line] == [0, 2, 4, 6]
    assert all(np.isfinite(line["loss"]) and line["skipped"] == 0 for line in updates)
    assert max(line["grad_norm"] for line in updates) > 0
    assert max(line["sampler_gap_nats"] for line in updates) < 1e-4
    assert_every_check_ran(workdir)
    for line in updates:
        assert 0 < line["seconds/score_wait"] == line["seconds/score"] < line["seconds/step"]
        assert line["score_wait_share"] == pytest.approx(line["seconds/score_wait"] / line["seconds/step"])
        assert 0 <= line["scoring/cache_hits"] <= 24
        parts = ("sample", "score_wait", "update", "other")
        assert sum(line[f"seconds/{part}"] for part in parts) == pytest.approx(line["seconds/step"])
        assert all(line[f"seconds/{part}"] >= 0 for part in parts)
    sample = json.loads((workdir / "samples.jsonl").read_text().splitlines()[0])
    assert len(sample["paths"]) == 3
    for path in sample["paths"]:
        assert "".join(step["text"] for step in path["steps"]) == path["text"]
        assert all(0 <= step["score"] <= 1 for step in path["steps"])


def test_self_training_moves_the_parameters(whole_run):
    workdir, _, tree, _ = whole_run
    experiment = dataclasses.replace(build(chain_config()), mesh=ONE_DEVICE)
    checkpoints = Checkpoints(workdir / "checkpoints", 3, model_fingerprint(experiment))
    base = runs.restore_policy(checkpoints, experiment, 0)
    checkpoints.close()
    moved = jax.tree.map(lambda a, b: float(abs(a - b).max()), base, tree["trainable"])
    assert min(jax.tree.leaves(moved)) > 0


def test_six_steps_equal_three_and_three_resumed_bit_for_bit(whole_run, tmp_path):
    workdir, summary, tree, notes = whole_run
    run(chain_config(steps=3), tmp_path)
    # what a killed process leaves beyond its last checkpoint
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 4, "loss": 1.0}\n{"step": 5, "lo')
    resumed, resumed_tree, resumed_notes = run(chain_config(), tmp_path, resume=True)
    assert_every_check_ran(tmp_path)
    assert_same_bits(resumed_tree, tree)
    assert resumed["base"] == summary["base"]
    assert resumed["final"] == summary["final"]
    assert resumed_notes["sampled_tokens"] == notes["sampled_tokens"]
    updates = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text().splitlines()]
    assert [line["step"] for line in updates if "loss" in line] == [1, 2, 3, 4, 5, 6]
    assert steps_of(tmp_path / "samples.jsonl") == steps_of(workdir / "samples.jsonl")


@pytest.mark.slow
def test_an_adapter_is_trained_resumed_and_exported(tmp_path):
    changes = {"lora.rank": 2, "loss.kl_weight": 0.1, "warm_start.steps": 0}
    summary, tree, _ = run(chain_config(**changes | {"profile.steps": "5:5"}), tmp_path / "whole")
    assert list((tmp_path / "whole" / "profile").rglob("*.xplane.pb"))
    assert set(tree["trainable"]) == {"layers"}
    assert tree["frozen"]["layers"]["up"].dtype == np.float32
    assert max(line["kl"] for line in updates_of(tmp_path / "whole")) > 0
    assert summary["final"]["kl_to_start"] != 0
    run(chain_config(steps=3, **changes), tmp_path / "cut")
    _, resumed, _ = run(chain_config(**changes), tmp_path / "cut", resume=True)
    assert_same_bits(resumed, tree)
    experiment = build(chain_config(**changes))
    assert_same_bits(tree["frozen"], jax.tree.map(np.asarray, experiment.params))
    for step, held in ((0, True), (6, False)):  # the base is in checkpoint 0 alone
        about = tmp_path / "cut" / "checkpoints" / str(step) / "about" / "metadata"
        names = json.loads(about.read_text())["leaves"]
        assert any(name.startswith("trainable/layers/up_lora_a") for name in names)
        assert any(name.startswith("frozen/") for name in names) == held
    export(chain_config(**changes), tmp_path / "whole", tmp_path / "merged")
    merged = lora.merge(tree["trainable"], tree["frozen"], experiment.adapted)
    assert_same_bits(load_model(str(tmp_path / "merged"))[1], merged)
    export(chain_config(**changes), tmp_path / "whole", tmp_path / "adapter", adapter=True)
    assert (tmp_path / "adapter" / "adapter_model.safetensors").exists()
    with pytest.raises(UserError, match=r"--adapter: config\.lora\.rank is 0"):
        export(chain_config(), tmp_path / "whole", tmp_path / "other", adapter=True)


def test_a_run_is_exported_and_loaded_again(whole_run, tmp_path):
    workdir, _, tree, _ = whole_run
    export(chain_config(), workdir, tmp_path / "out")
    model, params, tokenizer = load_model(str(tmp_path / "out"))
    assert model.width == 16
    assert tokenizer.encode("3+4=") == build(chain_config()).tokenizer.encode("3+4=")
    assert_same_bits(params, tree["trainable"])
    with pytest.raises(UserError, match="holds no run"):
        export(chain_config(), tmp_path / "nowhere", tmp_path / "other")


def test_a_run_begins_at_anothers_start(whole_run, tmp_path):
    workdir, summary, _, _ = whole_run
    after, _, _ = run(chain_config(steps=0, **{"warm_start.start": str(workdir)}), tmp_path / "run")
    assert after["base"] == summary["base"]
    with pytest.raises(UserError, match="holds no run: give a run's work directory"):
        runs.start_of(tmp_path / "nowhere", build(chain_config()))


@pytest.mark.slow
@pytest.mark.parametrize("method", METHODS)
def test_every_method_trains(method, whole_run, tmp_path):
    offline = {"sampling.policy": "start", "sampling.group_size": 1} if method == "self_evolve" else {}
    run(chain_config(steps=2, method=method, **{"warm_start.start": str(whole_run[0])}, **offline), tmp_path)
    lines = updates_of(tmp_path)
    assert [line["step"] for line in lines] == [1, 2]
    assert all(np.isfinite([line["loss"], line["grad_norm"], line["reward"]]).all() for line in lines)
    assert all(line["skipped"] == 0 for line in lines)


def test_resuming_a_finished_run_changes_nothing(whole_run):
    workdir, summary, tree, _ = whole_run
    again, again_tree, _ = run(chain_config(), workdir, resume=True)
    assert_same_bits(again_tree, tree)
    assert again["final"] == summary["final"]


@pytest.mark.parametrize("mesh", [ONE_DEVICE, pytest.param(None, marks=pytest.mark.slow)])
def test_chunks_draw_and_score_what_the_batch_would(mesh):
    mesh = mesh or jax.make_mesh((2, 2, 2), ("data", "fsdp", "tensor"), (jax.sharding.AxisType.Auto,) * 3)
    experiment = dataclasses.replace(build(chain_config()), mesh=mesh)
    problems = [experiment.problems[i] for i in range(8)]
    with jax.set_mesh(mesh), contextlib.closing(ReaderPool(1)) as readers:
        loop = runs.start_loop(experiment, experiment.params)
        drawn = (loop.reliability, loop.state.trainable, problems, jax.random.key(3))
        whole = sample_and_score(experiment, readers, *drawn)
        experiment.config.sampling.chunks = 2
        halves = sample_and_score(experiment, readers, *drawn)
    assert whole.texts == halves.texts
    assert whole.readings == halves.readings
    assert whole.problems == halves.problems
    for one, two in ((whole.rollouts, halves.rollouts), (whole.steps, halves.steps)):
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), one, two)
    np.testing.assert_allclose(whole.scores.score, halves.scores.score, atol=1e-5)
    assert halves.counts == {"cache_hits": 24, "check_timeouts": 0, "check_errors": 0, "worker_restarts": 0}
    assert whole.seconds["score"] == whole.seconds["score_wait"]
    assert halves.seconds["score"] > halves.seconds["score_wait"] > 0


class Killed(ReaderPool):
    """Stops its workers before a batch is read, and kills them while they hold paths of it."""

    def submit(self, jobs):
        running = [worker.pid for worker in list(self._idle.queue) if worker.pid]
        for pid in running:
            os.kill(pid, signal.SIGSTOP)
        readings = super().submit(jobs)
        time.sleep(0.1)
        for pid in running:
            os.kill(pid, signal.SIGKILL)
        return readings


def test_training_goes_on_when_the_scoring_workers_are_killed():
    experiment = dataclasses.replace(build(chain_config()), mesh=ONE_DEVICE)
    restarts = []
    with jax.set_mesh(ONE_DEVICE), contextlib.closing(Killed(1)) as readers:
        loop = runs.start_loop(experiment, experiment.params)
        for step in range(1, 4):
            loop, scored, metrics, _ = train_step(experiment, readers, loop, None)
            assert int(loop.state.step) == step
            assert np.isfinite(metrics["loss"])
            restarts.append(metrics["scoring/worker_restarts"])
            lost = {
                (job.steps, job.question)
                for job, reading in readers._cache.items()
                if reading.result() != read_path(*job)
            }
            assert len(lost) <= sum(restarts)
            assert len(scored.readings) == 8
    assert restarts == [0, 1, 1]  # nothing ran before the first batch


def word_problems(folder, answers):
    folder.mkdir()
    for split in ("train", "test"):
        rows = [
            {"question": f"Tom has {n} apples and buys {n + 2} more. How many?", "answer": answer}
            for n, answer in enumerate(answers, 1)
        ]
        (folder / f"{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


@pytest.fixture(scope="module")
def word_model(tmp_path_factory):
    """A Hugging Face directory with random weights that write digits and operators often."""
    tokenizer = word_tokenizer(string.printable[:95] + "\n")
    model = dataclasses.replace(tiny.MODEL, vocab_size=tokenizer.vocab_size, max_length=512)
    params = decoder.init_params(model, jax.random.key(0))
    folder = tmp_path_factory.mktemp("model") / "tiny"
    export_hf(folder, dataclasses.replace(model, family="qwen2", qk_norm=False), strip(params), tokenizer)
    return folder


def strip(params):
    layers = {name: p for name, p in params["layers"].items() if name not in ("query_norm", "key_norm")}
    return jax.device_get(params | {"layers": layers})


def word_config(model, data, **changes):
    config = gsm8k.get_config()
    config.update_from_flattened_dict(
        {
            "steps": 4,
            "batch": 16,
            "model.path": str(model),
            "model.dtype": "float32",
            "data.source": "jsonl",
            "data.path": str(data),
            "prompt.few_shot": (),
            "prompt.plain": "{question}\n{solution}",
            "prompt.buckets": (64,),
            "sampling.group_size": 4,
            "sampling.max_new_tokens": 24,
            "optimizer.learning_rate": 1e-2,
            "memory.micro_batches": 2,
            "memory.length_buckets": 1,
            "evaluation.every": 1,
            "evaluation.problems": 8,
            "evaluation.batch": 8,
            "evaluation.samples": 2,
            "checkpoint.every": 1,
        }
        | changes
    )
    return config


def test_garbage_gold_gives_the_same_parameters_bit_for_bit(word_model, tmp_path):
    gold = word_problems(
        tmp_path / "gold", [f"{n}+{n + 2}={2 * n + 2}\n#### {2 * n + 2}" for n in range(1, 21)]
    )
    garbage = word_problems(tmp_path / "garbage", ["#### \\frac{banana}{0}", "17", "#### 1e999", "?"] * 5)
    # the first update's metrics are the reference, and no running mean stays 10 times above it: an alarm
    forced = {"guard.baseline_steps": 1, "guard.entropy_floor": 10.0, "guard.max_alarms": 9}
    asked = {f"scoring.weights.{name}": 0.5 for name in BUILT}
    trees, alarms = [], []
    for name, data in (("a", gold), ("b", garbage)):
        _, tree, _ = run(word_config(word_model, data, **forced, **asked), tmp_path / name)
        trees.append(tree)
        assert_every_check_ran(tmp_path / name)
        lines = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        alarms.append([line["alarms"] for line in lines if "alarms" in line])
    assert alarms[0] == alarms[1] == [0, 1, 2, 3]
    assert_same_bits(*trees)
    lines = [json.loads(line) for line in (tmp_path / "a" / "metrics.jsonl").read_text().splitlines()]
    assert max(line.get("grad_norm", 0) for line in lines) > 0


def test_an_alarm_restores_and_slows_down_and_at_last_stops(word_model, tmp_path):
    data = word_problems(tmp_path / "data", ["1"] * 20)
    forced = {"guard.baseline_steps": 1, "guard.entropy_floor": 10.0, "guard.max_alarms": 1}
    summary, tree, _ = run(word_config(word_model, data, **forced), tmp_path / "run")
    assert summary["stopped"].startswith("step 3: entropy is at")
    assert summary["stopped"].endswith("are restored")
    assert summary["steps"] == 3
    assert float(tree["guard"].alarms) == 2


@contextlib.contextmanager
def told_to_stop_after(step):
    yield lambda done: done == step


def test_an_alarm_restores_neither_what_gold_nor_what_sigterm_had_saved(word_model, tmp_path, monkeypatch):
    data = word_problems(tmp_path / "data", ["1"] * 24)
    config = word_config(
        word_model, data,
        **{
            "guard.baseline_steps": 1, "guard.entropy_floor": 10.0, "guard.max_alarms": 9,
            "checkpoint.every": 3, "data.validation": 4, "optimizer.decay_steps": 4,
        },
    )  # fmt: skip
    _, tree, notes = run(config, tmp_path / "undisturbed")
    assert notes["anchors"] == [3, 4]
    assert sorted(os.listdir(tmp_path / "undisturbed" / "checkpoints")) == ["0", "3", "4"]
    counts = dict(optax.tree.get_all_with_path(tree["opt_state"], "count"))
    counts = {path[-1].tuple_name: int(count) for path, count in counts.items()}
    # alarms at 2, 3 and 4: at first to the start, then to what was restored; the schedule goes on
    assert counts["ScaleByScheduleState"] == 4
    assert counts["ScaleByAdamState"] == 0

    monkeypatch.setattr(loop_module, "best_yet", lambda _, results, step: {"step": step, "pass@1": step})
    _, gilded, notes = run(config, tmp_path / "gilded")
    assert notes["best"]["step"] == 4
    assert_same_bits(gilded, tree)
    monkeypatch.undo()

    monkeypatch.setattr(loop_module, "heard", lambda: told_to_stop_after(1))
    with pytest.raises(Preempted):
        run(config, tmp_path / "preempted")
    monkeypatch.undo()
    assert "1" in os.listdir(tmp_path / "preempted" / "checkpoints")
    _, resumed, _ = run(config, tmp_path / "preempted", resume=True)
    assert_same_bits(resumed, tree)


def test_a_save_that_fails_keeps_no_later_one_from_being_made(whole_run, tmp_path, monkeypatch):
    config = chain_config(steps=4, **{"warm_start.start": str(whole_run[0]), "checkpoint.on_error": "go_on"})
    seal, failing = Checkpoints._seal, 2

    def full(self, step, spared):
        if step == failing:
            raise OSError(errno.ENOSPC, "No space left on device")
        return seal(self, step, spared)

    monkeypatch.setattr(Checkpoints, "_seal", full)
    summary, tree, _ = run(config, tmp_path / "third")
    assert (summary["steps"], int(tree["step"])) == (4, 4)
    failing = 4  # the last
    summary, tree, _ = run(config, tmp_path / "last")
    assert (summary["steps"], int(tree["step"])) == (4, 2)
    failing = 1
    monkeypatch.setattr(loop_module, "heard", lambda: told_to_stop_after(1))
    with pytest.raises(UserError, match="is not saved, the disk is full"):  # it must not say that it is
        run(config, tmp_path / "preempted")


def test_a_start_is_measured_again_where_the_evaluation_has_changed(whole_run, tmp_path):
    start = {"warm_start.start": str(whole_run[0])}
    before, _, _ = run(chain_config(steps=2, **start), tmp_path)
    assert "pass@8" not in before["base"]
    more = {"evaluation.samples": 8, "evaluation.ood_problems": 0}
    after, _, notes = run(chain_config(steps=4, **start, **more), tmp_path, resume=True)
    assert after["base"].keys() - {"comparisons_given_up"} == after["final"].keys() - {
        "comparisons_given_up", "kl_to_start", "validation_kl_to_start"
    }  # fmt: skip
    assert after["base"]["greedy"] == before["base"]["greedy"]
    assert "pass@8" in table(after["base"], after["final"])
    assert notes["measured_with"]["samples"] == 8
    ended, _, _ = run(chain_config(steps=4, **start), tmp_path, resume=True)
    assert "pass@8" not in ended["base"].keys() | ended["final"].keys()
    assert ended["base"]["pass@1"] == before["base"]["pass@1"]


def test_a_policy_that_runs_away_from_its_start_is_held(word_model, tmp_path):
    data = word_problems(tmp_path / "data", ["1"] * 20)
    forced = {
        "guard.kl_ceiling": 1e-6, "guard.max_alarms": 1, "evaluation.every": 1, "checkpoint.every": 1,
        "optimizer.learning_rate": 1e-2, "steps": 4,
    }  # fmt: skip
    summary, tree, _ = run(word_config(word_model, data, **forced), tmp_path / "run")
    assert summary["stopped"].startswith("step 2: the KL divergence to the start is")
    assert (summary["steps"], float(tree["guard"].alarms)) == (2, 2)
    assert summary["stopped"].endswith("the parameters of step 1 are restored")
    assert summary["final"]["kl_to_start"] == pytest.approx(0, abs=1e-6)  # step 1 is the start, restored


def test_a_kl_term_and_every_estimator_run(word_model, tmp_path):
    data = word_problems(tmp_path / "data", ["1"] * 20)
    for estimator in ("gain", "path", "min"):
        changes = {"advantage": estimator, "steps": 2, "loss.kl_weight": 0.1, "evaluation.every": 9}
        workdir = tmp_path / estimator
        run(word_config(word_model, data, **changes), workdir)
        lines = [json.loads(line) for line in (workdir / "metrics.jsonl").read_text().splitlines()]
        kl = [line["kl"] for line in lines if "kl" in line]
        assert kl[0] == pytest.approx(0, abs=1e-6)
        assert kl[1] > 1e-6


def test_workdir(tmp_path):
    config, file, given = chain_config(), "configs/quickstart.py", str(tmp_path / "run")
    with pytest.raises(UserError, match="type --workdir=runs/NAME --resume"):
        runs.find_workdir(config, None, file, resume=True)
    with pytest.raises(UserError, match="holds no run to resume"):
        runs.find_workdir(config, given, file, resume=True)
    made = runs.find_workdir(config, given, file, resume=False)
    runs.open_workdir(made, config)
    assert json.loads((made / "config.json").read_text())["sampling"]["group_size"] == 3
    with pytest.raises(UserError, match="type --resume to continue it"):
        runs.find_workdir(config, given, file, resume=False)
    assert runs.find_workdir(chain_config(steps=9), given, file, resume=True) == made
    saved = json.loads((made / "config.json").read_text())
    del saved["warm_start"]["muon"]  # as of a version without that key
    (made / "config.json").write_text(json.dumps(saved))
    assert runs.find_workdir(config, given, file, resume=True) == made
    with pytest.raises(UserError, match=r"type --config\.sampling\.group_size=3"):
        runs.find_workdir(chain_config(**{"sampling.group_size": 4}), given, file, resume=True)


@pytest.mark.slow
def test_on_eight_devices_the_loop_runs_resumes_and_stays_cut(tmp_path):
    mesh = jax.make_mesh((2, 2, 2), ("data", "fsdp", "tensor"), (jax.sharding.AxisType.Auto,) * 3)
    config = chain_config(**{"warm_start.steps": 1, "evaluation.every": 9, "checkpoint.every": 1})
    _, whole, _ = run(chain_config_like(config, 4), tmp_path / "whole", mesh=mesh)
    run(chain_config_like(config, 2), tmp_path / "parts", mesh=mesh)
    _, parts, _ = run(chain_config_like(config, 4), tmp_path / "parts", resume=True, mesh=mesh)
    assert_same_bits(whole, parts)
    query = whole["trainable"]["layers"]["query"]
    assert query.sharding.shard_shape(query.shape) == (2, 8, 8)


def chain_config_like(config, steps):
    config = config.copy_and_resolve_references()
    config.steps = steps
    return config
