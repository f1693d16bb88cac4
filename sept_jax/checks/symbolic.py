"""Equality of answers that need algebra, by math-verify.

It parses with sympy, so it runs only behind the lexer's bounds and ONLY INSIDE A WORKER PROCESS, which
bounds its time and memory: its own timeouts use signals, do not work outside a main thread, and are off.
"""

import logging
import re

from sept_jax.checks.formulas.lexer import LP, NUM, RP, tokenize

COMMANDS = frozenset(
    {"frac", "dfrac", "tfrac", "sqrt", "pi", "cdot", "times", "div", "pm", "infty", "circ", "degree"}
    | {"left", "right", "text", "mathrm", "quad", "displaystyle", "cup", "cap", "in", "neq"}
    | {"sin", "cos", "tan", "log", "ln", "leq", "geq", "le", "ge", "lt", "gt"}
)
"""LaTeX commands whose meaning cannot grow."""

MAX_CHARS = 300
MAX_TOKENS = 120
MAX_POWER = 64
MAX_NUMBER = 10**15

_COMMAND = re.compile(r"\\([a-zA-Z]+)")
_POWER = re.compile(
    r"\^(?:\{[-+]?(\d{1,3})(?:/\d{1,3})?\}|(\d)(?!\d)|(\d{2})(?!\d)|\{(?:[a-zA-Z]|\\circ)\}|[a-zA-Z]|\\circ)(?!\^)"
)


def is_bounded(answer: str) -> bool:
    """Whether an answer is small and harmless enough to hand to sympy: few tokens, balanced brackets, known
    commands only, no powers of powers, no exponent above 64, no huge numbers, printable text only."""
    if len(answer) > MAX_CHARS or not answer.isprintable() or "!" in answer or "__" in answer:
        return False
    tokens = tokenize(answer)
    if tokens is None or len(tokens.kinds) > MAX_TOKENS or answer.count("{") != answer.count("}"):
        return False
    if not all(name in COMMANDS for name in _COMMAND.findall(answer)):
        return False
    kinds, values = tokens.kinds, tokens.values
    for i, kind in enumerate(kinds):
        if kind in (LP, RP) and tokens.match[i] < 0 and values[i] == "{":
            return False
        if kind == NUM and values[i][0] > MAX_NUMBER:
            return False
    return _small_powers(answer)


def _small_powers(answer: str) -> bool:
    """Every power is of a plain base (a number, a letter, or brackets without a power inside) to a number of
    at most 64 or one letter."""
    answer = answer.replace("**", "^").replace(" ", "").replace("\\left", "").replace("\\right", "")
    exponents = _POWER.findall(answer)
    if answer.count("^") != len(exponents):
        return False
    if any(int(n) > MAX_POWER for groups in exponents for n in groups if n):
        return False
    depth = [0]  # powers inside each open bracket
    for at, character in enumerate(answer):
        if character in "({[":
            depth.append(0)
        elif character in ")}]" and len(depth) > 1:
            inside = depth.pop()
            if inside and answer.startswith("^", at + 1):
                return False
            depth[-1] += inside
        elif character == "^":
            depth[-1] += 1
    return True


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
