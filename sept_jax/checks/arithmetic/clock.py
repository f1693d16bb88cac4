"""How long it is from one time of day to another."""

import re

_TIME = r"(\d{1,2})(?::(\d\d))? ?([AaPp])\.?[Mm]\.?"
_SPAN = re.compile(
    rf"(?:from|between) {_TIME} (?:to|until|till|and) {_TIME}(?: (?:the next|in the) \w{{1,20}})?,?"
    rf"(?: which)? ?"
    r"(?:is|was|=|equals|are|there are|lasts|that is)(?: a total of| about| exactly)? (\d{1,2}"
    r"(?:\.\d{1,9})?) "
    r"(hour|minute)s?"
    r"(?:(?: and)? (\d{1,2}) minutes)?"
)


def false_span(step: str) -> str:
    """Why a stated time between two times of day is wrong ("from 10 p.m. to 6 a.m. is 9 hours"), or ""."""
    if "rom " not in step and "etween " not in step:
        return ""
    for found in _SPAN.finditer(step):
        length = (_minutes(*found.group(4, 5, 6)) - _minutes(*found.group(1, 2, 3))) % 1440
        said = float(found[7]) * (60 if found[8] == "hour" else 1) + int(found[9] or 0)
        if said != length:
            return f'"{found.group()}", but it is {length // 60} hours and {length % 60} minutes'
    return ""


def _minutes(hour: str, minute: str | None, half: str) -> int:
    return (int(hour) % 12 + (12 if half in "pP" else 0)) * 60 + int(minute or 0)
