"""What the rules read in one path: verdicts with reasons, values, the final answer."""

import functools
from fractions import Fraction
from typing import NamedTuple

from sept_jax.checks.answers import answer_value, final_answer, normalize
from sept_jax.checks.arithmetic import check_arithmetic
from sept_jax.checks.provenance import check_provenance
from sept_jax.checks.verdicts import Verdict

TEXT_CHANNELS = ("arithmetic", "provenance")
"""The channels that need nothing but the problem and the path."""


class Reading(NamedTuple):
    """One entry a step: `verdicts[channel]`, and `values`, the step's last result as an exact rational.
    `answer` is the path's final answer: an exact rational where it is one, else normalised text."""

    verdicts: dict[str, tuple[Verdict, ...]]
    values: tuple[Fraction | None, ...]
    answer: Fraction | str | None


@functools.lru_cache(maxsize=8192)
def read_path(question: str, steps: tuple[str, ...], strict: bool) -> Reading:
    """Runs the text channels over a path. `strict`: quantities are used up (see `checks.provenance`)."""
    arithmetic = [check_arithmetic(step) for step in steps]
    provenance = check_provenance(question, steps, strict=strict)
    answer = final_answer("".join(steps))
    value = None
    if answer is not None:
        value = answer_value(answer)
        value = normalize(answer) if value is None else value
    return Reading(
        {"arithmetic": tuple(a.verdict for a in arithmetic), "provenance": tuple(provenance)},
        tuple(a.result for a in arithmetic),
        value,
    )
