"""All readings of an expression that is ambiguous."""

from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.values import Value


def readings(parser: Parser, start: int, end: int) -> list[Value]:
    """Every reading of the expression from token `start` (the usual one first); [] if there is none.
    `parser.pos` and `parser.dash` are those of the usual reading."""
    first = parser.parse(start, end)
    if first is None:
        return []
    if not first.ambiguous:
        return [first]
    stop, dash, found = parser.pos, parser.dash, [first]
    for reading in range(1, 16):
        if reading & first.ambiguous == reading:
            other = parser.parse(start, stop, reading)
            if other is not None and parser.pos == stop:
                found.append(other)
    parser.pos, parser.dash = stop, dash
    return found
