import pytest

from sept_jax.checks.claims.number_sets import read_set


@pytest.mark.parametrize(
    ("words", "members"),
    [
        ("primes less than 20", [2, 3, 5, 7, 11, 13, 17, 19]),
        ("odd primes less than 10", [3, 5, 7]),
        ("composite numbers below 10", [4, 6, 8, 9]),
        ("positive divisors of 12", [1, 2, 3, 4, 6, 12]),
        ("odd integer factors of 12", [1, 3]),
        ("multiples of 7 between 10 and 30", [14, 21, 28]),
        ("perfect squares from 1 to 30", [1, 4, 9, 16, 25]),
        ("powers of 3 less than or equal to 27", [1, 3, 9, 27]),
        ("two-digit multiples of 30", [30, 60, 90]),
        ("even numbers greater than 4 and less than 10", [6, 8]),
        ("integers from 3 through 6", [3, 4, 5, 6]),
        ("positive integers that are divisors of 3!", [1, 2, 3, 6]),
    ],
)
def test_members(words, members):
    numbers, end = read_set(words, 0)
    assert end == len(words)
    assert numbers.members(numbers.low or 1, numbers.high) == members


@pytest.mark.parametrize(
    "words", ["", "apples", "divisors of n", "divisors of 2^3", "squares", "multiples of 0"]
)
def test_words_that_name_no_set(words):
    assert read_set(words, 0) is None


def test_between_may_leave_out_its_ends():
    numbers, _ = read_set("primes between 2 and 7", 0)
    assert (numbers.low, numbers.high) == (2, 7)
    assert set(numbers.others) == {(3, 6), (3, 7), (2, 6)}
    assert read_set("primes between 2 and 7 inclusive", 0)[0].others == ()
