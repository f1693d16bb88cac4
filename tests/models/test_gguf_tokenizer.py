import pytest
from gguf import GGUFWriter
from model_files import SPECIAL, byte_tokens, write_vocabulary

from sept_jax.errors import UserError
from sept_jax.models.gguf import open_gguf
from sept_jax.models.gguf_tokenizer import gguf_tokenizer


def write(path, **vocabulary):
    writer = GGUFWriter(path, "llama")
    write_vocabulary(writer, **vocabulary)
    return finish(writer, path)


def finish(writer, path):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def load(path):
    return gguf_tokenizer(open_gguf(path), path.name)


# Merges join whatever the pre-tokenizer leaves together, so that pieces show its cuts.
MERGES = (
    "1 2",
    "12 3",
    "123 4",
    "a b",
    "Ġ a",
    "Ġ 1",
    "Ġ Ġ",
    ". Ċ",
    "' S",
    "Ċ Ċ",
    "+ +",
    "a +",
)
# Worked by hand from each pattern.
CUTS = {
    "gpt-2": {
        "1234": ["1234"],
        " 1": ["Ġ1"],
        "  a": ["Ġ", "Ġa"],
        ".\n": [".", "Ċ"],
        "a+": ["a", "+"],
    },
    "smollm": {
        "1234": ["1", "2", "3", "4"],
        " 1": ["Ġ", "1"],
        "  a": ["Ġ", "Ġa"],
        ".\n": [".", "Ċ"],
        "\n\n": ["ĊĊ"],
    },
    "llama-bpe": {
        "1234": ["123", "4"],
        " 1": ["Ġ", "1"],
        ".\n": [".Ċ"],
        "a'S": ["a", "'S"],
        "\n\n": ["ĊĊ"],
    },
    "qwen2": {
        "1234": ["1", "2", "3", "4"],
        " 1": ["Ġ", "1"],
        ".\n": [".Ċ"],
        "a'S": ["a", "'S"],
        "  a": ["Ġ", "Ġa"],
    },
    "default": {
        "1234": ["123", "4"],
        "a+": ["a", "+"],
        "++": ["++"],
        ".\n": [".", "Ċ"],
    },
}


@pytest.mark.parametrize("pre", CUTS)
def test_pre_tokenizers(pre, tmp_path):
    path = write(tmp_path / "a.gguf", pre=pre, merges=MERGES)
    tokenizer = load(path)
    tokens = [*SPECIAL, *byte_tokens(), *(merge.replace(" ", "") for merge in MERGES)]
    for text, pieces in CUTS[pre].items():
        assert [tokens[index] for index in tokenizer.encode(text)] == pieces, text


def test_bytes_round_trip(tmp_path):
    tokenizer = load(write(tmp_path / "a.gguf"))
    text = "naïve – 日本語 🙂\t$3.50\r\n\x00 x²"
    ids = tokenizer.encode(text)
    assert ids == [byte + 3 for byte in text.encode()]  # three special tokens come first
    assert tokenizer.decode(ids) == text


def test_composed_characters_for_qwen2_only(tmp_path):
    decomposed = "e\u0301"
    assert load(write(tmp_path / "a.gguf", pre="qwen2")).encode(decomposed) == [3 + b for b in "é".encode()]
    assert load(write(tmp_path / "b.gguf", pre="smollm")).encode(decomposed) == [
        3 + b for b in decomposed.encode()
    ]


def test_special_tokens_and_chat_template(tmp_path):
    tokenizer = load(write(tmp_path / "a.gguf"))
    text = tokenizer.apply_chat_template([{"role": "user", "content": "1+1"}])
    assert text == "<|im_start|>user\n1+1<|im_end|>\n<|im_start|>assistant\n"
    ids = tokenizer.encode(text)
    assert [index for index in ids if index < 3] == [1, 2, 1]
    assert tokenizer.decode(ids) == "user\n1+1\nassistant\n"
    assert tokenizer.eos_ids == (0, 2)  # the file's, and the one that ends a turn
    assert (tokenizer.pad_id, tokenizer.vocab_size) == (0, 260)


@pytest.mark.parametrize(
    ("vocabulary", "parts"),
    [
        ({"pre": "tekken"}, ["tokenizer.ggml.pre is 'tekken'", "smollm", "llama-bpe"]),
        ({"merges": ("1 2 3",)}, ["merges holds '1 2 3'", "two pieces"]),
    ],
)
def test_bad_vocabulary(vocabulary, parts, tmp_path):
    with pytest.raises(UserError) as error:
        load(write(tmp_path / "bad.gguf", **vocabulary))
    assert str(error.value).startswith("bad.gguf: ")
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize(
    ("fill", "parts"),
    [
        (lambda w: w.add_tokenizer_model("llama"), ["tokenizer.ggml.model is 'llama'", "byte-level"]),
        (lambda w: None, ["tokenizer.ggml.model is missing"]),
        (lambda w: w.add_tokenizer_model("gpt2"), ["tokenizer.ggml.tokens is missing"]),
        (
            lambda w: (w.add_tokenizer_model("gpt2"), w.add_token_list(["a", "b"]), w.add_token_types([1])),
            ["token_type has 1 entries: expected 2"],
        ),
        (
            lambda w: (
                w.add_tokenizer_model("gpt2"),
                w.add_token_list(["a", "b"]),
                w.add_token_merges(["a c"]),
            ),
            ["merges does not fit the vocabulary"],
        ),
    ],
)
def test_bad_metadata(fill, parts, tmp_path):
    writer = GGUFWriter(tmp_path / "bad.gguf", "llama")
    fill(writer)
    with pytest.raises(UserError) as error:
        load(finish(writer, tmp_path / "bad.gguf"))
    assert all(part in str(error.value) for part in parts), error.value
