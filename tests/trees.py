"""Expressions as trees, for tests."""

from sept_jax.checks.formulas.lexer import tokenize
from sept_jax.checks.formulas.parser import Parser


def parse(text):
    """The tree of a text, None unless all of it is one expression."""
    tokens = tokenize(text)
    parser = Parser(tokens)
    term = parser.term(0, len(tokens.kinds))
    return term.tree if term is not None and parser.pos == len(tokens.kinds) else None
