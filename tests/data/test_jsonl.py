import json

import numpy as np
import pytest

from sept_jax.data import Source
from sept_jax.data.jsonl import JsonlSource
from sept_jax.errors import UserError

GSM8K = {
    "question": "A robe takes 2 bolts of blue and half that of white. How many in 3 robes?",
    "answer": "It takes 2/2=<<2/2=1>>1 white\nSo 3*3=<<3*3=9>>9\n#### 9",
}
MATH = {
    "problem": "What is $x$ if $2x = \\frac{14}{3}$?",
    "level": "Level 3",
    "solution": "Divide: $x = \\boxed{\\frac{7}{3}}$.",
}


def write(path, *lines):
    path.write_bytes(
        b"\n".join(line if isinstance(line, bytes) else json.dumps(line).encode() for line in lines)
    )
    return path


def test_reads_both_layouts(tmp_path):
    source = JsonlSource(write(tmp_path / "train.jsonl", GSM8K, MATH).parent, "train")
    assert isinstance(source, Source)
    assert [len(source), source.skipped] == [2, 0]
    assert [problem.answer for problem in source] == ["9", "\\frac{7}{3}"]
    assert [source[0].question, source[1].question] == [GSM8K["question"], MATH["problem"]]
    assert source.levels.dtype == np.float32
    np.testing.assert_array_equal(source.levels, [2, 3])
    assert [source[0].id, source[1].id] == [f"{tmp_path.name}/train:1", f"{tmp_path.name}/train:2"]


def test_answer_field_may_be_plain_or_a_number_or_absent(tmp_path):
    rows = (
        {"question": "q", "answer": "\\left( 3, 4 \\right)"},
        {"question": "q", "answer": 7},
        {"question": "q"},
    )
    source = JsonlSource(write(tmp_path / "a.jsonl", *rows), "test")
    assert [source[0].answer, source[1].answer, source[2].answer] == ["\\left( 3, 4 \\right)", "7", None]


def test_level_never_comes_from_gold(tmp_path):
    other = {**GSM8K, "answer": "1 2 3 4 5 6 7 8 9 ####"}
    without = {"question": GSM8K["question"]}
    source = JsonlSource(write(tmp_path / "a.jsonl", GSM8K, other, without), "train")
    np.testing.assert_array_equal(source.levels, [2, 2, 2])


@pytest.mark.parametrize(
    ("level", "expected"),
    [("Level 5", 5), (4, 4), (2.5, 2.5), ("Level ?", 2), (True, 2), (float("nan"), 2), (None, 2)],
)
def test_level_field(tmp_path, level, expected):
    source = JsonlSource(write(tmp_path / "a.jsonl", {**GSM8K, "level": level}), "train")
    assert source.levels[0] == expected


@pytest.mark.parametrize(
    "bad",
    [
        b'{"question": "half',
        b'{"question": "caf\xe9 1+1?"}',
        b"[1, 2]",
        b'{"text": "no question"}',
        b'{"question": "  "}',
        b'{"question": 5}',
        b'{"question": "\\ud800"}',
        b"[" * 100_000,
        b'{"question": "q", "level": ' + b"9" * 10_000 + b"}",
    ],
)
def test_a_malformed_line_is_counted_named_and_skipped(tmp_path, caplog, bad):
    file = write(tmp_path / "train.jsonl", GSM8K, bad, b"", b"   ", MATH)
    source = JsonlSource(file, "train")
    assert [len(source), source.skipped] == [2, 1]
    assert source[1].id.endswith(":5")
    assert f"{file} line 2 is skipped" in caplog.text


def test_warnings_are_bounded(tmp_path, caplog):
    JsonlSource(write(tmp_path / "a.jsonl", *[GSM8K] * 30, *[b"{"] * 25), "train")
    assert len(caplog.records) == 11
    assert "25 malformed lines" in caplog.text


def test_byte_order_mark_and_crlf(tmp_path):
    file = write(tmp_path / "a.jsonl", b"\xef\xbb\xbf" + json.dumps(GSM8K).encode() + b"\r", GSM8K)
    assert len(JsonlSource(file, "train")) == 2


def test_half_bad_is_read_and_more_than_half_is_refused(tmp_path):
    assert len(JsonlSource(write(tmp_path / "half.jsonl", GSM8K, b"{"), "train")) == 1
    with pytest.raises(UserError, match=r"2 of 3 lines of .*more\.jsonl are malformed \(line 2: "):
        JsonlSource(write(tmp_path / "more.jsonl", GSM8K, b"{", b"{"), "train")


@pytest.mark.parametrize("content", [b"", b"\n \n"])
def test_empty_file(tmp_path, content):
    (tmp_path / "train.jsonl").write_bytes(content)
    with pytest.raises(UserError, match=r"train\.jsonl is empty"):
        JsonlSource(tmp_path, "train")


def test_missing_file_says_what_to_pass(tmp_path):
    with pytest.raises(UserError, match=r"does not exist: .*--config\.data\.path=PATH"):
        JsonlSource(tmp_path / "nowhere", "train")
    write(tmp_path / "train.jsonl", GSM8K)
    with pytest.raises(UserError, match=r"has no valid\.jsonl: it holds the splits train"):
        JsonlSource(tmp_path, "valid")


@pytest.mark.shared
@pytest.mark.parametrize(
    ("name", "split", "rows"),
    [("gsm8k", "train", 7473), ("gsm8k", "test", 1319), ("math", "train", 4500), ("math", "test", 500)],
)
def test_public_data_is_read_whole(shared_data, name, split, rows):
    source = JsonlSource(shared_data / name, split)
    assert [len(source), source.skipped] == [rows, 0]
    assert sum(problem.answer is None for problem in source) == 0
    assert np.ptp(source.levels) >= 4
