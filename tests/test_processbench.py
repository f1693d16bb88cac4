import json

import numpy as np
import pytest

from sept_jax import processbench
from sept_jax.errors import UserError
from sept_jax.processbench import Judged, Solution, coin_f1, f1, measure

KEYS = {
    "file", "n", "f1", "f1_interval", "accuracy_erroneous", "accuracy_correct", "flag_precision",
    "flag_precision_excluding_later", "flag_recall", "coverage", "coin_f1", "steps_per_s",
}  # fmt: skip
ROWS = [
    {"id": "right", "problem": "3 bags of 4?", "steps": ["3 * 4 = 12.", "The answer is 12."], "label": -1},
    {"id": "found", "problem": "3 bags of 4?", "steps": ["3 * 4 = 13.", "The answer is 13."], "label": 0},
    {"id": "late", "problem": "3 bags of 4?", "steps": ["It is 15.", "3 * 4 = 15."], "label": 0},
    {"id": "silent", "problem": "3 bags of 4?", "steps": ["It is a lot.", "So many."], "label": 1},
]


@pytest.fixture
def data(tmp_path):
    def write(rows):
        path = tmp_path / "data.jsonl"
        path.write_text("".join(row if isinstance(row, str) else json.dumps(row) + "\n" for row in rows))
        return path

    return write


def test_figures_worked_by_hand():
    solutions = [
        Solution(str(i), "", ("a", "b", "c", "d"), label) for i, label in enumerate((-1, -1, 1, 2, 0))
    ]
    judged = [Judged((), 2), Judged((3,), 1), Judged((1, 2), 4), Judged((1, 2), 0), Judged((), 0)]
    result = measure(solutions, judged, 2.0)
    assert result["n"] == 5
    assert result["accuracy_erroneous"] == pytest.approx(1 / 3)
    assert result["accuracy_correct"] == 1 / 2
    assert result["f1"] == pytest.approx(2 * (1 / 3) * (1 / 2) / (1 / 3 + 1 / 2))
    assert result["flag_precision"] == 2 / 5  # labels 1 and 2 among the flags 3, 1, 2, 1, 2
    assert result["flag_precision_excluding_later"] == 2 / 4  # the flag at 2 after the label 1 is left out
    assert result["flag_recall"] == pytest.approx(2 / 3)
    assert result["coverage"] == 7 / 20
    assert result["steps_per_s"] == 10
    low, high = result["f1_interval"]
    assert 0 <= low < result["f1"] < high <= 1


def test_the_coin_is_the_best_of_its_kind():
    labels = [-1] * 50 + [1] * 25 + [0] * 10 + [2] * 15
    generator = np.random.default_rng(0)
    wrong = np.array([label for label in labels if label != -1])

    def expected(p, step):
        erroneous = (1 - p) * (wrong == step).mean()
        return 2 * p * erroneous / (p + erroneous)

    best = max(expected(p, step) for p in generator.uniform(0.01, 0.99, 4000) for step in (0, 1, 2))
    assert coin_f1(labels) == pytest.approx(best, abs=1e-5)
    assert coin_f1([-1, -1]) == coin_f1([0, 1]) == 0.0


def test_f1_is_zero_where_one_kind_fails():
    assert f1(np.array([-1, 0]), np.array([-1, 1])) == (0.0, 0.0, 1.0)


def test_the_command_writes_one_object_a_file(data, tmp_path, capsys):
    path, out = data(ROWS), tmp_path / "out.json"
    processbench.main(["--data", str(path), str(path), "--json", str(out), "--errors", "2"])
    results = json.loads(out.read_text())
    assert [set(result) for result in results] == [KEYS, KEYS]
    result = results[0]
    assert result["file"] == str(path)
    assert result["accuracy_correct"] == 1.0
    assert result["accuracy_erroneous"] == pytest.approx(1 / 3)
    shown = capsys.readouterr().out
    assert "late: labelled 0, found 1" in shown
    assert "3 * 4 = 15, but 3 * 4 is 12" in shown
    assert "\nsilent: labelled 1, found -1" in shown
    assert "data.jsonl" in shown


def test_a_channel_alone(data, tmp_path):
    out = tmp_path / "out.json"
    processbench.main(["--data", str(data(ROWS)), "--channels", "provenance", "--json", str(out)])
    assert json.loads(out.read_text())[0]["flag_recall"] == 0.0


@pytest.mark.parametrize(
    "row",
    [
        "{\n",
        {"problem": "p", "steps": ["a"]},
        {"problem": "p", "steps": ["a"], "label": 1},
        {"problem": "p", "steps": ["a"], "label": "0"},
        {"problem": "p", "steps": [1], "label": 0},
        {"problem": "p", "steps": "ab", "label": 0},
        {"problem": "p", "steps": ["a", "b"], "label": True},
        [1],
        "[" * 200_000,
        b"\xff\xfe",
    ],
)
def test_a_bad_line_is_named(data, row):
    if isinstance(row, bytes):
        path = data([ROWS[0]])
        path.write_bytes(path.read_bytes() + row)
    else:
        path = data([ROWS[0], row])
    with pytest.raises(UserError, match="line 2: expected an object with problem"):
        processbench.load(path)


def test_missing_and_empty_files(data, tmp_path):
    with pytest.raises(UserError, match="no such file"):
        processbench.load(tmp_path / "none.jsonl")
    with pytest.raises(UserError, match="is empty"):
        processbench.load(data([]))


def test_model_channels_need_a_model(data):
    with pytest.raises(UserError, match="--channels coherence: these ask a model; type --model=PATH"):
        processbench.main(["--data", str(data(ROWS)), "--channels", "arithmetic", "coherence"])


def test_a_negative_number_of_disagreements_is_refused(data):
    with pytest.raises(UserError, match="--errors=-1: expected 0 or more"):
        processbench.main(["--data", str(data(ROWS)), "--errors", "-1"])


def test_terminal_codes_of_the_data_are_not_printed():
    solution = Solution("\x1b[2J", "a \ud800\x07", ("3 * 4 = 13 \x1b[31m",), -1)
    shown = processbench.explain(solution, Judged((0,), 1), ("arithmetic",))
    assert shown.replace("\n", "").isprintable()
    assert "3 * 4 = 13 \ufffd[31m" in shown


def test_low_scores_are_flags_too():
    reading = processbench.read_path("3 bags of 4?", ("3 * 4 = 12.", "3 * 4 = 13.", "So many."), False)
    assert processbench.judge(reading, 3, ("arithmetic",), (0.5, 0.5, 0.1), 0.2) == Judged((1, 2), 2)
    assert processbench.judge(reading, 3, ("arithmetic",)) == Judged((1,), 2)


def test_bad_arguments_are_one_line(data, tmp_path):
    with pytest.raises(UserError, match="invalid choice: 'magic'"):
        processbench.main(["--data", str(data(ROWS)), "--channels", "magic"])
    with pytest.raises(UserError, match="is a directory"):
        processbench.main(["--data", str(data(ROWS)), "--json", str(tmp_path)])
