"""Paths against gold answers. With `methods.gold`, the only place that reads these."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np
from jaxtyping import Bool, Int

from sept_jax.checks.answers import canonical_answer, final_answer, same_answer
from sept_jax.checks.comparer import SymbolicComparer


def is_correct(text: str, gold: str | None, comparer: SymbolicComparer | None) -> bool:
    """Whether the path's final answer is the gold one; a path without an answer is wrong."""
    answer = final_answer(text)
    return answer is not None and gold is not None and _matches(answer, gold, comparer)


def grade(
    texts: Sequence[str], gold: str | None, comparer: SymbolicComparer | None
) -> tuple[Bool[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Whether each path of one problem is right, and the id of its final answer: -1 is none, answers with the
    same canonical form share one.

    An answer that several paths write alike is compared once.
    """
    ids: dict[Fraction | str, int] = {}
    known: dict[str | None, tuple[bool, int]] = {None: (False, -1)}
    for answer in (answers := [final_answer(text) for text in texts]):
        if answer not in known:
            identity = ids.setdefault(canonical_answer(answer), len(ids))
            known[answer] = (gold is not None and _matches(answer, gold, comparer), identity)
    correct, identities = zip(*(known[answer] for answer in answers), strict=True)
    return np.array(correct, bool), np.array(identities, np.int32)


def _matches(answer: str, gold: str, comparer: SymbolicComparer | None) -> bool:
    same = same_answer(answer, gold)
    if same is None and comparer is not None:
        same = comparer.equal(answer, gold)
    return bool(same)
