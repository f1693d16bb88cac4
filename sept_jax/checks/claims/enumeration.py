"""Claims about sets of whole numbers that can be listed: which they are, how many, the first, the last."""

import itertools
import math
import re
from collections.abc import Iterator

from sept_jax.checks.claims import primes
from sept_jax.checks.claims.claims import LIST, Claim, ends_clean, numbers_of, shown
from sept_jax.checks.claims.number_sets import NumberSet, read_set

MAX_RANGE = 10_000
MAX_SETS = 3
"""Most whole numbers that one set is searched among, and most sets of a step that are."""

_CLOSED = re.compile(
    r"\s*(?:[.;)\n]|,(?! (?:and|which|that|but|or|not|inclusive|whose|with|such))|$|so |because "
    r"|since |therefore)"
)
_ARE = re.compile(
    rf",? ?(?:(?:which|these|they) )?(?P<verb>are|is|:|=) ?:?(?: the following:)? "
    rf"?\{{?(?P<items>{LIST})\}}?(?P<rest>.{{0,14}})",
    re.DOTALL,
)
_SETS = re.compile(
    r"(?<!of )\b(?:the |all |all the |list )(?P<first>first (?P<count>\d{1,2}|"
    + "two|three|four|five|six|seven|eight|nine|ten"
    + r") )?"
)
_LISTED = re.compile(r"[0-9] ?(?:,|and |& )")
_COUNTS = re.compile(r"[0-9]{1,6} (?=[a-z])")
_SAYS = (
    "there are ",
    "there're ",
    "have ",
    "has ",
    "contain ",
    "contains ",
    " are ",
    "a total of ",
    "exactly ",
    "are only ",
)
_TOTAL = re.compile(
    r"(?P<what>sum|product) of (?:all (?:of )?)?(?:the )?(?:first (?P<count>\d{1,3}|two|three|four"
    r"|five|six|seven|eight|nine|ten) )?"
)
_NUMBER_OF = re.compile(r"\bnumber of ")
_IS = re.compile(r" (?:is|equals|=) (?P<count>\d{1,6})(?P<rest>.{0,14})", re.DOTALL)
_EXTREME = re.compile(r"\b(?P<end>largest|greatest|biggest|highest|smallest|least|lowest) (?=[a-z])")
_IS_NUMBER = re.compile(
    r",? (?:is|equals|=|which is)(?: simply| just| therefore| thus)? (?P<value>\d{1,9})(?P<rest>.{0,14})",
    re.DOTALL,
)
_WORDS = {
    word: n
    for n, word in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=2
    )
}


def _clean(text: str, end: int) -> bool:
    return ends_clean(text, end) and not text[end : end + 8].lstrip(" ,").startswith(
        ("...", "…", "±", "etc", "or ")
    )


def _candidates(numbers: NumberSet) -> list[list[int]] | None:
    """The members under each meaning of the bounds; None if they cannot be listed."""
    if numbers.of is not None and (numbers.low == 1 or numbers.high == numbers.of):
        divisors = primes.divisors(numbers.of)
        if divisors is None:
            return None
        low, high = numbers.low or 1, numbers.high or numbers.of
        return [[n for n in divisors if low <= n <= high and all(test(n) for test in numbers.tests)]]
    bounds = ((numbers.low, numbers.high), *numbers.others)
    if any(low is None or high is None for low, high in bounds):
        return None
    least, most = min(low for low, _ in bounds), max(high for _, high in bounds)
    if most - least > MAX_RANGE:
        return None
    members = numbers.members(least, most)
    return [[n for n in members if low <= n <= high] for low, high in bounds]


def listings(text: str) -> Iterator[Claim]:
    """ "the divisors of 12 are 1, 2, 3, 4, 6", "the first 5 primes: 2, 3, 5, 7, 9"."""
    return itertools.islice(_listings(text), MAX_SETS)


