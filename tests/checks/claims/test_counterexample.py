import pytest

from sept_jax.checks.claims.counterexample import check_counterexample
from sept_jax.checks.verdicts import UNKNOWN


def check(step, problem="What?"):
    return check_counterexample(problem, [step])[0]


REFUTED = [
    ("91 is prime.", "91 is 7*13, not prime"),
    ("We have $7 \\cdot 13 = 91$, which is a prime number.", "91 is 7*13, not prime"),
    ("Since 53 is composite, we go on.", "53 is prime"),
    ("The number 57 is a prime number.", "57 is 3*19, not prime"),
    ("51, 53, and 59 are all prime.", "51 is 3*17, not prime"),
    ("Note that 1 is prime.", "1 is neither prime nor composite"),
    ("50 is a perfect square.", "50 is not a perfect square"),
    ("27 is not a perfect cube.", "27 is a perfect cube"),
    ("4, 5, 6, 7, and 8 are all powers of 2.", "5 is not a power of 2"),
    ("So 7 is even.", "7 is odd"),
    ("50 is divisible by 7.", "50 divided by 7 leaves 1"),
    ("$7 \\mid 50$ here", "50 divided by 7 leaves 1"),
    ("Thus 7 divides 50.", "50 divided by 7 leaves 1"),
    ("6 is a factor of 20.", "20 divided by 6 leaves 2"),
    ("50 is a multiple of 7.", "50 divided by 7 leaves 1"),
    ("Since 111111111 is not divisible by 9, we stop.", "111111111 is 9*12345679"),
    ("77 is not divisible by 2, 3, 5, or 7.", "77 is 7*11"),
    ("1,233 and 999 are both divisible by 4.", "1233 divided by 4 leaves 1"),
    ("194 ÷ 11 = 17 with a remainder of 9.", "194 = 11*17 + 7"),
    ("when 50 is divided by 7, the remainder is 2.", "50 = 7*7 + 1"),
    ("50 leaves a remainder of 2 when divided by 7.", "50 = 7*7 + 1"),
    ("The remainder when 50 is divided by 7 is 2.", "50 = 7*7 + 1"),
    ("we see that \\(195 \\mod 19 = 1\\).", "195 = 19*10 + 5"),
    ("411 and 333 do not share any other common factors.", "411 and 333 have the common factor 3"),
    ("15 and 21 are relatively prime.", "15 and 21 have the common factor 3"),
    ("$\\frac{411}{333}$ is in simplest form.", "411/333 can be divided by 3"),
    ("The fraction $\\frac{14}{21}$ cannot be reduced.", "14/21 can be divided by 7"),
    ("The GCD of 12 and 18 is 4.", "the GCD of 12 and 18 is 6"),
    ("Find the greatest common divisor (GCD) of 2187 and 5625. We find that the GCD is 3.",
     "the GCD of 2187 and 5625 is 9"),
    ("the LCM of 4, 6, and 8 is 48.", "the LCM of 4, 6, and 8 is 24"),
    ("\\gcd(12, 18) = 4", "gcd(12, 18) is 6"),
    ("The sum of the digits of 482 is 15.", "the sum of the digits of 482 is 14"),
    ("1000 has 3 digits.", "1000 has 4 digits"),
    ("The units digit of $7^{10}$ is 3.", "the units digit of 7^10 is 9"),
    ("In base 2: $101_2 = 6$", "101 in base 2 is 5"),
    ("1011 in base 2 is 12.", "1011 in base 2 is 11"),
    ("$\\lfloor 3.7 \\rfloor = 4$", "⌊3.7⌋ is 3"),
    ("$\\lceil 7/2 \\rceil = 3$", "⌈7/2⌉ is 4"),
    ("This is 161.7. Rounding to the nearest whole number, the time is 161 minutes.",
     "161.7 to the nearest whole number is 162"),
    ("3.14159 rounded to the nearest hundredth is 3.15.", "3.14159 to the nearest hundredth is 3.14"),
    ("The smallest integer greater than 7.5 is 7.", "the smallest integer greater than 7.5 is 8"),
    ("The average of 3, 5, and 10 is 5.", "the average of 3, 5, and 10 is 6"),
    ("The median of 9, 1, and 4 is 1.", "the median of 9, 1, and 4 is 4"),
    ("7 choose 2 is 20.", "7 choose 2 is 21"),
    ("len([1, 2, 3]) = 4", "len([1, 2, 3]) is 3"),
    ("24 has 7 divisors.", "24 has 8 divisors"),
    ("$\\varphi(12) = 5$", "φ(12) is 4"),
    ("The divisors of 12 are 1, 2, 3, 4, and 6.", "the divisors of 12 include 12 too"),
    ("The primes less than 20 are 2, 3, 5, 7, 9, 11, 13, 17, 19.", "9 is not among the primes less than 20"),
    ("the multiples of 6 between 1 and 20: 6, 12, 16", "16 is not among the multiples of 6 between 1 and 20"),
    ("the first five composite numbers: 4, 6, 8, 9, 12.", "the first 5 composite numbers are 4, 6, 8, 9, 10"),
    ("There are 9 primes less than 20.", "there are 8 primes less than 20"),
    ("The number of divisors of 24 is 7.", "there are 8 divisors of 24"),
    ("There are 40 integers from 10 to 50 inclusive.", "there are 41 integers from 10 to 50 inclusive"),
    ("There are 12 two-digit numbers divisible by 7.", "there are 13 two-digit numbers divisible by 7"),
    ("The largest prime number less than 97 is 97 itself.", "the largest prime number less than 97 is 89"),
    ("The greatest odd integer that is a factor of $5!$ is $5$.",
     "the greatest odd integer that is a factor of 5! is 15"),
    ("There are 5 such values (1, 3, 5, 7).", "the list 1, 3, 5, 7 has 4 items, not 5"),
    ("They are 2, 3, 5, 7, so there are 5 primes.", "the list 2, 3, 5, 7 has 4 items, not 5"),
    ("10 days after Monday is Friday.", "10 days after Monday is Thursday"),
    ("90 minutes after 3:45 pm is 5:05 pm.", "that is 5:15 pm"),
    ("Clearly 3/4 < 2/3.", "3/4 < 2/3 is false"),
    ("If $n$ is odd, then $n^2 + n$ will be odd as well.", "for n = 1, n^2 + n is 2, not odd"),
    ("Note that $n^2 + n + 1$ is always even.", "for n = 1, n^2 + n + 1 is 3, not even"),
    ("We have n^2 > 2n for all positive integers n.", "n^2 > 2n for all positive integers n fails at n = 1"),
    ("The sum of two odd numbers is odd.", "the sum of odd and odd numbers is even"),
    ("the smallest integer that satisfies the inequality \\((x-5)(x+5)<0\\) is \\(x = 4\\).",
     "x = 3 satisfies it too"),
    ("The inverse of 3 modulo 19 is 7.", "3*7 leaves 2 when divided by 19"),
    ("Therefore \\(13^{-1} \\equiv 15 \\mod 19\\).", "13*15 leaves 5 when divided by 19"),
    ("The prime factorization of 84 is $2^2 \\cdot 3 \\cdot 8$.",
     "the prime factorization of 84 is 2^2 * 3 * 7"),
    ("The prime factorization of 91 is 91.", "the prime factorization of 91 is 7 * 13"),
    ("25! ends in 5 zeros.", "the number of zeros at the end of 25! is 6"),
    ("The sum of the divisors of 12 is 27.", "the sum of the divisors of 12 is 28"),
    ("The sum of the first 10 odd numbers is 90.", "the sum of the first 10 odd numbers is 100"),
    ("The sum of the integers from 1 to 10 is 50.", "the sum of the integers from 1 to 10 is 55"),
    ("The supplement of 40 degrees is 150 degrees.", "the supplement of 40 degrees is 140"),
    ("There are 30 days in March.", "march has 31 days"),
    ("Since 5 nickels equal 1 dollar, we divide.", "a dollar has 20 nickels"),
    ("We feed it the first 180 days and the remaining 85 days of the year.",
     "180 and 85 days are 265, and a year has 365"),
    ("The sum of the interior angles of a hexagon is 700 degrees.", "the angles of a hexagon sum to 720"),
    ("So the probability is $\\frac{7}{5}$.", "a probability of 7/5 is above 1"),
    ("The slope between (1, 2) and (3, 8) is 2.", "the slope is 3"),
    ("The midpoint of (1, 2) and (3, 8) is (2, 6).", "the midpoint is (2, 5)"),
    ("The point (1, 3) lies on the line y = 2x.", "(1, 3) does not lie on y = 2x"),
    ("Since AB = BC, triangle ABC is isosceles, meaning $\\angle BAC = \\angle ABC$.",
     "the equal angles are at A and C, not at B"),
]  # fmt: skip


