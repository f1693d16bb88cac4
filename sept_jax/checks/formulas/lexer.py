r"""One linear pass over plain, Unicode or LaTeX text that yields the tokens of mathematics.

Everything else in `checks` works on these tokens. What each kind carries in `values`:

- NUM `(value, decimals)`: 1,234 and 1{,}234 and 1\,234; 3.50 is (7/2, 2); ½; a superscript (x², 10⁻³) is
  OP ^ and NUM, its value negative after ⁻. `\frac12` is FRAC NUM NUM. 0730 is OPAQUE.
- OP one of "+-*/^" (×, ·, \cdot, x between operands: *; ÷: /; − –: -; ** after an operand: ^).
- REL "=" or "≈". CMP "<" "<=" ">" ">=" "!=" "≡" "≢" "≅" "~" "|" (\mid) "∤" ":=" "<<" ">>".
- LP, RP "(", "[" or "{": `match` has the partner. FRAC takes two arguments, SQRT one and a degree in LP "[".
- VAR one variable, case kept, in one spelling: x, A, x_1 (x_{1}, x₁, x1), a_{n+1}, S_n, f', θ
  (\theta), total_cost.
- WORD prose or a unit, lower case, "mod" and "degree" too; letters that touch a number (2xy) and are no unit
  are OPAQUE, case kept. PCT, BANG, CUR. NL a line's end or `\\`. SEP a clean cut ("$", punctuation, \quad,
  \(, \begin{..}, arrows, & inside a row); a bullet is SEP with its symbol.
- OPAQUE anything that is no plain arithmetic, by name: "pi", "sin" (\operatorname{sin} too), "gcd", "binom",
  "|", "lfloor", "pm", "sum", "…" (\cdots), "_" (the base of \log_2), ":" of 3:45, "pm", "rd". An expression
  that touches it abstains unless it knows the name.

`<<...>>` is no token: its span is in `notes`. Layout (\left, \boxed, \,) is no token.
"""

import functools
import re
from collections.abc import Sequence
from itertools import accumulate, compress
from operator import sub

from sept_jax.checks.formulas.lexemes import (
    AMPERSAND,
    ARTICLE,
    BANG,
    CMP,
    COLON,
    CUR,
    DOLLAR,
    FRAC,
    LEXEMES,
    LOOK,
    LP,
    NL,
    NOTE,
    NUM,
    OP,
    OPAQUE,
    PARTS,
    PCT,
    REL,
    RP,
    SEP,
    SPLIT,
    SQRT,
    STARS,
    VAR,
    WORD,
)
from sept_jax.checks.formulas.pieces import PATTERN
from sept_jax.checks.formulas.words import MEASURES, SHORT_UNITS, singular

__all__ = [
    "BANG", "CMP", "CUR", "FRAC", "LP", "MAX_CHARS", "MAX_TOKENS", "NL", "NUM",
    "OP", "OPAQUE", "PCT", "REL", "RP", "SEP", "SQRT", "VAR", "WORD", "Tokens", "tokenize", "touching",
]  # fmt: skip

MAX_CHARS = 20_000
MAX_TOKENS = 2_048
CACHED_CHARS = 1_024

_OPERAND_END = frozenset({NUM, RP, PCT, WORD})
_OPERAND_START = frozenset({NUM, LP, CUR, DOLLAR, FRAC, SQRT})
_BINARY = frozenset({OP, REL, CMP})
_RELATIONS = frozenset({REL, CMP})
_RELATION_AHEAD = re.compile(
    r"\s{0,9}(?:[=<>≈≤≥≠≡]|\\\\|$"
    r"|\\(?:approx|equiv|leq?|geq?|neq?|lt|gt|cong|sim|implies|q?quad)(?![A-Za-z]))"
)
_SIGN_AHEAD = re.compile(r"\s{0,9}(?:[-+*/×÷·−]|\\(?:cdot|times|div)(?![A-Za-z]))")


class Tokens:
    """Tokens as parallel lists. `values` holds a number `(value, decimals)`, or the token's symbol;
    `match` the partner of each bracket (-1 without one); `notes` the spans of `<<...>>`; `cuts` the tokens
    that are relations."""

    __slots__ = ("cuts", "ends", "kinds", "match", "notes", "starts", "text", "values")

    def __init__(self, text: str, kinds: list[int], values: list, starts: list[int], ends: list[int]):
        self.text, self.kinds, self.values, self.starts, self.ends = text, kinds, values, starts, ends
        self.notes: list[tuple[int, int]] = []
        self.match: list[int] = []
        self.cuts: list[int] = []


def tokenize(text: str) -> Tokens | None:
    """Tokens of `text`, or None beyond MAX_CHARS characters or MAX_TOKENS tokens. Short texts are remembered:
    leave the lists as they are."""
    return _remembered(text) if len(text) <= CACHED_CHARS else _tokenize(text)


