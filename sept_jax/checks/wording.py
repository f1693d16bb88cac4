"""The words of a text, cut once for all rules that wake at one of them."""

import functools

CACHED_CHARS = 1_024
MAX_TEXTS = 512
"""Longer texts, and more of them, are not remembered: a path is read step by step, rule by rule."""

_LETTERS = bytes(ord(chr(c).lower()) if c < 128 and chr(c).isalpha() else 32 for c in range(256))
"""ASCII letters in lower case; anything else is a space."""


def heads(text: str) -> frozenset[bytes]:
    """The words of a vocabulary, in the form that `words` has them in."""
    return frozenset(word.encode() for word in text.split())


def words(text: str) -> list[bytes]:
    """Every run of ASCII letters, in lower case: `vocabulary.isdisjoint(words(text))` tells in one pass that
    none of a vocabulary is there. Leave the list as it is."""
    return _remembered(text) if len(text) <= CACHED_CHARS else _cut(text)


def _cut(text: str) -> list[bytes]:
    return text.encode("ascii", "replace").translate(_LETTERS).split()


_remembered = functools.lru_cache(maxsize=MAX_TEXTS)(_cut)
