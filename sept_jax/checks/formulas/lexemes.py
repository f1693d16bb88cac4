"""What each piece of a text means by itself; what depends on its neighbours is left to `lexer`."""

import re
from fractions import Fraction
from typing import NamedTuple

from sept_jax.checks.formulas.pieces import GREEK, LAYOUT, LETTERS
from sept_jax.checks.formulas.words import FUNCTIONS, SHORT_UNITS, word_set

MAX_DIGITS = 60
_MEMO_ENTRIES = 50_000
_MEMO_CHARS = 40

(NUM, OP, LP, RP, FRAC, SQRT, PCT, BANG, REL, CMP, WORD, VAR, OPAQUE, SEP, NL, CUR) = range(16)
"""Kinds of tokens; `lexer` says what each carries."""

PLAIN, LOOK, SPLIT = 0, 1, 2
"""What a piece needs: nothing, a look at its neighbours, or replacement by any number of tokens."""

ARTICLE, DOLLAR, COLON, STARS, AMPERSAND, NOTE, PARTS = range(-7, 0)
"""Kinds of pieces that are no tokens yet: what their neighbours decide ("a", "$", ":", "**", "&"), `<<...>>`,
and pieces of several tokens."""


class Lexeme(NamedTuple):
    """What a piece is read as: its kind and value, its characters without leading blanks, what it needs.
    The value of PARTS is a tuple of `(kind, value, start, end, look)`, counted from the piece's end."""

    kind: int
    value: object
    width: int
    need: int


_OPERATORS = {
    "+": "+", "-": "-", "−": "-", "–": "-", "*": "*", "×": "*", "·": "*", "⋅": "*", "∙": "*", "✕": "*",
    "/": "/", "÷": "/", "⁄": "/", "∕": "/", "^": "^",
}  # fmt: skip
_RELATIONS = {
    "<": "<", ">": ">", "≤": "<=", "≥": ">=", "⩽": "<=", "⩾": ">=", "≠": "!=", "≡": "≡", "∣": "|", "∤": "∤",
    "<=": "<=", ">=": ">=", "!=": "!=", ":=": ":=", "∼": "~",
}  # fmt: skip
_COMMANDS = {
    "times": (OP, "*"), "cdot": (OP, "*"), "div": (OP, "/"), "approx": (REL, "≈"),
    "frac": (FRAC, ""), "dfrac": (FRAC, ""), "tfrac": (FRAC, ""), "cfrac": (FRAC, ""), "sqrt": (SQRT, ""),
    "pmod": (WORD, "mod"), "bmod": (WORD, "mod"), "mod": (WORD, "mod"), "pod": (WORD, "mod"),
    "degree": (WORD, "degree"), "newline": (NL, ""),
    "lbrace": (OPAQUE, "\\{"), "rbrace": (OPAQUE, "\\}"), "lbrack": (LP, "["), "rbrack": (RP, "["),
}  # fmt: skip
_COMMANDS |= dict.fromkeys(word_set("cdots ldots dots dotsb dotsc dotsm vdots ddots"), (OPAQUE, "…"))
_COMMANDS |= dict.fromkeys(
    word_set(
        "quad qquad implies Rightarrow rightarrow Longrightarrow iff Leftrightarrow Longleftrightarrow to"
    )
    | word_set("therefore because hline"),
    (SEP, ""),
)
_COMMANDS |= {
    name: (CMP, symbol)
    for symbol, names in {
        "<": "lt", ">": "gt", "<=": "le leq leqslant leqq", ">=": "ge geq geqslant geqq", "!=": "ne neq",
        "≡": "equiv", "≅": "cong", "~": "sim", "|": "mid", "∤": "nmid",
    }.items()
    for name in names.split()
}  # fmt: skip
_SYMBOLS = {
    "(": (LP, "("), "[": (LP, "["), "{": (LP, "{"), ")": (RP, "("), "]": (RP, "["), "}": (RP, "{"),
    "%": (PCT, ""), "!": (BANG, ""), "=": (REL, "="), "==": (REL, "="), "≈": (REL, "≈"), "≅": (REL, "≈"),
    "√": (SQRT, ""), "€": (CUR, ""), "£": (CUR, ""), "¥": (CUR, ""), "°": (WORD, "degree"),
    "π": (OPAQUE, "pi"), "∞": (OPAQUE, "infty"), "±": (OPAQUE, "pm"), "⌊": (OPAQUE, "lfloor"),
    "⌋": (OPAQUE, "rfloor"), "⌈": (OPAQUE, "lceil"), "⌉": (OPAQUE, "rceil"),
    "$": (DOLLAR, "$"), ":": (COLON, ":"), "&": (AMPERSAND, "&"), "\\\\": (NL, ""), "\\%": (PCT, ""),
    "\\$": (CUR, "$"), "…": (OPAQUE, "…"), "⋯": (OPAQUE, "…"),
}  # fmt: skip
_SYMBOLS |= {c: (SEP, c) for c in ",.;?\"'“”‘’•→⇒⟹∴—`#"}
_SYMBOLS |= dict.fromkeys(("\\(", "\\)", "\\[", "\\]", "=>", "->", "-->", "==>", "<=>"), (SEP, ""))
_SYMBOLS |= dict.fromkeys("\n\r\x0b\x0c\x85\u2028\u2029", (NL, ""))
_SYMBOLS |= {c: (OP, op) for c, op in _OPERATORS.items()} | {c: (CMP, r) for c, r in _RELATIONS.items()}
_SYMBOLS |= {c: (NUM, (Fraction(n, d), 0)) for c, n, d in (
    ("½", 1, 2), ("⅓", 1, 3), ("⅔", 2, 3), ("¼", 1, 4), ("¾", 3, 4), ("⅕", 1, 5), ("⅖", 2, 5), ("⅗", 3, 5),
    ("⅘", 4, 5), ("⅙", 1, 6), ("⅚", 5, 6), ("⅐", 1, 7), ("⅛", 1, 8), ("⅜", 3, 8), ("⅝", 5, 8), ("⅞", 7, 8),
    ("⅑", 1, 9), ("⅒", 1, 10),
)}  # fmt: skip

