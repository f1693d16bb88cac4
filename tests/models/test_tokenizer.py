import random
import re

import pytest
from gguf import GGUFWriter
from model_files import write_vocabulary
from tokenizers import Tokenizer as Backend
from tokenizers import decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from sept_jax.errors import UserError
from sept_jax.models.gguf import open_gguf
from sept_jax.models.gguf_tokenizer import gguf_tokenizer
from sept_jax.models.tokenizer import Tokenizer, decode_utf8, load_tokenizer, word_tokenizer


@pytest.fixture(scope="module")
def byte_level(tmp_path_factory) -> Tokenizer:
    """One token a byte (id = byte + 3), special tokens 0 to 2, and 'Ġa' = 259."""
    path = tmp_path_factory.mktemp("vocabulary") / "a.gguf"
    writer = GGUFWriter(path, "llama")
    write_vocabulary(writer)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return gguf_tokenizer(open_gguf(path), "a.gguf")


def ids_of(data: bytes) -> list[int]:
    return [byte + 3 for byte in data]


def test_offsets_by_hand(byte_level):
    # é is two bytes, 🙂 four; 1 and 2 are special tokens; 259 is " a"
    ids = [1, *ids_of("é".encode()), 259, *ids_of("🙂".encode()), 2]
    text, offsets = byte_level.detokenize(ids)
    assert text == "é a🙂"
    assert offsets == [0, 0, 0, 1, 3, 3, 3, 3, 4]


def test_offsets_of_invalid_bytes_by_hand(byte_level):
    # a stray continuation byte, a three-byte character that breaks off after two, then "b"
    text, offsets = byte_level.detokenize(ids_of(b"a\x80\xe2\x86b\xff"))
    assert text == "a\ufffd\ufffdb\ufffd"
    assert offsets == [0, 1, 2, 2, 3, 4]


def test_nothing(byte_level):
    assert byte_level.detokenize([]) == ("", [])
    assert byte_level.detokenize([1, 2]) == ("", [0, 0])
    assert byte_level.encode("") == []


def test_ids_beyond_the_vocabulary_have_no_text(byte_level):
    assert byte_level.detokenize([ord("x") + 3, 10**6, -1, ord("y") + 3]) == ("xy", [0, 1, 1, 1])


def test_random_ids_decode_as_in_tokenizers(byte_level):
    """Mostly invalid UTF-8: text as the library's, offsets as its text of each prefix has it."""
    rng = random.Random(0)
    for _ in range(200):
        ids = [rng.choice([rng.randrange(260), rng.randrange(128) + 3]) for _ in range(rng.randrange(1, 60))]
        text, offsets = byte_level.detokenize(ids)
        assert text == byte_level._backend.decode(ids, skip_special_tokens=True)
        assert offsets == sorted(offsets)
        assert offsets[0] == 0
        for position, offset in enumerate(offsets):
            before = byte_level._backend.decode(ids[:position], skip_special_tokens=True)
            # the token starts a character, or continues the one that was still incomplete
            assert offset in (len(before), len(before) - 1)
            assert before[:offset] == text[:offset]


def test_decode_utf8_equals_the_codec():
    rng = random.Random(1)
    alphabet = [*b"ab", 0x80, 0xBF, 0xC3, 0xE2, 0xED, 0xA0, 0xF0, 0x9F, 0xF4, 0x90, 0xFF]
    for _ in range(3000):
        data = bytes(rng.choice(alphabet) for _ in range(rng.randrange(12)))
        text, starts = decode_utf8(data)
        assert text == data.decode(errors="replace")
        assert int(starts.sum()) == len(text)


CHARACTERS = "0123456789+-*=() \nQA:é"


def test_characters():
    tokenizer = word_tokenizer(CHARACTERS)
    text = "Q: 12+3*4\nA: (é=24)"
    ids = tokenizer.encode(text)
    assert ids == [CHARACTERS.index(character) + 2 for character in text]
    assert tokenizer.detokenize([*ids, 1, 0]) == (text, [*range(len(text)), len(text), len(text)])
    assert (tokenizer.pad_id, tokenizer.eos_ids, tokenizer.vocab_size) == (0, (1,), len(CHARACTERS) + 2)
    assert tokenizer.encode("1<eos>") == [3, 1]
    assert tokenizer.apply_chat_template([{"role": "user", "content": "1"}]) is None


def test_an_unknown_character_is_named():
    with pytest.raises(UserError, match="no token for 'x'"):
        word_tokenizer(CHARACTERS).encode("1+x")


@pytest.mark.parametrize("pieces", ["", "aba", ("a", "")])
def test_bad_pieces(pieces):
    with pytest.raises(UserError, match="at least one, each once and not empty"):
        word_tokenizer(pieces)


