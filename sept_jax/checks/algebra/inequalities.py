"""Are closed inequalities true: `3^4 < 80`, `\\sqrt{2} > 1.4`?"""

from sept_jax.checks.algebra.closed import closed_value
from sept_jax.checks.formulas.evaluation import near
from sept_jax.checks.formulas.judge import doubted
from sept_jax.checks.formulas.lexer import CMP, Tokens
from sept_jax.checks.formulas.parser import Parser
from sept_jax.checks.formulas.statements import clean_end, ending
from sept_jax.checks.verdicts import UNKNOWN, Verdict

MAX_INEQUALITIES = 24

_HOLDS = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def judge_inequalities(tokens: Tokens) -> Verdict:
    """Refuted if one closed inequality of a text is false, verified if one is true and none false."""
    kinds, values, cuts = tokens.kinds, tokens.values, tokens.cuts
    parser = Parser(tokens)
    verdict = UNKNOWN
    for n, cut in enumerate(cuts[:MAX_INEQUALITIES]):
        if kinds[cut] != CMP or values[cut] not in _HOLDS:
            continue
        start, end = cuts[n - 1] + 1 if n else 0, cuts[n + 1] if n + 1 < len(cuts) else len(kinds)
        left, first, doubtful = ending(parser, tokens, start, cut)
        if left is None or left.names or doubtful or left.units or left.ambiguous:
            continue
        right = parser.term(cut + 1, end)
        stop = parser.pos
        if right is None or right.names or right.units or right.ambiguous or not clean_end(tokens, stop, end):
            continue
        a, b = closed_value(left), closed_value(right)
        if a is None or b is None or doubted(tokens, first, stop):
            continue
        shown = " ".join(tokens.text[tokens.starts[first] : tokens.ends[stop - 1]].split())
        if _HOLDS[values[cut]](a, b):
            verdict = Verdict(1.0, f"{shown} is true") if left.operators or right.operators else verdict
        elif near(a, b) is False or values[cut] in ("<", ">"):
            return Verdict(-1.0, f"{shown} is false")
    return verdict
