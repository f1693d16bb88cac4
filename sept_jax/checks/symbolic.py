"""Equality of answers that need algebra, by math-verify.

It parses with sympy, so it runs only behind the lexer's bounds and ONLY INSIDE A WORKER PROCESS, which
bounds its time and memory: its own timeouts use signals, do not work outside a main thread, and are off.
"""

import logging

from sept_jax.checks.lexer import LP, NUM, OP, RP, Tokens, tokenize

MAX_CHARS = 300
MAX_TOKENS = 120
MAX_POWER = 64
MAX_NUMBER = 10**15


def is_bounded(answer: str) -> bool:
    """Whether an answer is small and harmless enough to hand to sympy: few tokens, balanced brackets, no
    nested or huge powers, no huge numbers, no factorials, printable text only."""
    if len(answer) > MAX_CHARS or not answer.isprintable() or "!" in answer or "__" in answer:
        return False
    tokens = tokenize(answer)
    if tokens is None or len(tokens.kinds) > MAX_TOKENS or answer.count("{") != answer.count("}"):
        return False
    kinds, values = tokens.kinds, tokens.values
    for i, kind in enumerate(kinds):
        if kind in (LP, RP) and tokens.match[i] < 0 and values[i] == "{":
            return False
        if kind == NUM and values[i][0] > MAX_NUMBER:
            return False
        if kind == OP and values[i] == "^" and not _small_power(tokens, i):
            return False
    return "^^" not in answer


def _small_power(tokens: Tokens, at: int) -> bool:
    kinds, values = tokens.kinds, tokens.values
    end = at + 2
    if kinds[at + 1 : at + 2] == [LP]:
        end = tokens.match[at + 1]
        if end < 0:
            return False
    inside = range(at + 1, min(end, len(kinds)))
    if any(kinds[i] == NUM and values[i][0] > MAX_POWER for i in inside):
        return False
    if any(kinds[i] == OP and values[i] in "^*" for i in inside):
        return False
    return not (end < len(kinds) and kinds[end] == OP and values[end] == "^") and not (
        end + 1 < len(kinds) and kinds[end] == RP and kinds[end + 1] == OP and values[end + 1] == "^"
    )


def symbolic_equal(first: str, second: str) -> bool | None:
    """Whether two answers are equal as mathematics; None where an answer is out of bounds or math-verify
    does not read it. Call it only inside a worker process that bounds time and memory."""
    if not (is_bounded(first) and is_bounded(second)):
        return None
    import math_verify  # takes a second, and brings sympy: only the workers that compare need it

    logging.getLogger("math_verify").setLevel(logging.ERROR)  # it warns of every timeout that is off
    try:
        parsed = [math_verify.parse(f"${text}$", parsing_timeout=None) for text in (first, second)]
        if not all(parsed):
            return None
        return bool(math_verify.verify(parsed[0], parsed[1], timeout_seconds=None))
    except Exception:  # sympy raises anything at all on odd input
        return None