_CALLED = FUNCTIONS - word_set("max min sec st nd rd th am pm") | word_set("lg sinh cosh tanh")
"""Functions whose names are no other word."""
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻₀₁₂₃₄₅₆₇₈₉", "0123456789-0123456789")
_PLAIN_TEXT = re.compile(r"[^0-9+*=^<>\\]*")


class _Lexemes(dict):
    """Lexemes by piece, read at first sight; bounded, so that no text can make it grow."""

    def __missing__(self, piece: str) -> Lexeme:
        start = LAYOUT.match(piece).end()
        width = len(piece) - start
        kind, value = _read(piece[start:]) if width else (PARTS, ())
        found = Lexeme(kind, value, width, _need(kind, value))
        if len(piece) <= _MEMO_CHARS:
            if len(self) >= _MEMO_ENTRIES:
                self.clear()
            self[piece] = found
        return found


LEXEMES: dict[str, Lexeme] = _Lexemes()
"""The lexeme of each piece that `pieces.PATTERN` cuts."""


def _need(kind: int, value: object) -> int:
    if kind in (STARS, AMPERSAND, NOTE, PARTS):
        return SPLIT
    looks = kind in (LP, RP, NL, ARTICLE, DOLLAR, COLON)
    return LOOK if looks or (kind == VAR and value in ("x", "X")) or (kind == OP and value == "^") else PLAIN


def _read(core: str) -> tuple[int, object]:
    if core in _SYMBOLS:
        return _SYMBOLS[core]
    first = core[0]
    if "0" <= first <= "9" or (first == "." and "0" <= core[1:2] <= "9"):
        return _read_number(core)
    if first == "\\" and len(core) > 1:
        return _read_command(core)
    if first.isalpha():
        return _read_name(core)
    if first == "^":
        return WORD, "degree"
    if core.startswith("<<"):
        return (NOTE, core) if len(core) > 2 and core[-1] == ">" else (CMP, "<<")
    if first == "*":
        return STARS, core
    if first in "⁰¹²³⁴⁵⁶⁷⁸⁹⁻" and core != "⁻":
        power = int(core.translate(_SUPERSCRIPTS)), 0
        return PARTS, ((OP, "^", -len(core), -len(core), True), (NUM, power, -len(core), 0, False))
    if first in "₀₁₂₃₄₅₆₇₈₉":
        index = int(core.translate(_SUPERSCRIPTS)), 0
        return PARTS, ((OPAQUE, "_", -len(core), -len(core), False), (NUM, index, -len(core), 0, False))
    if first == ">":
        return CMP, ">>"
    return OPAQUE, "…" if first == "." else core


def _read_number(core: str) -> tuple[int, object]:
    raw = core.rstrip(LETTERS)
    readable = len(raw) <= MAX_DIGITS and not (raw[0] == "0" and raw[1:2].isdigit())  # 0730 is a time
    number = (NUM, _value(raw)) if readable else (OPAQUE, raw)
    if raw == core:
        return number
    cut = len(raw) - len(core)
    return PARTS, ((*number, -len(core), cut, False), (*_suffix(core[cut:]), cut, 0, False))


def _suffix(letters: str) -> tuple[int, str]:
    """What touches a number: a unit, an ending (3rd, 5 pm), or factors (2xy)."""
    low = letters.lower()
    if low in FUNCTIONS:
        return OPAQUE, low
    return (WORD, low) if low in SHORT_UNITS else (OPAQUE, letters)


