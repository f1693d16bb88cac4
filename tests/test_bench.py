"""Problems and the paths drawn for them, by a tiny decoder or by a script."""

import dataclasses

import jax
import numpy as np
import pytest
import scripted
from ml_collections import ConfigDict

from sept_jax import bench as benches
from sept_jax.bench import (
    bench_of,
    best_of,
    best_temperature,
    draw_paths,
    make_bench,
    make_benches,
    sample_graded,
    sweep,
)
from sept_jax.data.procedural import ChainSource
from sept_jax.data.vocabulary import VOCABULARY
from sept_jax.errors import UserError
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.records import Problem
from sept_jax.sampling import SamplingConfig, _sample, sample_groups
from sept_jax.sharding import place_batch


@pytest.fixture(scope="module")
def experiment():
    return scripted.experiment()


@pytest.mark.parametrize("wrap", [dict, ConfigDict])
def test_make_bench(wrap, check_record):
    templates = {"plain": "{question}\n{solution}", "instruction": "{question}"}
    prompt = wrap({"system": "", "few_shot": (), "buckets": (16, 24)} | templates)
    source, tokenizer = ChainSource(5, 0), word_tokenizer(VOCABULARY)
    drawn = SamplingConfig(2, 48, temperature=0.5, top_k=5, top_p=0.9, eos_ids=(1,), pad_id=0)
    bench = make_bench(source, 100, 4, 8, tokenizer, prompt, drawn)
    assert bench.problems == tuple(source[i] for i in range(5))
    assert [prompts.tokens.shape[0] for prompts in bench.prompts] == [4, 4]
    for prompts in bench.prompts:
        check_record(prompts)
    asked = [
        tokenizer.decode(row[:length].tolist())
        for prompts in bench.prompts
        for row, length in zip(np.asarray(prompts.tokens), prompts.length, strict=True)
    ]
    assert asked == [f"{source[i].question}\n" for i in (0, 1, 2, 3, 4, 4, 4, 4)]
    assert bench.sampling == SamplingConfig(
        8, 48, temperature=1.0, top_k=0, top_p=1.0, eos_ids=(1,), pad_id=0
    )
    assert make_bench(source, 3, 4, 8, tokenizer, prompt, drawn).problems == bench.problems[:3]


class Partly:
    """Problems of which those at `missing` have no gold answer."""

    def __init__(self, missing):
        gold = [None if n in missing else str(n + 1) for n in range(4)]
        self.problems = [Problem(f"{n}+1=", answer, 1.0, str(n)) for n, answer in enumerate(gold)]
        self.levels = np.ones(4, np.float32)

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return self.problems[index]


def test_problems_without_gold_are_left_out(experiment, caplog):
    bench = bench_of(experiment, Partly({0, 2}), 3, 2)
    assert [problem.id for problem in bench.problems] == ["1"]
    assert "2 held-out problems without an answer are left out" in caplog.text
    with pytest.raises(UserError, match="no held-out problem has an answer"):
        bench_of(experiment, Partly({0, 1, 2, 3}), 4, 2)


@pytest.mark.parametrize(("samples", "batch"), [(1, 8), (2, 8), (4, 4), (7, 2), (16, 1), (99, 1)])
def test_no_more_paths_at_a_time_than_the_config_says(experiment, samples, batch):
    bench = bench_of(experiment, experiment.held_out, 5, samples)
    assert bench.sampling.group_size == bench.samples == samples
    assert {prompts.tokens.shape[0] for prompts in bench.prompts} == {batch}


def test_on_a_mesh_batches_divide_over_it(experiment):
    mesh = jax.make_mesh((2, 2, 2), ("data", "fsdp", "tensor"), (jax.sharding.AxisType.Auto,) * 3)
    spread = dataclasses.replace(experiment, mesh=mesh)
    for samples, batch in ((1, 8), (2, 8), (4, 4), (99, 4)):
        assert bench_of(spread, experiment.held_out, 5, samples).prompts[0].tokens.shape[0] == batch


def test_make_benches(experiment):
    made = make_benches(experiment)
    assert {name: (len(bench.problems), bench.samples) for name, bench in made.items()} == {
        "": (6, 2),
        "ood_": (3, 2),
    }
    assert make_benches(experiment, 3)["ood_"].samples == 3
    assert list(make_benches(dataclasses.replace(experiment, out_of_distribution=None))) == [""]


