"""Claims about days of the week and times of day: "10 days after Monday is Friday"."""

import re
from collections.abc import Iterator

from sept_jax.checks.claims.claims import Claim, ends_clean

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_DAY = "|".join(_DAYS)
_WEEKDAY = re.compile(
    rf"(?P<count>\d{{1,7}}) days (?P<way>after|from|before) (?:a |that |this )?(?P<first>{_DAY}),? "
    rf"(?:is|will be|would be|was|falls on)(?: also)?(?: a)? (?P<last>{_DAY})"
)
_TIME = r"(?P<{0}h>\d{{1,2}})(?::(?P<{0}m>\d\d))? ?(?P<{0}>a\.?m|p\.?m)\.?"
_LATER = re.compile(
    r"(?P<length>\d{1,4}) (?P<unit>hours?|minutes) (?P<way>after|before) "
    + _TIME.format("a")
    + r" (?:is|would be|will be) "
    + _TIME.format("b")
)


def weekdays(text: str) -> Iterator[Claim]:
    """ "10 days after Monday is Friday"."""
    for found in _WEEKDAY.finditer(text):
        count = int(found["count"]) * (-1 if found["way"] == "before" else 1)
        day = _DAYS[(_DAYS.index(found["first"]) + count) % 7]
        reason = f"{found['count']} days {found['way']} {found['first'].title()} is {day.title()}"
        yield Claim(day == found["last"], reason, *found.span())


def _minutes(found: re.Match, name: str) -> int | None:
    hour, minute = int(found[name + "h"]), int(found[name + "m"] or 0)
    if not 1 <= hour <= 12 or minute > 59:
        return None
    return (hour % 12 + (12 if found[name][0] == "p" else 0)) * 60 + minute


def times(text: str) -> Iterator[Claim]:
    """ "90 minutes after 3:45 pm is 5:05 pm"."""
    for found in _LATER.finditer(text):
        first, last = _minutes(found, "a"), _minutes(found, "b")
        if first is None or last is None or not ends_clean(text, found.end()):
            continue
        length = int(found["length"]) * (60 if found["unit"].startswith("h") else 1)
        moved = (first + (length if found["way"] == "after" else -length)) % 1440
        hour, minute = divmod(moved, 60)
        reason = f"that is {hour % 12 or 12}:{minute:02d} {'pm' if hour >= 12 else 'am'}"
        yield Claim(moved == last, reason, *found.span())
