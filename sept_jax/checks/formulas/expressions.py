"""Exact, bounded evaluation of arithmetic in plain text, Unicode and LaTeX."""

from sept_jax.checks.formulas.exact import fraction
from sept_jax.checks.formulas.lexemes import MAX_DIGITS
from sept_jax.checks.formulas.lexer import NL, SEP, WORD, tokenize
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.values import Value


def evaluate(text: str) -> Value | None:
    """The value of a text that is one closed expression, currency, units and a last period allowed."""
    if text.isdecimal() and text.isascii() and text[0] != "0" and len(text) <= MAX_DIGITS:
        value = fraction(int(text))
        return Value(value, (value,), (), 0, (), 0)
    tokens = tokenize(text)
    if tokens is None:
        return None
    kinds, end = tokens.kinds, len(tokens.kinds)
    start = 0
    while start < end and kinds[start] in (SEP, NL):
        start += 1
    while end > start and kinds[end - 1] in (SEP, NL, WORD):
        end -= 1
    parser = Parser(tokens)
    value = parser.parse(start, end) if start < end else None
    return value if value is not None and parser.pos == end else None
