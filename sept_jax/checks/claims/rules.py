"""Which rules about claims run on which steps: a table of words, so that most steps cost a look-up only."""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

from sept_jax.checks.claims import (
    common_factors,
    divisibility,
    enumeration,
    facts,
    functions,
    general,
    geometry,
    numerals,
    orders,
    tallies,
    weekdays,
)
from sept_jax.checks.claims.claims import Claim
from sept_jax.checks.wording import words


class Rule(NamedTuple):
    """`read` runs on the plain text of the steps that hold one of the words `heads`, and one of `phrases` and
    what `hint` finds (if there are any), in lower case. With `problem` it is given the problem too;
    with `raw` it reads the step as it is, but in lower case."""

    heads: frozenset[str]
    phrases: tuple[str, ...]
    read: Callable[..., Iterator[Claim]]
    hint: re.Pattern | None = None
    problem: bool = False
    raw: bool = False


def _rule(heads: str, phrases: str, read: Callable[..., Iterator[Claim]], **options) -> Rule:
    """Heads are separated by spaces, phrases by semicolons."""
    return Rule(frozenset(heads.split()), tuple(filter(None, phrases.split(";"))), read, **options)


_SETS = "primes prime divisors divisor factors factor multiples multiple perfect digit composite"
_MEMBERS = (
    "primes;prime number;divisors of;factors of;factor of;divisor of;multiple;perfect square;perfect cube;"
    "-digit;composite"
)
_UNITS = (
    "days hours minutes seconds weeks months years nickels dimes pennies cents quarters inches feet "
    "yards ounces pounds pints quarts cups meters centimeters grams sides vertices faces edges"
    " diagonals cards degrees"
)
RULES = (
    _rule("prime primes composite", "", divisibility.primality),
    _rule("perfect power powers", "perfect ;power of;powers of", divisibility.powers),
    _rule("even odd", " is even; is odd; are even; are odd; an even; an odd", divisibility.parity),
    _rule(
        "even odd",
        "sum of;difference of;product of;odd +;even +;odd *;even *;odd \\;even \\",
        divisibility.parities,
    ),
    _rule(
        "divisible divides divide divided goes multiple multiples factor factors divisor divisors mid |",
        "divisible;divides;divide ;can be;cannot be;can't be;goes into;multiple of;multiples of;factor of;"
        "factors of;divisor;\\mid; | ",
        divisibility.divisibility,
    ),
    _rule("remainder mod modulo bmod pmod r", "remainder;mod ; modulo;mod{; r ", divisibility.remainders),
    _rule("inverse mod pmod bmod modulo", "inverse;^{-1};^(-1)", common_factors.inverses),
    _rule(
        "common prime coprime lowest simplest reduced irreducible simplified",
        "common factor;common divisor;common prime;relatively prime;coprime;lowest;simplest;be reduced;"
        "is reduced;irreducible;be simplified;is simplified",
        common_factors.coprimality,
    ),
    _rule(
        "gcd lcm gcf hcf common",
        "gcd;lcm;gcf;hcf;greatest common;highest common;least common;lowest common;smallest common",
        functions.common_calls,
    ),
    _rule("digits digit", " digits;digit of", numerals.digit_calls),
    _rule("_", "", numerals.bases, hint=re.compile(r"[0-9]_(?:[0-9]|\{[0-9])")),
    _rule("base", " in base ", numerals.bases),
    _rule("lfloor lceil floor ceil", "", numerals.floors),
    _rule("nearest", "", numerals.rounding),
    _rule("integer whole", "er than;more than;less than", numerals.next_wholes),
    _rule(
        "average mean median product largest smallest choose len max min",
        "average of;mean of;median of;product of;largest of;smallest of; choose ;len([;max(;min(",
        functions.listed,
    ),
    _rule("sum", "", functions.listed, hint=re.compile(r"sum of [\\($]{0,3}[0-9]|sum\(\[")),
    _rule("divisors factors varphi phi", " divisors; factors;phi(;φ(", functions.divisor_counts),
    _rule("factorization", "prime factorization of", functions.factorizations),
    _rule(
        "zeros zeroes",
        "! has;! ends;$ has;$ ends;\\) has;\\) ends;zeros of;zeros in;zeroes in",
        functions.trailing_zeros,
    ),
    _rule(_SETS, _MEMBERS, enumeration.listings),
    _rule("sum product", "sum of;product of", enumeration.totals),
    _rule(
        _SETS + " integers",
        _MEMBERS + ";divisors;factors;odd ;even ;integers from;integers between;integers less",
        enumeration.counts,
    ),
    _rule("largest greatest smallest least highest lowest", _MEMBERS, enumeration.extremes),
    _rule("even odd divisible multiple", "if ;when ;always;for all;for any;for every", general.letters),
    _rule(
        "satisfies satisfying such which",
        "smallest;largest;least;greatest;minimum;maximum",
        general.satisfying,
    ),
    _rule("all any every", "for all;for any;for every", general.inequalities),
    _rule("there total which that giving making", ",", tallies.tallies, hint=tallies.HINT),
    _rule("after before from", "days after;days from;days before", weekdays.weekdays),
    _rule(
        "am pm m",
        "hours after;hour after;minutes after;hours before;hour before;minutes before",
        weekdays.times,
    ),
    _rule("lt gt le ge leq geq < >", "", orders.orders, hint=orders.HINT),
    _rule("complement supplement", "complement of;supplement of", facts.complements, problem=True),
    _rule("angles", "sum of", facts.angle_sums, problem=True),
    _rule("probability", "", facts.probabilities, problem=True),
    _rule(
        "slope midpoint distance line point",
        "slope;midpoint of;distance between;distance from;line ;point (",
        geometry.points,
        problem=True,
    ),
    _rule("angle", "since ;because ;as ;given ", geometry.isosceles, problem=True),
    _rule(_UNITS, "", facts.conversions, problem=True, raw=True),
)

_SAME = {"≤": "le", "≥": "ge", "⌊": "lfloor", "⌈": "lceil", "φ": "phi", "∠": "angle"}
"""Words that signs stand for."""
_RULES_OF: dict[bytes, int] = {}
"""A bit for every rule that a head wakes."""
for _i, _each in enumerate(RULES):
    for _head in _each.heads:
        _RULES_OF[_head.encode()] = _RULES_OF.get(_head.encode(), 0) | 1 << _i
_HEADS = frozenset(_RULES_OF)
_SIGNS = tuple((sign, _RULES_OF[sign.encode()]) for sign in "_<>|")
_RARE_SIGNS = tuple((sign, _RULES_OF[word.encode()]) for sign, word in _SAME.items())


def awake(step: str) -> int:
    """The rules, as bits, of which a head is in the step."""
    bits = 0
    for head in _HEADS.intersection(words(step)):
        bits |= _RULES_OF[head]
    for sign, rules in _SIGNS if step.isascii() else _SIGNS + _RARE_SIGNS:
        if sign in step:
            bits |= rules
    return bits