def _tokenize(text: str) -> Tokens | None:
    if len(text) > MAX_CHARS:
        return None
    pieces = PATTERN.findall(text)
    if len(pieces) > MAX_TOKENS + 2:
        return None
    del pieces[-1]  # the end of the text
    if not pieces:
        return Tokens(text, [], [], [], [])
    kinds, values, widths, needs = zip(*map(LEXEMES.__getitem__, pieces), strict=True)
    ends = list(accumulate(map(len, pieces)))
    tokens = Tokens(text, list(kinds), list(values), list(map(sub, ends, widths)), ends)
    if SPLIT in needs:
        needs = _split(tokens, needs)
    if len(tokens.kinds) > MAX_TOKENS:
        return None
    tokens.match = [-1] * len(tokens.kinds)
    _resolve(tokens, needs)
    if not _RELATIONS.isdisjoint(tokens.kinds):
        tokens.cuts = [i for i, kind in enumerate(tokens.kinds) if kind in _RELATIONS]
    return tokens


_remembered = functools.lru_cache(maxsize=2_048)(_tokenize)


def _split(tokens: Tokens, needs: Sequence[int]) -> list[int]:
    """Puts the tokens of each piece that is not exactly one in its place; returns what each token needs."""
    kinds, values, starts, ends, looks = columns = [], [], [], [], []
    table = AMPERSAND in tokens.kinds and any(name in tokens.text for name in ("matrix", "array", "tabular"))
    done = 0
    for at in [i for i, need in enumerate(needs) if need == SPLIT]:
        kinds += tokens.kinds[done:at]
        values += tokens.values[done:at]
        starts += tokens.starts[done:at]
        ends += tokens.ends[done:at]
        looks += needs[done:at]
        done = at + 1
        kind, value, start, end = tokens.kinds[at], tokens.values[at], tokens.starts[at], tokens.ends[at]
        parts = ()
        if kind == PARTS:
            parts = ((k, v, end + left, end + right, look) for k, v, left, right, look in value)
        elif kind == NOTE:
            tokens.notes.append((start + 2, end - 2))
        elif kind == STARS:
            if _is_power(tokens.text, kinds, ends, start, end):
                parts = ((OP, "^", start, end, LOOK),)
        elif (cut := _ampersand(tokens.text, kinds, end, table)) is not None:
            parts = ((cut, "&", start, end, 0),)
        for part in parts:
            for column, entry in zip(columns, part, strict=True):
                column.append(entry)
    looks += needs[done:]
    tokens.kinds, tokens.values = kinds + tokens.kinds[done:], values + tokens.values[done:]
    tokens.starts, tokens.ends = starts + tokens.starts[done:], ends + tokens.ends[done:]
    return looks


def _is_power(text: str, kinds: list[int], ends: list[int], start: int, end: int) -> bool:
    """Whether `**` is a power and no bold type: an operand before and after it, spaced alike."""
    if end - start != 2 or not kinds or kinds[-1] not in (NUM, RP, VAR):
        return False
    symmetric = (ends[-1] == start) == (text[end : end + 1] != " ")
    follows = text[end : end + 2].lstrip(" ")[:1]
    return symmetric and follows != "" and follows in "0123456789(-."


def _ampersand(text: str, kinds: list[int], end: int, table: bool) -> int | None:
    """The kind of `&`: a cut between cells, nothing beside a relation, at a row's edge or before the sign of
    an aligned line, OPAQUE before a sign that may be a cell's."""
    if not kinds or kinds[-1] in (REL, CMP, NL) or _RELATION_AHEAD.match(text, end):
        return None
    if kinds[-1] != OP and _SIGN_AHEAD.match(text, end) is None:
        return SEP
    return OPAQUE if table else None


