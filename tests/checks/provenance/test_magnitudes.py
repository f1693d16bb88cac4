import pytest

from sept_jax.checks.provenance.magnitudes import impossible, is_story

SHOP = "Lauren saves for her old age. How many years does she need?"


@pytest.mark.parametrize(
    ("problem", "step", "reason"),
    [
        (SHOP, "$400,000 - $800,000 = -$400,000 (too much)", "nothing in the problem can be less than zero"),
        (SHOP, "3 - 5 = -2 apples", "nothing in the problem can be less than zero"),
        (SHOP, "x = 3 - 5 = -2", ""),
        (SHOP, "3 - 5 = -2 + 4", ""),
        ("It was -5 degrees.", "3 - 5 = -2 degrees", ""),
        ("He owes her money.", "3 - 5 = -2 dollars", ""),
        (SHOP, "250,000 - 250,000 = 0", "takes a number from itself"),
        (SHOP, "$40.00 - $40.00 = $0", "takes a number from itself"),
        (SHOP, "2*5 - 5 = 5", ""),
        (SHOP, "10 - 10 = 0.5", ""),
        (SHOP, "so 2.5 people come", "cannot be counted"),
        (SHOP, "27/5 = 5.4 children", "cannot be counted"),
        (SHOP, "an average of 2.5 people", ""),
        (SHOP, "2.5 hours", ""),
        (SHOP, "2.0 people", ""),
    ],
)
def test_impossible_results(problem, step, reason):
    assert impossible(problem, step).endswith(reason)
    assert bool(impossible(problem, step)) == bool(reason)


def test_stories():
    assert is_story("Ann has $5 and 3 apples, 20% of them red.")
    assert not is_story("Let $x$ be 5.")
    assert not is_story("Find \\frac{1}{2} of 5.")
    assert not is_story("How many integers are there between 1 and 1000?")
