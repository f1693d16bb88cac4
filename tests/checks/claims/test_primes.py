import math

from sept_jax.checks.claims.primes import (
    LIMIT,
    divisors,
    factorize,
    is_power,
    is_power_of,
    is_prime,
    smallest_factor,
)


def test_primality_against_trial_division():
    small = [n for n in range(2, 2_000) if all(n % d for d in range(2, math.isqrt(n) + 1))]
    assert [n for n in range(-3, 2_000) if is_prime(n)] == small
    assert is_prime(999_999_999_989)
    assert not is_prime(999_999_999_987)
    assert not is_prime(3_215_031_751)
    assert not is_prime(561)


def test_factorizations_multiply_back():
    for n in (1, 2, 97, 360, 2_187, 100_001, 999_999_999_989, 2**39):
        factors = factorize(n)
        assert math.prod(p**count for p, count in factors) == n
        assert all(is_prime(p) for p, _ in factors)
    assert factorize(0) is None
    assert factorize(LIMIT + 1) is None
    assert factorize(100_003 * 100_019) is None  # both primes beyond the trial


def test_divisors():
    assert divisors(12) == (1, 2, 3, 4, 6, 12)
    assert divisors(1) == (1,)
    assert divisors(963_761_198_400) is None
    assert smallest_factor(91) == 7
    assert smallest_factor(97) == 97
    assert smallest_factor(1) is None


def test_powers():
    assert [n for n in range(-2, 130) if is_power(n, 3)] == [0, 1, 8, 27, 64, 125]
    assert is_power(10**12, 2)
    assert not is_power(10**12 + 1, 2)
    assert [n for n in range(70) if is_power_of(n, 2)] == [1, 2, 4, 8, 16, 32, 64]
    assert not is_power_of(4, 1)
    assert not is_power_of(-4, 2)
