"""Claims about single whole numbers: prime, composite, even, odd, a power, divisible, remainders."""

import re
from collections.abc import Iterator

from sept_jax.checks.claims import primes
from sept_jax.checks.claims.claims import (
    EITHER,
    LIST,
    NUMBER,
    Claim,
    ends_clean,
    numbers_of,
    shown,
    stands_alone,
)

_NOT = (
    r"(?:,? which)? (?P<not>is not|isn't|is|are not|aren't|are)(?: all| both| also| indeed| itself| "
    r"clearly| already| each)?"
)

_PRIME = re.compile(
    rf"(?P<items>{LIST}){_NOT}(?: themselves)?(?: an?| the| another| the only| the next| the "
    rf"smallest| the largest)?"
    r"(?: odd| even| two-digit| three-digit| distinct)? (?P<kind>prime|composite)s?(?: numbers?| integers?)?"
    r"(?=[.,;:)\n]|$| and| so| because| since| but| \(| itself)"
)
_POWER = re.compile(
    rf"(?P<items>{LIST}){_NOT}(?: an?)?(?: perfect (?P<kind>square|cube|fourth power|fifth power)s?"
    r"| powers? of (?P<base>\d{1,6}))(?=[.,;:)\n]|$| and| so| because| since| but| \(| itself)"
)
_PARITY = re.compile(
    rf"(?P<items>{LIST}){_NOT}(?: an?)? (?P<kind>even|odd)(?: numbers?| integers?)?"
    r"(?=[.,;:)\n]|$| and | so | because| since| but)"
)
_DIVISIBLE = re.compile(
    rf"(?P<items>{LIST}){_NOT}(?: evenly| exactly)?(?: divisible by| an? multiple of| multiples of)"
    rf"(?: both)? "
    rf"(?P<divisors>{EITHER})(?! is| are| di| leav| has)"
)
_DIVISIBLE_TOO = re.compile(
    rf"(?P<items>{NUMBER}) (?P<not>cannot be|can't be|can be)(?: evenly)? divided(?: evenly)? by "
    rf"(?P<divisors>{NUMBER})"
    r"(?= evenly| without| with no)"
)
_DIVIDES = re.compile(
    rf"(?P<divisors>{LIST}) (?:evenly |exactly )?(?P<not>does not divide|doesn't divide|do not "
    rf"divide|divides?|goes)(?: evenly| exactly)?"
    rf"(?: into)? (?P<items>{NUMBER})(?=[.,;:)\n]|$| and| so| because| since| evenly| exactly| but|"
    rf" without| with no)"
)
_FACTOR = re.compile(
    rf"(?P<divisors>{LIST}){_NOT}(?: an?| the)?(?: common| proper| positive)? (?P<word>factors?|divisors?) of"
    rf"(?: both)? (?P<items>{LIST})(?! is| are| di| leav| has)"
)
_BAR = re.compile(
    rf"(?<!\|)(?P<divisors>{NUMBER}) {{1,3}}(?P<not>\||∤) {{1,3}}(?P<items>{NUMBER})(?![^\n]*\|)"
)
_REMAINDERS = (
    re.compile(
        rf"(?P<a>{NUMBER}) ?(?:/|divided by) ?(?P<b>{NUMBER}) ?(?:=|is|gives|equals|yields|leaves|has|goes)?"
        rf"(?: us| an?)?(?: quotient of)? ?(?P<q>{NUMBER})?(?: times)?,?(?: with| and| plus| "
        rf"leaving| has| gives)?(?: an?| the)?"
        rf" ?remainder(?: of| is|:)? ?(?P<r>{NUMBER})"
    ),
    re.compile(rf"(?P<a>{NUMBER}) ?/ ?(?P<b>{NUMBER}) ?= ?(?P<q>{NUMBER}) ?r ?(?P<r>{NUMBER})"),
    re.compile(
        rf"remainder (?:when|of|on|if|after)(?: dividing)? (?P<a>{NUMBER})(?: is)? (?:divided )?by "
        rf"(?P<b>{NUMBER})"
        rf" (?:is|equals|=|will be) (?P<r>{NUMBER})"
    ),
    re.compile(
        rf"(?:when|dividing|if|divide) (?:we divide )?(?P<a>{NUMBER}) (?:is divided |divided )?by "
        rf"(?P<b>{NUMBER}),?"
        rf" (?:gives? an? quotient of (?P<q>{NUMBER}) and an? remainder of|the remainder is|we get "
        rf"a remainder of|it leaves a remainder of|leaves a remainder of|"
        rf"gives a remainder of|the remainder equals|has a remainder of) (?P<r>{NUMBER})"
    ),
    re.compile(
        rf"(?P<a>{NUMBER}) (?:leaves|has|gives|yields)(?: us)? (?:an? )?remainder (?:of )?(?P<r>{NUMBER})"
        rf" (?:when|upon|on|after|if)(?: it is| being)? (?:divided|division|dividing) by (?P<b>{NUMBER})"
    ),
    re.compile(rf"(?P<a>{NUMBER}) ?(?:mod|modulo|%) (?P<b>{NUMBER}) ?(?:=|is|equals) ?(?P<r>{NUMBER})"),
)
_BRACKETED = re.compile(
    rf"(?P<items>{NUMBER}) \((?:which is )?(?P<not>not )?(?:an? )?(?P<kind>prime|composite)(?: number)?\)"
)
_PARITIES = re.compile(
    r"(?P<name>sum|difference|product) of (?:any )?(?:(?P<two>two )(?P<both>odd|even)|an? "
    r"(?P<first>odd|even)(?: number| integer)? and an?"
    r" (?P<second>odd|even))(?: numbers?| integers?)? is (?:always |also )?(?:an )?(?P<kind>odd|even)"
)
_PARITY_SUM = re.compile(
    r"\b(?P<first>odd|even) ?(?P<name>[+*-]) ?(?P<second>odd|even) ?(?:=|is) ?(?P<kind>odd|even)\b"
)


