"""Text to token ids and back, and which characters each token brings."""

import pathlib
import re
from collections.abc import Sequence

import numpy as np
from tokenizers import Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as Backend
from transformers import PreTrainedTokenizerFast

from sept_jax.errors import UserError

Messages = Sequence[dict[str, str]]
_SOURCES = ("tokenizer.json", "tokenizer.model", "vocab.json")


class Tokenizer:
    """A fast tokenizer of `transformers`, without the special tokens that it would add by itself.

    `eos_ids` end a generation: those given, the tokenizer's own, and the token with which the chat template
    closes a turn. `pad_id` fills what is never read.
    """

    def __init__(self, fast: PreTrainedTokenizerFast, eos_ids: Sequence[int] = ()):
        self._fast = fast
        self._backend: Backend = fast.backend_tokenizer
        self._backend.no_truncation()
        self._backend.no_padding()
        vocabulary = self._backend.get_vocab(with_added_tokens=True)
        self.vocab_size: int = max(vocabulary.values(), default=-1) + 1
        added = self._backend.get_added_tokens_decoder()
        self._special = {index for index, token in added.items() if token.special}
        self._pieces = _pieces(self._backend.decoder, vocabulary, self._special, self.vocab_size)
        own = () if fast.eos_token_id is None else (fast.eos_token_id,)
        self.eos_ids: tuple[int, ...] = tuple(dict.fromkeys((*eos_ids, *own, *self._end_of_turn())))
        pad = (fast.pad_token_id, *self.eos_ids, 0)
        self.pad_id: int = next(index for index in pad if index is not None)

    def encode(self, text: str) -> list[int]:
        """Token ids; a special token written in the text becomes its id, none is added.

        Raises:
          UserError: a vocabulary of pieces lacks one for a part of the text.
        """
        try:
            return self._backend.encode(text, add_special_tokens=False).ids
        except Exception as error:  # the binding raises no narrower type
            parts = (part for part, _ in self._backend.pre_tokenizer.pre_tokenize_str(text))
            unknown = next((part for part in parts if self._backend.token_to_id(part) is None), "")
            raise UserError(f"the tokenizer has no token for {unknown!r} ({error})") from None

    def decode(self, ids: Sequence[int]) -> str:
        """The text of the ids, special tokens left out, invalid UTF-8 as U+FFFD."""
        return self.detokenize(ids)[0]

    def detokenize(self, ids: Sequence[int]) -> tuple[str, list[int]]:
        """The text of the ids, and for each id the index of the character in which its first byte lies.

        A token without text (a special token) gets the index of the next character, which may be `len(text)`.
        """
        if self._pieces is None:
            return self._detokenize_stream(ids)
        pieces = [self._pieces[index] if 0 <= index < self.vocab_size else b"" for index in ids]
        text, starts = decode_utf8(b"".join(pieces))
        begin = np.cumsum([0, *map(len, pieces)])[:-1]
        # character index at every byte, and len(text) after the last
        character = np.append(np.cumsum(starts) - 1, len(text))
        return text, character[begin].tolist()

    def apply_chat_template(self, messages: Messages) -> str | None:
        """The conversation as the model expects it, up to where its answer begins; None without a template.

        `messages` are `{"role": ..., "content": ...}`.

        Raises:
          UserError: the template refuses the messages.
        """
        if not self._fast.chat_template:
            return None
        return self._render(messages, add_generation_prompt=True)

    def save(self, directory: str | pathlib.Path) -> None:
        """Writes the files from which `transformers` makes the same tokenizer."""
        self._fast.save_pretrained(directory)

    def _render(self, messages: Messages, add_generation_prompt: bool) -> str:
        try:
            return self._fast.apply_chat_template(
                list(messages), tokenize=False, add_generation_prompt=add_generation_prompt
            )
        except Exception as error:  # a template is a program: it can raise anything
            roles = ", ".join(message.get("role", "?") for message in messages)
            raise UserError(f"the chat template refuses messages with roles {roles}: {error}") from None

    def _end_of_turn(self) -> tuple[int, ...]:
        """The special token that the chat template writes right after an assistant's answer."""
        if not self._fast.chat_template:
            return ()
        answer = "forty-two"
        try:
            turns = [{"role": "user", "content": "?"}, {"role": "assistant", "content": answer}]
            text = self._render(turns, add_generation_prompt=False)
        except UserError:
            return ()
        _, found, rest = text.rpartition(answer)
        ids = self.encode(rest.strip()) if found else []
        return tuple(index for index in ids[:1] if index in self._special)

    def _detokenize_stream(self, ids: Sequence[int]) -> tuple[str, list[int]]:
        """For decoders that are not byte-level (SentencePiece's): what each further id adds to the text."""
        known = [index if 0 <= index < self.vocab_size else -1 for index in ids]
        text = self._backend.decode([i for i in known if i >= 0], skip_special_tokens=True)
        stream, offsets, length = decoders.DecodeStream(skip_special_tokens=True), [], 0
        for index in known:
            offsets.append(min(length, len(text)))
            if index >= 0:
                length += len(stream.step(self._backend, index) or "")
        return text, offsets


