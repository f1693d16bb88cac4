r"""The operands that are no numbers: names, constants, functions, bars (`|x|`, `\lfloor x \rfloor`), calls.

These functions work on a parser that stands at the operand's first token, and leave it behind the last.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.lexer import (
    FRAC,
    LP,
    NUM,
    OP,
    OPAQUE,
    RP,
    SEP,
    SQRT,
    VAR,
    WORD,
    Tokens,
    touching,
)
from sept_jax.checks.formulas.terms import INVERSE, PI, TRIGONOMETRIC, Tree, combine
from sept_jax.checks.formulas.words import word_set

if TYPE_CHECKING:
    from sept_jax.checks.formulas.parser import Parser

_NAMED = TRIGONOMETRIC | INVERSE | {"ln", "log", "exp"}
_BARS = {"|": ("|", "abs"), "vert": ("vert", "abs"), "lvert": ("rvert", "abs"), "lfloor": ("rfloor", "floor"),
         "lceil": ("rceil", "ceil"), "⌊": ("⌋", "floor"), "⌈": ("⌉", "ceil")}  # fmt: skip
_BINOMIALS = frozenset(("binom", "dbinom", "tbinom"))
KNOWN = frozenset((*_NAMED, *_BARS, *(close for close, _ in _BARS.values()), *_BINOMIALS, "pi", "π", "_"))
"""Values of tokens that are understood here though no plain arithmetic."""

_CALLED = frozenset("fgFG")
_DOUBTFUL = frozenset("pqPQφψστμ")
_MAYBE_CALLED = frozenset("hpqrstuvHPQRSTCNEVABDLMKIJUWXYZφψστμΓ")
"""Letters that `(3)` or `(x)` after them makes functions; after one of _DOUBTFUL any other bracket may."""

_FACTOR_END = frozenset((NUM, RP, VAR, OPAQUE))


_SHORT_WORDS = word_set(
    "a an as at am ah ad be by do go ha he hi if in is it id ie eg ex me my no of oh ok on or ox pi re "
    "so to up us we ye add age ago aid aim air all and any are arm art ask ate bad bag ban bar bat bed "
    "bet bid big bit box boy bus but buy can cap car cat cos cot cup cut day did die dig dog dot due "
    "dry ear eat egg end era eve eye fan far fat few fig fit fix fly for fun gap gas get gcd got gym "
    "had has hat hen her him his hit hot how ice ill inc ink its jar jet job joy key kid lag lap law "
    "lay lcm led leg let lie lim lit log lot low mad man map max may men met min mix mod mud net new "
    "nor not now nut odd off oil old one our out own pad pan pay pen per pet pie pin pit put ran rat "
    "raw ray red rem rid row rub rug run sad sat saw say sea sec see set she sin sir sit six sky son "
    "sub sum sun tag tan tap tax tea ten the tie til tip toe too top toy try two use van via war was "
    "way web wet who why win won yes yet you zoo cm mm km kg mg ml lb oz ft yd mi hr sq mph st nd rd th "
    "vs"
)
_FACTORS = frozenset("abcdkmnpqrtvwxyz")
_UPPER_WORDS = frozenset(
    ("AM", "PM", "GCD", "LCM", "AA", "SAS", "SSS", "ASA", "AAS", "HL", "AMC", "QED", "US", "LHS", "RHS")
)


def letters(tokens: Tokens, at: int) -> str:
    """The letters of a token that is a product of names (`ab`) or the name of a segment (`AB`); "" if it is a
    word."""
    start, end = tokens.starts[at], tokens.ends[at]
    if not 2 <= end - start <= 4:
        return ""
    word = tokens.text[start:end]
    if not word.isascii() or not word.isalpha():
        return ""
    if len(word) == 4 and not (set(word) <= _FACTORS and list(word) == sorted(word)):
        return ""
    if word.isupper():
        return "" if word in _UPPER_WORDS else word
    return word if word.islower() and word not in _SHORT_WORDS else ""


def _product(parser: Parser) -> Tree:
    r"""A product of names such as `ab^2`, of which the exponent belongs to the last, or a segment's name."""
    word = letters(parser.tokens, parser.pos)
    parser.pos += 1
    if word.isupper():
        parser.names.add(word)
        return word
    parser.names.update(word)
    result: Tree = word[0]
    for letter in word[1:-1]:
        result = combine("*", result, letter)
    last: Tree = word[-1]
    if parser.peek() == OP and parser.values[parser.pos] == "^":
        parser.pos += 1
        last = combine("^", last, parser.expression(29))
    parser.operators.append("*")
    return combine("*", result, last)