def _resolve(tokens: Tokens, needs: Sequence[int]) -> None:
    """Decides what depends on neighbours: pairs brackets, reads 'x' between operands as times, bracketed
    words and powers of units as units, bullets as cuts, '$' as currency, "a" as a word."""
    text, kinds, values = tokens.text, tokens.kinds, tokens.values
    starts, ends, match = tokens.starts, tokens.ends, tokens.match
    stack: list[int] = []
    variables = None
    if kinds and kinds[0] == OP:
        _cut_bullet(tokens, 0)
    for i in compress(range(len(kinds)), needs):
        kind = kinds[i]
        if kind == LP:
            stack.append(i)
        elif kind == RP:
            j = stack.pop() if stack else -1
            if j >= 0 and values[j] == values[i]:
                match[i], match[j] = j, i
                if (
                    1 < i - j <= 7
                    and kinds[j + 1] == WORD
                    and values[i] == "("
                    and _are_words(kinds[j + 1 : i])
                    and not (ends[i] - starts[j] < 7 and text[ends[j] : starts[i]].isupper())  # (AC)
                ):
                    kinds[j] = kinds[i] = WORD
                    values[j] = values[i] = ""
                    if j and starts[j] > ends[j - 1]:
                        for k in range(j + 1, i):  # a note on the number, whatever it says, but for its unit
                            if singular(values[k]) not in MEASURES:
                                values[k] = ""
            else:
                stack.clear()
        elif kind == NL:
            if i + 1 < len(kinds) and kinds[i + 1] == OP:
                _cut_bullet(tokens, i + 1)
        elif kind == DOLLAR:
            kinds[i] = _dollar(text, starts[i])
        elif kind == ARTICLE:
            kinds[i] = VAR
            if _is_article(tokens, i):
                kinds[i], values[i] = WORD, values[i].lower()
        elif kind == VAR:
            if 0 < i < len(kinds) - 1 and _is_times(tokens, i):
                sure = kinds[i + 1] in (NUM, CUR, DOLLAR)
                if not sure and variables is None:
                    variables = _has_variables(tokens)
                if sure or not variables:
                    kinds[i], values[i] = OP, "*"
        elif kind == OP:
            if i and kinds[i - 1] == WORD:
                _unit_power(tokens, i)
        elif kind == COLON:
            start = starts[i]
            between = start > 0 and text[start - 1].isdigit() and text[start + 1 : start + 2].isdigit()
            kinds[i] = OPAQUE if between else SEP


def _are_words(kinds: list[int]) -> bool:
    return kinds.count(WORD) == len(kinds)


def _cut_bullet(tokens: Tokens, at: int) -> None:
    """Makes a spaced sign at the start of a line a cut (LaTeX has no bullets); `values` keeps its symbol."""
    spaced = at + 1 < len(tokens.kinds) and tokens.ends[at] < tokens.starts[at + 1]
    if spaced and tokens.text[tokens.starts[at]] in "+-*–−" and not goes_on(tokens, at):
        tokens.kinds[at] = SEP


def goes_on(tokens: Tokens, at: int) -> bool:
    """Whether the line of LaTeX that starts at token `at` goes on from the line before it."""
    before = tokens.text[max(0, tokens.starts[at] - 16) : tokens.starts[at]].rstrip(" \t\n&")
    return before.endswith(("\\\\", "\\quad", "\\qquad"))


def _dollar(text: str, start: int) -> int:
    """Currency before a number, else the edge of mathematics."""
    follows = text[start + 1 : start + 2]
    currency = follows != "" and follows in "0123456789.(" and not text[start - 1 : start].isalnum()
    return CUR if currency else SEP


def _is_article(tokens: Tokens, at: int) -> bool:
    """Whether "a", "A" or "I" is a word: blanks on both sides, and no operator or relation beside it."""
    text, start, end = tokens.text, tokens.starts[at], tokens.ends[at]
    if not ((start == 0 or text[start - 1].isspace()) and text[end : end + 1].isspace()):
        return False
    before = tokens.kinds[at - 1] if at else NL
    after = tokens.kinds[at + 1] if at + 1 < len(tokens.kinds) else NL
    return before not in _BINARY and after not in _BINARY


def _is_times(tokens: Tokens, at: int) -> bool:
    """Whether x may be a multiplication sign: operands around it, blanks on both sides or on none."""
    kinds, starts, ends = tokens.kinds, tokens.starts, tokens.ends
    if kinds[at - 1] not in _OPERAND_END or kinds[at + 1] not in _OPERAND_START:
        return False
    if kinds[at + 1] == DOLLAR and _dollar(tokens.text, starts[at + 1]) == SEP:
        return False
    return (ends[at - 1] == starts[at]) == (ends[at] == starts[at + 1])


def _has_variables(tokens: Tokens) -> bool:
    """Whether the text has a variable that is no multiplication sign: 2x(x+1) is no product of 2 then."""
    kinds, values, last = tokens.kinds, tokens.values, len(tokens.kinds) - 1
    return any(
        kind == VAR and not (values[i] in ("x", "X") and 0 < i < last and _is_times(tokens, i))
        for i, kind in enumerate(kinds)
    )


def _unit_power(tokens: Tokens, at: int) -> None:
    """Reads the exponent of a unit (cm³, ft^{2}) as part of the unit."""
    kinds, values = tokens.kinds, tokens.values
    word = values[at - 1]
    measured = at > 1 and kinds[at - 2] in (NUM, RP, PCT)
    if 0 < len(word) < 5 and not measured and singular(word) not in MEASURES and word not in SHORT_UNITS:
        return  # ab^2
    width = 2 if kinds[at + 1 : at + 2] == [NUM] else 4 if kinds[at + 1 : at + 4] == [LP, NUM, RP] else 0
    for i in range(at, at + width):
        kinds[i], values[i] = WORD, ""


def touching(tokens: Tokens, at: int) -> bool:
    """Whether nothing but layout (`\\left`) stands between a token and the one before it."""
    end, start = tokens.ends[at - 1], tokens.starts[at]
    return end == start or "\\" in tokens.text[end:start]
