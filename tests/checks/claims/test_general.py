import pytest

from sept_jax.checks.claims.general import inequalities, letters, satisfying, tree_of


def verdict(rule, text):
    return [claim.holds for claim in rule(text)]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("if n is odd, then n^2 is odd.", [True]),
        ("if n is even, then n^2 + n will also be odd.", [False]),
        ("n(n + 1) is always even.", [True]),
        ("n^3 - n is divisible by 6 for all integers n.", [True]),
        ("n^2 - 1 is divisible by 3 for all n.", [False]),
        ("if n is odd, then m^2 is odd.", []),  # another letter
        ("n/2 is always even.", []),  # not whole
        ("x_k is divisible by 3 for all k.", []),
    ],
)
def test_letters(text, holds):
    assert verdict(letters, text) == holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("n^2 + 1 > n for all n.", [True]),
        ("2n > n + 5 for all positive integers n.", [False]),
        ("x^2 >= x for all real x.", [False]),  # fails at 1/2
        ("n^2 >= n for all integers n.", [True]),
        ("n^2 > 2n for all n > 2.", [True]),
        ("a <= 4 for all n.", []),
        ("\\cos 3x <= 1 for all x.", []),
    ],
)
def test_inequalities(text, holds):
    assert verdict(inequalities, text) == holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("the smallest integer that satisfies x^2 < 26 is x = -5.", [True]),
        ("the smallest positive integer such that 3x > 10 is 4.", [True]),
        ("the smallest positive integer such that 3x > 10 is 5.", [False]),
        ("the largest integer for which 2n + 1 < 20 is 10.", [False]),
        ("the largest integer for which a + b < 20 is 10.", []),
    ],
)
def test_satisfying(text, holds):
    assert verdict(satisfying, text) == holds


def test_a_tree_is_the_whole_text():
    assert tree_of("n^2 + n") is not None
    assert tree_of("n^2 + ") is None
    assert tree_of("n" * 100) is None