_IDIOMS = (
    *(" ways", " groups", " equal", " parts", " times", " larg", " small", " more", " less", " great"),
    *(" bigger", " higher", " faster", " slow"),
)
"""What follows a number that is not divided: "a factor of 10 larger"."""
_DIVISION = (
    (("divisible", "multiple"), _DIVISIBLE),
    (("divided",), _DIVISIBLE_TOO),
    (("divide", "goes"), _DIVIDES),
    (("factor", "divisor"), _FACTOR),
    ((" | ", "∤"), _BAR),
)
"""Patterns with the words that they cannot do without."""


def _each(text: str, found: re.Match, group: str) -> list[int] | None:
    start, end = found.span(group)
    if not ends_clean(text, end):
        return None
    return numbers_of(found[group]) if stands_alone(text, start) else None


def _negative(found: re.Match) -> bool:
    word = found["not"] or ""
    return "not" in word or "n't" in word or word == "∤"


def _why_not_prime(n: int) -> str:
    factor = primes.smallest_factor(n)
    if n < 2 or factor is None:
        return f"{n} is not prime"
    return f"{n} is {factor}*{n // factor}, not prime"


def primality(text: str) -> Iterator[Claim]:
    """ "91 is prime", "51 and 57 are composite"."""
    for found in (*_PRIME.finditer(text), *_BRACKETED.finditer(text)):
        items = _each(text, found, "items") if found.re is _PRIME else numbers_of(found["items"])
        if not items or max(items) > primes.LIMIT:
            continue
        kind, negative = found["kind"], _negative(found)
        for n in items:
            prime = primes.is_prime(n)
            true = (prime if kind == "prime" else not prime and n > 1) != negative
            if not true:
                reason = f"{n} is prime" if prime else _why_not_prime(n)
                if n < 2:
                    reason = f"{n} is neither prime nor composite"
                yield Claim(False, reason, *found.span())
                break
        else:
            yield Claim(True, f"{shown(found[0])} is true", *found.span())


_DEGREES = {"square": 2, "cube": 3, "fourth power": 4, "fifth power": 5}


def powers(text: str) -> Iterator[Claim]:
    """ "50 is a perfect square", "4, 6 and 8 are powers of 2"."""
    for found in _POWER.finditer(text):
        items = _each(text, found, "items")
        if not items or (found["base"] and not ends_clean(text, found.end("base"))):
            continue
        for n in items:
            if found["base"]:
                name, true = f"a power of {found['base']}", primes.is_power_of(n, int(found["base"]))
            else:
                name, true = f"a perfect {found['kind']}", primes.is_power(n, _DEGREES[found["kind"]])
            if true == _negative(found):
                yield Claim(False, f"{n} is {'' if true else 'not '}{name}", *found.span())
                break
        else:
            yield Claim(True, f"{shown(found[0])} is true", *found.span())


