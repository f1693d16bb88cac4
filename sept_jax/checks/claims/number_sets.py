"""Sets of whole numbers that words name: "odd primes less than 20", "divisors of 24"."""

import re
from collections.abc import Callable
from typing import NamedTuple

from sept_jax.checks.claims import primes
from sept_jax.checks.claims.claims import ends_clean

Test = Callable[[int], bool]


class NumberSet(NamedTuple):
    """Whole numbers that pass all tests within `[low, high]`; None: no bound. `others` are bounds that the
    words may mean as well ("between 1 and 10"); `of` the number whose divisors they are."""

    tests: tuple[Test, ...]
    low: int | None
    high: int | None
    others: tuple[tuple[int | None, int | None], ...]
    of: int | None

    def members(self, low: int, high: int) -> list[int]:
        return [n for n in range(low, high + 1) if all(test(n) for test in self.tests)]


_LENGTHS = {
    "one-digit": 1, "single-digit": 1, "1-digit": 1, "two-digit": 2, "2-digit": 2, "three-digit": 3,
    "3-digit": 3, "four-digit": 4, "4-digit": 4,
}  # fmt: skip
_ADJECTIVE = re.compile(
    r"(positive|distinct|different|integer|whole|natural|prime|odd|even|composite|perfect|proper|possible|"
    + "|".join(_LENGTHS)
    + r") (?=[a-z0-9])"
    r"(?!(?:that|which|is|are|less|greater|larger|smaller|between|from|below|under|not|and|up|in) )"
)
_NOUN = re.compile(
    r"(?:(?P<divisors>divisors?|factors?) of (?P<n>\d{1,12})(?P<factorial>!)?"
    r"|multiples? of (?P<k>\d{1,9})|powers? of (?P<base>\d{1,6})"
    r"|(?P<noun>primes?|composites?|integers?|numbers?|squares?|cubes?|evens?|odds?)(?: numbers?| "
    r"integers?)?)(?![a-z0-9^*/!])"
)
_INT = r"(\d{1,9})(?!\d|[.,]\d|[*/^!]| [*/^+-])"
_THAT = r"(?:,? (?:that are|which are|that is|which is|strictly|and|but|both))*"
_LESS = re.compile(rf"{_THAT} (?:strictly )?(?:less|smaller|lower) than (or equal to )?{_INT}")
_BELOW = re.compile(rf"{_THAT} (?:below|under) {_INT}")
_GREATER = re.compile(
    rf"{_THAT} (?:strictly )?(?:greater|larger|more|bigger|higher) than (or equal to )?{_INT}"
)
_ABOVE = re.compile(rf"{_THAT} (?:above|over|exceeding) {_INT}")
_MOST = re.compile(
    rf"{_THAT} (?:up to(?: and including)?|not exceeding|at most|no (?:greater|larger|more) than) {_INT}"
)
_BETWEEN = re.compile(
    rf"{_THAT} (?:in the range |in the interval )?(?:between|from) {_INT} (?:and|to|through) {_INT}"
)
_INCLUSIVE = re.compile(r",? ?\(?(inclusive|exclusive)\)?")
_DIVIDED = re.compile(
    rf"{_THAT} (?:divisible by|multiples? of|(?P<divisor>an? (?:factor|divisor) of|factors of|divisors of|"
    rf"divide|divides)) (?P<k>\d{{1,12}})(?P<factorial>!)?(?![\d^*/])"
)


