"""Claims that count a list in the text: "there are 4 odd numbers (1, 3, 5)", "2, 3, 5, 7, so "
"there are 5 primes"."""

import re
from collections.abc import Iterator

from sept_jax.checks.claims.claims import Claim, ends_clean, shown

MAX_ITEMS = 200

HINT = re.compile(
    r"(?:there (?:are|is)|which (?:is|gives us|are)|that(?:'s| is)|giving us|total of|making)[a-z "
    r"]{0,20}[\\($]{0,3}(?:boxed\{)?"
    r"(?:[0-9]|two|three|four|five|six|seven|eight|nine|ten)"
)
"""A text without this holds no such claim."""

_ATOM = r"(?:-?\d{1,9}(?:\.\d{1,6}|/\d{1,6})?(?![\d^a-z(])|\( ?-?\d[-0-9/., ]{1,24}\)|\{ ?\d[-0-9, ]{0,24}\})"
_JOINT = r"(?: ?, ?and | ?, ?| and )"
_COUNT = r"(?P<count>\d{1,3}|two|three|four|five|six|seven|eight|nine|ten)"
_BEFORE = re.compile(
    rf"there (?:are|is) (?:exactly |only |a total of |actually )?{_COUNT} (?P<nouns>(?:[a-z0-9'-]+ "
    rf"){{0,7}}?[a-z'-]+),? ?"
    rf"(?P<open>\(|: |, namely,? |, which are:? |, i\.e\.,? )(?P<items>{_ATOM}(?:{_JOINT}{_ATOM})"
    rf"{{2,{MAX_ITEMS}}})(?P<rest>.{{0,12}})",
    re.DOTALL,
)
_AFTER = re.compile(
    rf"(?:\bare|:|namely|include) ?(?P<items>{_ATOM}(?:{_JOINT}{_ATOM}){{2,{MAX_ITEMS}}})\)?(?:\. "
    rf"?|, ?|; ?| )"
    r"(?:so |thus,? |therefore,? |hence,? |and )?(?:there are|which is|that's|that is|which gives "
    r"us|giving us|for a total of|which are|making) "
    rf"(?:a total of |exactly |only )?{_COUNT} "
    r"(?P<nouns>(?:such |different |distinct |possible |positive |perfect |prime |odd |even |two-digit )*"
    r"(?:numbers|integers|values|primes|squares|cubes|multiples|factors|divisors|terms|elements"
    r"|options|choices|possibilities|solutions|pairs|outcomes|ways))"
    r"(?=[.,;)\n]|$| in total| in this)(?P<rest>)",
    re.DOTALL,
)
_ATOMS = re.compile(_ATOM)
_WORDS = {
    word: n
    for n, word in enumerate(
        ["two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"], start=2
    )
}
_CONTINUES = ("...", "…", "etc", "or ", "so on", "and so")


def tallies(text: str) -> Iterator[Claim]:
    """Counts that stand directly before or after the list they count."""
    if text.count(",") < 2:
        return
    for pattern in (_BEFORE, _AFTER):
        for found in pattern.finditer(text):
            items = _ATOMS.findall(found["items"])
            rest = found["rest"].lstrip(" ,)")
            if found["items"].count(" and ") > 1 or rest.startswith(_CONTINUES) or "..." in rest[:8]:
                continue
            if pattern is _BEFORE and not _closed(text, found):
                continue
            count = int(found["count"]) if found["count"].isdigit() else _WORDS[found["count"]]
            sizes = {len(items), len(set(items))}
            kinds = {item[0] in "({" for item in items}
            if len(kinds) > 1:
                continue
            reason = f"the list {shown(found['items'])} has {len(items)} items, not {count}"
            if count in sizes:
                reason = f"the list {shown(found['items'])} has {count} items"
            yield Claim(count in sizes, reason, *found.span())


def _closed(text: str, found: re.Match) -> bool:
    end = found.end("items")
    if found["open"] == "(":
        return text.startswith(")", end)
    return ends_clean(text, end) and text[end : end + 1] in (".", "\n", ";", "") and "," in found["items"]