def parity(text: str) -> Iterator[Claim]:
    """ "7 is even"."""
    for found in _PARITY.finditer(text):
        items = _each(text, found, "items")
        if not items:
            continue
        for n in items:
            if ((n % 2 == 0) == (found["kind"] == "even")) == _negative(found):
                yield Claim(False, f"{n} is {'odd' if n % 2 else 'even'}", *found.span())
                break
        else:
            yield Claim(True, f"{shown(found[0])} is true", *found.span())


def parities(text: str) -> Iterator[Claim]:
    """ "the sum of two odd numbers is odd", "odd + even = odd"."""
    for found in (*_PARITIES.finditer(text), *_PARITY_SUM.finditer(text)):
        groups = found.groupdict()
        first, second = groups["first"] or groups["both"], groups["second"] or groups["both"]
        odd = (first == "odd", second == "odd")
        result = all(odd) if found["name"] in ("product", "*") else odd[0] != odd[1]
        name = {"+": "sum", "-": "difference", "*": "product"}.get(found["name"], found["name"])
        reason = f"the {name} of {first} and {second} numbers is {'odd' if result else 'even'}"
        yield Claim(result == (found["kind"] == "odd"), reason, *found.span())


def divisibility(text: str) -> Iterator[Claim]:
    """ "50 is divisible by 7", "7 divides 50", "6 is a factor of 20", "7 | 50"."""
    for words, pattern in _DIVISION:
        if not any(map(text.__contains__, words)):
            continue
        for found in pattern.finditer(text):
            first, last = (
                ("items", "divisors") if pattern in (_DIVISIBLE, _DIVISIBLE_TOO) else ("divisors", "items")
            )
            if not stands_alone(text, found.start(first)) or not ends_clean(text, found.end(last)):
                continue
            if not ends_clean(text, found.end(first)) and pattern is not _BAR:
                continue
            items, divisors = numbers_of(found["items"]), numbers_of(found["divisors"])
            if text.startswith(_IDIOMS, found.end(last)):
                continue
            if found["not"] == "goes" and not text.startswith(" evenly", found.end()):
                continue
            if " or " in found["divisors"] and not _negative(found):
                continue
            yield from _divide(items, divisors, found)


def _divide(items: list[int], divisors: list[int], found: re.Match) -> Iterator[Claim]:
    if 0 in divisors:
        return
    negative = _negative(found)
    wrong = [(n, d) for n in items for d in divisors if (n % d == 0) == negative]
    if negative and len(items) * len(divisors) > 1 and " or " not in found["divisors"]:
        wrong = wrong if len(wrong) == len(items) * len(divisors) else []
        if not wrong:
            return
    if wrong:
        n, d = wrong[0]
        reason = f"{n} is {d}*{n // d}" if n % d == 0 else f"{n} divided by {d} leaves {n % d}"
        yield Claim(False, reason, *found.span())
    else:
        yield Claim(True, f"{shown(found[0])} is true", *found.span())


def remainders(text: str) -> Iterator[Claim]:
    """ "194 ÷ 11 = 17 with a remainder of 9", "195 mod 19 = 1"."""
    said = "remainder" in text
    for i, pattern in enumerate(_REMAINDERS):
        if not (said if i not in (1, 5) else " r " in text if i == 1 else "mod" in text):
            continue
        for found in pattern.finditer(text):
            a, b, r = int(found["a"]), int(found["b"]), int(found["r"])
            if b == 0 or (not stands_alone(text, found.start("a")) and pattern is not _REMAINDERS[2]):
                continue
            if not ends_clean(text, max(found.end("r"), found.end("b"))):
                continue
            quotient = found.groupdict().get("q")
            reason = f"{a} = {b}*{a // b} + {a % b}"
            if a % b != r or (quotient and int(quotient) != a // b):
                yield Claim(False, reason, *found.span())
            else:
                yield Claim(True, reason, *found.span())
