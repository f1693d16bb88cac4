"""The loop's evaluation, and the command on a run of two checkpoints, with a scripted policy."""

import dataclasses
import json
import types

import jax
import numpy as np
import pytest
import scripted

from sept_jax import bench as benches
from sept_jax import evaluate as command
from sept_jax import run as runs
from sept_jax.bench import bench_of, draw_paths
from sept_jax.checkpoint import Checkpoints
from sept_jax.data.vocabulary import VOCABULARY
from sept_jax.errors import UserError
from sept_jax.evaluate import evaluate, evaluate_run, kl_to_start, temperatures_of, validation_bench
from sept_jax.experiment import model_fingerprint
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.sharding import place_batch
from sept_jax.update import jitted_path_logprobs


@pytest.fixture(scope="module")
def experiment():
    return scripted.experiment()


@pytest.fixture(scope="module")
def workdir(experiment, tmp_path_factory):
    """A run whose checkpoint 2 has the base's parameters plus 1."""
    workdir = tmp_path_factory.mktemp("runs") / "two"
    checkpoints = Checkpoints(workdir / "checkpoints", 2, model_fingerprint(experiment))
    for step in (0, 2):
        params = jax.tree.map(lambda p, by=step / 2: p + np.float32(by), experiment.params)
        with jax.set_mesh(scripted.ONE_DEVICE):
            checkpoints.save(step, runs.as_tree(runs.start_loop(experiment, params)), {})
    checkpoints.close()
    return workdir


@pytest.fixture
def policy(experiment, monkeypatch):
    """Answers 7: with the base's parameters in the first path alone, with the others' in all."""
    base = jax.tree.leaves(experiment.params)[0].sum()

    def write(question, path, temperature):
        trained = abs(jax.tree.leaves(made.params)[0].sum() - base) > 1
        return "#### 7" if path == 0 or trained else f"#### {path + 100}"

    made = scripted.Scripted(word_tokenizer(VOCABULARY), write)
    monkeypatch.setattr(benches, "sample_groups", made)
    monkeypatch.setattr(benches, "compilations", made.compilations)
    return made


@pytest.fixture
def sevens(tmp_path):
    """Four chains, of which three end in 7."""
    rows = [{"question": question, "answer": answer} for question, answer in
            (("3+4=", "7"), ("9-2=", "#### 7"), ("2*3+1=", 7), ("1+1=", "2"))]  # fmt: skip
    (tmp_path / "sevens").mkdir()
    text = "".join(json.dumps(row) + "\n" for row in rows)
    (tmp_path / "sevens" / "test.jsonl").write_text(text)
    (tmp_path / "more.jsonl").write_text(text + '{"question": "5+5="}\n')
    return tmp_path


def test_what_the_loop_measures(experiment, policy):
    bench = bench_of(experiment, experiment.held_out, 6, 8)
    gold = [float(problem.answer == "7") for problem in bench.problems]
    found = evaluate(experiment, experiment.params, bench, jax.random.key(0), name="x_")
    names = ["x_pass@1", "x_pass@8", "x_maj@8", "x_greedy"]
    assert list(found) == [name + kind for name in names for kind in ("", "_interval")]
    assert found["x_pass@1"] == pytest.approx(np.mean(gold) / 8)
    assert found["x_pass@8"] == found["x_greedy"] == pytest.approx(np.mean(gold))
    assert "pass@8" not in evaluate(
        experiment, experiment.params, bench_of(experiment, experiment.held_out, 6, 2), jax.random.key(0)
    )


def test_kl_to_start_is_that_of_the_sampled_tokens(experiment):
    bench = bench_of(experiment, experiment.held_out, 5, 4)
    drawn = list(draw_paths(experiment, experiment.params, bench, jax.random.key(1), bench.sampling))
    rollouts = [batch.rollouts for batch in drawn]
    start = jax.tree.map(lambda p: p * 1.5 if p.ndim > 1 else p, experiment.params)
    assert kl_to_start(experiment, experiment.params, experiment.params, bench, rollouts) == 0
    total = tokens = 0.0
    for prompts, paths, left in zip(bench.prompts, rollouts, (4, 1), strict=True):
        placed = place_batch(prompts, scripted.ONE_DEVICE)
        logprob, _ = jitted_path_logprobs(
            start, model=experiment.model, prompts=placed, rollouts=paths, dtype=experiment.dtype,
            logit_chunk=experiment.update.logit_chunk,
        )  # fmt: skip
        total += np.asarray(paths.logprob)[:left].sum() - np.asarray(logprob)[:left].sum()
        tokens += np.asarray(paths.length)[:left].sum()
    found = kl_to_start(experiment, experiment.params, start, bench, rollouts)
    assert found == pytest.approx(total / tokens, abs=1e-4)
    assert abs(found) > 1e-3


