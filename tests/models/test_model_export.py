import errno
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from make_golden import reference_logits
from model_files import NAMES, golden, write_hf

from sept_jax.errors import UserError
from sept_jax.models import export
from sept_jax.models.decoder import init_params, logits
from sept_jax.models.export import export_hf
from sept_jax.models.load import load_model


def load_golden(name, directory):
    model = golden(name)
    return load_model(str(write_hf(directory / "source", model["config"], model["weights"])))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [5 * 2**30, 4096])
def test_load_gives_back_what_was_exported(name, limit, tmp_path):
    config, params, tokenizer = load_golden(name, tmp_path)
    target = tmp_path / "out" / "model"
    export_hf(target, config, params, tokenizer, max_shard_bytes=limit)
    assert sorted(path.name for path in target.parent.iterdir()) == ["model"]
    shards = list(target.glob("*.safetensors"))
    assert (len(shards) == 1) == (limit > 4096)
    if limit == 4096:
        largest = max(leaf[0].nbytes for leaf in jax.tree.leaves(params["layers"]))
        assert max(path.stat().st_size for path in shards) < max(4096, largest) + 2048  # and a header
        index = json.loads((target / "model.safetensors.index.json").read_text())
        assert index["metadata"]["total_size"] == sum(leaf.nbytes for leaf in jax.tree.leaves(params))
    loaded_config, loaded, loaded_tokenizer = load_model(str(target))
    assert loaded_config == config
    jax.tree.map(np.testing.assert_array_equal, loaded, params)
    assert loaded_tokenizer.encode("1+2=3\n") == tokenizer.encode("1+2=3\n")
    assert loaded_tokenizer.eos_ids == tokenizer.eos_ids


@pytest.mark.peer
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("limit", [5 * 2**30, 4096])
def test_transformers_gives_the_same_logits(name, limit, tmp_path):
    from transformers import AutoModelForCausalLM, AutoTokenizer

    config, _, tokenizer = load_golden(name, tmp_path)
    params = init_params(config, jax.random.key(3))
    export_hf(tmp_path / "out", config, params, tokenizer, max_shard_bytes=limit)
    theirs, report = AutoModelForCausalLM.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not any(report.values()), report
    tokens = np.random.default_rng(0).integers(0, config.vocab_size, (2, 40)).astype(np.int32)
    found = np.asarray(logits(params, jnp.asarray(tokens), config))
    expected = reference_logits(theirs.eval(), tokens)
    assert np.abs(found - expected).max() < 1e-4 * np.abs(expected).max()
    assert AutoTokenizer.from_pretrained(tmp_path / "out").encode("1+2") == tokenizer.encode("1+2")
    assert theirs.generation_config.eos_token_id == 1


def test_an_existing_directory_is_left_alone(tmp_path):
    config, params, tokenizer = load_golden("qwen2", tmp_path)
    with pytest.raises(UserError, match="source exists: expected a new or empty directory"):
        export_hf(tmp_path / "source", config, params, tokenizer)
    (tmp_path / "empty").mkdir()
    export_hf(tmp_path / "empty", config, params, tokenizer)
    assert (tmp_path / "empty" / "model.safetensors").exists()


def test_a_full_disk_leaves_nothing(tmp_path, monkeypatch):
    config, params, tokenizer = load_golden("qwen2", tmp_path)

    def save_file(arrays, path, metadata):
        path.write_bytes(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(export, "save_file", save_file)
    with pytest.raises(UserError, match=r"cannot export to .*out: No space left on device"):
        export_hf(tmp_path / "out", config, params, tokenizer)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_parameters_of_another_model(tmp_path):
    config, params, tokenizer = load_golden("qwen2", tmp_path)
    params["layers"]["up"] = params["layers"]["up"][:1]
    with pytest.raises(UserError, match=r"'up'\] has shape \(1, 16, 24\): expected \(2, 16, 24\)"):
        export_hf(tmp_path / "out", config, params, tokenizer)
    del params["layers"]["up"]
    with pytest.raises(UserError, match=r"'up'\] has shape None: expected \(2, 16, 24\)"):
        export_hf(tmp_path / "out", config, params, tokenizer)
