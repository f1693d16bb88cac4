"""One linear pass over plain, Unicode or LaTeX text that yields the tokens of arithmetic.

Everything else in `checks` works on these tokens. The pattern's repetitions are bounded or
possessive in effect (no alternative can match the same text twice), so time is linear.
"""

import re
from fractions import Fraction

from sept_jax.checks.words import FUNCTIONS, SHORT_UNITS, word_set

MAX_CHARS = 20_000
MAX_TOKENS = 2_048
MAX_DIGITS = 60

(NUM, OP, LP, RP, FRAC, SQRT, PCT, BANG, REL, CMP, WORD, VAR, OPAQUE, SEP, NL, CUR) = range(16)
"""Kinds. REL is '=' or '≈'; CMP any other relation; WORD prose or a unit; VAR a one-letter name;
OPAQUE anything not understood (an expression that touches it abstains); SEP a clean cut."""

_OPERATORS = {
    "+": "+", "-": "-", "−": "-", "–": "-", "*": "*", "×": "*", "·": "*", "⋅": "*", "∙": "*", "✕": "*",
    "/": "/", "÷": "/", "⁄": "/", "∕": "/", "^": "^", "**": "^",
}  # fmt: skip
_COMMANDS = {
    "times": (OP, "*"), "cdot": (OP, "*"), "div": (OP, "/"), "frac": (FRAC, ""), "dfrac": (FRAC, ""),
    "tfrac": (FRAC, ""), "cfrac": (FRAC, ""), "sqrt": (SQRT, ""), "approx": (REL, "≈"), "quad": (SEP, ""),
    "qquad": (SEP, ""), "implies": (SEP, ""), "Rightarrow": (SEP, ""), "rightarrow": (SEP, ""),
    "Longrightarrow": (SEP, ""), "iff": (SEP, ""), "Leftrightarrow": (SEP, ""), "to": (SEP, ""),
    "therefore": (SEP, ""), "because": (SEP, ""), "newline": (NL, ""), "neq": (CMP, ""), "ne": (CMP, ""),
    "le": (CMP, ""), "leq": (CMP, ""), "ge": (CMP, ""), "geq": (CMP, ""), "lt": (CMP, ""), "gt": (CMP, ""),
    "equiv": (CMP, ""), "cong": (CMP, ""), "sim": (CMP, ""), "pmod": (WORD, "mod"), "bmod": (WORD, "mod"),
    "mod": (WORD, "mod"),
}  # fmt: skip
_SILENT = word_set(
    "left right big Big bigg Bigg bigl bigr Bigl Bigr displaystyle textstyle boxed fbox limits cr "
    "hspace vspace phantom"
)
_SYMBOLS = {
    "(": (LP, "("), "[": (LP, "["), "{": (LP, "{"), ")": (RP, "("), "]": (RP, "["), "}": (RP, "{"),
    "%": (PCT, ""), "!": (BANG, ""), "=": (REL, "="), "≈": (REL, "≈"), "≅": (REL, "≈"), "√": (SQRT, ""),
    "<": (CMP, ""), ">": (CMP, ""), "≤": (CMP, ""), "≥": (CMP, ""), "≠": (CMP, ""), "≡": (CMP, ""),
    "€": (CUR, ""), "£": (CUR, ""), "¥": (CUR, ""), "°": (WORD, "degree"),
}  # fmt: skip
_SYMBOLS |= {c: (SEP, c) for c in ",.;:?\"'“”‘’•→⇒⟹∴—`#"}
_SYMBOLS |= {c: (OP, op) for c, op in _OPERATORS.items() if len(c) == 1}
_FRACTIONS = {c: Fraction(n, d) for c, n, d in (
    ("½", 1, 2), ("⅓", 1, 3), ("⅔", 2, 3), ("¼", 1, 4), ("¾", 3, 4), ("⅕", 1, 5), ("⅖", 2, 5), ("⅗", 3, 5),
    ("⅘", 4, 5), ("⅙", 1, 6), ("⅚", 5, 6), ("⅐", 1, 7), ("⅛", 1, 8), ("⅜", 3, 8), ("⅝", 5, 8), ("⅞", 7, 8),
    ("⅑", 1, 9), ("⅒", 1, 10),
)}  # fmt: skip
_SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹", "0123456789")

