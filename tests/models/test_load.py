import json

import numpy as np
import pytest
from model_files import golden, write_gguf, write_hf

from sept_jax.errors import UserError
from sept_jax.models.load import load_model


def test_a_directory(tmp_path):
    model = golden("qwen3")
    write_hf(tmp_path, model["config"], model["weights"])
    (tmp_path / "generation_config.json").write_text(json.dumps({"eos_token_id": [5, 1]}))
    config, params, tokenizer = load_model(str(tmp_path))
    assert (config.family, config.num_layers) == ("qwen3", 2)
    np.testing.assert_array_equal(params["embed"], model["weights"]["model.embed_tokens.weight"])
    assert tokenizer.encode("1+1") == [3, 12, 3]
    assert tokenizer.eos_ids == (5, 1)


def test_a_gguf_file(tmp_path):
    model = golden("llama_tied")
    weights = model["weights"]
    rows = np.zeros((300, 16), np.float32)
    rows[:40] = weights["model.embed_tokens.weight"]
    path = write_gguf(tmp_path / "model.gguf", model["config"], weights | {"model.embed_tokens.weight": rows})
    config, params, tokenizer = load_model(str(path))
    assert (config.family, config.vocab_size, config.tie_embeddings) == ("llama", 300, True)
    np.testing.assert_array_equal(params["embed"], rows)
    assert tokenizer.decode(tokenizer.encode("1 + 1 = 2")) == "1 + 1 = 2"


def test_a_tokenizer_of_another_model(tmp_path):
    model = golden("llama_tied")
    path = write_gguf(tmp_path / "model.gguf", model["config"], model["weights"])
    with pytest.raises(UserError, match="tokenizer has 260 tokens, the model embeds only 40"):
        load_model(str(path))


@pytest.mark.parametrize(
    ("path", "parts"),
    [
        ("", ["config.model.path is empty", "--config.model.path=/path/to/dir-or-file.gguf"]),
        ("/no/such/directory", ["'/no/such/directory'", "no such file", "--config.model.path="]),
        ("./weights/model", ["no such file", "--config.model.path="]),
        ("absent.gguf", ["no such file", "--config.model.path="]),
        (
            "someone/some-model",
            ["'someone/some-model'", "hub", "--config.model.path=/path/to/dir-or-file.gguf"],
        ),
    ],
)
def test_nothing_there(path, parts):
    """The suite is offline (HF_HUB_OFFLINE): a hub id fails at once."""
    with pytest.raises(UserError) as error:
        load_model(path)
    assert all(part in str(error.value) for part in parts), error.value
    assert "\n" not in str(error.value)


def test_a_hub_id_fetches_no_code_and_no_pickles(tmp_path, monkeypatch):
    model = golden("qwen2")
    write_hf(tmp_path, model["config"], model["weights"])
    asked = {}

    def snapshot_download(repository, **options):
        asked.update(options, repository=repository)
        return str(tmp_path)

    monkeypatch.setattr("huggingface_hub.snapshot_download", snapshot_download)
    config, _, _ = load_model("someone/some-model", revision="abc123")
    assert config.family == "qwen2"
    assert (asked["repository"], asked["revision"]) == ("someone/some-model", "abc123")
    assert "*.safetensors" in asked["allow_patterns"]
    assert not any(pattern.endswith((".py", ".bin", ".pt", "*")) for pattern in asked["allow_patterns"])


def test_a_weights_file_given_instead_of_its_directory(tmp_path):
    model = golden("qwen2")
    write_hf(tmp_path, model["config"], model["weights"])
    with pytest.raises(UserError, match=r"is no \.gguf file.*directory"):
        load_model(str(tmp_path / "model.safetensors"))
