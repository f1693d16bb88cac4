"""The numbers of free text, in digits and in words, and of a problem.

Prose is read by one pattern, texts with formulas by the lexer: where both can read, they agree.
"""

import functools
import re
from collections.abc import Sequence

from sept_jax.checks.formulas.exact import Number
from sept_jax.checks.formulas.lexemes import LEXEMES
from sept_jax.checks.formulas.lexer import CUR, FRAC, LP, MAX_CHARS, NUM, OP, PCT, SQRT, WORD, tokenize
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.words import NUMBERS
from sept_jax.checks.wording import heads, words

_HEADS = heads(" ".join(NUMBERS))
_DIGIT = re.compile(r"[0-9]")
_FOREIGN = re.compile(r"[^\x00-\x7f’“”]")
_SIGNS = re.compile(
    r"[\\^_{}<\x80-\u2018\u201a\u201b\u201e-\U0010ffff](?:(?<!\\)|(?![()\[\]$%]|times|cdot|div))"
)
_TOUCHED = re.compile(r"[0-9](?:(?<=[A-Za-z][0-9])|(?<=\.[0-9])(?<![0-9]\.[0-9]))")
"""What prose does not have: signs of formulas, x1, .5."""

_RUN = r"[0-9](?:[0-9.,]*[0-9])?"
_RUNS = re.compile(_RUN)
_PIECES = re.compile(rf"[a-z]+(?:['’][a-z]+)?|{_RUN}|%")
_NUMBER = re.compile(r"[0-9]{1,3}(?:,[0-9]{3}(?![0-9]))+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?")
_COUNTS = frozenset((NUM, WORD, PCT))
_NUMERIC = frozenset("0123456789")


def plain(number: Number) -> Number:
    """The number, as an int where it is whole: ints hash faster."""
    return number if type(number) is int or number.denominator != 1 else number.numerator


_WORTH = {word: plain(number) for word, number in NUMBERS.items()}
_TENS = {number for number in _WORTH.values() if 20 <= number <= 90 and number % 10 == 0}
_TENS_HEADS = heads(" ".join(word for word, number in _WORTH.items() if number in _TENS))


@functools.lru_cache(maxsize=512)
def problem_quantities(problem: str) -> tuple[tuple[Number, ...], tuple[str, ...] | None]:
    """The numbers of a problem, and its operators if it is one closed expression (else None)."""
    tokens = None if _has_sentences(problem) else tokenize(problem)
    kinds = tokens.kinds if tokens is not None else []
    at = next((i for i, kind in enumerate(kinds) if kind in (NUM, LP, OP, CUR, FRAC, SQRT)), None)
    if at is not None:
        parser = Parser(tokens)
        value = parser.parse(at, len(kinds))
        if value is not None and value.operators and NUM not in kinds[parser.pos :]:
            return tuple(map(plain, value.numbers)), value.operators
    return problem_numbers(problem), None


@functools.lru_cache(maxsize=512)
def problem_numbers(problem: str) -> tuple[Number, ...]:
    """`numbers_in` of a problem."""
    return tuple(numbers_in(problem))


def _has_sentences(problem: str) -> bool:
    """Whether a sentence ends between two numbers: then they are not of one expression."""
    first = _DIGIT.search(problem)
    stop = problem.find(". ", first.end()) if first else -1
    return stop >= 0 and _DIGIT.search(problem, stop) is not None


def numbers_in(text: str) -> list[Number]:
    """The numbers of free text in order, number words (`twenty-five`, `half`) and percents (20% gives 20)
    included."""
    found = words(text)
    if _HEADS.isdisjoint(found):
        return printed_in(text)
    tens = not _TENS_HEADS.isdisjoint(found)
    if not _is_prose(text) or "(" in text:
        tokens = tokenize(text)
        if tokens is None:
            return []
        pairs = zip(tokens.kinds, tokens.values, strict=True)
        return _in_words([value if kind != PCT else "%" for kind, value in pairs if kind in _COUNTS])
    pieces = _PIECES.findall(text.lower())
    return _in_words(pieces if tens else [p for p in pieces if p in _WORTH or p[0] in _NUMERIC])


def has_number_words(text: str) -> bool:
    """Whether a word of the text is a number."""
    return not _HEADS.isdisjoint(words(text))


def printed_in(text: str) -> list[Number]:
    """The numbers of free text that are in digits, in order."""
    if _is_prose(text):
        return [number for run in _RUNS.findall(text) for number in _values(run)]
    if _DIGIT.search(text) is None and _FOREIGN.search(text) is None:
        return []
    tokens = tokenize(text)
    if tokens is None:
        return []
    return [value[0] for kind, value in zip(tokens.kinds, tokens.values, strict=True) if kind == NUM]


def _is_prose(text: str) -> bool:
    return _SIGNS.search(text) is None and _TOUCHED.search(text) is None and len(text) <= MAX_CHARS


@functools.lru_cache(maxsize=2_048)
def _values(run: str) -> tuple[Number, ...]:
    """The numbers of digits, commas and points; times of day such as 0730 and what is too long are none."""
    lexemes = map(LEXEMES.__getitem__, _NUMBER.findall(run))
    return tuple(lexeme.value[0] for lexeme in lexemes if lexeme.kind == NUM)


def _in_words(pieces: Sequence[str | tuple[Number, int]]) -> list[Number]:
    """The numbers among words, numbers and percent signs; a word after tens belongs to them."""
    numbers: list[Number] = []
    tens = 0
    for piece in pieces:
        number = _WORTH.get(piece) if isinstance(piece, str) else None
        if number is not None:
            if tens and 1 <= number <= 9 and number.denominator == 1:
                numbers[-1] = number = tens + number  # twenty-five
            else:
                numbers.append(number)
            tens = number if number in _TENS else 0
            continue
        tens = 0
        if not isinstance(piece, str):
            numbers.append(piece[0])
        elif piece[:1] in _NUMERIC:
            numbers.extend(_values(piece))
    return numbers
