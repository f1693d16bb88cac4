"""Claims in prose: what a rule says of one, the text it is read from, and whether it is asserted at all."""

import functools
import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from sept_jax.checks.formulas.lexer import MAX_CHARS
from sept_jax.checks.formulas.words import word_set

CACHED_CHARS = 1_024


class Claim(NamedTuple):
    """A statement that was executed: `holds`, why in words, and where `[start, end)` of the plain text."""

    holds: bool
    reason: str
    start: int
    end: int


_REPLACED = {
    "times": "*", "cdot": "*", "ast": "*", "div": "/", "equiv": "≡", "mid": " | ", "nmid": "∤", "leq": "<=",
    "le": "<=", "geq": ">=", "ge": ">=", "lt": "<", "gt": ">", "neq": "!=", "ne": "!=", "ldots": "...",
    "dots": "...", "cdots": "...", "dotsc": "...", "dotsb": "...", "implies": "=>", "Rightarrow": "=>",
    "mod": " mod ", "bmod": " mod ", "left": "", "right": "", "displaystyle": "", "quad": " ", "qquad": " ",
    "lfloor": "⌊", "rfloor": "⌋", "lceil": "⌈", "rceil": "⌉", "approx": "≈", "pm": "±", "gcd": "gcd",
    "circ": "°", "degree": "°", "angle": "∠", "triangle": "△", "min": "min", "max": "max", "cong": "≅",
    "parallel": "∥", "measuredangle": "∠",
}  # fmt: skip
_LATEX = re.compile(
    r"""\\(?:(?:text|textbf|textit|textrm|textnormal|mathrm|mathbf|mbox|operatorname|mathop)\s?\*?
        \{(?P<text>[^{}]{0,200})\}
    |(?:boxed|fbox|overline|underline|overrightarrow)\s?\{(?P<box>[^{}]{0,60})\}
    |[dtc]?frac\s?\{(?P<top>[^{}]{1,40})\}\s?\{(?P<below>[^{}]{1,40})\}
    |[dtc]?frac(?P<tops>[0-9])(?P<belows>[0-9])
    |[dt]?binom\s?\{(?P<n>[^{}]{1,20})\}\s?\{(?P<k>[^{}]{1,20})\}
    |pmod\s?\{(?P<modulus>[^{}]{1,20})\}
    |(?P<command>[A-Za-z]+)
    |(?P<silent>[()\[\],;:!\ \\])
    |(?P<brace>[{}%]))
    """,
    re.VERBOSE,
)
_SCRIPT = re.compile(r"([\^_])\s?\{([^{}]{1,20})\}")
_THOUSANDS = re.compile(r"[0-9]+(?:(?:\{,\}|,\\!|\\,|,)[0-9]{3})+(?![0-9])")
_THREE_DIGITS = re.compile(r",(?:\}|\\!)?[0-9]{3}")
"""A text without this has no commas of thousands."""

_GROUPED = re.compile(r"[0-9]{1,2}(?:,[0-9]{3})+|[0-9]{3},[0-9]{3}|[0-9]{1,3}(?:(?:\{,\}|,\\!|\\,)[0-9]{3})+")
_LAYOUT = (
    ("\\$", ""), ("\\(", ""), ("\\)", ""), ("\\[", ""), ("\\]", ""), ("\\times", "*"), ("\\cdot ", "* "),
    ("\\left", ""),
    ("\\right)", ")"), ("\\,", " "), ("\\!", ""),
)  # fmt: skip
_NOT_DIGITS = re.compile(r"[^0-9]+")
_SYMBOLS = str.maketrans(
    {"×": "*", "·": "*", "⋅": "*", "÷": "/", "−": "-", "–": "-", "≤": "<=", "≥": ">=", "≠": "!=", "$": "",
     "&": " ", "\t": " ", "\xa0": " "}
)  # fmt: skip


def _join(found: re.Match) -> str:
    """A number without its commas; a list without spaces ("100,121,144") as it is."""
    after = found.string[found.end() : found.end() + 2]
    listed = (after[:1] == "," and after[1:].isdigit()) or found.string[
        found.start() - 1 : found.start()
    ] in (",", ".")
    return found[0] if listed or not _GROUPED.fullmatch(found[0]) else _NOT_DIGITS.sub("", found[0])