def read_set(text: str, start: int) -> tuple[NumberSet, int] | None:
    """The set that the words at `start` name ("odd primes less than 20", "divisors of 24") and where they
    end; None if they name none that is understood whole."""
    at, tests, adjectives = start, [], set()
    while (found := _ADJECTIVE.match(text, at)) is not None:
        adjectives.add(found[1])
        at = found.end()
    noun = _NOUN.match(text, at)
    if noun is None:
        return None
    at = noun.end()
    low, high, of = 1, None, None
    if noun["n"]:
        of = _whole(noun["n"], noun["factorial"])
        if of is None or of < 1 or not ends_clean(text, at):
            return None
        tests.append(lambda n, of=of: of % n == 0)
        high = of
    elif noun["k"]:
        k = int(noun["k"])
        if k == 0 or not ends_clean(text, at):
            return None
        tests.append(lambda n, k=k: n % k == 0)
    elif noun["base"]:
        base = int(noun["base"])
        tests.append(lambda n, base=base: primes.is_power_of(n, base))
    elif noun["noun"].startswith(("square", "cube")):
        if "perfect" not in adjectives:
            return None
        degree = 2 if noun["noun"].startswith("square") else 3
        tests.append(lambda n, degree=degree: primes.is_power(n, degree))
    elif noun["noun"].startswith(("prime", "composite", "even", "odd")):
        adjectives.add(noun["noun"].rstrip("s"))
    elif "perfect" in adjectives or (noun["noun"].startswith("integer") and "positive" not in adjectives):
        low = None
    return _bounded(text, at, _adjectival(adjectives, tests), low, high, of, adjectives)


def _whole(digits: str, factorial: str | None) -> int | None:
    n = int(digits)
    if not factorial:
        return n
    if n > 20:
        return None
    value = 1
    for i in range(2, n + 1):
        value *= i
    return value


def _adjectival(adjectives: set[str], tests: list[Test]) -> list[Test]:
    if "prime" in adjectives:
        tests.append(primes.is_prime)
    if "composite" in adjectives:
        tests.append(lambda n: n > 3 and not primes.is_prime(n))
    if "odd" in adjectives:
        tests.append(lambda n: n % 2 == 1)
    if "even" in adjectives:
        tests.append(lambda n: n % 2 == 0)
    return tests


def _bounded(
    text: str,
    at: int,
    tests: list[Test],
    low: int | None,
    high: int | None,
    of: int | None,
    adjectives: set[str],
) -> tuple[NumberSet, int] | None:
    others: list[tuple[int | None, int | None]] = []
    if "prime" in adjectives or "composite" in adjectives:
        low = 2
    for name, digits in _LENGTHS.items():
        if name in adjectives:
            low, high = 10 ** (digits - 1), 10**digits - 1
            others = [(0, 9)] if digits == 1 else []
    for _ in range(4):
        if (found := _BETWEEN.match(text, at)) is not None:
            a, b = int(found[1]), int(found[2])
            at = found.end()
            word = _INCLUSIVE.match(text, at)
            low, high, others = a, b, [(a + 1, b - 1), (a + 1, b), (a, b - 1)]
            if word:
                at = word.end()
                others = []
                if word[1] == "exclusive":
                    low, high = a + 1, b - 1
        elif (found := _LESS.match(text, at)) is not None:
            high = int(found[2]) - (0 if found[1] else 1)
            at = found.end()
        elif (found := _BELOW.match(text, at)) is not None:
            high, at = int(found[1]) - 1, found.end()
        elif (found := _MOST.match(text, at)) is not None:
            high, at = int(found[1]), found.end()
        elif (found := _GREATER.match(text, at)) is not None:
            low, at = int(found[2]) + (0 if found[1] else 1), found.end()
        elif (found := _ABOVE.match(text, at)) is not None:
            low, at = int(found[1]) + 1, found.end()
        elif (found := _DIVIDED.match(text, at)) is not None:
            n = _whole(found["k"], found["factorial"])
            if not n:
                return None
            at = found.end()
            if found["divisor"]:
                of = n
                high = n if high is None else high
                tests.append(lambda m, n=n: m > 0 and n % m == 0)
            else:
                tests.append(lambda m, n=n: m % n == 0)
        else:
            break
    if low == 1 and high is not None and of is None and not others:
        others.append((0, high))  # 0 is even, and a multiple
    return NumberSet(tuple(tests), low, high, tuple(others), of), at
