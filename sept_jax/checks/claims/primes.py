"""Whole numbers: primality, factors, divisors, powers, all bounded."""

import functools
import math

LIMIT = 10**12
_WITNESSES = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)
"""Deterministic for n < 3.3e24 (Sorenson and Webster, 2015)."""


@functools.lru_cache(maxsize=8_192)
def is_prime(n: int) -> bool:
    """Whether `n` is prime (Miller-Rabin with witnesses that leave no doubt below 3.3e24)."""
    if n < 2:
        return False
    for p in _WITNESSES:
        if n % p == 0:
            return n == p
    odd, twos = n - 1, 0
    while odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    for witness in _WITNESSES:
        x = pow(witness, odd, n)
        if x in (1, n - 1):
            continue
        for _ in range(twos - 1):
            x = x * x % n
            if x == n - 1:
                break
        else:
            return False
    return True


@functools.lru_cache(maxsize=1_024)
def factorize(n: int) -> tuple[tuple[int, int], ...] | None:
    """Primes with exponents of 1 <= n <= LIMIT by trial division; None if the rest after the primes below
    20,000 is composite."""
    if not 1 <= n <= LIMIT:
        return None
    found: list[tuple[int, int]] = []
    p = 2
    while p * p <= n and p < 20_000:
        count = 0
        while n % p == 0:
            n, count = n // p, count + 1
        if count:
            found.append((p, count))
        p += 1 if p == 2 else 2
    if n > 1:
        if not is_prime(n):
            return None
        found.append((n, 1))
    return tuple(found)


def divisors(n: int) -> tuple[int, ...] | None:
    """The positive divisors in order; None where `factorize` is or there are more than 2,000."""
    factors = factorize(n)
    if factors is None or math.prod(count + 1 for _, count in factors) > 2_000:
        return None
    found = [1]
    for p, count in factors:
        found = [d * p**i for d in found for i in range(count + 1)]
    return tuple(sorted(found))


def smallest_factor(n: int) -> int | None:
    """The smallest prime factor of n >= 2 below 20,000, else n itself if prime, else None."""
    factors = factorize(n)
    return factors[0][0] if factors else None


def is_power(n: int, degree: int) -> bool:
    """Whether `n` is the `degree`-th power of a whole number."""
    if n < 0:
        return False
    root = math.isqrt(n) if degree == 2 else round(n ** (1 / degree))
    return any(r >= 0 and r**degree == n for r in (root - 1, root, root + 1))


def is_power_of(n: int, base: int) -> bool:
    """Whether `n` is `base` to a whole power (1 included)."""
    if base < 2 or n < 1:
        return False
    while n % base == 0:
        n //= base
    return n == 1