def _replace(found: re.Match) -> str:
    kind = found.lastgroup
    text = found[kind]
    if kind == "text":
        new = f" {text} "
    elif kind == "box":
        new = text
    elif kind in ("below", "belows"):
        top = found["top"] or found["tops"]
        new = f"{top}/{text}" if top.isdigit() and text.isdigit() else f"({top})/({text})"
        if found.start() and found.string[found.start() - 1].isdigit():
            new = f" {new}"  # a mixed number
    elif kind == "k":
        new = f"c({found['n']},{text})"
    elif kind == "modulus":
        new = f" (mod {text})"
    elif kind == "command":
        new = _REPLACED.get(text, found[0])
    elif kind == "silent":
        new = " " if text in " \\,;:" else ""
    else:
        new = text
    return new


def plain(step: str) -> str:
    """The step in lower case without LaTeX's layout: `\\frac{1}{2}` as 1/2, `\\cdot` as *, `\\text{...}` as
    its words, no dollar signs, no commas of thousands. Empty beyond the lexer's bounds."""
    return _remembered(step) if len(step) <= CACHED_CHARS else _plain(step)


def _plain(step: str) -> str:
    if len(step) > MAX_CHARS:
        return ""
    text = step
    if _THREE_DIGITS.search(text):
        text = _THOUSANDS.sub(_join, text)
    if "\\" in text:
        for layout, new in _LAYOUT:
            if layout in text:
                text = text.replace(layout, new)
        text = _LATEX.sub(_replace, text)
    if "{" in text:
        text = _SCRIPT.sub(
            lambda found: found[1] + (found[2] if found[2].isalnum() else f"({found[2]})"), text
        )
    if text.isascii():
        text = text.replace("$", "").replace("&", " ").replace("\t", " ")
    else:
        text = text.translate(_SYMBOLS)
    text = text.replace("**", "")
    while "  " in text:
        text = text.replace("  ", " ")
    return text.lower()


_remembered = functools.lru_cache(maxsize=512)(_plain)

_DOUBTS = re.compile(
    r"\b(?:if|suppose|supposing|assume|assuming|whether|unless|must|should|would|could|might|need|needs|want|"
    r"wants|check|let(?!.?s |.?s:| us )|such that|so that|case|cases|guess|claim|not|cannot|can't"
    r"|isn't|aren't|doesn't|"
    r"don't|incorrect|incorrectly|wrong|mistake|mistakenly|contradiction|instead|until|try|trying"
    r"|hypothetically|"
    r"for|when|where|whenever|imagine|say|pretend|actually|neither|nor|no|without|unlikely"
    r"|possible|possibly)\b"
)
_HYPOTHESES = re.compile(
    r"\b(?:if|suppose|supposing|assume|assuming|whether|unless|must|should|would|could|might|need|needs|"
    r"check|let(?!.?s |.?s:| us )|incorrect|incorrectly|wrong|mistake|mistakenly|contradiction"
    r"|imagine|pretend|until|"
    r"hypothetically|possibly|neither|nor|guess|want|wants|error|misunderstanding)\b"
)
_AFTER = re.compile(
    r"\s*(?:,\s*)?(?:if|only|unless|when|for (?:all|any|every|some)|which (?:is|would be) (?:false|not)|\?)"
)
_SENTENCE_END = re.compile(r"[.;!?\n](?=\s|$)")


def clause(text: str, start: int) -> str:
    """The words of the sentence before `start` (up to 160 characters)."""
    low = max(0, start - 160)
    before = text[low:start]
    ends = [found.end() for found in _SENTENCE_END.finditer(before)]
    return before[ends[-1] :] if ends else before


def asserted(text: str, start: int, end: int) -> bool:
    """Whether the words around `[start, end)` put it forward as a fact: no condition, doubt or question."""
    if _HYPOTHESES.search(clause(text, start)) or _AFTER.match(text, end):
        return False
    stop = _SENTENCE_END.search(text, end)
    return not (stop and stop.group() == "?" and stop.start() - end < 120)


