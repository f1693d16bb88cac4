"""Relations and durations of the problem that a step changes: twice one thing as twice several combined, an
hour and 20 minutes as 60 minutes.

A rule reads the problem once and returns a check of its steps, or None where the problem gives no ground.
"""

import re

from sept_jax.checks.formulas.words import NUMBERS
from sept_jax.checks.provenance.percents import Check

_MULTIPLIER = r"(twice|double|half|thrice|triple|(?:two|three|four|five|six|\d{1,9}) times|more|less|fewer)"
_COMBINED = re.compile(rf"\b{_MULTIPLIER}\b[^.,;:=]{{0,70}}? (?:combined|put together)\b", re.IGNORECASE)
_TOGETHER = re.compile(
    r"\b(?:combin\w{1,20}|together|total\w{0,20}|both|sum|altogether|all|two|everyone|they|their|them"
    r"|entire|whole)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.?!;](?:\s|$)")
_DURATION = re.compile(
    r"\b(an|a|one|two|three|four|five|\d{1,2})[ -]hours?(?:,? and|,)? "
    r"(\d{1,2}|five|ten|fifteen|twenty|thirty|forty|fifty)[ -]min(?:ute)?s?",
    re.IGNORECASE,
)


def duration_checks(problem: str) -> list[Check]:
    """The checks that durations of hours and minutes in a problem give ground for."""
    durations = list(_DURATION.finditer(problem)) if "hour" in problem and " min" in problem else []
    return [lambda step, earlier: _cut_short(step, durations)] if durations else []


def combined(problem: str, step: str) -> str:
    """Why "twice as many as A and B combined" is not what the problem says; "" if it is."""
    if "combined" in step or "put together" in step:
        for found in _COMBINED.finditer(step):
            word = found[1].lower()
            like = re.compile(
                r"\b(?:twice|double)" if word in ("twice", "double") else rf"\b{re.escape(word)}\b",
                re.IGNORECASE,
            )
            told = [part for part in _SENTENCE.split(problem) if like.search(part)]
            if told and not any(_TOGETHER.search(part) for part in told):
                return f'the problem does not say "{found.group()[-40:].lstrip()}"'
    return ""


def _cut_short(step: str, durations: list[re.Match]) -> str:
    """An hour and 20 minutes that is added as 60 minutes."""
    for found in durations:
        hours, minutes = _count(found[1]), found[2].lower()
        whole = str(60 * hours)
        if "+" in step and whole in step and not re.search(rf"(?<![\d.]){minutes}(?!\d)", step):
            full = str(60 * hours + _count(minutes))
            unit = r" ?(?:\\text\{[^{}]*\}|minutes)? ?"
            added = re.search(rf"[\d}}] ?\+ ?{whole}{unit}[+=]|(?<![\d.x×*])(?<![x×*] ){whole}{unit}\+", step)
            if added and full not in step:
                return f"{found.group()} are {full} minutes, not {whole}"
    return ""


def _count(word: str) -> int:
    return int(word) if word.isdigit() else 1 if word.lower() in ("a", "an") else int(NUMBERS[word.lower()])
