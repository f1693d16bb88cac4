"""Claims about common factors: relatively prime numbers, fractions in lowest terms, modular inverses."""

import math
import re
from collections.abc import Iterator

from sept_jax.checks.claims.claims import NUMBER, Claim, ends_clean, shown, stands_alone

_INVERSES = (
    re.compile(
        rf"inverse of (?P<a>{NUMBER}) \(?(?:modulo|mod) (?P<m>{NUMBER})\)? (?:is|equals|=) (?P<b>{NUMBER})"
    ),
    re.compile(
        rf"(?<![\d^*/+-])(?<![*/+^-] )(?P<a>{NUMBER})\^\(-1\) ?(?:≡|=) ?(?P<b>{NUMBER}) ?\(?(?:modulo"
        rf"|mod) (?P<m>{NUMBER})"
    ),
    re.compile(
        rf"(?P<b>{NUMBER}) is the (?:multiplicative |modular )*inverse of (?P<a>{NUMBER}),?"
        rf" \(?(?:modulo|mod) (?P<m>{NUMBER})"
    ),
)
_COPRIME = re.compile(
    rf"(?P<a>{NUMBER}) and (?P<b>{NUMBER}) (?P<not>are not|are|do not|don't|have no|share no|have|share)"
    r"(?: also| both)?(?: (?:have|share))?(?: any)?(?: other| more| further)? "
    r"(?P<what>relatively prime|coprime|co-prime|common (?:prime )?(?:factors?|divisors?))"
    r"(?P<except>(?: or divisors)?,? ?(?:\()?(?:other than|except(?: for)?|besides|greater than"
    r"|apart from) (?:one|1))?"
)
_LOWEST = re.compile(
    r"(?P<a>\d{1,12})/(?P<b>\d{1,12}) (?:(?:is|which is) (?:already |now )?(?:(?:in )?(?:its |the )"
    r"?(?:simplest|lowest|reduced|"
    r"most reduced) (?:form|terms|possible form)|irreducible|fully (?:simplified|reduced)"
    r"|(?:simplified|reduced)(?=[.,;]))"
    r"|(?:cannot|can't|can not) be (?:simplified|reduced))"
)


def coprimality(text: str) -> Iterator[Claim]:
    """ "411 and 333 share no other common factors", "91/21 is in lowest terms"."""
    for found in _COPRIME.finditer(text):
        what, word = found["what"], found["not"]
        is_prime = "prime" in what and "common" not in what
        negative = any(part in word for part in ("not", "n't", "no"))
        if is_prime == ("are" not in word):
            continue
        if not is_prime and not negative:
            continue  # "share a common factor" of unknown size
        if not stands_alone(text, found.start("a")):
            continue
        a, b = int(found["a"]), int(found["b"])
        common = math.gcd(a, b)
        holds = (common == 1) != (is_prime and negative)
        reason = f"{a} and {b} have the common factor {common}" if common > 1 else f"gcd({a}, {b}) = 1"
        yield Claim(holds, reason, *found.span())
    for found in _LOWEST.finditer(text):
        if stands_alone(text, found.start("a")):
            common = math.gcd(int(found["a"]), int(found["b"]))
            reason = f"{found['a']}/{found['b']} can be divided by {common}"
            yield Claim(common == 1, reason if common > 1 else f"{shown(found[0])}", *found.span())


def inverses(text: str) -> Iterator[Claim]:
    """ "the inverse of 3 modulo 19 is 7", `3^{-1} ≡ 7 (mod 19)`."""
    for pattern in _INVERSES:
        for found in pattern.finditer(text):
            a, b, m = int(found["a"]), int(found["b"]), int(found["m"])
            if m < 2 or not ends_clean(text, max(found.end("b"), found.end("m"))):
                continue
            holds = a * b % m == 1
            yield Claim(holds, f"{a}*{b} leaves {a * b % m} when divided by {m}", *found.span())
