import itertools

import jax
import pytest

from benchmarks.scaling import plot, rows, table
from sept_jax.models.config import ModelConfig
from sept_jax.models.decoder import init_params

TINY = ModelConfig(
    family="llama", vocab_size=64, width=8, mlp_width=8, num_layers=1, num_heads=2, num_kv_heads=1,
    head_dim=4, rope_theta=1e4, norm_eps=1e-5, max_length=512, tie_embeddings=True, qkv_bias=False,
    qk_norm=False,
)  # fmt: skip


def row(paths, tokens, speed, temporary, output):
    return {
        "paths": paths, "tokens": tokens, "ours": speed, "ms_per_token": 1e3 / speed, "prompts": 4,
        "dtype": "bfloat16", "temporary_bytes": temporary, "output_bytes": output,
    }  # fmt: skip


FOUND = [
    row(1, 64, 50.4, 1_000_000, 400_000),
    row(1, 256, 40.0, 1_600_000, 0),
    row(16, 64, 700.0, 3_000_000_000, 0),
    row(16, 256, 1234.5, 2e6, 2e6),
]


def test_the_table_by_hand():
    assert table(FOUND).splitlines() == [
        "| paths a prompt | T=64: tokens/s | MB | T=256: tokens/s | MB |",
        "| --- | --- | --- | --- | --- |",
        "| 1 | 50 | 1 | 40 | 2 |",
        "| 16 | 700 | 3,000 | 1,234 | 4 |",
    ]


def test_the_plot_is_a_picture(tmp_path):
    plot(FOUND, tmp_path / "made.png")
    header = (tmp_path / "made.png").read_bytes()[:24]
    assert header[:8] == b"\x89PNG\r\n\x1a\n"
    assert (int.from_bytes(header[16:20]), int.from_bytes(header[20:24])) == (1500, 600)


def test_a_row_a_number_and_a_length_of_paths():
    params = init_params(TINY, jax.random.key(0))
    found = list(rows(params, TINY, 2, (1, 3), (2, 5), "float32", turns=2))
    assert [(row["prompts"], row["paths"], row["tokens"]) for row in found] == [
        (2, 1, 2), (2, 1, 5), (2, 3, 2), (2, 3, 5),
    ]  # fmt: skip
    for row in found:
        assert len(row["ours_runs"]) == 2
        assert row["ms_per_token"] == pytest.approx(1e3 / row["ours"])
    drawn = [2 * row["paths"] * row["tokens"] for row in found]
    returned = [row["output_bytes"] for row in found]
    # a token has its id, two log-probabilities and an entropy; a path its length and whether it ended
    assert [b - a for a, b in itertools.pairwise(returned)] == [
        16 * (drawn[1] - drawn[0]), 16 * (drawn[2] - drawn[1]) + 4 * 5, 16 * (drawn[3] - drawn[2]),
    ]  # fmt: skip