def _value(raw: str) -> tuple[int | Fraction, int]:
    """The exact value of a printed number, and its decimals."""
    if raw.isdigit():
        return int(raw), 0
    whole, _, part = "".join(c for c in raw if c in "0123456789.").partition(".")
    if not part:
        return int(whole), 0
    value = Fraction(int((whole or "0") + part), 10 ** len(part))
    return (value.numerator if value.denominator == 1 else value), len(part)


def _read_name(core: str) -> tuple[int, object]:
    low = core.lower()
    if low == "sqrt":
        return SQRT, ""
    if low in FUNCTIONS or low in _CALLED:
        return OPAQUE, low
    if len(core) == 1:
        return (ARTICLE if core in "aAI" else VAR), core
    if core[1] in "_₀₁₂₃₄₅₆₇₈₉′'’^" or core[1].isdigit():
        if core[1] in "'’" and core[-1].isalpha():
            return WORD, low
        return VAR, _variable(core)
    if "_" in core:
        base, _, rest = core.partition("_")
        if base.lower() not in FUNCTIONS:
            return VAR, core
        kind, value = _read(rest)
        cut = -len(rest)
        parts = (OPAQUE, base.lower()), (OPAQUE, "_"), (kind, value)
        ends = (-len(core), cut - 1, cut, 0)
        return PARTS, tuple((*p, ends[i], ends[i + 1], False) for i, p in enumerate(parts))
    return WORD, low


def _variable(name: str) -> str:
    """The one spelling of a name: x_1 for x1, x_{1} and x₁; x' for x^{\\prime}."""
    primes = name.count("'") + name.count("’") + name.count("′") + name.count("\\prime")
    bare = name.replace("^{\\prime}", "").replace("^\\prime", "").rstrip("'’′").translate(_SUPERSCRIPTS)
    letter, index = bare[0], bare[1:].removeprefix("_")
    if index.startswith("{"):
        index = index.strip("{}").removeprefix("\\text{").removeprefix("\\mathrm{").replace(" ", "")
        if not index.isalnum():
            index = f"{{{index}}}"
    return letter + (f"_{index}" if index else "") + "'" * primes


def _read_command(core: str) -> tuple[int, object]:
    name = core[1:]
    if core[-1] == "}" and "{" in core:
        return _read_text(core)
    if name in _COMMANDS:
        return _COMMANDS[name]
    if name in GREEK:
        return VAR, GREEK[name]
    if name.startswith("not") and name[3:].strip() in ("=", "\\equiv"):
        return CMP, "!=" if name[-1] == "=" else "≢"
    if "frac" in name:
        return PARTS, _short_fraction(core)
    for end in range(1, len(name)):  # \\theta_1
        if name[:end] in GREEK and not name[end].isalpha():
            return VAR, _variable(GREEK[name[:end]] + name[end:])
    return OPAQUE, name if name[0].isalpha() else core


def _short_fraction(core: str) -> tuple:
    """The tokens of \\frac12, and of letters that touch it."""
    raw = core.rstrip(LETTERS)
    digits = raw.partition("frac")[2].strip()
    size, cut = len(core), len(raw) - len(core)
    parts = [(FRAC, "", -size, cut - len(digits), False)]
    for i, digit in enumerate(digits):
        end = cut + 1 + i - len(digits)
        parts.append((NUM, (int(digit), 0), end - 1, end, False))
    if cut:
        parts.append((*_suffix(core[cut:]), cut, 0, False))
    return tuple(parts)


def _read_text(core: str) -> tuple[int, object]:
    """Reads a command with words in braces."""
    name, _, inner = core[1:].partition("{")
    name, inner = name.strip(), inner[:-1]
    if name in ("begin", "end", "tag", "label"):
        return SEP, ""
    if name in GREEK or name.partition("_")[0] in GREEK or name.partition("^")[0] in GREEK:
        letter = next(c for c in (name, name.partition("_")[0], name.partition("^")[0]) if c in GREEK)
        return VAR, _variable(GREEK[letter] + core[1 + len(letter) :])
    low = inner.strip().lower()
    if low in _CALLED or name.startswith("operatorname"):
        return OPAQUE, low
    if name in ("mathbf", "boldsymbol") and len(low) == 1 and low.isalpha():
        return OPAQUE, core  # vectors and matrices do not commute
    if _PLAIN_TEXT.fullmatch(inner) is None:
        return OPAQUE, core
    words = [word.strip(".,;:()") for word in low.replace("/", " ").split()]
    if len(words) == 1:
        return WORD, words[0]
    return PARTS, tuple((WORD, word, -len(core), 0, False) for word in words)