def _listings(text: str) -> Iterator[Claim]:
    for found in _SETS.finditer(text) if _LISTED.search(text) else ():
        read = read_set(text, found.end())
        if read is None:
            continue
        numbers, at = read
        are = _ARE.match(text, at)
        if are is None or not _clean(text, are.end("items")):
            continue
        items = numbers_of(are["items"])
        if len(items) < 2 or len(items) > 200 or (len(items) == 2 and are["verb"] in (":", "=")):
            continue
        name = shown(text[found.end() : at])
        if found["count"]:
            yield from _first(numbers, found, items, name, are.end("items"))
            continue
        candidates = _candidates(numbers)
        if numbers.of is None and not numbers.tests:
            continue
        if candidates is None:
            if numbers.high is None and "power" not in name:
                yield from _members(numbers, items, name, found.start(), are.end("items"))
            continue
        chosen = sorted(set(items))
        product = 1
        for n in items:
            product *= n
        holds = chosen in candidates or (numbers.of is not None and product == numbers.of)
        if not holds and numbers.of and chosen == [p for p, _ in primes.factorize(numbers.of) or ()]:
            continue  # the prime ones
        yield Claim(holds, _listing_reason(name, candidates, chosen), found.start(), are.end("items"))


def _members(numbers: NumberSet, items: list[int], name: str, start: int, end: int) -> Iterator[Claim]:
    """Of a set without end, that each of the list is in it."""
    strange = [n for n in items if not all(test(n) for test in numbers.tests)]
    reason = f"{strange[0]} is not among the {name}" if strange else f"these are {name}"
    yield Claim(not strange, reason, start, end)


def _listing_reason(name: str, candidates: list[list[int]], chosen: list[int]) -> str:
    best = min(candidates, key=lambda members: len(set(members) ^ set(chosen)))
    strange = [n for n in chosen if n not in best]
    missing = [n for n in best if n not in chosen]
    if strange:
        return f"{strange[0]} is not among the {name}"
    return f"the {name} include {missing[0]} too" if missing else f"the {name} are as listed"


def _first(numbers: NumberSet, found: re.Match, items: list[int], name: str, end: int) -> Iterator[Claim]:
    word = found["count"]
    count = int(word) if word.isdigit() else _WORDS[word]
    low = numbers.low
    if low is None or not numbers.tests or len(items) != count:
        return
    members = []
    for n in range(low, low + MAX_RANGE):
        if all(test(n) for test in numbers.tests):
            members.append(n)
            if len(members) > count:
                break
    if len(members) <= count:
        return
    holds = items in (members[:count], members[1 : count + 1] if members[0] == 1 else members[:count])
    holds = holds or items == [0, *members[: count - 1]]
    yield Claim(
        holds, f"the first {count} {name} are {', '.join(map(str, members[:count]))}", found.start(), end
    )


def counts(text: str) -> Iterator[Claim]:
    """ "there are 9 primes less than 20", "the number of divisors of 24 is 7"."""
    return itertools.islice(_counts(text), MAX_SETS)


def _counts(text: str) -> Iterator[Claim]:
    for found in _COUNTS.finditer(text):
        if not text[max(0, found.start() - 12) : found.start()].endswith(_SAYS):
            continue
        read = read_set(text, found.end())
        if read is not None and _CLOSED.match(text, read[1]):
            yield from _counted(text, found.end(), read, int(found[0]), found.start(), read[1])
    for found in _NUMBER_OF.finditer(text):
        read = read_set(text, found.end())
        if read is not None and (value := _IS.match(text, read[1])) and _clean(text, value.end("count")):
            yield from _counted(
                text, found.end(), read, int(value["count"]), found.start(), value.end("count")
            )


