"""The rows of a whole step, with stand-ins for the three processes."""

import argparse
from pathlib import Path

from benchmarks import step


class StandIn:
    """Whose steps take as many seconds as its name has letters, the first a hundred times as many."""

    def __init__(self, arguments):
        self.name, self.turns, self.closed = arguments[-1], 0, False
        self.peak_bytes = 0.0
        made.append(self)

    def turn(self):
        self.turns += 1
        self.peak_bytes = 1000.0 * len(self.name) + self.turns
        return len(self.name) * (100 if self.turns == 1 else 1)

    def close(self):
        self.closed = True


made: list[StandIn] = []


def test_rows_of_seconds_and_peaks_beside_each_peer(monkeypatch):
    monkeypatch.setattr(step, "Side", StandIn)
    made.clear()
    given = argparse.Namespace(
        model="MODEL", dtype="bfloat16", peer_dtype="float32", turns=2, checkpointing=False, no_peers=False
    )
    rows = list(step.rows(given, Path("DATA")))
    assert [side.turns for side in made] == [3, 3, 3]
    assert all(side.closed for side in made)
    seconds, peaks = rows[:2], rows[2:]
    for pair in seconds, peaks:
        assert [row["peer_name"] for row in pair] == [step.JUDGED, step.TRL]
        assert [row["dtype"] for row in pair] == ["bfloat16"] * 2
        assert [row["peer_dtype"] for row in pair] == ["bfloat16", "float32"]
        assert [row.get("peer_checkpointing") for row in pair] == [None, False]
        assert not any(row["higher_is_better"] for row in pair)
    assert [(row["ours"], row["peer"], row["unit"]) for row in seconds] == [(4, 24, "s"), (4, 15, "s")]
    assert [(row["ours"], row["peer"], row["unit"]) for row in peaks] == [
        (4003, 24_003, "bytes"), (4003, 15_003, "bytes"),
    ]  # fmt: skip


def test_without_peers_the_reward_model_stays(monkeypatch):
    monkeypatch.setattr(step, "Side", StandIn)
    given = argparse.Namespace(
        model="MODEL", dtype="bfloat16", peer_dtype="bfloat16", turns=1, checkpointing=True, no_peers=True
    )
    assert [row["peer_name"] for row in step.rows(given, Path("DATA"))] == [step.JUDGED] * 2


def test_all_sides_read_the_same_few_questions(tmp_path):
    for name in ("train.jsonl", "test.jsonl"):
        (tmp_path / name).write_text("".join(f"{name} {line}\n" for line in range(40)))
    (tmp_path / "few").mkdir()
    step.write_questions(tmp_path, tmp_path / "few", 2)
    kept = (tmp_path / "few" / "train.jsonl").read_text().splitlines()
    assert kept == [f"train.jsonl {line}" for line in range(2 * step.PROMPTS)]
    assert (tmp_path / "few" / "test.jsonl").read_text().startswith("test.jsonl 0\n")
