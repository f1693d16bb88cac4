"""Are the executable claims of a step true?"""

from collections.abc import Sequence

from sept_jax.checks.claims.claims import asserted, plain
from sept_jax.checks.claims.rules import RULES, awake
from sept_jax.checks.formulas.lexer import MAX_CHARS
from sept_jax.checks.verdicts import UNKNOWN, Verdict


def check_counterexample(problem: str, steps: Sequence[str]) -> list[Verdict]:
    """A verdict a step: refuted if a claim it asserts is false, verified if at least one is true and none
    false, else unknown."""
    return [_check(problem, step) if len(step) <= MAX_CHARS else UNKNOWN for step in steps]


def _check(problem: str, step: str) -> Verdict:
    bits = awake(step)
    if not bits:
        return UNKNOWN
    low = step.lower()
    verdict = UNKNOWN
    while bits:
        rule = RULES[(bits & -bits).bit_length() - 1]
        bits &= bits - 1
        if rule.phrases and not any(map(low.__contains__, rule.phrases)):
            continue
        if rule.hint is not None and not rule.hint.search(low):
            continue
        text = low if rule.raw else plain(step)
        for claim in rule.read(text, problem) if rule.problem else rule.read(text):
            if not claim.holds and asserted(text, claim.start, claim.end):
                return Verdict(-1.0, claim.reason)
            if claim.holds and not verdict.known:
                verdict = Verdict(1.0, claim.reason)
    return verdict
