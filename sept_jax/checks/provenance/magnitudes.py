"""Results that a story cannot have: less than nothing, part of a person, a number taken from
itself."""

import functools
import re

from sept_jax.checks.wording import heads, words

_FORMULA = re.compile(r"\$[^$]{0,40}[\d)a-z]\$|\$[a-zA-Z(]")
_MATHEMATICS = (
    "integer", "digit", "prime", "multiple", "divisor", "factor", "remainder", "palindrome", "triangle",
    "polygon", "angle", "square", "cube", "sequence", "decimal", "equation", "probability", "\\",
)  # fmt: skip
"""A problem with one of these is told in mathematics, where numbers can be negative and come from theory."""

_MONEY = r"(?:\\?\$ ?)?"
_BELOW_ZERO = re.compile(
    r"(?:negative|below|debt|owe|loss|lose|losing|lost|temperature|degree|depth|deficit|overdr|short"
    r"|descend|sea level|minus)"
    r"|(?<!\d)-\d"
)
_LETTER = re.compile(r"(?<![A-Za-z\\'’$])(?!\\)[B-HJ-Zb-z](?![A-Za-z'’.])")
_NEGATIVE = re.compile(rf"= ?{_MONEY}- ?{_MONEY}\d[\d,]{{0,14}}(?:\.\d{{1,9}})?(?= ?(?:$|[a-z.,(\n\\]))")
_ITSELF = re.compile(
    rf"(?<![\d.,*/×(+÷-])(?<![*/×(+÷-] ){_MONEY}(\d[\d,.]{{0,14}})(?: [a-z]{{1,20}})? ?[-−] ?{_MONEY}\1"
    rf"(?: [a-z]{{1,20}})? ?= ?{_MONEY}0(?![.\d])"
)
_ZERO = re.compile(r"= ?(?:\\?\$ ?)?0(?![.\d])")
_BEINGS = (
    "people person persons student students child children kid kids girl girls boy boys man men woman women "
    "friend friends dog dogs cat cats bird birds animal animals player players guest guests passenger "
    "passengers customer customers worker workers employee employees teacher teachers chicken chickens cow "
    "cows horse horses sheep"
)
_HEADS = heads(_BEINGS)
_BROKEN = re.compile(
    rf"(?<![\d.,$])(\d{{1,9}}\.\d{{0,9}}[1-9]) ?(?:\\text\{{ ?)?(?:[a-z]{{1,20}} )?"
    rf"(?:{_BEINGS.replace(' ', '|')})\b"
)
_SHARES = re.compile(r"average|mean\b| per |each|every|%|expect|times")


@functools.lru_cache(maxsize=512)
def is_story(problem: str) -> bool:
    """Whether a problem is told in words: `$` is money in it, not mathematics."""
    if any(map(problem.__contains__, _MATHEMATICS)):
        return False
    return "$" not in problem or _FORMULA.search(problem) is None


def impossible(problem: str, step: str) -> str:
    """Why a result of the step cannot be in the problem's story; "" if none is impossible."""
    if "-" in step or "−" in step:
        found = _NEGATIVE.search(step)
        if found is not None and _LETTER.search(step) is None and _BELOW_ZERO.search(problem) is None:
            return f'"{found.group()[1:].strip()}": nothing in the problem can be less than zero'
        found = _ITSELF.search(step) if _ZERO.search(step) is not None else None
        if found is not None:
            return f'"{found.group().strip()}" takes a number from itself'
    if "." in step and not _HEADS.isdisjoint(words(step)):
        found = _BROKEN.search(step)
        if found is not None and _SHARES.search(step) is None:
            return f'"{found.group()}" cannot be counted'
    return ""
