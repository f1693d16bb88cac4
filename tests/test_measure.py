"""One model on several benches, with a scripted policy: every number is known."""

import json

import jax
import numpy as np
import pytest
import scripted

from sept_jax import bench as benches
from sept_jax.accuracy import interval
from sept_jax.bench import bench_of
from sept_jax.measure import described, measure

KEY = jax.random.key(0)
RIGHT = {0.0: (1, 0, 0), 0.5: (8, 4, 0), 1.0: (4, 2, 0), 2.0: (0, 0, 0)}
"""By temperature: how many of 8 paths are right for chains of 2, 3 and 4 operations; the others differ."""


@pytest.fixture(scope="module")
def experiment():
    return scripted.experiment()


@pytest.fixture
def policy(experiment, monkeypatch):
    source = experiment.held_out
    problems = {source[i].question: source[i] for i in range(len(source))}

    def write(question, path, temperature):
        problem = problems[question]
        right = path < RIGHT[temperature][int(problem.level) - 2]
        return f"#### {problem.answer if right else 1000 + path}"

    made = scripted.Scripted(experiment.tokenizer, write)
    monkeypatch.setattr(benches, "sample_groups", made)
    monkeypatch.setattr(benches, "compilations", made.compilations)
    return made


def test_every_metric_by_hand(experiment, policy):
    made = {"six": bench_of(experiment, experiment.held_out, 6, 8)}  # 3 batches of 2
    made["three"] = bench_of(experiment, experiment.held_out, 3, 8)  # 2 batches
    found = measure(
        experiment, {}, made, KEY, [2.0, 0.5, 1.0], bench_of(experiment, experiment.held_out, 2, 8)
    )
    assert found.best_temperature == 0.5
    assert {t: each.tolist() for t, each in found.swept.items()} == {
        2.0: [0, 0],
        0.5: [1, 0.5],
        1.0: [0.5, 0.25],
    }
    expected = {
        "pass@1": [0.5, 0.25, 0],
        "pass@8": [1, 1, 0],
        "maj@8": [1, 1, 0],  # two votes are the most at level 3
        "greedy": [1, 0, 0],
        "pass@1_best_temperature": [1, 0.5, 0],
        "pass@8_best_temperature": [1, 1, 0],
        "maj@8_best_temperature": [1, 1, 0],
    }
    for name, times in (("six", 2), ("three", 1)):
        assert list(found.values[name]) == list(expected)
        for metric, each in expected.items():
            np.testing.assert_allclose(found.values[name][metric], each * times, atol=1e-12)
    sampled = [(2.0, 8), (0.5, 8), (1.0, 8)] + [
        (t, n) for c in (3, 2) for t, n in [(1.0, 8), (0.5, 8), (0.0, 1)] for _ in range(c)
    ]
    assert policy.calls == sampled
    assert found.tokens_per_s > 0


def test_what_the_temperature_is_chosen_on_is_not_drawn_again(experiment, policy):
    made = {"three": bench_of(experiment, experiment.held_out, 3, 8)}
    found = measure(experiment, {}, made, KEY, [0.5, 1.0])
    assert policy.calls == [(0.5, 8)] * 2 + [(1.0, 8)] * 2 + [(0.0, 1)] * 2
    np.testing.assert_allclose(found.values["three"]["pass@1_best_temperature"], [1, 0.5, 0])


def test_a_speed_needs_a_call_that_does_not_compile(experiment, policy):
    made = {"two": bench_of(experiment, experiment.held_out, 2, 8)}  # 1 batch
    assert measure(experiment, {}, made, KEY, [0.5, 1.0]).tokens_per_s is None


def test_described_as_json(experiment, policy):
    made = {"six": bench_of(experiment, experiment.held_out, 6, 8)}
    shown = json.loads(json.dumps(described(measure(experiment, {}, made, KEY, [0.5, 1.0]), made)))
    assert shown["best_temperature"] == 0.5
    assert shown["temperatures"]["1"]["pass@1"] == 0.25
    assert shown["temperatures"]["0.5"]["pass@1_interval"] == list(interval(np.array([1, 0.5, 0] * 2)))
    six = shown["sources"]["six"]
    assert (six["problems"], six["greedy"]) == (6, pytest.approx(1 / 3))
    assert {level: (at["problems"], at["pass@1"]) for level, at in six["levels"].items()} == {
        "2": (2, 0.5),
        "3": (2, 0.25),
        "4": (2, 0.0),
    }
    assert six["levels"]["2"]["pass@1_interval"] == [0.5, 0.5]