def decode_utf8(data: bytes) -> tuple[str, np.ndarray]:
    """The text of `data`, and for each byte whether a character starts there.

    Each maximal invalid run is one U+FFFD, as in `bytes.decode(errors="replace")`.
    """
    starts = (np.frombuffer(data, np.uint8) & 0xC0) != 0x80
    text, begin, view = [], 0, memoryview(data)  # slices of a view are not copies: linear in the bytes
    while begin < len(data):
        try:
            text.append(str(view[begin:], "utf-8"))
            break
        except UnicodeDecodeError as error:
            bad, end = begin + error.start, begin + error.end
            text += [str(view[begin:bad], "utf-8"), "\ufffd"]
            starts[bad], starts[bad + 1 : end] = True, False
            begin = end
    return "".join(text), starts


def word_tokenizer(pieces: Sequence[str]) -> Tokenizer:
    """A tokenizer in which each of `pieces` (of a string: each character) is one token, after `<pad>` (0) and
    `<eos>` (1). Text is cut from left to right, always into the longest piece that it begins with.

    Raises:
      UserError: a piece is empty or occurs twice, or there is none.
    """
    if not pieces or not all(pieces) or len(set(pieces)) != len(pieces):
        raise UserError(f"pieces are {pieces!r}: expected at least one, each once and not empty")
    vocabulary = {token: index for index, token in enumerate(("<pad>", "<eos>", *pieces))}
    backend = Backend(models.WordLevel(vocabulary, unk_token="<unk>"))  # not in the vocabulary: encode fails
    words = sorted((piece for piece in pieces if len(piece) > 1), key=len, reverse=True)
    pattern = Regex("|".join([*map(re.escape, words), r"[\s\S]"]))
    backend.pre_tokenizer = pre_tokenizers.Split(pattern, "isolated")
    backend.decoder = decoders.Fuse()
    return Tokenizer(
        PreTrainedTokenizerFast(
            tokenizer_object=backend,
            pad_token="<pad>",
            eos_token="<eos>",
            clean_up_tokenization_spaces=False,
        )
    )


def load_tokenizer(directory: pathlib.Path, eos_ids: Sequence[int] = ()) -> Tokenizer:
    """The tokenizer of a Hugging Face directory, from its files alone; `eos_ids` are ends it does not know.

    Raises:
      UserError: the files are absent or unreadable, or no token is known to end a text.
    """
    if not any((directory / name).exists() for name in _SOURCES):  # transformers would make an empty one
        raise UserError(f"{directory}: unreadable tokenizer (there is none): expected tokenizer.json")
    if (directory / "tokenizer.json").exists():
        kind = PreTrainedTokenizerFast
    else:
        from transformers import AutoTokenizer  # seconds, where torch is installed: it imports that

        kind = AutoTokenizer
    try:
        fast = kind.from_pretrained(str(directory), local_files_only=True, trust_remote_code=False)
    except Exception as error:  # transformers and tokenizers raise many types, bare Exception among them
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{directory}: unreadable tokenizer ({reason}): expected tokenizer.json") from None
    if not isinstance(fast, PreTrainedTokenizerFast):
        raise UserError(f"{directory}: no fast tokenizer: expected tokenizer.json")
    tokenizer = Tokenizer(fast, eos_ids)
    if not tokenizer.eos_ids:
        raise UserError(
            f"{directory}: no end token: expected eos_token in tokenizer_config.json, or eos_token_id in "
            "generation_config.json"
        )
    if max(tokenizer.eos_ids) >= tokenizer.vocab_size:
        raise UserError(
            f"{directory}/generation_config.json: eos_token_id {max(tokenizer.eos_ids)} is no token: "
            f"expected ids below the vocabulary's size, {tokenizer.vocab_size}"
        )
    return tokenizer


def _pieces(
    decoder: decoders.Decoder | None, vocabulary: dict[str, int], special: set[int], size: int
) -> list[bytes] | None:
    """The bytes of every id, nothing for special ones; None when a token's text depends on its neighbours."""
    if isinstance(decoder, decoders.ByteLevel):
        byte_of = _byte_alphabet()
    elif isinstance(decoder, decoders.Fuse):
        byte_of = {}
    else:
        return None
    pieces = [b""] * size
    for token, index in vocabulary.items():
        if index not in special:
            known = byte_of and all(c in byte_of for c in token)
            pieces[index] = bytes(byte_of[c] for c in token) if known else token.encode()
    return pieces


def _byte_alphabet() -> dict[str, int]:
    """GPT-2's printable stand-ins for the 256 bytes: visible Latin-1 for itself, the rest from U+0100 on."""
    visible = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    hidden = [byte for byte in range(256) if byte not in visible]
    return {chr(byte): byte for byte in visible} | {chr(0x100 + i): byte for i, byte in enumerate(hidden)}
