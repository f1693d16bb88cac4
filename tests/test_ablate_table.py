"""From the runs' folders to rows, intervals and the report."""

import csv
import json
import math
import shutil

import pytest

from configs import quickstart
from configs.ablations import chain
from sept_jax.ablation import report, table
from sept_jax.ablation.folders import check_unchanged
from sept_jax.ablation.found import look, read_kept
from sept_jax.ablation.plan import START, Job, Run, jobs, read_ablation, run_config
from sept_jax.ablation.statistics import estimate, ratio
from sept_jax.ablation.summary import differences, gains, summary
from sept_jax.errors import UserError
from sept_jax.methods import complete

COMMAND = "python -m sept_jax.ablate --config=configs/ablations/chain.py"


def test_an_interval_over_seeds():
    one = estimate([0.1, 0.2, 0.3])
    assert one.mean == pytest.approx(0.2)
    assert one.half == pytest.approx(4.302653 * 0.1 / math.sqrt(3))  # t of 2 degrees of freedom, 97.5 %
    assert not one.apart
    assert estimate([0.19, 0.2, 0.21]).apart
    assert estimate([-0.2, -0.21]).half == pytest.approx(12.706205 * 0.005)
    alone = estimate([0.5])
    assert (alone.mean, alone.apart) == (0.5, False)
    assert math.isnan(alone.half)


def test_the_ratio_of_two_means():
    found = ratio([0.1, 0.3], [0.2, 0.4])
    assert found.mean == pytest.approx(2 / 3)
    # residuals 0.1 - 0.2 * 2/3 and 0.3 - 0.4 * 2/3 are -1/30 and 1/30: spread sqrt(2)/30, over 0.3
    assert found.half == pytest.approx(12.706205 / 30 / 0.3)
    assert ratio([0.2, 0.2], [0.1, 0.1]).half == pytest.approx(0)
    assert math.isnan(ratio([0.1], [0.0]).mean)


@pytest.fixture
def ablation(tmp_path):
    config = chain.get_config()
    config.order = ("sept", "gold", "random")
    config.seeds = (0, 1)
    config.search.learning_rates = (0.1, 0.2)
    config.search.variants = ("sept",)
    config.workdir = str(tmp_path / "runs")
    return read_ablation(config)


TESTED = {"best_temperature": 0.5, "seconds": 4.0, "ood_greedy": 0.0}


def write(folder, name, value):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(json.dumps(value))


