import pytest

from sept_jax.checks.provenance.relations import check_relations

SHIRT = "A shirt costs $50. There is a 20% discount on it. What does Ann pay?"
WATCH = "A $2000 watch is sold at 75% of its original price. What does it cost?"
HOUSE = "A house costs $80,000. Repairs increased its value by 150%. What is it worth?"
CARROTS = (
    "Carrots cost $120. The price rises by 5% of the original price every year. What is it after 3 years?"
)

DOUBTED = [
    (SHIRT, "So the discount is $40.", "40 is what remains after 20% off, not the discount"),
    (SHIRT, "The discounted price is 50 * 0.2 = $10.", "10 is 20% of the amount, the change itself"),
    (SHIRT, r"\text{Discounted price} = 50 \times 0.2 = 10", "10 is 20% of the amount, the change itself"),
    (SHIRT, "The new price is 20% of the old price.", "20% is the change, not the share"),
    (
        WATCH,
        "The discount is 75%, so it costs $500",
        "75% is what remains of the price, not what is taken off",
    ),
    (WATCH, "A 75% discount is $1500", "75% is what remains of the price, not what is taken off"),
    (HOUSE, "The new value is 150% of the original cost.", "150% is the change, not the share"),
    (HOUSE, "The new value = 80,000 * 1.5 = $120,000", "120,000 is 150% of the amount, the change itself"),
    (CARROTS, "We use compound interest.", "a percentage of the original amount does not compound"),
    (CARROTS, "P = 120 * (1 + 0.05)^3", "a percentage of the original amount does not compound"),
]
FINE = [
    (SHIRT, "The discount is 20% * $200 = $40"),  # 40 is 20% of 200, which the step brings
    (SHIRT, "The discount is 50 * 0.2 = $10, so the discounted price is $40."),
    (SHIRT, "The sale price is $50 - $10 = $40"),
    (SHIRT, "After $10 off, the new price is 80% of the old price."),
    (SHIRT, "The new price is $10 less than before"),
    (WATCH, "The watch is 25% off, and costs 0.75 * 2000 = $1500"),
    (WATCH, "The discount is 100% - 75% = 25%"),
    (HOUSE, "The increase is 150% of 80,000, which is $120,000, so the new value is $200,000"),
    (HOUSE, "The new value is 250% of the old value"),
    (CARROTS, "Each year adds 0.05 * 120 = $6"),
    ("A shirt at $50 is 50% off.", "The new price is 50% of $50, and the discount is $25."),
    ("It grows by 5% every year.", "We use compound growth: 100 * (1 + 0.05)^3"),
]


@pytest.mark.parametrize(("problem", "step", "reason"), DOUBTED)
def test_confused_percentages_are_doubted(problem, step, reason):
    (verdict,) = check_relations(problem, [step])
    assert (verdict.value, reason in verdict.reason) == (-0.5, True)


@pytest.mark.parametrize(("problem", "step"), FINE)
def test_percentages_in_their_role_are_not(problem, step):
    (verdict,) = check_relations(problem, [step])
    assert not verdict.known, verdict.reason
