"""Claims about closed calls: gcd, lcm, numbers of divisors, sums and means of listed numbers, code."""

import itertools
import math
import re
from collections.abc import Iterator
from fractions import Fraction

from sept_jax.checks.claims.claims import (
    DECIMAL,
    LIST,
    NUMBER,
    Claim,
    compared,
    ends_clean,
    label_of,
    numbers_of,
    stands_alone,
)
from sept_jax.checks.claims.primes import factorize, is_prime

MAX_FACTORED = 8
"""Most numbers of a step that are factorised."""

_GCD = r"greatest common (?:divisor|factor)|highest common factor|gcd|gcf|hcf"
_LCM = r"(?:least|lowest|smallest) common (?:positive )?multiple|lcm"
_COMMON = re.compile(
    rf"(?P<name>{_GCD}|{_LCM})(?: ?\((?:{_GCD}|{_LCM})\))? of (?:the )?(?:two |three |these |both )"
    rf"?(?:numbers )?"
    rf"(?P<items>{LIST})(?P<now>,? ?(?:is equal to|is|equals|=|:|,? which is) ?(?P<value>{NUMBER}))?"
)
_COMMON_LATER = re.compile(
    rf"(?:the )?(?P<name>{_GCD}|{_LCM})(?: ?\((?:{_GCD}|{_LCM})\))?(?: of these(?: two| three)?(?: "
    rf"numbers)?)?"
    rf" (?:is equal to|is|equals|=),? (?P<value>{NUMBER})"
)
_COMMON_CALL = re.compile(
    rf"\b(?P<name>gcd|gcf|hcf|lcm) ?[(\[] ?(?P<items>{NUMBER}(?: ?, ?{NUMBER}){{1,9}}) ?[)\]] "
    rf"?(?:=|is) ?(?P<value>{NUMBER})"
)
_OF_LIST = re.compile(
    rf"(?P<name>sum|average|mean|arithmetic mean|median|product|largest|maximum|smallest|minimum|range) of "
    rf"(?:the (?:numbers|values|digits|integers) )?(?P<items>{LIST}) (?:is|equals|=) "
    rf"(?P<value>{DECIMAL}(?:/\d{{1,9}})?)"
)
_CHOOSE = re.compile(
    r"\b(?P<n>\d{1,3}) (?:choose|permute) (?P<k>\d{1,3}) ?(?:is|equals|=) ?(?P<value>\d{1,15})"
)
_DIVISOR_COUNT = re.compile(
    rf"(?P<n>{NUMBER}) has (?:exactly |a total of |only )?(?P<value>\d{{1,4}})(?: distinct| "
    rf"different| positive)*"
    rf" (?:integer )?(?P<what>divisors|factors|prime factors|prime divisors|distinct prime factors)"
    rf"(?=[.,;:)\n]|$| and| in total| so)"
)
_FACTORIZATION = re.compile(
    r"prime factorization of (?P<n>\d{1,12}) (?:is|equals|=|is given by):? ?(?:(?P=n) ?= ?)?"
    r"(?P<product>\d{1,12}(?:\^\(?\d{1,3}\)?)?(?: ?[*x] ?\d{1,12}(?:\^\(?\d{1,3}\)?)?)*)(?! ?=)"
)
_POWERS = re.compile(r"(\d{1,12})(?:\^\(?(\d{1,3})\)?)?")
_ZEROS = re.compile(
    r"(?<![\d.])(?P<n>\d{1,4})! (?:has|ends with|ends in) (?:exactly )?(?P<value>\d{1,4})(?: trailing"
    r"| terminating)? zeros"
    r"|number of (?:trailing |terminating )zero(?:e)?s (?:of|in|at the end of) (?P<m>\d{1,4})! (?:is"
    r"|equals|=) (?P<v>\d{1,4})"
)
_TOTIENT = re.compile(r"(?:φ|\\v?arphi|\\phi|phi) ?\( ?(?P<n>\d{1,12}) ?\) ?(?:=|is) ?(?P<value>\d{1,12})")
_CODE = re.compile(
    r"\b(?P<name>len|sum|max|min) ?\( ?(?P<list>\[)? ?(?P<items>-?\d{1,12}(?: ?, ?-?\d{1,12}){0,199}) ?"
    r"(?(list)\]) ?\) ?"
    r"(?:==|=|is|returns|gives|→|->|#) ?(?P<value>-?\d{1,15})"
)
_SIGNED = re.compile(r"-?\d+")


def _common(name: str, items: list[int]) -> int | None:
    if not 2 <= len(items) <= 20 or 0 in items:
        return None
    value = math.lcm(*items) if name.startswith(("l", "s")) else math.gcd(*items)
    return value if value < 10**30 else None