def _counted(
    text: str, begin: int, read: tuple[NumberSet, int], count: int, start: int, end: int
) -> Iterator[Claim]:
    numbers = read[0]
    candidates = _candidates(numbers)
    if candidates is None:
        return
    sizes = {len(members) for members in candidates}
    if numbers.of is not None:
        sizes |= {2 * size for size in sizes} | {sum(n for _, n in primes.factorize(numbers.of) or ())}
    name = shown(text[begin : read[1]])
    if (name.startswith("factor") and (numbers.of or 0) <= 10) or primes.is_prime(numbers.of or 0):
        return  # "there are 3 factors of 5" in a product
    yield Claim(count in sizes, f"there are {len(candidates[0])} {name}", start, end)


def extremes(text: str) -> Iterator[Claim]:
    """ "the largest prime less than 97 is 97", "the greatest odd factor of 120 is 5"."""
    return itertools.islice(_extremes(text), MAX_SETS)


def _extremes(text: str) -> Iterator[Claim]:
    for found in _EXTREME.finditer(text):
        read = read_set(text, found.end())
        if read is None:
            continue
        numbers, at = read
        value = _IS_NUMBER.match(text, at)
        if value is None or not _clean(text, value.end("value")):
            continue
        last = found["end"] in ("largest", "greatest", "biggest", "highest")
        values = _extreme(numbers, last)
        if values:
            name = shown(text[found.start() : at])
            yield Claim(
                int(value["value"]) in values, f"the {name} is {values[0]}", found.start(), value.end("value")
            )


def _extreme(numbers: NumberSet, last: bool) -> list[int]:
    """The largest or smallest member under each meaning of the bounds."""
    bounded = numbers.of is not None or numbers.high is not None or numbers.low not in (None, 1, 2)
    if not bounded or (not numbers.tests and numbers.low is None):
        return []  # "the smallest prime is 5" may be of those at hand
    if numbers.of is not None:
        candidates = _candidates(numbers)
        members = [m for members in candidates or () for m in members]
        if not members:
            return []
        if not last and len(members) > 1 and members[0] == 1:
            return [members[0], members[1]]
        return [max(members) if last else min(members)]
    found = []
    for low, high in ((numbers.low, numbers.high), *numbers.others):
        if (high if last else low) is None:
            return []
        order = (
            range(high, max(high - MAX_RANGE, low or 0) - 1, -1)
            if last
            else range(low, min(low + MAX_RANGE, high or low + MAX_RANGE) + 1)
        )
        value = next((n for n in order if all(test(n) for test in numbers.tests)), None)
        if value is None:
            return []
        found.append(value)
        if not last and value == 1:
            return []
    return found


def totals(text: str) -> Iterator[Claim]:
    """ "the sum of the divisors of 12 is 27", "the sum of the first 10 odd numbers is 90"."""
    return itertools.islice(_totals(text), MAX_SETS)


def _totals(text: str) -> Iterator[Claim]:
    for found in _TOTAL.finditer(text):
        read = read_set(text, found.end())
        value = _IS_NUMBER.match(text, read[1]) if read else None
        if value is None or not _clean(text, value.end("value")):
            continue
        numbers = read[0]
        if found["count"]:
            word = found["count"]
            candidates = [_least(numbers, int(word) if word.isdigit() else _WORDS[word])]
        else:
            candidates = _candidates(numbers) if numbers.tests or numbers.low else None
        if not candidates or not candidates[0] or max(map(len, candidates)) > 1_000:
            continue
        if found["what"] == "product" and len(candidates[0]) > 20:
            continue
        add = sum if found["what"] == "sum" else math.prod
        sums = [add(members) for members in candidates]
        if numbers.of is not None:
            sums += [total - numbers.of for total in sums]  # proper divisors
        name = shown(text[found.start() : read[1]])
        yield Claim(
            int(value["value"]) in sums, f"the {name} is {sums[0]}", found.start(), value.end("value")
        )


def _least(numbers: NumberSet, count: int) -> list[int]:
    """The first `count` members; [] where there are not so many within reach."""
    if numbers.low is None:
        return []
    every = (n for n in range(numbers.low, numbers.low + MAX_RANGE) if all(test(n) for test in numbers.tests))
    members = list(itertools.islice(every, count))
    return members if len(members) == count else []