_PATTERN = re.compile(
    r"""(?P<skip>[ \t\xa0\u2009\u202f~&]+|\\[,;:!>\ ])
    |(?P<num>[0-9]{1,3}(?:(?:,|\{,\}|,\\!|\\,)[0-9]{3}(?![0-9]))+(?:\.[0-9]+)?|[0-9]+(?:\.[0-9]+)?
        |(?<![0-9])\.[0-9]+)
    |(?P<note><<[^<>\n]{1,200}>>)
    |(?P<degree>\^\s{0,3}(?:\{\s{0,3}\\circ\s{0,3}\}|\\circ))
    |(?P<text>\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s{0,3}\{[^{}]{0,200}\})
    |(?P<env>\\(?:begin|end)\s{0,3}\{[^{}]{0,40}\}|\\[\[\]()])
    |(?P<command>\\[A-Za-z]+)
    |(?P<newline>\\\\|[\n\r\x0b\x0c\x85\u2028\u2029])
    |(?P<escape>\\.)
    |(?P<dots>\.{2,}|…)
    |(?P<arrow>=>|->|-->|==>|<=>)
    |(?P<compare><=|>=|!=|:=|<{2,}|>{2,})
    |(?P<equals>==)
    |(?P<stars>\*{2,})
    |(?P<fraction>[½⅓⅔¼¾⅕⅖⅗⅘⅙⅚⅐⅛⅜⅝⅞⅑⅒])
    |(?P<super>[⁰¹²³⁴⁵⁶⁷⁸⁹]{1,20})
    |(?P<word>[A-Za-zÀ-ÖØ-öø-ɏͰ-Ͽ]+(?:['’][A-Za-z]+)?)
    |(?P<symbol>.)""",
    re.VERBOSE | re.DOTALL,
)
_PLAIN_TEXT = re.compile(r"[^0-9+*=^<>\\]*")


class Tokens:
    """Tokens as parallel lists. `values` holds a number `(value, decimals)`, or the token's symbol;
    `match` the partner of each bracket (-1 without one); `notes` the spans of `<<...>>`."""

    __slots__ = ("ends", "kinds", "match", "notes", "starts", "text", "values")

    def __init__(self, text: str):
        self.text = text
        self.kinds: list[int] = []
        self.values: list = []
        self.starts: list[int] = []
        self.ends: list[int] = []
        self.notes: list[tuple[int, int]] = []
        self.match: list[int] = []

    def add(self, kind: int, value, start: int, end: int) -> None:
        self.kinds.append(kind)
        self.values.append(value)
        self.starts.append(start)
        self.ends.append(end)


def tokenize(text: str) -> Tokens | None:
    """Tokens of `text`, or None beyond MAX_CHARS characters or MAX_TOKENS tokens."""
    if len(text) > MAX_CHARS:
        return None
    out = Tokens(text)
    for found in _PATTERN.finditer(text):
        group = found.lastgroup
        if group == "skip":
            continue
        start, end = found.span()
        if group == "num":
            _add_number(out, found.group(), start, end)
        elif group == "word":
            _add_word(out, found.group(), start, end)
        elif group == "symbol":
            _add_symbol(out, text, found.group(), start, end)
        else:
            _add_other(out, group, found.group(), start, end)
        if len(out.kinds) > MAX_TOKENS:
            return None
    _resolve(out)
    return out


def _add_number(out: Tokens, raw: str, start: int, end: int) -> None:
    if len(raw) > MAX_DIGITS or (raw[0] == "0" and raw[1:2].isdigit()):  # 0730 is a time
        out.add(OPAQUE, raw, start, end)
        return
    if raw.isdigit():
        if len(raw) == 2 and out.kinds and out.kinds[-1] == FRAC:  # \frac12
            out.add(NUM, (int(raw[0]), 0), start, start + 1)
            start, raw = start + 1, raw[1]
        out.add(NUM, (int(raw), 0), start, end)
        return
    digits = "".join(c for c in raw if c in "0123456789.")
    whole, _, part = digits.partition(".")
    if not part:
        out.add(NUM, (int(whole), 0), start, end)
        return
    scale = 10 ** len(part)
    value = Fraction(int((whole or "0") + part), scale)
    out.add(NUM, (value.numerator if value.denominator == 1 else value, len(part)), start, end)


def _add_word(out: Tokens, word: str, start: int, end: int) -> None:
    after_number = bool(out.kinds) and out.kinds[-1] == NUM and out.ends[-1] == start
    low = word.lower()
    if low == "sqrt":
        out.add(SQRT, "", start, end)
    elif low in FUNCTIONS or (after_number and len(word) > 1 and low not in SHORT_UNITS and len(word) < 4):
        out.add(OPAQUE, low, start, end)
    elif len(word) > 1:
        out.add(WORD, low, start, end)
    else:
        text = out.text
        alone = (start == 0 or text[start - 1].isspace()) and (end < len(text) and text[end].isspace())
        out.add(WORD if alone and word in "aAI" else VAR, low, start, end)