def common_calls(text: str) -> Iterator[Claim]:
    """ "the GCD of 12 and 18 is 4", also where the value follows a sentence later; `gcd(12, 18) = 4`."""
    for found in _COMMON.finditer(text):
        name, items = found["name"], numbers_of(found["items"])
        if not ends_clean(text, found.end("items")) and not found["now"]:
            continue
        value, end = found["value"], found.end()
        if value is None:
            later = _COMMON_LATER.search(text, end, end + 160)
            if later is None or _COMMON.search(text, end, later.end()):
                later = _which(text, end)
            if later is None or (later["name"] and later["name"][0] != name[0]):
                continue
            value, end = later["value"], later.end()
        yield from compared(f"the {_short(name)} of {found['items']}", _common(name, items), int(value), text,
                            found.start(), end)  # fmt: skip
    for found in _COMMON_CALL.finditer(text):
        items = numbers_of(found["items"])
        label = f"{found['name']}({', '.join(map(str, items))})"
        yield from compared(label, _common(found["name"], items), int(found["value"]), text, *found.span())


_WHICH = re.compile(rf",? which is (?P<value>{NUMBER})(?P<name>)")


def _which(text: str, end: int) -> re.Match | None:
    return _WHICH.match(text, end)


def _short(name: str) -> str:
    return "LCM" if name.startswith(("l", "s")) else "GCD"


def listed(text: str) -> Iterator[Claim]:
    """ "the sum of 3, 4 and 5 is 13", "the average of 2 and 6 is 5", "7 choose 2 is 20", "len([1, "
    "2]) = 3"."""
    for found in _OF_LIST.finditer(text):
        items = numbers_of(found["items"])
        if len(items) < 2 or found["value"].endswith("/0"):
            continue
        value = _reduce(found["name"], items)
        yield from compared(f"the {label_of(found)}", value, Fraction(found["value"]), text, *found.span())
    for found in _CHOOSE.finditer(text):
        n, k = int(found["n"]), int(found["k"])
        value = math.comb(n, k) if "choose" in found[0] else math.perm(n, k)
        yield from compared(label_of(found), value, int(found["value"]), text, *found.span())
    for found in _CODE.finditer(text):
        items = [int(n) for n in _SIGNED.findall(found["items"])]
        if not found["list"] and (found["name"] in ("len", "sum") or len(items) < 2):
            continue
        value = {"len": len, "sum": sum, "max": max, "min": min}[found["name"]](items)
        yield from compared(
            found.group()[: found.group().index(")") + 1], value, int(found["value"]), text, *found.span()
        )


def _reduce(name: str, items: list[int]) -> Fraction | int | None:
    if name == "sum":
        return sum(items)
    if name == "product":
        return math.prod(items) if len(items) <= 20 else None
    if name == "median":
        ordered, middle = sorted(items), len(items) // 2
        return ordered[middle] if len(items) % 2 else Fraction(ordered[middle - 1] + ordered[middle], 2)
    if name in ("largest", "maximum"):
        return max(items)
    if name in ("smallest", "minimum"):
        return min(items)
    if name == "range":
        return max(items) - min(items)
    return Fraction(sum(items), len(items))


def divisor_counts(text: str) -> Iterator[Claim]:
    """ "24 has 7 divisors", "φ(12) = 5"."""
    for found in itertools.islice(_DIVISOR_COUNT.finditer(text), MAX_FACTORED):
        n, value, what = int(found["n"]), int(found["value"]), found["what"]
        factors = factorize(n) if n else None
        if factors is None or not stands_alone(text, found.start()):
            continue
        if "prime" in what:
            counts = {len(factors), sum(count for _, count in factors)}
        else:
            count = math.prod(count + 1 for _, count in factors)
            counts = {count, 2 * count, count - 1, count - 2} if "proper" in found[0] else {count, 2 * count}
        yield Claim(value in counts, f"{n} has {min(counts)} {what}", *found.span())
    for found in itertools.islice(_TOTIENT.finditer(text), MAX_FACTORED):
        factors = factorize(int(found["n"])) if int(found["n"]) else None
        if factors is not None:
            value = math.prod((p - 1) * p ** (count - 1) for p, count in factors)
            yield from compared(f"φ({found['n']})", value, int(found["value"]), text, *found.span())


def factorizations(text: str) -> Iterator[Claim]:
    """ "the prime factorization of 84 is 2^2 * 3 * 8": the product, and whether its bases are prime."""
    for found in itertools.islice(_FACTORIZATION.finditer(text), MAX_FACTORED):
        n = int(found["n"])
        factors = factorize(n) if n > 1 else None
        if factors is None or not ends_clean(text, found.end()):
            continue
        product, bases = 1, []
        for base, power in _POWERS.findall(found["product"]):
            if int(power or 1) > 60 or product > 10**20:
                return
            product *= int(base) ** int(power or 1)
            bases.append(int(base))
        holds = product == n and all(map(is_prime, bases))
        right = " * ".join(f"{p}^{count}" if count > 1 else str(p) for p, count in factors)
        yield Claim(holds, f"the prime factorization of {n} is {right}", *found.span())


def trailing_zeros(text: str) -> Iterator[Claim]:
    """ "25! ends in 5 zeros"."""
    for found in _ZEROS.finditer(text):
        n = int(found["n"] or found["m"])
        value, label = sum(n // 5**i for i in range(1, 6)), f"the number of zeros at the end of {n}!"
        yield from compared(label, value, int(found["value"] or found["v"]), text, *found.span())