def factor_follows(parser: Parser, kind: int) -> bool:
    """Whether a factor without a multiplication sign starts at the parser's token."""
    before = parser.kinds[parser.pos - 1]
    if before not in _FACTOR_END and not (
        before == WORD
        and (parser.values[parser.pos - 1] == "degree" or letters(parser.tokens, parser.pos - 1))
    ):
        return False
    if kind == VAR or (kind == WORD and letters(parser.tokens, parser.pos)):
        return True
    if kind == OPAQUE:
        value = parser.values[parser.pos]
        if value not in KNOWN:
            return before in (NUM, VAR, RP) and letters(parser.tokens, parser.pos) != ""
        return value != "_" and (value not in _BARS or not parser.bars) and not value.startswith("r")
    if kind == LP:
        if parser.values[parser.pos] == "{":
            return False
        exponent = parser.kinds[parser.pos - 2] == OP and parser.values[parser.pos - 2] == "^"
        return before != NUM or exponent or touching(parser.tokens, parser.pos)
    return kind in (FRAC, SQRT)


def symbolic_operand(parser: Parser, kind: int) -> Tree:
    """The tree of the operand at the parser's token. Raises Abstain where it is not understood."""
    if kind == VAR:
        return _name(parser)
    if kind == WORD and letters(parser.tokens, parser.pos):
        return _product(parser)
    if kind != OPAQUE:
        raise Abstain
    value = parser.values[parser.pos]
    if value in ("pi", "π"):
        parser.pos += 1
        return PI
    if value in _NAMED:
        return _function(parser, value)
    if value in _BINOMIALS:
        parser.pos += 1
        parser.operators.append("binom")
        return _binomial(parser.argument(), parser.argument())
    if value in _BARS:
        return _between_bars(parser, *_BARS[value])
    if letters(parser.tokens, parser.pos):
        return _product(parser)
    raise Abstain


def _binomial(top: Tree, below: Tree) -> Tree:
    if isinstance(top, int) and isinstance(below, int) and below >= 0 and 0 <= top <= 200:
        value = 1
        for i in range(min(below, top - below) if below <= top else 0):
            value = value * (top - i) // (i + 1)
        return value if below <= top else 0
    return ("binom", top, below)


def _name(parser: Parser) -> Tree:
    tokens, at = parser.tokens, parser.pos
    name = parser.values[at]
    parser.pos += 1
    kind = parser.peek()
    if kind == LP and parser.values[parser.pos] == "(" and touching(tokens, parser.pos):
        return _perhaps_call(parser, name)
    if kind == OP and name[0] in _CALLED and parser.values[parser.pos] == "^":
        raise Abstain
    parser.names.add(name)
    return name


def _perhaps_call(parser: Parser, name: str) -> Tree:
    letter, at = name[0], parser.pos
    close = parser.tokens.match[at]
    if close < 0 or close >= parser.end:
        raise Abstain
    lone = close == at + 2 and parser.kinds[at + 1] in (NUM, VAR)
    if letter in _CALLED or (lone and letter in _MAYBE_CALLED):
        return _call(parser, name, close)
    if letter in _DOUBTFUL:
        raise Abstain
    parser.names.add(name)
    return name


def _call(parser: Parser, name: str, close: int) -> Tree:
    arguments = []
    while parser.pos < close:
        parser.pos += 1
        parser.depth += 1
        arguments.append(parser.expression(0))
        parser.depth -= 1
        if parser.pos != close and not (parser.peek() == SEP and parser.values[parser.pos] == ","):
            raise Abstain
    parser.pos = close + 1
    parser.operators.append("call")
    return ("call", name, *arguments)


def _function(parser: Parser, name: str) -> Tree:
    parser.pos += 1
    parser.operators.append(name)
    exponent = base = None
    if name == "log":
        base = _log_base(parser)
    if parser.peek() == OP and parser.values[parser.pos] == "^":
        parser.pos += 1
        exponent = (
            parser.argument() if parser.peek() in (NUM, LP) else symbolic_operand(parser, parser.peek())
        )
        if exponent == -1:
            if name not in ("sin", "cos", "tan"):
                raise Abstain
            name, exponent = "arc" + name, None
    trigonometric = name in TRIGONOMETRIC
    parser.in_angle += trigonometric
    argument = _function_argument(parser)
    parser.in_angle -= trigonometric
    value = ("log", base, argument) if name == "log" else (name, argument)
    return value if exponent is None else combine("^", value, exponent)


def _log_base(parser: Parser) -> Tree:
    if not (parser.peek() == OPAQUE and parser.values[parser.pos] == "_"):
        return 0
    parser.pos += 1
    if parser.peek() == NUM or parser.peek() == LP:
        return parser.argument()
    return symbolic_operand(parser, parser.peek())


def _function_argument(parser: Parser) -> Tree:
    bracket = parser.peek() == LP
    argument = parser.expression(24)
    if bracket:
        return argument
    while parser.peek() == VAR or (parser.peek() == OPAQUE and parser.values[parser.pos] in ("pi", "π")):
        argument = combine("*", argument, parser.expression(24))
    if parser.peek() == OP and parser.values[parser.pos] == "/":
        raise Abstain  # sin x/2 has two readings
    return argument


def _between_bars(parser: Parser, close: str, name: str) -> Tree:
    parser.pos += 1
    parser.bars += 1
    inner = parser.expression(0)
    parser.bars -= 1
    if parser.peek() != OPAQUE or parser.values[parser.pos] != close:
        raise Abstain
    parser.pos += 1
    parser.operators.append(name)
    return (name, inner)