def make_run(ablation, run, accuracy, test=True, steps=80):
    folder = ablation.folder(run)
    config = complete(run_config(ablation, run)).to_dict()
    write(folder, "config.json", config)
    write(folder, "summary.json", {
        "steps": steps, "seconds": 100.04, "stopped": None, "config": config, "commit": "c0ffee",
    })  # fmt: skip
    write(folder, "validation.json", {
        "pass@1_best_temperature": accuracy, "best_temperature": 0.5, "seconds": 3.0,
        "evaluation": ablation.evaluation.to_dict(),
    })  # fmt: skip
    if test:
        figures = TESTED | {"pass@1": accuracy, "greedy": accuracy + 0.1}
        if run.variant != START:
            figures["start"] = json.loads((ablation.folder(Run(START, run.seed)) / "test.json").read_text())
        write(folder, "test.json", figures)
    lines = [{"step": 0, "eval/pass@1": 0.25}]
    for step in range(1, steps + 1):
        watched = {"entropy": 1 / step, "length": 20.0, "sampled_tokens": 10.0, "loss": 0.0}
        lines.append({"step": step} | watched)
    lines += [{"step": 40, "eval/pass@1": 0.75}, {"step": 80, "eval/pass@1": 0.5}]
    (folder / "metrics.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines) + '{"torn')


@pytest.fixture
def made(ablation):
    for seed, base in ((0, 0.2), (1, 0.3)):
        make_run(ablation, Run(START, seed), base, steps=0)
        make_run(ablation, Run("sept", seed, 0.2), base + 0.3 + 0.02 * seed)
        make_run(ablation, Run("gold", seed), base + 0.4)
    make_run(ablation, Run("sept", 0, 0.1), 0.4, test=False)
    make_run(ablation, Run("random", 0), 0.2)
    return ablation


def known_of(ablation, errors=None, kept=None):
    find = look(ablation, kept or {})
    return table.outcomes(ablation, errors or {}, find), find


def test_rows(made):
    errors = {Run("random", 1): "ValueError: no luck"}
    rows = table.run_rows(made, *known_of(made, errors))
    assert [(row["method"], row["seed"]) for row in rows] == [
        ("sept", 0), ("gold", 0), ("random", 0), ("sept", 1), ("gold", 1), ("random", 1),
    ]  # fmt: skip
    sept = rows[3]
    assert (sept["learning_rate"], sept["searched"]) == (0.2, True)
    own = quickstart.get_config().optimizer.learning_rate
    assert (rows[1]["learning_rate"], rows[1]["searched"]) == (own, False)
    assert (sept["base_pass@1"], sept["pass@1"]) == (0.3, pytest.approx(0.62))
    assert (sept["base_greedy"], sept["greedy"]) == (pytest.approx(0.4), pytest.approx(0.72))
    assert "pass@32" not in sept
    assert (sept["sampled_tokens"], sept["seconds"], sept["evaluation_seconds"]) == (800, 100.0, 7.0)
    assert (sept["best_validation"], sept["best_validation_step"], sept["last_validation"]) == (0.75, 40, 0.5)
    # the entropy falls as 1 / step: its running mean passes a twentieth of its start in the end, not at once
    assert 20 < sept["first_alarm"] < 80
    assert sept["error"] is None
    assert rows[5]["error"] == "ValueError: no luck"
    assert "pass@1" not in rows[5]


def test_search_rows_tell_what_was_chosen(made):
    rows = table.search_rows(made, *known_of(made))
    assert [(r["learning_rate"], r["pass@1_best_temperature"], r["chosen"]) for r in rows] == [
        (0.1, 0.4, False),
        (0.2, 0.5, True),
    ]


def test_curves_are_thinned_to_means(made):
    rows = table.curve_rows(made, *known_of(made))
    entropy = [r for r in rows if (r["method"], r["seed"], r["metric"]) == ("gold", 1, "entropy")]
    assert [row["step"] for row in entropy] == list(range(2, 81, 2))
    assert entropy[0]["value"] == pytest.approx(0.75)
    accuracy = [r for r in rows if (r["method"], r["seed"], r["metric"]) == ("gold", 1, "pass@1")]
    assert [(row["step"], row["value"]) for row in accuracy] == [(0, 0.25), (40, 0.75), (80, 0.5)]


def test_a_failed_start_or_search_fails_its_runs(ablation):
    known = known_of(ablation, {Run(START, 1): "no disk"})
    errors = {(row["method"], row["seed"]): row["error"] for row in table.run_rows(ablation, *known)}
    assert errors == {(name, 1): "its start failed: no disk" for name in ("sept", "gold", "random")}
    known = known_of(ablation, {Run("sept", 0, rate): "NaN" for rate in (0.1, 0.2)})
    errors = {(row["method"], row["seed"]): row["error"] for row in table.run_rows(ablation, *known)}
    assert errors == {("sept", seed): "every learning rate tried failed" for seed in (0, 1)}


def test_paired_figures(made):
    rows = table.run_rows(made, *known_of(made))
    assert gains(rows, "sept", "pass@1") == {0: pytest.approx(0.3), 1: pytest.approx(0.32)}
    assert differences(rows, "sept", "gold", "pass@1") == [pytest.approx(-0.1), pytest.approx(-0.08)]
    assert differences(rows, "sept", "random", "pass@1") == [pytest.approx(0.3)]


def test_the_summary(made):
    known = known_of(made, {Run("random", 1): "no luck"})
    text = summary(made, table.run_rows(made, *known), table.search_rows(made, *known), COMMAND, 1234.4)
    lines = text.splitlines()
    assert f"`{COMMAND}`" in lines
    assert lines[4].startswith("5 of 6 runs, 1234 s of work; commit c0ffee.")
    assert "| method | seeds | learning rate | pass@1 | greedy | ood_greedy |" in lines
    assert "| start | 2 |  | 25.0 ± 63.5 | 35.0 ± 63.5 | 0.0 ± 0.0 |" in lines
    assert "| sept | +31.0 ± 12.7 | +31.0 ± 12.7 | +0.0 ± 0.0 |" in lines
    assert "| gold | 2 | -9.0 ± 12.7 | -9.0 ± 12.7 | +0.0 ± 0.0 |" in lines
    assert "| random | 1 | +30.0 | +30.0 | +0.0 |" in lines
    assert "| sept | 77.5 ± 31.8 | 77.5 ± 31.8 |  |" in lines
    assert "- random, seed 1: no luck" in lines
    assert "**apart** |" not in text
    for seed, value in ((0, 0.2), (1, 0.3)):
        make_run(made, Run("gold", seed), value)
    text = summary(made, table.run_rows(made, *known), [], COMMAND, 0.0)
    assert "| gold | 2 | +31.0 ± 12.7 **apart** | +31.0 ± 12.7 **apart** | +0.0 ± 0.0 |" in text


def test_the_report_is_written_and_written_again(made, tmp_path):
    output, find = tmp_path / "out", look(made, {})
    assert report.write(made, {}, find, output, COMMAND) == 5
    first = {path.name: path.read_bytes() for path in output.iterdir()}
    assert sorted(first) == [
        "bars.png", "bars.svg", "curves.csv", "curves.png", "curves.svg",
        "raw.jsonl", "runs.csv", "search.csv", "summary.md",
    ]  # fmt: skip
    with (output / "runs.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["pass@1"] for row in rows] == ["0.5", "0.6", "0.2", "0.62", "0.7"]
    assert {"method", "seed", "base_pass@1", "greedy", "sampled_tokens", "first_alarm", "error"} < rows[
        0
    ].keys()
    report.write(made, {}, find, output, COMMAND)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == first

    shutil.rmtree(made.workdir)  # as on another machine, where the report alone is
    report.write(made, {}, look(made, read_kept(output)), output, COMMAND)
    assert {path.name: path.read_bytes() for path in output.iterdir()} == first


def test_what_a_report_keeps_is_not_made_again_but_for_the_starts_of_what_is_left(made, tmp_path):
    report.write(made, {}, look(made, {}), tmp_path, COMMAND)
    shutil.rmtree(made.workdir)
    kept = read_kept(tmp_path)
    known, find = known_of(made, kept=kept)
    check_unchanged(made, find)
    assert list(jobs(made, known)) == [Job(Run(START, 1), True)]  # where `random` has yet to begin
    failed, _ = known_of(made, {Run(START, 1): "no disk"}, kept)
    assert not list(jobs(made, failed))  # it is not tried again and again
    make_run(made, Run(START, 1), 0.3, steps=0)
    assert list(jobs(made, known_of(made, kept=kept)[0])) == [Job(Run("random", 1), True)]
    make_run(made, Run("random", 1), 0.3)
    shutil.rmtree(made.folder(Run(START, 1)))
    assert not list(jobs(made, known_of(made, kept=kept)[0]))

    made.experiment.batch = 16
    with pytest.raises(
        UserError, match=r"batch = 32, now it is 16: delete its line of the report's raw\.jsonl"
    ):
        check_unchanged(made, find)


def test_a_report_in_which_the_starts_stand_apart_keeps_them(made, tmp_path):
    report.write(made, {}, look(made, {}), tmp_path, COMMAND)
    lines = [json.loads(line) for line in (tmp_path / "raw.jsonl").read_text().splitlines()]
    for line in lines:
        (line["test"] or {}).pop("start", None)
    (tmp_path / "raw.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    shutil.rmtree(made.workdir)
    make_run(made, Run(START, 1), 0.1, steps=0)  # on another machine
    rows = table.run_rows(made, *known_of(made, kept=read_kept(tmp_path)))
    assert gains(rows, "sept", "pass@1") == {0: pytest.approx(0.3), 1: pytest.approx(0.32)}


def test_folders_of_an_earlier_version_are_refused(made):
    folder = made.folder(Run("gold", 1))
    write(
        folder, "validation.json", {"pass@1_best_temperature": 0.5, "best_temperature": 0.5, "seconds": 3.0}
    )
    with pytest.raises(UserError, match=r"gold-seed1 was made by an earlier version"):
        known_of(made)


def test_a_drift_at_the_end_of_a_run_is_no_alarm():
    rows = table.watched({"entropy": [[1, 1.0], [2, 1.0]], "eval/kl_to_start": [[1, 5.0], [2, 9.0]]})
    assert [row for row in rows if "eval/kl_to_start" in row] == [{"step": 1, "eval/kl_to_start": 5.0}]


def test_a_torn_report_is_told(tmp_path):
    (tmp_path / "raw.jsonl").write_text('{"run": {"variant": "sept", "seed": 0, "lear')
    with pytest.raises(UserError, match=r"raw\.jsonl, line 1 is no run of an ablation"):
        read_kept(tmp_path)


def test_a_report_whose_runs_were_not_kept_is_not_written_over(tmp_path):
    (tmp_path / "runs.csv").write_text("method,seed\nsept,0\n")
    with pytest.raises(UserError, match=r"holds a report without raw\.jsonl.*type --output=DIR"):
        read_kept(tmp_path)


def test_a_report_of_nothing(ablation, tmp_path):
    assert report.write(ablation, {}, look(ablation, {}), tmp_path, COMMAND) == 0
    assert "0 of 6 runs" in (tmp_path / "summary.md").read_text()


def test_runs_of_other_settings_are_refused(made):
    find = look(made, {})
    check_unchanged(made, find)
    made.experiment.guard.quality_fall = 0.2  # of a guard that is off
    check_unchanged(made, find)
    made.experiment.guard.enabled = True
    with pytest.raises(UserError, match=r"made with guard\.enabled = False, now it is True"):
        check_unchanged(made, find)
    made.experiment.guard.enabled = False
    made.experiment.batch = 16
    with pytest.raises(UserError, match=r"seed0 was made with batch = 32, now it is 16: delete .*seed0 to"):
        check_unchanged(made, find)
    made.experiment.batch, made.evaluation.samples = 32, 8
    with pytest.raises(UserError, match=r"made with evaluation\.samples = 32, now it is 8"):
        check_unchanged(made, find)


def test_the_same_file_in_another_folder_is_the_same(ablation):
    ablation.experiment.model.path = "here/small.gguf"
    make_run(ablation, Run(START, 0), 0.2, steps=0)
    ablation.experiment.model.path = "elsewhere/small.gguf"
    check_unchanged(ablation, look(ablation, {}))
    ablation.experiment.model.path = "here/large.gguf"
    with pytest.raises(UserError, match=r"model\.path = 'here/small\.gguf', now it is 'here/large\.gguf'"):
        check_unchanged(ablation, look(ablation, {}))


def test_a_run_that_was_only_begun_goes_on_with_its_own_settings(ablation):
    make_run(ablation, Run(START, 0), 0.2, steps=0)
    begun = complete(run_config(ablation, Run("gold", 1))).to_dict()
    write(ablation.folder(Run("gold", 1)), "config.json", begun)
    check_unchanged(ablation, look(ablation, {}))
    write(ablation.folder(Run("gold", 1)), "config.json", begun | {"batch": 16})
    with pytest.raises(UserError, match=r"gold-seed1 was made with batch = 16, now it is 32"):
        check_unchanged(ablation, look(ablation, {}))


def test_a_gain_is_over_the_start_that_the_run_began_at(made):
    rows, searched = table.run_rows(made, *known_of(made)), []
    assert "All runs of a seed start at the same parameters." in summary(made, rows, searched, COMMAND, 0.0)
    make_run(made, Run(START, 1), 0.1, steps=0)  # on another machine
    make_run(made, Run("random", 1), 0.25)
    rows = table.run_rows(made, *known_of(made))
    assert gains(rows, "sept", "pass@1") == {0: pytest.approx(0.3), 1: pytest.approx(0.32)}
    assert gains(rows, "random", "pass@1") == {0: pytest.approx(0.0), 1: pytest.approx(0.15)}
    assert differences(rows, "sept", "random", "pass@1") == [pytest.approx(0.3), pytest.approx(0.17)]
    assert "The start of seed 1 was made anew on the way" in summary(made, rows, searched, COMMAND, 0.0)


def test_starts_of_another_ablation_are_taken_and_made_there_where_they_are_not(ablation, made, tmp_path):
    config = chain.get_config()
    config.order, config.seeds = ("sept",), (0, 1, 2)
    config.search.learning_rates = ()
    config.workdir, config.starts = str(tmp_path / "new"), str(made.workdir)
    config.overrides.update({"steps": 10, "optimizer": {"decay_steps": 10}})
    other = read_ablation(config)
    known, find = known_of(other)
    assert set(known) == {Run(START, 0), Run(START, 1)}
    check_unchanged(other, find)
    assert list(jobs(other, known)) == [
        Job(Run(START, 2), True), Job(Run("sept", 0), True), Job(Run("sept", 1), True),
    ]  # fmt: skip
    assert other.folder(Run(START, 2)) == made.workdir / "start-seed2"
