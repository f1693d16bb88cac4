"""Claims that order closed expressions: "3/4 < 2/3"."""

import re
from collections.abc import Iterator

from sept_jax.checks.claims.claims import Claim, denied, shown, stands_alone
from sept_jax.checks.formulas.expressions import evaluate

_SIDE = r"[0-9(-][0-9+*/^(). -]{0,40}?"
HINT = re.compile(r"[0-9)}][ $)\\]{0,3}(?:<|>|≤|≥|\\[lg][et])")
"""A text without this orders no numbers."""
_ORDER = re.compile(rf"(?P<left>{_SIDE}) ?(?P<symbol><=|>=|<|>) ?(?P<right>[0-9(-][0-9+*/^(). -]{{0,40}})")
_DENIED = re.compile(r"false|not |contradict|impossible|incorrect|no\b|fail|wrong")
_TRUE = {
    "<": lambda a, b: a < b, ">": lambda a, b: a > b, "<=": lambda a, b: a <= b, ">=": lambda a, b: a >= b,
}  # fmt: skip


def orders(text: str) -> Iterator[Claim]:
    """Whether closed expressions are ordered as the text says; only in sentences without a word of doubt."""
    for found in _ORDER.finditer(text):
        start, end = found.span()
        if not stands_alone(text, start) or text[start - 1 : start] in tuple("√}\\()|,="):
            continue
        right = found["right"].rstrip(" .,(-")
        after = text[found.start("right") + len(right) :][:3]
        if (after.lstrip(" ")[:1] in tuple("=<>+-*/^(|\\≈°!%_{") and after.strip()) or after[:1].isalpha():
            continue
        if (
            after.lstrip(" ")[:1].isalpha()
            and len(after.lstrip(" ")) > 1
            and not after.lstrip(" ")[1].isalpha()
        ):
            continue  # a letter follows
        if denied(text, start) or _DENIED.search(text, end, end + 40):
            continue
        if found["left"].startswith("- "):
            continue
        a, b = evaluate(found["left"].strip()), evaluate(right)
        if a is None or b is None:
            continue
        holds = _TRUE[found["symbol"]](a.exact, b.exact)
        claim = shown(f"{found['left'].strip()} {found['symbol']} {right}")
        yield Claim(
            holds, f"{claim} is {'true' if holds else 'false'}", start, found.start("right") + len(right)
        )
