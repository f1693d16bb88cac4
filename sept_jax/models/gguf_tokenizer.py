"""The vocabulary and merges of a GGUF file as a byte-level BPE tokenizer."""

from gguf import GGUFReader, TokenType
from tokenizers import AddedToken, Regex, decoders, models, normalizers, pre_tokenizers
from tokenizers import Tokenizer as Backend
from transformers import PreTrainedTokenizerFast

from sept_jax.errors import UserError
from sept_jax.models.gguf import Metadata
from sept_jax.models.tokenizer import Tokenizer

WORDS = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)"
"""GPT-2's pattern (Radford et al. 2019)."""
WORDS_AND_LINES = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,DIGITS}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
"""The pattern of Llama 3 (three digits a token) and Qwen2 (one)."""

PRE_TOKENIZERS = {
    "gpt-2": (WORDS,),
    "smollm": (r"\p{N}", WORDS),
    "llama-bpe": (WORDS_AND_LINES.replace("DIGITS", "3"),),
    "qwen2": (WORDS_AND_LINES.replace("DIGITS", "1"),),
    "default": (r"[\p{P}\$\+<=>\^~\|]+", WORDS, r"\p{N}+", "[0-9][0-9][0-9]"),
}
"""`tokenizer.ggml.pre` -> patterns that cut the text one after the other."""


def gguf_tokenizer(reader: GGUFReader, where: str) -> Tokenizer:
    """The file's tokenizer, with its special tokens and chat template. `where` names the file in errors.

    Raises:
      UserError: no byte-level BPE vocabulary, an unknown pre-tokenizer, or inconsistent metadata.
    """
    metadata = Metadata(reader, where)
    if (model := metadata.get("tokenizer.ggml.model", str)) != "gpt2":
        raise UserError(f"{where}: tokenizer.ggml.model is {model!r}: expected 'gpt2' (byte-level BPE)")
    pre = metadata.get("tokenizer.ggml.pre", str, "default")
    if pre not in PRE_TOKENIZERS:
        raise UserError(
            f"{where}: tokenizer.ggml.pre is {pre!r}: expected one of {', '.join(PRE_TOKENIZERS)}"
        )
    tokens = metadata.get("tokenizer.ggml.tokens", list)
    kinds = metadata.get("tokenizer.ggml.token_type", list, [int(TokenType.NORMAL)] * len(tokens))
    if len(kinds) != len(tokens):
        raise UserError(
            f"{where}: tokenizer.ggml.token_type has {len(kinds)} entries: expected {len(tokens)}"
        )
    backend = _backend(tokens, metadata.get("tokenizer.ggml.merges", list), pre, where)
    for token, kind in zip(tokens, kinds, strict=True):
        if kind in (TokenType.CONTROL, TokenType.UNKNOWN):
            backend.add_special_tokens([AddedToken(token, special=True, normalized=False)])
        elif kind == TokenType.USER_DEFINED:
            backend.add_tokens([AddedToken(token, normalized=False)])

    def named(key: str) -> int | None:
        found = metadata.get(f"tokenizer.ggml.{key}_token_id", int, -1)
        return found if 0 <= found < len(tokens) else None

    ids = {key: named(key) for key in ("bos", "eos", "padding", "eot")}
    fast = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        bos_token=None if ids["bos"] is None else tokens[ids["bos"]],
        eos_token=None if ids["eos"] is None else tokens[ids["eos"]],
        pad_token=None if ids["padding"] is None else tokens[ids["padding"]],
        chat_template=metadata.get("tokenizer.chat_template", str, "") or None,
        clean_up_tokenization_spaces=False,
    )
    return Tokenizer(fast, eos_ids=tuple(ids[key] for key in ("eos", "eot") if ids[key] is not None))


def _backend(tokens: list[str], merges: list[str], pre: str, where: str) -> Backend:
    pairs = [tuple(merge.split(" ")) for merge in merges]
    vocabulary = {token: index for index, token in enumerate(tokens)}
    if odd := next((merge for merge, pair in zip(merges, pairs, strict=True) if len(pair) != 2), None):
        raise UserError(f"{where}: tokenizer.ggml.merges holds {odd!r}: expected two pieces and one space")
    try:
        bpe = models.BPE(vocab=vocabulary, merges=pairs, ignore_merges=pre == "llama-bpe")
    except Exception as error:  # the binding raises no narrower type
        raise UserError(f"{where}: tokenizer.ggml.merges does not fit the vocabulary ({error})") from None
    backend = Backend(bpe)
    if pre == "qwen2":
        backend.normalizer = normalizers.NFC()
    cuts = [pre_tokenizers.Split(Regex(pattern), "isolated") for pattern in PRE_TOKENIZERS[pre]]
    to_bytes = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.pre_tokenizer = pre_tokenizers.Sequence([*cuts, to_bytes])
    backend.decoder = decoders.ByteLevel()
    return backend
