from fractions import Fraction

import pytest

from sept_jax.checks.formulas.conversions import SIZES, convertible, false_conversion
from sept_jax.checks.formulas.words import MEASURES


@pytest.mark.parametrize(
    ("step", "relation", "false"),
    [
        ("3 hours = 200 minutes", "=", True),
        ("3 hours = 180 minutes", "=", False),
        ("5 nickels equal 1 dollar", " equal ", True),
        ("20 nickels equal 1 dollar", " equal ", False),
        ("5 feet = 50 inches", "=", True),
        ("1.5 hours is 80 minutes", " is ", True),
        ("1 week = 5 days", "=", False),  # working days
        ("1 mile = 1.6 km", "=", False),  # another system
        ("2 miles = 10560 feet", "=", False),
        ("60 minutes/week * 2 weeks = 120 minutes", "=", False),
        ("1 hour and 20 minutes = 80 minutes", "=", False),
        ("2 hours = 30 minutes longer", "=", False),
        ("2 hours = 10 minutes * 12", "=", False),
        ("the hours in a year = 36 months", "=", False),
        ("a year = 10 months", "=", False),
        ("a foot = 10 inches", "=", True),
        ("5 apples = 3 pears", "=", False),
    ],
)
def test_conversions(step, relation, false):
    middle = step.index(relation)
    reason = false_conversion(step, middle, middle + len(relation))
    assert bool(reason) == false, reason
    assert not reason or reason.endswith("is false")


def test_units_of_one_kind_convert():
    assert convertible({"gallon"}, Fraction(4))
    assert convertible({"minute"}, Fraction(1, 60))
    assert convertible({"cup"}, Fraction(8))
    assert not convertible({"gallon"}, Fraction(2))
    assert not convertible({"hour"}, Fraction(10))
    assert convertible({"day"}, Fraction(365))
    assert not convertible({"apple"}, Fraction(60))


def test_every_unit_is_a_measure():
    assert SIZES.keys() <= MEASURES.keys()