@pytest.mark.parametrize(("step", "reason"), REFUTED)
def test_false_claims_are_refuted(step, reason):
    assert check(step) == (-1.0, reason)


VERIFIED = [
    "97 is prime.",
    "Since 91 is not prime, we go on.",
    "49 is divisible by 7.",
    "6 | 42 | 7 is a table, but 7 divides 42.",
    "50 mod 7 = 1.",
    "8 and 15 are relatively prime.",
    "the LCM of 4 and 6 is 12.",
    "24 has 8 divisors.",
    "The factors of 12 are 1, 2, 3, 4, 6, and 12.",
    "There are 8 primes below 20.",
    "there are 9 multiples of 5 between 5 and 45",
    "3.14159 rounded to the nearest hundredth is 3.14.",
    "There are 60 minutes in an hour.",
    "The prime factorization of $72$ is $72=2^3 \\cdot 3^2,$ so there are 12 divisors.",
    "If n is even, then n^2 + 1 is odd.",
    "The sum of the angles of a triangle is 180 degrees.",
    "Since AB = AC, the triangle ABC has ∠ABC = ∠ACB.",
]


@pytest.mark.parametrize("step", VERIFIED)
def test_true_claims_are_verified(step):
    assert check(step).value == 1


UNSURE = [
    "Is 91 prime?",
    "If 91 is prime, we are done.",
    "Suppose 50 is divisible by 7.",
    "For N to be even, 7 must be even.",
    "Let us check whether 91 is prime.",
    "the sum of 4 and 6 is odd",  # the subject is no number
    "the exponent of 5 is even",
    "so $n + 7$ is even",
    "so $11 \\mid 10-a-b$",
    "2010 divides 3^2",
    "All primes besides 2 are odd.",
    "divisible by both 2 and 3 is also divisible by 6",
    "the remainders of the first four multiples of $1342$ are $3,6,9,12$",
    "There are 5 primes among them.",
    "There are 3 odd integers less than 10 that we can use.",
    "The multiples of 6 are 6, 12, 18, ...",
    "the prime factors are 2 and 3",
    "$111_2 \\mid 010$",
    "36 has 3 digits in base 3.",
    "Two-fifths of a day is 9 hours.",
    "The week has 5 days for him.",
    "The sum of the angles of the figure is 700.",
    "the probability is 3 to 1",
    "x_1 is even and a_5 is odd",
    "Check 4: 16 < 15, which is not true.",
    "$a_i \\le 4$ for all $i$",
    "the smallest integer greater than $6\\frac{1}{2}$ is $7$",
    "There are three pairs: 6 and 7, 5 and 8, and 4 and 9.",
    "So 0.1 dollar is 10 cents.",
    "He works, so 40 hours = 1 week.",
    "The 3 divide 20 apples among them.",
    "100 is a factor of 10 larger.",
    "The smallest prime is 5.",
    "So there are 3 factors of 5.",
    "The factors of 24 are 2 and 3.",
    "Since 5 > 7 is false, we stop.",
    "So the answer is 5.",
    "",
]


