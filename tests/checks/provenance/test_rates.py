import pytest

from sept_jax.checks.provenance.relations import check_relations

CLEANERS = "They charge $5.00 per blouse, $6.00 per skirt and $8.00 per pair of pants. She brings one skirt."
BUS = "She takes two bus trips a day. Each bus trip costs her $2.20. What does she pay?"
FLOUR = "A bag of flour is divided into 8 portions of 2 kilograms each. How much flour is in three bags?"
SCOOPS = "Buy 2 scoops of ice cream, get 1 scoop free. Each scoop costs $1.50."
SHIRTS = "The store has a buy one get one 50% off deal on shirts at $8 each."

DOUBTED = [
    (CLEANERS, "1 skirt x $8.00/skirt = $8.00", "$8.00 is the price of a pant, not of a skirt"),
    (CLEANERS, "At $5.00 per skirt she pays little", "$5.00 is the price of a blouse, not of a skirt"),
    (BUS, "The cost of one bus trip is 2 * 2.20 = $4.40", "one bus trip costs $2.20, not $4.40"),
    (FLOUR, "So, one portion has 16 kilograms of flour.", "each portion is 2 kilograms, not 16"),
]
REFUTED = [
    (SCOOPS, "You get 2 scoops for the price of 1.", '"2 scoops for the price of 1" is not'),
    (SHIRTS, "So two shirts for the price of one.", '"two shirts for the price of one" is not'),
]
FINE = [
    (CLEANERS, "1 skirt x $6.00/skirt = $6.00"),
    (CLEANERS, "The total is $8.00 per visit"),
    (BUS, "The cost of one bus trip is $2.20, and of two is $4.40"),
    (BUS + " There is a 50% discount.", "The cost of one bus trip is now $4.40"),
    (FLOUR, "One portion has 2 kilograms of flour, so one bag has 16 kilograms"),
    (SCOOPS, "You get 3 scoops for the price of 2."),
    (SHIRTS, "Two shirts cost $8 + $4 = $12"),
    ("It costs $25 per session plus $1.50 per student per session.", "Each student adds $1.50 per session"),
]


@pytest.mark.parametrize(("problem", "step", "reason"), DOUBTED)
def test_other_rates_are_doubted(problem, step, reason):
    (verdict,) = check_relations(problem, [step])
    assert verdict.value == -0.5
    assert verdict.reason.startswith(reason)


@pytest.mark.parametrize(("problem", "step", "reason"), REFUTED)
def test_other_deals_are_refuted(problem, step, reason):
    (verdict,) = check_relations(problem, [step])
    assert verdict.value == -1
    assert verdict.reason.startswith(reason)


@pytest.mark.parametrize(("problem", "step"), FINE)
def test_the_problems_rates_are_not(problem, step):
    (verdict,) = check_relations(problem, [step])
    assert not verdict.known, verdict.reason
