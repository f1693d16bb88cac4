import pytest

from sept_jax.checks.provenance.relations import check_relations

BURRITOS = "The shop makes 125 burritos on Tuesday, 125 on Wednesday and twice as many on Friday."
RIDE = "It takes Jon 40 minutes for the swim, an hour and 20 minutes for the ride and 50 minutes for the run."

REFUTED = [
    (
        BURRITOS,
        "They make twice as many as on Tuesday and Wednesday combined",
        -1,
        "the problem does not say",
    ),
    (RIDE, "His total time is 40 + 60 + 50 = 150 minutes", -0.5, "an hour and 20 min"),
]
FINE = [
    ("A and B have twice as many as C and D together.", "They have twice as many as C and D combined"),
    (BURRITOS, "On Friday they make twice as many, 250"),
    (RIDE, "The ride takes 60 + 20 = 80 minutes"),
    (RIDE, "40 + 80 + 50 = 170"),
    (RIDE, "An hour is 60 minutes"),
    (RIDE, "Another ride of 2 hours and 5 minutes takes 2 x 60 + 5 = 125 minutes"),
]


@pytest.mark.parametrize(("problem", "step", "value", "reason"), REFUTED)
def test_numbers_given_to_something_else(problem, step, value, reason):
    (verdict,) = check_relations(problem, [step])
    assert verdict.value == value
    assert verdict.reason.startswith(reason)


@pytest.mark.parametrize(("problem", "step"), FINE)
def test_numbers_in_their_place(problem, step):
    (verdict,) = check_relations(problem, [step])
    assert not verdict.known, verdict.reason
