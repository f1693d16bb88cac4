"""Numbers that go on in words, or are words: 2.5 million, two dozen, a hundred and five, two thirds."""

import re
from fractions import Fraction

from sept_jax.checks.formulas.expressions import evaluate
from sept_jax.checks.formulas.lexer import NL, SEP, WORD, tokenize
from sept_jax.checks.formulas.words import NUMBERS, SCALES, singular, word_set
from sept_jax.checks.provenance.numbers import numbers_in

_AS_UNITS = word_set("pair couple score gross")
"""Scales that are left alone: "3 pairs" answers how many pairs, and "500 gross" is money."""
SCALE_WORDS = {word: scale for word, scale in SCALES.items() if word not in _AS_UNITS} | {"trillion": 10**12}
_PARTS = frozenset(word for word, number in NUMBERS.items() if 0 < number < 1)
_MULTIPLES = word_set("once twice double doubled thrice triple tripled quadruple both")
_NUMERALS = NUMBERS.keys() - _AS_UNITS - _MULTIPLES | SCALE_WORDS.keys()
_ORDINAL = re.compile(
    r"(?:four|fif|six|seven|eigh|nin|ten|eleven|twelf|hundred|thousand|.*(?:teen|tie|illion))ths?"
)
_ARTICLES = frozenset(("a", "an"))
_JOINTS = _ARTICLES | {"and"}
_HYPHENED = re.compile(r"([a-z]+)-(?=([a-z]+))")
_PIECE = re.compile(r"[0-9][0-9,]*(?:\.[0-9]+)?|[a-z]+")
_MAX_UNITS = 4


def _is_numeral(word: str) -> bool:
    if singular(word) == "quarter":
        return False  # a coin
    return word in _NUMERALS or singular(word) in _NUMERALS or _ORDINAL.fullmatch(word) is not None


def goes_on(value: Fraction, units: list[str]) -> bool:
    """Whether a number in digits goes on in words: 2 million, 2 thirds, 2 and a half; not 2 ten dollar bills,
    2 third graders."""
    if not units:
        return False
    if units[0] == "and":
        return any(word in _PARTS or _is_numeral(word) for word in units[1:3])
    if _scale(units[0]):
        return True
    part = units[0] in _PARTS or singular(units[0]) in _PARTS or _ORDINAL.fullmatch(units[0])
    return bool(part) and _is_numeral(units[0]) and (value == 1 or units[0].endswith("s"))


def units_after(text: str) -> list[str]:
    """The words right after the expression that `evaluate` read."""
    tokens = tokenize(text)
    words: list[str] = []
    for kind, value in zip(reversed(tokens.kinds), reversed(tokens.values), strict=True):
        if kind == WORD:
            words.append(value)
        elif kind == SEP and value in (",", ";", ".", ":"):
            words.clear()
        elif kind not in (SEP, NL):
            break
    return words[::-1]


def amount_in_words(text: str) -> Fraction | None:
    """The value of a lower-case text of words, in which digits may stand too (`3 thousand 5 hundred`)."""
    if _PIECE.sub("", text).strip(" $~'’-"):
        return None
    for word, other in _HYPHENED.findall(text):
        if _is_numeral(word) and not _is_numeral(other) and other not in _JOINTS:
            return None  # 2 hundred-dollar bills
    pieces: list[Fraction | str] = []
    for piece in _PIECE.findall(text):
        value = evaluate(piece) if piece[0].isdigit() else None
        if value is None and piece[0].isdigit():
            return None
        pieces.append(piece if value is None else value.exact)
    negative = pieces[:1] in (["minus"], ["negative"])
    pieces = pieces[negative:]
    if not pieces or text.startswith("-"):
        return None
    if isinstance(pieces[0], Fraction) and not (len(pieces) > 1 and _scale(pieces[1])):
        return None  # 5x
    size = amount(pieces)
    return -size if size and negative else size


