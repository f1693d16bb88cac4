"""The one vocabulary in which the embedded tasks are written, so that a model of one can read the other, and
the sentences of stories."""

import re
import string
from typing import NamedTuple

CHARACTERS = "0123456789+-*/=# \n"
"""All that a chain and its solution are written in."""

NAMES = ("Tom", "Ann", "Sam", "Eva", "Ben", "Mia", "Leo", "Ida")
ITEMS = ("apples", "books", "cards", "pens", "nuts", "toys")


class Wording(NamedTuple):
    """A sentence for a line `{a} = {b} sign {n}` (`{k}`, `{item}` as named); `misread` is the sign of the
    mistake that it invites, and `misleads` whether its own words suggest that sign."""

    text: str
    sign: str
    misread: str
    misleads: bool


GIVEN = ("{a} has {n} {item}.", "{a} owns {n} {item}.")
RELATIONS = {
    "more": (
        Wording("{a} has {n} more than {b}.", "+", "-", False),
        Wording("{b} has {n} fewer than {a}.", "+", "-", True),
    ),
    "fewer": (
        Wording("{a} has {n} fewer than {b}.", "-", "+", False),
        Wording("{b} has {n} more than {a}.", "-", "+", True),
    ),
    "times": (
        Wording("{a} has {n} times as many as {b}.", "*", "+", False),
        Wording("{a} has {n} for each that {b} has.", "*", "+", True),
    ),
    "half": (
        Wording("{a} has half as many as {b}.", "/", "-", False),
        Wording("{b} has twice as many as {a}.", "/", "*", True),
    ),
    "gives": (
        Wording("{a} gives away {n}.", "-", "+", False),
        Wording("{n} are bought from {a}.", "-", "+", True),
    ),
    "buys": (
        Wording("{a} buys {n}.", "+", "-", False),
        Wording("{n} are given to {a}.", "+", "-", True),
    ),
    "bags": (
        Wording("{a} gets {n} bags of {k}.", "*", "+", False),
        Wording("{a} finds {n} boxes of {k}.", "*", "+", False),
    ),
    "together": (
        Wording("{a} has as many as {b} and {n} together.", "+", "-", False),
        Wording("Together {b} and {n} have as many as {a}.", "+", "-", False),
    ),
    "share": (
        Wording(
            "{a} shares them equally among {n} friends. How many {item} does each friend get?",
            "/",
            "-",
            False,
        ),
        Wording("{a} packs them equally into {n} boxes. How many {item} are in each box?", "/", "-", False),
    ),
    "total": (
        Wording("How many {item} have {b} and {n} together?", "+", "-", False),
        Wording("How many {item} do {b} and {n} have in total?", "+", "-", False),
    ),
    "difference": (
        Wording("How many more {item} has {b} than {n}?", "-", "+", True),
        Wording("How many fewer {item} has {n} than {b}?", "-", "+", False),
    ),
}
ASKED = ("How many {item} has {a}?", "How many {item} does {a} have?")
LABELS = {"bags": "bags", "share": "each", "total": "all", "difference": "more"}
"""What a solution calls a result that is nobody's."""


_PIECE = re.compile(r" \{item\}|\{\w\}| ?[A-Za-z]+|[.?] ?")


def _words() -> dict[str, None]:
    """The words of the stories, each with the space before it, but for names."""
    texts = (*GIVEN, *ASKED, *(w.text for pair in RELATIONS.values() for w in pair))
    found = dict.fromkeys((*NAMES, *(f" {item}" for item in ITEMS), *LABELS.values(), ". "))
    for text in texts:
        found.update(dict.fromkeys(piece for piece in _PIECE.findall(text) if "{" not in piece))
    return found


VOCABULARY: tuple[str, ...] = tuple(
    dict.fromkeys((*CHARACTERS, "####", *_words(), *string.ascii_letters, *".,:?"))
)
"""The pieces: characters of chains, the mark of an answer, words of stories. Letters spell what a part of a
sampled text may be (an answer's, say), or a question to the model."""
