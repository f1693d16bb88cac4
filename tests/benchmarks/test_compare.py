import json

import pytest

from benchmarks.compare import alternate, parser, per_second, report, with_dtypes


def test_turns_alternate_and_the_first_warms_up(tmp_path):
    order = []

    def side(name, values):
        left = iter(values)

        def turn():
            order.append(name)
            return next(left)

        return turn

    rows = alternate(
        "work", "speed", "1/s", side("ours", [1, 10, 40, 20]),
        {"a": side("a", [99, 5, 5, 2]), "b": side("b", [99, 40, 80, 10])}, 3,
    )  # fmt: skip
    assert order == ["ours", "a", "b"] * 4
    assert [row["peer_name"] for row in rows] == ["a", "b"]
    assert [row["ratio"] for row in rows] == [20 / 5, 20 / 40]
    assert rows[0]["ours_runs"] == [10, 40, 20]
    assert rows[1]["peer_runs"] == [40, 80, 10]
    assert rows[0]["versions"]["jax"]
    assert report(iter(rows), tmp_path / "rows.json") == rows
    assert json.loads((tmp_path / "rows.json").read_text()) == rows


def test_without_a_peer_there_is_a_row_without_a_ratio():
    [row] = alternate("work", "memory", "bytes", lambda: 3.0, {}, 2, higher_is_better=False, warm_up=False)
    assert (row["ours"], row["peer"], row["ratio"], row["higher_is_better"]) == (3.0, None, None, False)
    assert row["ours_runs"] == [3.0, 3.0]


def test_per_second_counts_what_was_done():
    assert per_second(lambda: 0)() == 0
    assert per_second(lambda: 1000)() > 1000


@pytest.mark.parametrize(
    ("typed", "ours", "peers"),
    [
        ([], "bfloat16", "bfloat16"),
        (["--dtype", "float32"], "float32", "float32"),
        (["--peer-dtype", "float32"], "bfloat16", "float32"),
    ],
)
def test_peers_compute_in_our_type_or_in_their_own(typed, ours, peers):
    given = parser("", weights=False).parse_args(typed)
    assert with_dtypes({"peer_name": "a"}, given) == {"peer_name": "a", "dtype": ours, "peer_dtype": peers}
    assert with_dtypes({"peer_name": None}, given)["peer_dtype"] is None