def test_base_and_checkpoint_beside_each_other(workdir, policy, sevens, tmp_path, monkeypatch, capsys):
    given = {
        "workdir": str(workdir), "temperatures": ["1.0", "0.5"], "split": "test", "problems": 2, "samples": 8,
        "step": None, "compare_base": True, "json": str(tmp_path / "out.json"),
        "data": [str(sevens / "sevens"), str(sevens / "more.jsonl")],
    }  # fmt: skip
    monkeypatch.setattr(command, "flags", types.SimpleNamespace(FLAGS=types.SimpleNamespace(**given)))
    command.main(scripted.config())
    result = json.loads((tmp_path / "out.json").read_text())
    assert (result["base"]["step"], result["trained"]["step"]) == (0, 2)
    assert (result["split"], result["temperature_chosen_on"]) == ("test", "validation")
    assert result["base"]["best_temperature"] == 1.0
    sources = ["held_out", "out_of_distribution", "sevens", "more"]
    assert list(result["base"]["sources"]) == list(result["gain"]) == sources
    base, trained = (result[name]["sources"]["sevens"] for name in ("base", "trained"))
    assert base["problems"] == 2
    assert (base["pass@1"], base["pass@8"], base["maj@8"], base["greedy"]) == (0.125, 1, 1, 1)
    assert (trained["pass@1"], trained["maj@8"], trained["greedy"]) == (1, 1, 1)
    gain = result["gain"]["sevens"]
    assert (gain["pass@1"], gain["pass@1_interval"]) == (0.875, [0.875, 0.875])
    assert result["config"]["evaluation"]["problems"] == result["config"]["evaluation"]["ood_problems"] == 2
    shown = capsys.readouterr().out
    assert "sevens: 2 problems, 8 paths each" in shown
    assert "12.5 [ 12.5,  12.5]  100.0 [100.0, 100.0]   +87.5 [+87.5, +87.5]" in shown
    assert "trained, step 2: temperature 1 is best" in shown


@pytest.fixture
def built(experiment, monkeypatch):
    """The experiment, not built again."""
    monkeypatch.setattr(command, "build", lambda config: dataclasses.replace(experiment, config=config))


@pytest.mark.parametrize(
    ("options", "models"),
    [
        ({"step": 0}, {"base": 0}),
        ({"step": 2, "compare_base": False}, {"trained": 2}),
        ({}, {"base": 0, "trained": 2}),
    ],
)
def test_which_checkpoints(workdir, policy, built, options, models):
    result = evaluate_run(scripted.config(), workdir, [1.0], samples=2, **options)
    assert {name: result[name]["step"] for name in ("base", "trained") if name in result} == models
    assert ("gain" in result) == (len(models) == 2)


def test_without_a_run_the_configs_model_is_the_base(policy, built):
    config = scripted.config()
    config.model.path = "some/model"
    result = evaluate_run(config, None, [1.0], samples=2)
    assert result["base"]["step"] == 0
    assert "trained" not in result


def test_on_the_validation_split_the_temperature_is_chosen_there(workdir, policy, built):
    config = scripted.config()
    config.data.eval_split = "validation"
    result = evaluate_run(config, workdir, [1.0, 0.5], samples=2, step=0)
    assert result["temperature_chosen_on"] == "held_out"


def test_problems_cut_from_the_training_part_choose_the_temperature(experiment):
    config = scripted.config()
    config.data.source = "jsonl"
    alone = dataclasses.replace(experiment, config=config, validation=None)
    assert validation_bench(alone, 2) is None
    cut = dataclasses.replace(alone, validation=experiment.held_out)
    assert len(validation_bench(cut, 2).problems) == len(experiment.held_out)


def test_bad_input_is_told(workdir, policy, built, sevens, tmp_path):
    config = scripted.config()
    with pytest.raises(UserError, match="--workdir is missing: type --workdir=runs/NAME"):
        evaluate_run(config, None, [1.0])
    with pytest.raises(UserError, match="holds no run: type --workdir=runs/NAME"):
        evaluate_run(config, tmp_path / "nowhere", [1.0])
    with pytest.raises(UserError, match="no checkpoint of step 1: it has steps 0, 2"):
        evaluate_run(config, workdir, [1.0], samples=2, step=1, compare_base=False)
    with pytest.raises(UserError, match=r"--data=.*nothing: .* does not exist"):
        evaluate_run(config, workdir, [1.0], data=[str(tmp_path / "nothing")])
    (tmp_path / "words.jsonl").write_text('{"question": "Ω+1=", "answer": "2"}\n')
    with pytest.raises(UserError, match=r"--data=.*words\.jsonl: .*no token for 'Ω'"):
        evaluate_run(config, workdir, [1.0], data=[str(tmp_path / "words.jsonl")])


def test_a_checkpoint_of_another_model_is_refused(workdir, experiment, policy, monkeypatch):
    other = dataclasses.replace(experiment, model=dataclasses.replace(experiment.model, mlp_width=32))
    monkeypatch.setattr(command, "build", lambda config: other)
    with pytest.raises(UserError, match="is of another model"):
        evaluate_run(scripted.config(), workdir, [1.0], samples=2)


def test_temperatures():
    assert temperatures_of(["0.4", "1", "1.0"]) == [0.4, 1.0]
    for bad in ([], ["0"], ["-1"], ["inf"], ["nan"], ["warm"]):
        with pytest.raises(UserError, match="expected numbers above 0; type --temperatures"):
            temperatures_of(bad)
