import json

import jax
import jax.numpy as jnp
import ml_dtypes
import numpy as np
import pytest
from make_golden import build, reference_logits
from model_files import NAMES, golden, write_hf
from safetensors.numpy import save_file

from sept_jax.errors import UserError
from sept_jax.models.decoder import logits
from sept_jax.models.huggingface import generation_eos_ids, load_config, load_params


def relative_error(found, expected) -> float:
    return float(np.abs(np.asarray(found) - expected).max() / np.abs(expected).max())


@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_the_golden_ones(name, tmp_path):
    model = golden(name)
    directory = write_hf(tmp_path, model["config"], model["weights"], tokenizer=False)
    config = load_config(directory)
    params = jax.tree.map(jnp.asarray, load_params(directory, config))
    found = logits(params, jnp.asarray(model["tokens"]), config)
    assert relative_error(found, model["logits"]) < 1e-5


@pytest.mark.peer
@pytest.mark.parametrize("name", NAMES)
def test_logits_equal_transformers(name, tmp_path):
    model = build(name)
    model.save_pretrained(tmp_path)
    config = load_config(tmp_path)
    tokens = np.random.default_rng(1).integers(0, config.vocab_size, (3, 40)).astype(np.int32)
    params = jax.tree.map(jnp.asarray, load_params(tmp_path, config))
    found = logits(params, jnp.asarray(tokens), config)
    assert relative_error(found, reference_logits(model, tokens)) < 1e-4


@pytest.mark.parametrize(("dtype", "bound"), [(np.float16, 2**-11), (ml_dtypes.bfloat16, 2**-8)])
def test_narrow_types_widen_to_f32(dtype, bound, tmp_path):
    model = golden("qwen3")
    narrow = {name: weight.astype(dtype) for name, weight in model["weights"].items()}
    directory = write_hf(tmp_path, model["config"], narrow, tokenizer=False)
    params = load_params(directory, load_config(directory))
    exact = narrow["model.layers.1.mlp.up_proj.weight"].astype(np.float32).T
    assert params["layers"]["up"].dtype == np.float32
    np.testing.assert_array_equal(params["layers"]["up"][1], exact)
    source = model["weights"]["lm_head.weight"].T
    assert np.abs(params["head"] - source).max() <= bound * np.abs(source).max()


def shard(directory, model, names=("model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors")):
    """Splits the weights over two shards, by turns."""
    (directory / "config.json").write_text(json.dumps(model["config"]))
    weight_map = {name: names[i % 2] for i, name in enumerate(model["weights"])}
    for file in set(names):
        part = {name: model["weights"][name] for name in weight_map if weight_map[name] == file}
        if "/" not in file:
            save_file(part, directory / file)
    (directory / "model.safetensors.index.json").write_text(json.dumps({"weight_map": weight_map}))


def test_shards_equal_one_file(tmp_path):
    model = golden("llama_scaled")
    one = write_hf(tmp_path / "one", model["config"], model["weights"], tokenizer=False)
    two = tmp_path / "two"
    two.mkdir()
    shard(two, model)
    config = load_config(one)
    a, b = load_params(one, config), load_params(two, config)
    np.testing.assert_array_equal(a["layers"]["down"], b["layers"]["down"])
    np.testing.assert_array_equal(a["embed"], b["embed"])


def drop(name):
    return lambda weights: weights.pop(name)


def replace(name, array):
    return lambda weights: weights.update({name: array})


Q = "model.layers.1.self_attn.q_proj.weight"


@pytest.mark.parametrize(
    ("damage", "parts"),
    [
        (drop(Q), [Q, "missing (1 in all)", "(32, 16)", "2-layer llama"]),
        (replace(Q, np.zeros((16, 32), np.float32)), [Q, "(16, 32)", "expected (32, 16)"]),
        (replace(Q, np.zeros((32, 16), np.int8)), [Q, "I8", "expected F32, F16 or BF16"]),
        (
            replace("model.layers.2.mlp.up_proj.weight", np.zeros(3, np.float32)),
            ["layers.2.mlp.up", "not part of"],
        ),
        (
            replace("model.layers.0.self_attn.q_proj.bias", np.zeros(32, np.float32)),
            ["q_proj.bias", "not part of"],
        ),
    ],
)
def test_bad_tensors(damage, parts, tmp_path):
    model = golden("llama_scaled")
    damage(model["weights"])
    directory = write_hf(tmp_path, model["config"], model["weights"], tokenizer=False)
    with pytest.raises(UserError) as error:
        load_params(directory, load_config(directory))
    assert all(part in str(error.value) for part in parts), error.value


def test_buffers_and_a_tied_head_are_passed_over(tmp_path):
    model = golden("llama_tied")
    extra = {"lm_head.weight": np.ones((40, 16), np.float32)}
    extra["model.layers.0.self_attn.rotary_emb.inv_freq"] = np.ones(2, np.float32)
    directory = write_hf(tmp_path, model["config"], model["weights"] | extra, tokenizer=False)
    assert "head" not in load_params(directory, load_config(directory))


@pytest.mark.parametrize(
    ("name", "content", "parts"),
    [
        ("config.json", None, ["config.json", "No such file"]),
        ("config.json", b'{"vocab_size": ', ["config.json is not JSON", "fetch"]),
        ("config.json", b"[1]", ["config.json holds a list", "object"]),
        ("model.safetensors", None, ["no weights", "model.safetensors.index.json"]),
        ("model.safetensors", b"", ["model.safetensors is truncated or no safetensors"]),
        ("model.safetensors", "half", ["model.safetensors is truncated or no safetensors"]),
    ],
)
def test_bad_files(name, content, parts, tmp_path):
    model = golden("qwen2")
    path = write_hf(tmp_path, model["config"], model["weights"], tokenizer=False) / name
    if content is None:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2] if content == "half" else content)
    with pytest.raises(UserError) as error:
        load_params(tmp_path, load_config(tmp_path))
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize("name", ["../outside.safetensors", "/etc/passwd", "..", "sub/a.safetensors", "a\\b"])
def test_an_index_stays_in_its_directory(name, tmp_path):
    model = golden("qwen2")
    shard(tmp_path, model, ("a.safetensors", "b.safetensors"))
    index = {"weight_map": {"lm_head.weight": name}}
    (tmp_path / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(UserError, match="is not the name of a file in the directory"):
        load_params(tmp_path, load_config(tmp_path))


def test_an_absent_shard_is_named(tmp_path):
    model = golden("qwen2")
    shard(tmp_path, model, ("a.safetensors", "b.safetensors"))
    (tmp_path / "b.safetensors").unlink()
    with pytest.raises(UserError, match=r"b\.safetensors is missing"):
        load_params(tmp_path, load_config(tmp_path))


@pytest.mark.parametrize(("value", "expected"), [(7, (7,)), ([7, 9], (7, 9)), (None, ())])
def test_generation_eos_ids(value, expected, tmp_path):
    assert generation_eos_ids(tmp_path) == ()
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": value}))
    assert generation_eos_ids(tmp_path) == expected


def test_odd_generation_eos_ids(tmp_path):
    (tmp_path / "generation_config.json").write_text('{"eos_token_id": "</s>"}')
    with pytest.raises(UserError, match="eos_token_id"):
        generation_eos_ids(tmp_path)