def amount(pieces: list[Fraction | str]) -> Fraction | None:
    """The number that the first pieces make up: words, and digits between them. What follows are its units;
    None if they hold a number word or are many."""
    end = 0
    while end < len(pieces) and (
        isinstance(pieces[end], Fraction) or pieces[end] in _JOINTS or _belongs(pieces, end)
    ):
        end += 1
    while end and pieces[end - 1] in _JOINTS:
        end -= 1
    units = pieces[end:]
    if not end or len(units) > _MAX_UNITS or not all(map(_is_unit, units)):
        return None
    if isinstance(pieces[0], str) and units and singular(units[0]) == "quarter":
        return None  # coins, or fourths
    total = group = Fraction(0)  # group: what is below the next scale
    limit: int | None = None  # the last scale, below which the rest must be
    run: list[Fraction | str] = []
    for piece in pieces[:end]:
        scale = _scale(piece)
        if scale is None:
            run.append(piece)
            continue
        number = _number(run, bool(group or total))
        if number is None or (not run and not group and (total or piece not in SCALE_WORDS)):
            return None
        if not group and (not run or run[0] in _ARTICLES):
            number = number or Fraction(1)  # a million
        if scale == 100:
            if group or number >= 100:
                return None
            group = number * scale
        else:
            if limit is not None and scale >= limit:
                return None
            total, group, limit = total + (group + number) * scale, Fraction(0), scale
        run = []
    number = _number(run, bool(group or total))
    if number is None or (group and number >= 100) or (limit is not None and group + number >= limit):
        return None
    return total + group + number


def _scale(piece: Fraction | str) -> int | None:
    if isinstance(piece, Fraction):
        return None
    return SCALE_WORDS.get(piece) or SCALE_WORDS.get(singular(piece))


def _is_unit(piece: Fraction | str) -> bool:
    if isinstance(piece, Fraction) or _is_numeral(piece):
        return False
    return len(piece) > 1 or piece in _ARTICLES  # not a variable


def _belongs(pieces: list[Fraction | str], at: int) -> bool:
    """Whether a word belongs to the number, as a quarter does in "two and a quarter"."""
    word = pieces[at]
    if singular(word) == "quarter":
        return at > 0 and pieces[at - 1] in _ARTICLES
    return word in _NUMERALS or singular(word) in _NUMERALS


def _number(run: list[Fraction | str], continues: bool) -> Fraction | None:
    """The number of pieces without a scale: `twenty-five`, `two and a half`, `two thirds`; 0 for none (or
    "a"). None if it is not one, or no whole one where it continues a larger one."""
    if continues and run and run[0] == "and":
        run = run[1:]
    if not run or (len(run) == 1 and run[0] in _ARTICLES):
        return None if continues and run else Fraction(0)
    digits = isinstance(run[0], Fraction)
    if any(isinstance(piece, Fraction) for piece in run[digits:]) or run[0] == "and":
        return None
    words = [word if word in NUMBERS else singular(word) for word in run[digits:]]
    numbers = [Fraction(number) for number in (*run[:digits], *numbers_in(" ".join(words)))]
    joined = "and" in words
    if len(numbers) == 3 and joined:  # two and two thirds
        numbers[1:] = [_fraction(*numbers[1:], run[-1])]
    number = None
    if len(numbers) == 1 and not joined:
        alone = not digits and words[0] in _PARTS and words[0] != "half"
        number = None if alone else numbers[0]  # third grade
    elif len(numbers) == 2 and joined and 0 < numbers[1] < 1 <= numbers[0]:
        number = numbers[0] + numbers[1]  # two and a half
    elif len(numbers) == 2 and not joined:
        number = _fraction(*numbers, run[-1]) or None
    return None if number is None or (continues and number.denominator != 1) else number


def _fraction(count: Fraction, part: Fraction, word: str) -> Fraction:
    """Two thirds; 0 for what is no proper fraction."""
    proper = 0 < part < 1 and count.denominator == 1 and (count == 1 or word.endswith("s"))
    return count * part if proper and count * part < 1 else Fraction(0)
