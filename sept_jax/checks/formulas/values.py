"""What expressions are parsed to."""

from fractions import Fraction
from typing import NamedTuple

from sept_jax.checks.formulas.terms import Tree

PERCENT_PLAIN, MIXED_PRODUCT, NO_FACTORIAL, BY_FRACTION = 1, 2, 4, 8
"""Readings of what is ambiguous: 20% as 20, `2\\frac12` as a product, '!' as punctuation, `28 / 1/5` as
28 / (1/5)."""

TIGHT, PERHAPS_DASH = 16, 32
"""Marks: BY_FRACTION of what is not spaced as `28 / 1/5` is; a reading that takes a minus sign for a dash."""


class Value(NamedTuple):
    """An evaluated expression: its exact value, its numbers and operators in order, the decimals that
    were printed (the largest number of them), its unit words, which readings it depends on, and those of
    them that were taken (0: the usual one)."""

    exact: Fraction
    numbers: tuple[Fraction, ...]
    operators: tuple[str, ...]
    decimals: int
    units: tuple[str, ...]
    ambiguous: int
    reading: int = 0


class Term(NamedTuple):
    """An expression that may have names: its tree, the decimals that were printed, its operators in order,
    its unit words, which readings it depends on, and its names."""

    tree: Tree
    decimals: int
    operators: tuple[str, ...]
    units: tuple[str, ...]
    ambiguous: int
    names: frozenset[str]