def _add_symbol(out: Tokens, text: str, symbol: str, start: int, end: int) -> None:
    if symbol == "$":
        follows = text[end : end + 1]
        before = text[start - 1 : start]
        currency = follows != "" and follows in "0123456789.(" and not before.isalnum()
        out.add(CUR if currency else SEP, "$", start, end)
    elif symbol == ":" and text[start - 1 : start].isdigit() and text[end : end + 1].isdigit():
        out.add(OPAQUE, ":", start, end)
    else:
        kind, value = _SYMBOLS.get(symbol, (OPAQUE, symbol))
        out.add(kind, value, start, end)


def _add_other(out: Tokens, group: str, raw: str, start: int, end: int) -> None:
    if group == "note":
        out.notes.append((start + 2, end - 2))
    elif group == "degree":
        out.add(WORD, "degree", start, end)
    elif group == "text":
        inner = raw[raw.index("{") + 1 : -1]
        plain = _PLAIN_TEXT.fullmatch(inner) is not None
        words = inner.lower().replace("/", " ").split() if plain else []
        if words:
            for word in words:
                out.add(WORD, word.strip(".,;:()"), start, end)
        elif not plain:
            out.add(OPAQUE, raw, start, end)
    elif group == "command":
        name = raw[1:]
        if name not in _SILENT:
            out.add(*_COMMANDS.get(name, (OPAQUE, name)), start, end)
    elif group == "newline":
        out.add(NL, "", start, end)
    elif group == "escape":
        kind, value = {"%": (PCT, ""), "$": (CUR, "$")}.get(raw[1], (OPAQUE, raw))
        out.add(kind, value, start, end)
    elif group == "equals":
        out.add(REL, "=", start, end)
    elif group == "compare":
        out.add(CMP, raw, start, end)
    elif group == "stars":
        text = out.text
        power = bool(out.kinds) and out.kinds[-1] in (NUM, RP) and len(raw) == 2
        follows = text[end : end + 2].lstrip(" ")[:1]
        symmetric = (out.ends[-1] == start) == (text[end : end + 1] != " ") if power else False
        if symmetric and follows != "" and follows in "0123456789(-.":
            out.add(OP, "^", start, end)
    elif group == "fraction":
        out.add(NUM, (_FRACTIONS[raw], 0), start, end)
    elif group == "super":
        out.add(OP, "^", start, start)
        out.add(NUM, (int(raw.translate(_SUPERSCRIPTS)), 0), start, end)
    else:  # env, dots, arrow
        out.add(OPAQUE if group == "dots" else SEP, "", start, end)


_OPERAND_END = frozenset({NUM, RP, PCT, WORD})
_OPERAND_START = frozenset({NUM, LP, CUR, FRAC, SQRT})


def _resolve(out: Tokens) -> None:
    """Pairs brackets, reads 'x' between operands as times, bracketed words as units, bullets as cuts."""
    kinds, values, starts, ends = out.kinds, out.values, out.starts, out.ends
    match = out.match = [-1] * len(kinds)
    stack: list[int] = []
    for i, kind in enumerate(kinds):
        if kind == LP:
            stack.append(i)
        elif kind == RP:
            if stack and values[stack[-1]] == values[i]:
                j = stack.pop()
                match[i], match[j] = j, i
                if 1 < i - j <= 7 and values[i] == "(" and all(k == WORD for k in kinds[j + 1 : i]):
                    kinds[j] = kinds[i] = WORD
                    values[j] = values[i] = ""
            else:
                stack.clear()
        elif kind == VAR and values[i] == "x" and 0 < i < len(kinds) - 1:
            if kinds[i - 1] in _OPERAND_END and kinds[i + 1] in _OPERAND_START:
                touches = ends[i - 1] == starts[i], ends[i] == starts[i + 1]
                if touches[0] == touches[1]:
                    kinds[i], values[i] = OP, "*"
        elif kind == OP and values[i] == "^" and i and kinds[i - 1] == WORD:
            _unit_power(out, i)
        elif kind == OP and _is_bullet(out, i):
            kinds[i] = SEP  # a bullet; its symbol stays in `values`


def _is_bullet(out: Tokens, at: int) -> bool:
    starts_line = at == 0 or out.kinds[at - 1] == NL
    spaced = at + 1 < len(out.kinds) and out.ends[at] < out.starts[at + 1]
    return starts_line and spaced and out.values[at] in "+-*"


def _unit_power(out: Tokens, at: int) -> None:
    """Reads the exponent of a unit (cm³, ft^{2}) as part of the unit."""
    kinds, values = out.kinds, out.values
    width = 2 if kinds[at + 1 : at + 2] == [NUM] else 4 if kinds[at + 1 : at + 4] == [LP, NUM, RP] else 0
    for i in range(at, at + width):
        kinds[i], values[i] = WORD, ""


def touching(tokens: Tokens, at: int) -> bool:
    """Whether nothing but layout (`\\left`) stands between a token and the one before it."""
    end, start = tokens.ends[at - 1], tokens.starts[at]
    return end == start or "\\" in tokens.text[end:start]
