import pytest

from sept_jax.checks.provenance.units import false_unit, upside_down

WASHINGS = "Use 2 pumps of shampoo, and this will give you 120 washings."

FALSE = {
    "20 kb/s ÷ 3600 s = 0.0056 kb/s": "÷ s changes the unit",
    "5 apples/day * 3 days = 15 apples/day": "* days changes the unit",
    "5 km/hour * 30 minutes = 150 km": "a rate per hour times minutes",
    "40 minutes × $15 per hour = $600": "a rate per hour times minutes",
    r"12 \text{ km/hour} \times 30 \text{ minutes} = 360": "a rate per hour times minutes",
    "3 hours + 30 minutes = 33 minutes": "hours and minutes are not the same unit",
    "9 weeks - 3 days = 6 weeks": "weeks and days are not the same unit",
}
UPSIDE_DOWN = (
    "There are 120 washings with 2 pumps, so 120/2 = 60 pumps per washing",
    "120 washings / 2 pumps = 60 pumps/washing",
)
FINE = (
    "5 apples/day * 3 days = 15 apples",
    "10 feet * 12 inches/foot = 120 inches",
    "$15/hour * 8 hours/day = $120/day",
    "72 meters/min * 30 minutes = 2160 meters",
    "3 hours + 30 minutes = 210 minutes",
    "42 quarters + 350 dimes = 392",
    "120 washings / 2 pumps = 60 washings per pump",
    "60 miles / 2 hours = 30 miles per hour",
    "no equation at all",
)


@pytest.mark.parametrize(("step", "reason"), FALSE.items())
def test_false_units(step, reason):
    assert false_unit(step).endswith(reason)


@pytest.mark.parametrize("step", UPSIDE_DOWN)
def test_rates_upside_down(step):
    assert upside_down(WASHINGS, step).endswith("that is washings per pump, upside down")


@pytest.mark.parametrize("step", FINE)
def test_units_that_cancel(step):
    assert false_unit(step) == upside_down(WASHINGS, step) == ""