@pytest.mark.parametrize("step", UNSURE)
def test_nothing_is_said_where_it_is_not_sure(step):
    assert check(step).value == 0


def test_the_problem_may_define_its_own_units():
    assert check("There are 5 days in a week.", "On Mars there are 5 days in a week.") == UNKNOWN
    assert check("There are 5 days in a week.", "How many days?").value == -1


def test_lines_through_named_points():
    problem = "Let $A(2,2)$ and $B(7,7)$ be points in the plane."
    wrong = check("The line \\(AB\\) has slope 1, so its equation is \\(y = x + 5\\).", problem)
    assert wrong == (-1.0, "y = x + 5 does not pass through A(2, 2)")
    assert check("The line \\(AB\\) has slope 1, so its equation is \\(y = x\\).", problem).value == 1
    assert check("The slope of line AB is 2.", problem) == (-1.0, "the slope of AB is 1")


@pytest.mark.parametrize(
    ("plain", "latex"),
    [
        ("91 is prime.", "\\(91\\) is prime."),
        ("7 | 50", "$7\\,\\mid\\,50$"),
        ("gcd(12,18) = 4", "\\gcd\\left(12,\\,18\\right) = \\boxed{4}"),
        ("100001 is divisible by 13.", "$100{,}001$ is divisible by $13$."),
        ("411/333 is in lowest terms.", "$\\dfrac{411}{333}$ is in lowest terms."),
    ],
)
def test_layout_does_not_change_the_verdict(plain, latex):
    assert check(plain).value == check(latex).value == -1


def test_letters_can_be_renamed():
    for name in "nmkx":
        assert check(f"If {name} is odd, then {name}^2 + {name} is odd.").value == -1


@pytest.mark.parametrize(
    "step", ["363 is divisible by 3.", "The GCD of 84 and 36 is 12.", "There are 25 primes below 100."]
)
def test_one_changed_digit_refutes(step):
    assert check(step).value == 1
    at = max(i for i, c in enumerate(step) if c.isdigit() and step[: i + 1].count(" ") > 1)
    if "primes" in step:
        at = step.index("5")
    assert check(step[:at] + str((int(step[at]) + 1) % 10) + step[at + 1 :]).value == -1


def test_one_verdict_a_step():
    verdicts = check_counterexample("p", ["91 is prime.", "Hello.", "97 is prime."])
    assert [v.value for v in verdicts] == [-1, 0, 1]
    assert check_counterexample("p", []) == []


@pytest.mark.parametrize(
    "step",
    [
        "9" * 5_000 + " is prime and divisible by " + "7" * 5_000,
        "is prime " * 3_000,
        "1, " * 10_000 + "are all prime.",
        "the divisors of 999999999989 are 1, 2",
        "there are 5 primes between 1 and 999999999",
        "the sum of " + "1, 2, and " * 5_000 + "3 is 5",
        "999999999999! is divisible by 7 and 5 is a factor of 99999999999!",
        "gcd(" + "9" * 400 + ", 3) = 2",
        "9^(9^(9^9)) > 2 for all n and n^999999999 is always even",
        "(" * 5_000 + " is always even " + "n^" * 3_000,
        "sum([" + "9," * 9_000 + "1]) = 3",
    ],
)
def test_hostile_text_is_bounded(step):
    assert check(step).value <= 1
