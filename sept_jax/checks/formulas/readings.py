"""All readings of an expression that is ambiguous."""

from sept_jax.checks.formulas.lexer import BANG, CMP, NL, REL
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.values import NO_FACTORIAL, Value


def readings(parser: Parser, start: int, end: int) -> list[Value]:
    """Every reading of the expression from token `start` (the usual one first); [] if there is none.
    `parser.pos` and `parser.dash` are those of the usual reading."""
    first = parser.parse(start, end)
    if first is None:
        return []
    if not first.ambiguous:
        return [first]
    stop, dash, found = parser.pos, parser.dash, [first]
    possible = first.ambiguous
    if not _ends_sentence(parser, stop):
        possible &= ~NO_FACTORIAL
    for reading in range(1, 16):
        if reading & possible == reading:
            last = stop - 1 if reading & NO_FACTORIAL else stop
            other = parser.parse(start, last, reading)
            if other is not None and parser.pos == last:
                found.append(other._replace(ambiguous=first.ambiguous, reading=reading))
    parser.pos, parser.dash = stop, dash
    return found


def _ends_sentence(parser: Parser, stop: int) -> bool:
    """Whether the expression that stops at token `stop` ends in a "!" that no relation follows."""
    kinds, last = parser.kinds, stop - 1
    if kinds[last] != BANG:
        return False
    while stop < len(kinds) and kinds[stop] == NL:
        stop += 1
    return stop == len(kinds) or kinds[stop] not in (REL, CMP)