def test_paths_are_those_of_the_sampler_without_what_fills_the_batch_up(experiment):
    bench = bench_of(experiment, experiment.held_out, 5, 4)  # batches of 4: the second has 1 problem

    def draw(key):
        return list(draw_paths(experiment, experiment.params, bench, jax.random.key(key), bench.sampling))

    _sample.clear_cache()
    drawn = draw(1)
    assert [len(batch.texts) for batch in drawn] == [4, 1]
    assert sum((batch.problems for batch in drawn), ()) == bench.problems
    assert [batch.compiled for batch in drawn] == [True, False]
    for number, batch in enumerate(drawn):
        rollouts = sample_groups(
            experiment.params, place_batch(bench.prompts[number], scripted.ONE_DEVICE),
            jax.random.fold_in(jax.random.key(1), number),
            model=experiment.model, config=bench.sampling, dtype=experiment.dtype,
        )  # fmt: skip
        np.testing.assert_array_equal(rollouts.tokens, batch.rollouts.tokens)
        length = np.asarray(rollouts.length)[: len(batch.texts)]
        assert batch.tokens == length.sum()
        path = np.asarray(rollouts.tokens)[0, 1, : length[0, 1]]
        assert batch.texts[0][1] == experiment.tokenizer.decode(path.tolist())
    same, other = draw(1), draw(2)
    assert [batch.compiled for batch in same] == [False, False]
    assert [batch.texts for batch in same] == [batch.texts for batch in drawn]
    assert [batch.texts for batch in other] != [batch.texts for batch in drawn]


@pytest.fixture
def policy(experiment, monkeypatch):
    """Path g is right below temperature (g + 1) / 2; above, path 0 states no answer, others a wrong one."""
    source = experiment.held_out
    gold = {source[i].question: source[i].answer for i in range(len(source))}

    def write(question, path, temperature):
        wrong = f"#### {1000 + path}" if path else "1+1=2"
        return f"#### {gold[question]}" if temperature < (path + 1) / 2 else wrong

    made = scripted.Scripted(experiment.tokenizer, write)
    monkeypatch.setattr(benches, "sample_groups", made)
    monkeypatch.setattr(benches, "compilations", made.compilations)
    return made


def test_graded_by_hand(experiment, policy):
    bench = bench_of(experiment, experiment.held_out, 5, 3)
    graded = sample_graded(experiment, {}, bench, jax.random.key(0), 1.0)
    assert graded.correct.tolist() == [[False, False, True]] * 5
    assert graded.answer.tolist() == [[-1, 0, 1]] * 5
    np.testing.assert_array_equal(graded.levels, [2, 3, 4, 2, 3])
    assert policy.calls == [(1.0, 3)]
    assert graded.tokens == 0  # it compiled
    again = sample_graded(experiment, {}, bench, jax.random.key(0), 1.0)
    texts = [policy.write(p.question, g, 1.0) for p in bench.problems for g in range(3)]
    assert again.tokens == sum(len(experiment.tokenizer.encode(text)) for text in texts)
    assert again.seconds > 0


def test_greedy_is_one_path(experiment, policy):
    bench = bench_of(experiment, experiment.held_out, 5, 3)
    graded = sample_graded(experiment, {}, bench, jax.random.key(0), 0.0)
    assert graded.correct.tolist() == [[True]] * 5
    assert policy.calls == [(0.0, 1)]


def test_the_best_temperature(experiment, policy):
    bench = bench_of(experiment, experiment.held_out, 5, 3)
    best, passed = best_temperature(experiment, {}, bench, jax.random.key(0), [1.0, 0.25, 0.4, 0.75])
    assert passed == {1.0: pytest.approx(1 / 3), 0.25: 1.0, 0.4: 1.0, 0.75: pytest.approx(2 / 3)}
    assert best == 0.4  # of equals the higher
    swept = sweep(experiment, {}, bench, jax.random.key(0), [0.75, 1.0])
    assert best_of(swept) == 0.75
    assert [graded.correct.shape for graded in swept.values()] == [(5, 3), (5, 3)]
