import json
import math
import struct

import jax
import numpy as np
import pytest
from tensorboardX.proto.event_pb2 import Event

from sept_jax import metrics
from sept_jax.errors import UserError
from sept_jax.metrics import JsonLines, MetricsWriter, Progress, write_json


def lines(workdir):
    def refuse(constant):
        raise AssertionError(f"{constant} is no JSON")

    return [
        json.loads(line, parse_constant=refuse)
        for line in (workdir / "metrics.jsonl").read_text().splitlines()
    ]


def events(workdir):
    """Returns `(step, tag, value)` as TensorBoard shows them: a session purges its own and later steps."""
    shown = []
    for file in sorted(workdir.glob("events.out.tfevents.*"), key=lambda file: file.stat().st_mtime_ns):
        data, at = file.read_bytes(), 0
        while at < len(data):
            (length,) = struct.unpack_from("<Q", data, at)
            event = Event.FromString(data[at + 12 : at + 12 + length])
            at += length + 16
            if event.HasField("session_log"):
                shown = [item for item in shown if item[0] < event.step]
            shown += [(event.step, value.tag, value.simple_value) for value in event.summary.value]
    return shown


def test_same_numbers_in_both_files_at_once(tmp_path):
    writer = MetricsWriter(tmp_path / "run")
    writer.write(1, {"loss": np.float32(0.5), "accuracy": 1})
    writer.write(2, {"loss": jax.numpy.float32(0.25)})
    assert lines(tmp_path / "run") == [{"step": 1, "loss": 0.5, "accuracy": 1.0}, {"step": 2, "loss": 0.25}]
    writer.close()
    assert sorted(events(tmp_path / "run")) == [(1, "accuracy", 1.0), (1, "loss", 0.5), (2, "loss", 0.25)]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_null(tmp_path, value):
    writer = MetricsWriter(tmp_path)
    writer.write(3, {"loss": value})
    writer.close()
    assert lines(tmp_path) == [{"step": 3, "loss": None}]
    assert [step for step, _, _ in events(tmp_path)] == [3]


def test_resume_leaves_no_gap_and_no_double(tmp_path):
    first = MetricsWriter(tmp_path)
    for step in range(1, 6):
        first.write(step, {"loss": step})
    first.close()
    with (tmp_path / "metrics.jsonl").open("a") as file:
        file.write('{"step": 6, "lo')

    second = MetricsWriter(tmp_path)
    second.truncate_after(3)
    for step in range(4, 8):
        second.write(step, {"loss": 10 * step})
    second.close()
    expected = [(1, 1), (2, 2), (3, 3), (4, 40), (5, 50), (6, 60), (7, 70)]
    assert [(line["step"], line["loss"]) for line in lines(tmp_path)] == expected
    assert [(step, value) for step, _, value in events(tmp_path)] == expected


def test_truncating_drops_a_torn_line_even_within_the_step(tmp_path):
    (tmp_path / "metrics.jsonl").write_bytes(b'{"step": 1}\n{"st\xff\n{"step": 2}\n{"step": 2')
    writer = MetricsWriter(tmp_path)
    writer.truncate_after(2)
    writer.close()
    assert lines(tmp_path) == [{"step": 1}, {"step": 2}]


def test_json_lines_of_samples(tmp_path):
    file = JsonLines(tmp_path / "deep" / "samples.jsonl")
    for step in (1, 1, 2, 3):
        file.write({"step": step, "text": "a\u2028\nb", "score": [np.float32(0.5), math.nan]})
    file.truncate_after(2)
    file.write({"step": 3, "text": "new"})
    file.close()
    old = {"text": "a\u2028\nb", "score": [0.5, None]}
    found = [json.loads(line) for line in (tmp_path / "deep" / "samples.jsonl").read_text().split("\n")[:-1]]
    assert found == [{"step": 1, **old}, {"step": 1, **old}, {"step": 2, **old}, {"step": 3, "text": "new"}]


def test_a_full_disk_is_told(tmp_path, monkeypatch):
    writer = MetricsWriter(tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("tensorboardX.SummaryWriter.flush", full)
    with pytest.raises(UserError, match=r"cannot be written \(No space left on device\): make room"):
        writer.write(1, {"loss": 1.0})


def test_only_the_first_process_writes(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(jax, "process_index", lambda: 1)
    writer = MetricsWriter(tmp_path / "run")
    writer.write(1, {"loss": 1.0})
    writer.truncate_after(0)
    writer.close()
    write_json(tmp_path / "summary.json", {})
    progress = Progress(total=1)
    progress.update(1, {"loss": 0.0}, 0.0)
    progress.close()
    assert list(tmp_path.iterdir()) == []
    assert capsys.readouterr().err == ""


def test_write_json(tmp_path):
    path = tmp_path / "deep" / "summary.json"
    write_json(path, {"a": np.float32(0.5), "b": [math.nan, np.int64(3)], "c": np.arange(2), "d": None})
    assert json.loads(path.read_text()) == {"a": 0.5, "b": [None, 3], "c": [0, 1], "d": None}
    assert path.stat().st_mode & 0o777 == 0o644


def test_write_json_is_whole_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "summary.json"
    write_json(path, {"a": 1})

    def full(handle):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(metrics.os, "fsync", full)
    with pytest.raises(UserError, match=r"summary\.json cannot be written \(No space left on device\)"):
        write_json(path, {"a": 2})
    assert json.loads(path.read_text()) == {"a": 1}
    assert [file.name for file in tmp_path.iterdir()] == ["summary.json"]


def test_a_workdir_that_is_a_file(tmp_path):
    (tmp_path / "run").write_text("")
    with pytest.raises(UserError, match=r"metrics\.jsonl cannot be written \(.*\): .* another --workdir"):
        MetricsWriter(tmp_path / "run")


def test_progress_prints_lines_where_there_is_no_terminal(monkeypatch, capsys):
    clock = iter([0.0, 10.0, 20.0, 45.0, 60.0])
    monkeypatch.setattr(metrics.time, "monotonic", lambda: next(clock))
    progress = Progress(total=14, start=10, name="warm start", every_seconds=30)
    for step in (11, 12, 13, 14):
        progress.update(step, {"loss": step / 8, "pass@1": 0.625}, 1234.4)
    progress.close()
    assert capsys.readouterr().err.splitlines() == [
        "warm start 11/14  loss 1.375  pass@1 0.625  1,234 tokens/s  00:30 left",
        "warm start 13/14  loss 1.625  pass@1 0.625  1,234 tokens/s  00:15 left",
        "warm start 14/14  loss 1.750  pass@1 0.625  1,234 tokens/s  00:00 left",
    ]


def test_progress_draws_a_bar_on_a_terminal(monkeypatch, capsys):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    progress = Progress(total=4, start=1)
    for step in (2, 3, 4):
        progress.update(step, {"loss": 0.5, "step score": 0.25}, 100.0)
    progress.close()
    last = capsys.readouterr().err.rstrip().split("\r")[-1]
    assert last.startswith("step 4/4 |")
    assert "| loss 0.500  step score 0.250  100 tokens/s" in last
    assert last.endswith("00:00 left")
