from fractions import Fraction

import pytest

from sept_jax.checks.provenance.check import SOFT, check_provenance
from sept_jax.checks.provenance.sources import is_form, is_near

PUPPY = (
    "She has to feed the puppy 1 cup of food every day for the first 180 days, and 2 cups a day after that. "
    "A bag holds 110 cups. How many bags does she use in the first year?"
)

STRAY = {
    "nothing makes it": (["We add the food of the remaining 85 days of the year."], [-1]),
    "rest of the year": (["We add the food of the remaining 185 days of the year."], [0]),
    "result": (["180 * 1 = 180 cups, and 185 * 2 = 370 cups"], [SOFT]),
    "operand": (["She needs 143 + 2 = 145 cups"], [-1]),
    "small": (["She needs 11 bags"], [0]),
    "known since": (["There are 365 - 180 = 185 days left", "so 185 * 2 = 370"], [1, 1]),
    "assumed": (["Let us assume 87 cups"], [0]),
    "letters": (["x + 87 = 180"], [0]),
    "a year of our time": (["In 2023 she buys it"], [0]),
    "time of day": (["At 5:55 she feeds it"], [0]),
    "a conversion": (["There are 5280 feet in a mile.", "There are 10080 minutes in a week."], [0, 0]),
    "converted": (["The 180 days are 259200 minutes."], [0]),
    "no conversion": (["There are 5270 feet in a mile."], [-1]),
    "one more than a conversion": (["There are 5281 feet in a mile."], [-1]),
    "cut off": (["180 / 110 = 1.636... bags"], [1]),
}  # fmt: skip


@pytest.mark.parametrize(("steps", "expected"), STRAY.values(), ids=STRAY.keys())
def test_stray_numbers(steps, expected):
    assert [v.value for v in check_provenance(PUPPY, steps, strict=False)] == expected


def test_stray_reason():
    (verdict,) = check_provenance(PUPPY, STRAY["nothing makes it"][0], strict=False)
    assert verdict.reason == "85 comes from nowhere, and nothing known makes it"


def test_mathematics_may_bring_numbers():
    problem, steps = "Let {} be 180, and 7 its part.", ["85*3 = 255"]
    assert check_provenance(problem.format("$x$"), steps, strict=False)[0].value == SOFT
    assert check_provenance(problem.format("it"), steps, strict=False)[0].value == -1


def test_forms_and_neighbours():
    known = {20, Fraction(1, 4), 7}
    assert is_form(Fraction(1, 5), known)  # 20%
    assert is_form(25, known)
    assert is_form(-7, known)
    assert not is_form(21, known)
    assert is_near(80, known)  # what 20% leaves
    assert is_near(Fraction(4, 5), known)
    assert is_near(8, known)
    assert is_near(Fraction(1, 7), known)
    assert not is_near(11, known)
