"""What the rules read in one path: verdicts with reasons, values, the final answer."""

import functools
import itertools
import operator
import re
from collections.abc import Callable
from fractions import Fraction
from typing import Any, NamedTuple

from sept_jax.checks.algebra.check import check_algebra
from sept_jax.checks.answers import canonical_answer, final_answer
from sept_jax.checks.arithmetic.check import StepArithmetic, check_arithmetic
from sept_jax.checks.claims.contradiction import check_contradiction
from sept_jax.checks.claims.counterexample import check_counterexample
from sept_jax.checks.provenance.check import check_provenance
from sept_jax.checks.provenance.magnitudes import is_story
from sept_jax.checks.provenance.novelty import idle_steps
from sept_jax.checks.provenance.relations import check_relations
from sept_jax.checks.provenance.use import check_use, with_doubts
from sept_jax.checks.verdicts import UNKNOWN, Verdict

TEXT_CHANNELS = ("arithmetic", "algebra", "counterexample", "provenance", "contradiction")
"""The channels that need nothing but the problem and the path."""

_DEFINES_STAR = re.compile(r"\b[A-Za-z] ?\* ?[A-Za-z] ?=")


class Reading(NamedTuple):
    """One entry a step: `verdicts[channel]`, and `values`, the step's last result as an exact rational, where
    the step derives something. `answer` is the path's final answer: an exact rational where it is one, else
    normalised text."""

    verdicts: dict[str, tuple[Verdict, ...]]
    values: tuple[Fraction | None, ...]
    answer: Fraction | str | None


Guard = Callable[..., Any]
"""`guard(otherwise, steps, check, *args, **kwargs)` is `check(*args, **kwargs)`, or `otherwise` where that
fails or takes longer than `steps` steps may."""


@functools.lru_cache(maxsize=4_096)
def read_path(question: str, steps: tuple[str, ...], strict: bool) -> Reading:
    """Runs the text channels over a path. `strict`: quantities are used up (see `checks.provenance`).

    `provenance` holds three checks, the lowest verdict of which counts: where the numbers come from
    (`provenance.check`), whether the path uses what it is given (`provenance.use`), and whether it
    keeps to what the problem says of its quantities (`provenance.relations`). With `strict` only the first.

    Padding and merging must not pay. So nothing counts as verified, though it may be refuted, in a step that
    derives nothing new (`provenance.novelty`; `strict` keeps books instead), in one that states the answer,
    which is worth what its answer is worth, and after it; nor, in a story, does a fact without a result
    ("6 is even").
    """
    return read_guarded(question, steps, strict, _unguarded)


def read_guarded(question: str, steps: tuple[str, ...], strict: bool, guard: Guard) -> Reading:
    """`read_path` with every check run by `guard`."""
    nothing = StepArithmetic(UNKNOWN, None)
    star = "*" in question and _DEFINES_STAR.search(question) is not None
    arithmetic = [guard(nothing, 1, check_arithmetic, step, star) for step in steps]
    unknown = [UNKNOWN] * len(steps)
    provenance = guard(unknown, len(steps), check_provenance, question, steps, strict=strict)
    answer = guard(None, 1, _answer, steps)
    if not strict:
        provenance = with_doubts(provenance, guard(unknown, len(steps), check_use, question, steps, answer))
        provenance = with_doubts(provenance, guard(unknown, len(steps), check_relations, question, steps))
    stated = guard([False] * len(steps), len(steps), _states_answer, steps)
    story = guard(False, 1, is_story, question)
    idle = [False] * len(steps) if strict else guard([False] * len(steps), len(steps), idle_steps, steps)
    verdicts = {
        "arithmetic": tuple(a.verdict for a in arithmetic),
        "algebra": tuple(guard(unknown, len(steps), check_algebra, question, steps)),
        "counterexample": tuple(guard(unknown, len(steps), check_counterexample, question, steps)),
        "provenance": tuple(provenance),
        "contradiction": tuple(guard(unknown, len(steps), check_contradiction, question, steps)),
    }
    concluded = list(itertools.accumulate(stated, operator.or_))
    for name in verdicts.keys() - ({"provenance"} if strict else set()):
        fact = story and name in ("algebra", "counterexample")
        verdicts[name] = tuple(
            UNKNOWN if v.value > 0 and (old or done or (fact and a.result is None)) else v
            for v, a, old, done in zip(verdicts[name], arithmetic, idle, concluded, strict=True)
        )
    return Reading(
        verdicts,
        tuple(
            None if old and not s else a.result for a, old, s in zip(arithmetic, idle, stated, strict=True)
        ),
        answer,
    )


def unknown_reading(steps: int) -> Reading:
    """The reading of a path that no check could be run on: not even its answer is read, for that may be what
    its worker was lost over."""
    unknown = (UNKNOWN,) * steps
    return Reading(dict.fromkeys(TEXT_CHANNELS, unknown), (None,) * steps, None)


def _unguarded(_otherwise: Any, _steps: int, check: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    return check(*args, **kwargs)


def _states_answer(steps: tuple[str, ...]) -> list[bool]:
    return [final_answer(step) is not None for step in steps]


def _answer(steps: tuple[str, ...]) -> Fraction | str | None:
    answer = final_answer("".join(steps))
    return None if answer is None else canonical_answer(answer)
