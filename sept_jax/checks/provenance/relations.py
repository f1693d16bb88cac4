"""Does each step keep to what the problem says of its quantities?

What no story can have refutes a step: an amount below zero, a sum of two units, a posed problem without a
solution. How a sentence of the problem is meant (is a percentage off or of a price, whose price is it) is a
reading: it raises a doubt.
"""

import functools
from collections.abc import Sequence

from sept_jax.checks.provenance.admissions import admission
from sept_jax.checks.provenance.magnitudes import impossible, is_story
from sept_jax.checks.provenance.percents import Check, percent_checks
from sept_jax.checks.provenance.rates import deal_checks, price_checks
from sept_jax.checks.provenance.restated import combined, duration_checks
from sept_jax.checks.provenance.units import false_unit, upside_down
from sept_jax.checks.verdicts import UNKNOWN, Verdict

MAX_CHARS = 4_000
"""Longer problems and steps are not read."""

MAX_EARLIER = 64
"""How many steps before a step are read for it."""

SOFT = -0.5
"""Verdict on a step that reads a sentence otherwise, or takes something back: it may be right to."""


def check_relations(problem: str, steps: Sequence[str]) -> list[Verdict]:
    """One verdict a step: -1 where it contradicts the problem's words outright, has a result that no story
    can have, or blames the problem; -0.5 where it reads a sentence otherwise or takes something back; else
    unknown."""
    if len(problem) > MAX_CHARS:
        return [UNKNOWN] * len(steps)
    outright, readings = _checks(problem)
    story = is_story(problem)
    verdicts = []
    for i, step in enumerate(steps):
        if len(step) > MAX_CHARS:
            verdicts.append(UNKNOWN)
            continue
        earlier = steps[max(0, i - MAX_EARLIER) : i]
        reason = (
            _first(outright, step, earlier)
            or combined(problem, step)
            or false_unit(step)
            or (impossible(problem, step) if story else "")
        )
        if reason:
            verdicts.append(Verdict(-1.0, reason))
            continue
        said, blames = admission(step)
        if blames:
            verdicts.append(Verdict(-1.0, f'says "{said}", but a problem that is posed can be solved'))
            continue
        reason = _first(readings, step, earlier) or upside_down(problem, step)
        if said and not reason:
            reason = f'says "{said}"'
        verdicts.append(Verdict(SOFT, reason) if reason else UNKNOWN)
    return verdicts


@functools.lru_cache(maxsize=512)
def _checks(problem: str) -> tuple[tuple[Check, ...], tuple[Check, ...]]:
    """What contradicts the problem outright, and what reads it otherwise."""
    readings = (*percent_checks(problem), *price_checks(problem), *duration_checks(problem))
    return tuple(deal_checks(problem)), readings


def _first(checks: Sequence[Check], step: str, earlier: Sequence[str]) -> str:
    for check in checks:
        if reason := check(step, earlier):
            return reason
    return ""