PIECES = (*"0123+= \nTm", "#### ", "Tom", " has", " as", " asks", " ask", ".", " (each)?")


def test_words_are_the_longest_pieces():
    tokenizer = word_tokenizer(PIECES)
    pieces = [
        *("Tom", " has", " ", "1", "2", ".", " ", "Tom", " asks", " as", " ", "1", " (each)?", "\n", "1"),
        *("+", "2", "=", "3", "\n", "#### ", "3"),
    ]
    ids = tokenizer.encode("Tom has 12. Tom asks as 1 (each)?\n1+2=3\n#### 3")
    assert ids == [PIECES.index(piece) + 2 for piece in pieces]
    assert tokenizer.detokenize([*ids[:3], 1, *ids[3:5]]) == ("Tom has 12", [0, 3, 7, 8, 8, 9])
    assert tokenizer.encode("Tom asks<eos>") == [PIECES.index("Tom") + 2, PIECES.index(" asks") + 2, 1]
    for unknown, text in (("i", "Tim has"), ("(", "Tom (1"), ("k", "Tomk 1")):
        with pytest.raises(UserError, match=re.escape(f"no token for '{unknown}'")):
            tokenizer.encode(text)


def test_any_text_in_the_alphabet_comes_back():
    tokenizer, rng = word_tokenizer(PIECES), random.Random(3)
    for _ in range(300):
        pieces = rng.choices(PIECES, k=rng.randrange(30))
        text = "".join(pieces)
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == text
        assert len(ids) <= len(pieces)
        drawn = [rng.randrange(tokenizer.vocab_size) for _ in range(20)]
        text, offsets = tokenizer.detokenize(drawn)
        shown = ["" if index < 2 else PIECES[index - 2] for index in drawn]
        assert text == "".join(shown)
        assert offsets == [len("".join(shown[:k])) for k in range(20)]


def test_save_and_load(byte_level, tmp_path):
    text = "<|im_start|>user\n12 naïve a🙂<|im_end|>"
    byte_level.save(tmp_path / "bytes")
    loaded = load_tokenizer(tmp_path / "bytes", (7,))
    assert loaded.encode(text) == byte_level.encode(text)
    assert loaded.detokenize(loaded.encode(text)) == byte_level.detokenize(byte_level.encode(text))
    messages = [{"role": "user", "content": "1"}]
    assert loaded.apply_chat_template(messages) == byte_level.apply_chat_template(messages)
    assert loaded.eos_ids == (7, 0, 2)

    tokenizer = word_tokenizer(CHARACTERS)
    tokenizer.save(tmp_path / "characters")
    loaded = load_tokenizer(tmp_path / "characters")
    assert loaded.encode("1+2\n") == tokenizer.encode("1+2\n")
    assert (loaded.pad_id, loaded.eos_ids, loaded.vocab_size) == (0, (1,), len(CHARACTERS) + 2)
    assert loaded.detokenize([3, 1, 4]) == ("12", [0, 1, 1])
    with pytest.raises(UserError, match="no token for 'x'"):
        loaded.encode("x")


def test_decoders_that_are_not_byte_level():
    """SentencePiece's: a space is ▁, unknown characters are byte tokens, the first space goes."""
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁a", "▁b", "c"]
    vocabulary = {piece: index for index, piece in enumerate(pieces)}
    backend = Backend(models.BPE(vocabulary, [], byte_fallback=True, unk_token="<unk>", fuse_unk=True))
    backend.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="first")
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    tokenizer = Tokenizer(PreTrainedTokenizerFast(tokenizer_object=backend, eos_token="</s>"))
    text, offsets = tokenizer.detokenize([259, *(byte + 3 for byte in "é".encode()), 260, 261, 2])
    assert text == "aé bc"
    assert offsets == [0, 1, 1, 2, 4, 5]


def test_a_template_that_refuses(byte_level):
    fast = PreTrainedTokenizerFast(
        tokenizer_object=byte_level._backend,
        eos_token="<|endoftext|>",
        chat_template="{{ raise_exception('no system turn') }}",
    )
    tokenizer = Tokenizer(fast)
    assert tokenizer.eos_ids == (0,)
    with pytest.raises(UserError, match=r"roles system.*no system turn"):
        tokenizer.apply_chat_template([{"role": "system", "content": "x"}])


@pytest.mark.parametrize("content", [None, "{", '{"version": "1.0"}'])
def test_unreadable_tokenizers(content, tmp_path):
    if content is not None:
        (tmp_path / "tokenizer.json").write_text(content)
    with pytest.raises(UserError, match=r"unreadable tokenizer .*expected tokenizer\.json"):
        load_tokenizer(tmp_path)
