"""The words that arithmetic in prose turns on: units, numbers, joints. Lower case."""

from fractions import Fraction


def word_set(text: str) -> frozenset[str]:
    """The words of a text."""
    return frozenset(text.split())


FUNCTIONS = word_set(
    "sin cos tan cot sec csc arcsin arccos arctan log ln exp gcd lcm max min lim det floor ceil "
    "st nd rd th am pm"
)
"""Names whose argument is no factor, and endings that make a number no quantity."""

SHORT_UNITS = word_set("kg cm mm km ft lb lbs oz ml mg hr hrs min mins mph in sec yd")

_MEASURES = {
    "time": "second sec minute min mins hour hr hrs day week fortnight month year decade century centurie",
    "length": "inch inche inches in foot feet ft yard yd mile meter metre centimeter centimetre cm "
              "millimeter millimetre mm km kilometer kilometre m",
    "mass": "ounce oz pound lb lbs ton gram g kg kilogram kilo mg milligram",
    "volume": "cup pint quart gallon liter litre ml milliliter millilitre l teaspoon tablespoon",
    "money": "cent dollar penny pennies pennie nickel dime quarter buck",
    "count": "dozen pair couple score gross hundred thousand million billion k",
}  # fmt: skip
MEASURES = {word: kind for kind, words in _MEASURES.items() for word in words.split()}
"""Dimension of a measure word, as `singular` leaves it ("inche")."""

SCALES = {
    "dozen": 12, "pair": 2, "couple": 2, "score": 20, "gross": 144, "hundred": 100, "thousand": 1000,
    "k": 1000, "million": 10**6, "billion": 10**9,
}  # fmt: skip
"""Words that multiply the number before them, and by how much."""

JOINTS = word_set(
    "and or plus minus times over by less more than is are was were so then from to at if when since because "
    "equals gives which that this total but for with as therefore thus hence means where"
)
"""Words that no unit contains: an expression does not reach across them."""

DOUBTS = word_set(
    "if suppose assume assuming whether unless not cannot can't isn't doesn't wrong incorrect false "
    "contradiction instead mistake mistakenly error"
)
"""A false equation in a clause with one of these may be meant as false."""

AFTER = word_set("or r remainder rem mod modulo base leftover left squared cubed factorial")
"""A result followed by one of these is not the whole result."""

_ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen"
)
_TENS = "twenty thirty forty fifty sixty seventy eighty ninety"
NUMBERS: dict[str, Fraction] = {word: Fraction(i) for i, word in enumerate(_ONES.split())}
NUMBERS |= {word: Fraction(10 * i) for i, word in enumerate(_TENS.split(), start=2)}
NUMBERS |= {
    "once": Fraction(1), "twice": Fraction(2), "double": Fraction(2), "doubled": Fraction(2),
    "thrice": Fraction(3), "triple": Fraction(3), "tripled": Fraction(3), "quadruple": Fraction(4),
    "half": Fraction(1, 2), "halves": Fraction(1, 2), "third": Fraction(1, 3), "thirds": Fraction(1, 3),
    "quarter": Fraction(1, 4), "quarters": Fraction(1, 4), "fourth": Fraction(1, 4),
    "fourths": Fraction(1, 4), "fifth": Fraction(1, 5), "fifths": Fraction(1, 5), "sixth": Fraction(1, 6),
    "eighth": Fraction(1, 8), "tenth": Fraction(1, 10),
    "dozen": Fraction(12), "couple": Fraction(2), "pair": Fraction(2), "hundred": Fraction(100),
    "score": Fraction(20), "thousand": Fraction(1000), "million": Fraction(10**6), "billion": Fraction(10**9),
    "both": Fraction(2),
}  # fmt: skip
"""Value of a number word."""

COMMON = frozenset(
    Fraction(n)
    for n in (0, 1, 2, 3, 4, 5, 7, 10, 12, 16, 24, 30, 31, 36, 52, 60, 90, 100, 180, 360, 365, 1000, 3600)
)  # fmt: skip
"""Numbers that everyone knows: days, hours, minutes, cents, percent, dozens, degrees, halves, averages."""


def singular(word: str) -> str:
    """The word without a plural's s."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word
