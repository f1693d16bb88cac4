"""The guard, replayed over runs that a report keeps."""

from benchmarks.alarms import lost, replay
from sept_jax.ablation.found import Found
from sept_jax.ablation.plan import Run


def run_of(accuracies, quality):
    """A run of 20 updates, evaluated every ten."""
    series = {name: [[step, 1.0] for step in range(1, 21)] for name in ("entropy", "length", "diversity")}
    series["quality"] = [[step, quality(step)] for step in range(1, 21)]
    series["eval/pass@1"] = [[10 * n, accuracy] for n, accuracy in enumerate(accuracies)]
    config = {"guard": {"baseline_steps": 5, "memory": 0.0, "quality_fall": 0.9}}
    return Found(config, {}, {"steps": 20}, {}, None, series)


def test_what_was_lost_at_a_step():
    series = {"eval/pass@1": [[0, 0.5], [10, 0.4], [20, 0.1]]}
    assert [round(lost(series, step), 6) for step in (0, 9, 10, 19, 20)] == [0, 0, 0.1, 0.1, 0.4]


def test_runs_that_fell_and_others_with_a_bound():
    runs = {
        Run("majority", 0): run_of((0.5, 0.4, 0.2), lambda step: 0.6 - 0.02 * max(0, step - 5)),
        Run("self_evolve", 0): run_of((0.5, 0.5, 0.3), lambda step: 0.6),
        Run("sept", 0): run_of((0.5, 0.6, 0.7), lambda step: 0.6 + 0.01 * step),
        Run("random", 0): run_of((0.5, 0.5, 0.48), lambda step: 0.6 if step < 18 else 0.4),
    }
    found = replay(runs, quality_fall=0.11, fall=0.05)
    assert (found["fell"], found["fell_called"], found["others"]) == (2, 1, 2)
    assert [run["run"] for run in found["called"]] == ["majority-seed0"]
    assert found["called"][0]["step"] == 11  # 0.12 below the 0.6 of the first five
    assert (found["part_of_run"], found["lost_before"]) == (11 / 20, 0.1)
    assert [run["run"] for run in found["not_called"]] == ["self_evolve-seed0"]
    assert [(run["run"], run["step"]) for run in found["others_called"]] == [("random-seed0", 18)]
    assert replay(runs, quality_fall=0.9, fall=0.05)["fell_called"] == 0
    assert replay(runs, quality_fall=0.11, fall=0.25)["fell"] == 1
