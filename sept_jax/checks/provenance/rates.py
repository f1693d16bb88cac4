"""What the problem says one of a thing costs, holds or needs, against what a step says of it.

A rule reads the problem once and returns a check of its steps, or None where the problem gives no ground.
"""

import re
from fractions import Fraction

from sept_jax.checks.formulas.conversions import SIZES
from sept_jax.checks.formulas.words import NUMBERS, singular, word_set
from sept_jax.checks.provenance.percents import Check

_NOUNS = r"((?:[a-z]{1,20} ){0,2}?[a-z]{3,})"
_MONEY = r"\\?\$ ?(\d[\d,]{0,14}(?:\.\d{1,9})?)"
_PRICE_PER = re.compile(
    rf"{_MONEY} ?(?:/|per |for each |for every |an? |each )(?:pairs? of |packs? of )?{_NOUNS}\b(?! (?:per"
    rf"|an?|each)\b|/)"
)
_EACH_COSTS = re.compile(
    rf"\b(?:[Ee]ach|[Ee]very|[Oo]ne) {_NOUNS} (?:costs?|is sold (?:for|at)|sells for|is|was)(?: (?:her|him"
    rf"|them|you))? {_MONEY}"
)
_STEP_PRICE = re.compile(rf"{_MONEY} ?(?:/|per )([a-z]{{3,}})\b")
_STEP_ONE_COSTS = re.compile(
    rf"(?<!ing )(?<!rage )(?<!tal )\b(?:cost|price) (?:of|for|per) (?:one|each|every|a|a single"
    rf"|1) {_NOUNS} (?:is|=|:|equals)[^.;\n$]{{0,40}}?"
    rf"(?:[^;\n]{{0,60}}= ?)?{_MONEY}(?!\.?\d|,\d| ?(?:[-+*×/÷x=]|\\times|\\div|\\cdot))"
)
_CHANGES = re.compile(r"%|\b(?:percent|discount|sale|tax|tip|increase|half|off|coupon|deal|bulk|dozen)")
_OF_EACH = re.compile(
    r"\b(\d{1,9}|[a-z]{1,20}) ([a-z]{3,}) (?:of|with|weighing|containing) (\d{1,12}(?:\.\d{1,9})?) "
    r"([a-z]{1,20}) each\b"
)
_HELD_EACH = re.compile(r"(?:of|with|ing) \d{1,12}(?:\.\d{1,9})? [a-z]{1,20} each\b")
_EACH_HOLDS = re.compile(
    r"\b(?:one|each|every|a single) ([a-z]{3,}) (?:is|has|weighs|holds|contains|=)(?: about)? (\d{1,9}"
    r"(?:\.\d{1,9})?) ([a-z]{1,20})",
    re.IGNORECASE,
)
_WORDS = "one|two|three|four|five|six|seven|eight|nine|ten|\\d{1,3}"
_DEAL = re.compile(
    rf"\b(?:buy|buys|purchase) ({_WORDS})\b(?: [a-z'-]{{1,20}}){{0,5}},? (?:and )?(?:you )?gets? (?:the )?"
    rf"({_WORDS})"
    r"(?: (?!at\b)[a-z'-]{1,20}){0,4}? (?:at |for )?(free|half|50 ?%)",
    re.IGNORECASE,
)
_FOR_PRICE_OF = re.compile(
    rf"\b({_WORDS})(?: [\w'-]{{1,20}}){{0,3}}? for the (?:price|cost) of (?:only |just )?({_WORDS})\b",
    re.IGNORECASE,
)


def deal_checks(problem: str) -> list[Check]:
    """The check that a bargain in a problem ("buy 2, get 1 free") gives ground for."""
    deal = _DEAL.search(problem) if " get" in problem else None
    return [] if deal is None else [lambda step, earlier: _bargain(step, deal)]


