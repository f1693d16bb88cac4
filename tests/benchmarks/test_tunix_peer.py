import sys

import pytest

import benchmarks
from benchmarks.sampling import import_tunix
from sept_jax.models.config import ModelConfig


def test_where_tunix_is_not_installed_one_reads_what_to_type(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tunix", None)
    monkeypatch.delitem(sys.modules, "benchmarks.tunix_peer", raising=False)
    monkeypatch.delattr(benchmarks, "tunix_peer", raising=False)
    assert import_tunix() is None
    [line] = capsys.readouterr().err.splitlines()
    assert "type pip install --no-deps google-tunix==" in line


@pytest.mark.peer
def test_every_token_that_was_asked_for_is_counted():
    pytest.importorskip("tunix")
    from benchmarks import tunix_peer

    model = ModelConfig(
        family="llama", vocab_size=9, width=8, mlp_width=8, num_layers=2, num_heads=2, num_kv_heads=1,
        head_dim=4, rope_theta=1e4, norm_eps=1e-5, max_length=64, tie_embeddings=True, qkv_bias=False,
        qk_norm=False,
    )  # fmt: skip
    llama = tunix_peer.random(model, "bfloat16")
    run = tunix_peer.generate(llama, [[5, 6, 7], [7, 8, 5]], paths=2, new=20, pad=0)
    assert [run(), run()] == [2 * 2 * 20] * 2  # nine tokens to draw from: some would be an end
