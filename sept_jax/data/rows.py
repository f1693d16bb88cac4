"""A dataset's row as a `Problem`."""

import re
from collections.abc import Mapping
from typing import Any

from sept_jax.checks.answers import gold_answer
from sept_jax.records import Problem

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")
_LEVEL = re.compile(r"(?:Level )?(\d+(?:\.\d+)?)")


def problem_from_row(row: Mapping[str, Any], id: str) -> Problem:
    """Returns the row's problem.

    The question is the field `question` or `problem`. Gold comes from `answer`, else `solution`; it may
    be missing or unreadable, since only evaluation needs it. The level comes from the field `level`
    ("Level 3" or a number), else it counts the numbers in the question.

    Raises:
        ValueError: there is no question, or it is no text.
    """
    question = next((row[name] for name in ("question", "problem") if name in row), None)
    if question is None:
        raise ValueError("no field `question` or `problem`")
    if not isinstance(question, str) or not question.strip():
        raise ValueError("the question is empty or no text")
    question.encode("utf-8")  # a lone surrogate, which no tokenizer takes, raises UnicodeEncodeError
    return Problem(question=question, answer=_gold(row), level=_level(row.get("level"), question), id=id)


def _gold(row: Mapping[str, Any]) -> str | None:
    answer, solution = row.get("answer"), row.get("solution")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        return str(answer)
    if isinstance(answer, str):
        return gold_answer(answer) or None
    if isinstance(solution, str):
        found = gold_answer(solution)
        return found if found and found != solution.strip() else None
    return None


def _level(given: Any, question: str) -> float:
    if isinstance(given, str):
        match = _LEVEL.fullmatch(given.strip())
        given = float(match[1]) if match else None
    if isinstance(given, int | float) and not isinstance(given, bool) and abs(given) < 1e6:
        return float(given)
    return float(len(_NUMBER.findall(question)))