def denied(text: str, start: int) -> bool:
    """Whether the sentence before `start` holds any word that can turn a statement round."""
    return _DOUBTS.search(clause(text, start)) is not None


_OPERATORS = frozenset("+-*/^_|<>≡√∠%°")
_RELATIVE = word_set(
    "of by to than mod modulo base step case row column digit in on at with for between plus times "
    "minus over "
    "position exponent term numbers prime primes power index equation part option from through or per "
    "first last next besides except excluding problem question line point stage rule method "
    "example theorem chapter day week year into"
)
_LINKED = re.compile(r"\b(?:of|between|both|either|neither|from|sum|product|difference)\b")


def stands_alone(text: str, start: int) -> bool:
    """Whether a number at `start` is a sentence's subject, not the end of a formula or of another phrase
    ("the sum of 4 and 6", "the exponent of 5", "n + 7")."""
    at = start - 1
    if at >= 0 and (text[at].isalnum() or text[at] in "._,'"):
        return False
    while at >= 0 and text[at] == " ":
        at -= 1
    if at < 0 or text[at] == "\n":
        return True
    character = text[at]
    if character == "-" and (at == 0 or text[at - 1] in "\n") and start - at > 1:
        return True  # a bullet
    if character in _OPERATORS:
        return False
    if character == "(":
        return at == 0 or text[at - 1] in " \n("
    if character.isalnum():
        first = at
        while first > 0 and (text[first - 1].isalnum() or text[first - 1] in "'’"):
            first -= 1
        word = text[first : at + 1]
        if word in _RELATIVE or (len(word) == 1 and word != "a") or any(map(str.isdigit, word)):
            return False
        if word == "both":
            return not text[:first].rstrip(" ").endswith((" by", " of", " than", " with", " to", " for"))
        if word == "number":
            return text[max(0, first - 4) : first] == "the "
        if word == "and":
            return not _LINKED.search(clause(text, first))
    if character == ",":
        return not _LINKED.search(clause(text, at))
    return True


def ends_clean(text: str, end: int) -> bool:
    """Whether a number that ends at `end` is whole there: no decimals, power, factorial or "
    "operator follow."""
    if end >= len(text):
        return True
    character, following = text[end], text[end + 1 : end + 2]
    if character.isalnum() or character in "^!_*/%°'(|":
        return False
    if character in ".," and following.isdigit():
        return False
    return text[end : end + 4].lstrip(" ")[:1] not in ("+", "-", "*", "/", "^", "!")


NUMBER = r"(?:\d{1,15})"
DECIMAL = r"-?\d{1,15}(?:\.\d{1,15})?"
LIST = r"\d{1,12}(?!\d)(?:(?: ?, ?(?:and )?| and | & )\d{1,12}(?!\d)){0,199}"
EITHER = r"\d{1,12}(?!\d)(?:(?: ?, ?(?:and |or )?| and | or )\d{1,12}(?!\d)){0,199}"
"""Numbers in digits, lists of them joined by "and", and by "or" too."""
_ITEM = re.compile(r"\d+")


def numbers_of(listed: str) -> list[int]:
    """The whole numbers of a list such as "2, 3 and 5"."""
    return [int(item) for item in _ITEM.findall(listed)]


def shown(text: str) -> str:
    """A quotation short enough for a reason."""
    text = " ".join(text.split())
    return text if len(text) <= 70 else text[:69] + "…"


def compared(
    label: str, value: int | Fraction | None, claimed: int | Fraction, text: str, start: int, end: int
) -> Iterator[Claim]:
    """The claim that what `label` names has the value `claimed`; nothing if its `value` is None or the text
    goes on with the formula."""
    if value is not None and ends_clean(text, end):
        yield Claim(value == claimed, f"{shown(label)} is {value}", start, end)


def label_of(found: re.Match) -> str:
    """What a claim says before " is 5" or " = 5"."""
    return found[0].rsplit(" ", 2)[0]