def price_checks(problem: str) -> list[Check]:
    """The checks that the prices and portions of a problem give ground for."""
    checks: list[Check] = []
    prices = _prices(problem)
    if len(prices) > 1:
        checks.append(lambda step, earlier: _other_price(step, prices))
    if prices and _CHANGES.search(problem) is None:
        checks.append(lambda step, earlier: _price_of_several(step, prices))
    portions = (
        {singular(found[2]): (Fraction(found[3]), found[4]) for found in _OF_EACH.finditer(problem)}
        if _HELD_EACH.search(problem)
        else {}
    )
    if portions:
        checks.append(lambda step, earlier: _portion(step, portions))
    return checks


def _prices(problem: str) -> dict[str, set[Fraction]]:
    """The prices of one of each thing, by its name in the singular."""
    prices: dict[str, set[Fraction]] = {}
    if "$" in problem:
        for found in _PRICE_PER.finditer(problem):
            if " per" in found[2] or problem.startswith(" per ", found.end()):
                continue  # $1.50 per student per session
            prices.setdefault(_name(found[2]), set()).add(_number(found[1]))
        for found in _EACH_COSTS.finditer(problem) if "cost" in problem or "s for $" in problem else ():
            prices.setdefault(_name(found[1]), set()).add(_number(found[2]))
    return prices


def _name(words: str) -> str:
    kept = []
    for word in words.lower().split():
        if word in _ENDS:
            break
        kept.append(word)
    return " ".join(map(singular, kept))


_ENDS = word_set("and for if when on in at to of with or but while he she they it is are was the a an each")


def _number(text: str) -> Fraction:
    return Fraction(text.replace(",", "").rstrip("."))


def _other_price(step: str, prices: dict[str, set[Fraction]]) -> str:
    """A price per thing that is the price of another thing of the problem."""
    if "$" not in step:
        return ""
    for found in _STEP_PRICE.finditer(step):
        name, price = singular(found[2]), _number(found[1])
        own = prices.get(name)
        if (
            own is None
            or price in own
            or name in SIZES
            or any(name in other.split() for other in prices if other != name)
        ):
            continue
        others = [other for other, values in prices.items() if other != name and price in values]
        if others and others[0]:
            return f"${found[1]} is the price of a {others[0]}, not of a {name}"
    return ""


def _price_of_several(step: str, prices: dict[str, set[Fraction]]) -> str:
    """A price said to be of one thing that is a multiple of its price."""
    if "ost " in step or "rice " in step:
        for found in _STEP_ONE_COSTS.finditer(step):
            own, price = prices.get(_name(found[1]), set()), _number(found[2])
            if len(own) == 1 and _CHANGES.search(step) is None:
                (true,) = own
                if true and price != true and (price / true).denominator == 1:
                    return f"one {_name(found[1])} costs ${_shown(true)}, not ${found[2]}"
    return ""


def _portion(step: str, portions: dict[str, tuple[Fraction, str]]) -> str:
    for found in _EACH_HOLDS.finditer(step):
        own = portions.get(singular(found[1].lower()))
        if own is not None and own[1][:4] == found[3][:4]:
            amount = Fraction(found[2])
            if amount != own[0] and (amount / own[0]).denominator == 1:
                return f"each {found[1]} is {_shown(own[0])} {own[1]}, not {found[2]}"
    return ""


def _bargain(step: str, deal: re.Match) -> str:
    """ "buy 2, get 1 free" read as "2 for the price of 1"."""
    if " for the " in step:
        found = _FOR_PRICE_OF.search(step)
        if found is not None:
            bought, more, taken, paid = map(_count, (deal[1], deal[2], found[1], found[2]))
            cost = bought if deal[3].lower() == "free" else bought + Fraction(more, 2)
            if min(bought, more, taken, paid) > 0 and taken * cost != paid * (bought + more):
                return f'"{found.group()}" is not "{deal.group()}"'
    return ""


def _count(word: str) -> Fraction:
    return Fraction(word) if word.isdigit() else NUMBERS.get(word.lower(), Fraction(0))


def _shown(value: Fraction) -> str:
    return str(value.numerator) if value.denominator == 1 else f"{float(value):.2f}"
