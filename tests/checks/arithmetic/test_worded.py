import pytest

from sept_jax.checks.arithmetic.check import check_arithmetic

FALSE = {
    "5 plus 3 is 9": "5 + 3 = 9, but 5 + 3 is 8",
    "12 minus 5 equals 8": "12 - 5 = 8, but 12 - 5 is 7",
    "6 times 7 makes 41": "6 * 7 = 41, but 6 * 7 is 42",
    "so 96 divided by 8 gives 11": "so 96 / 8 = 11, but",
    "half of 30 is 10": "1/2 * 30 = 10, but 1/2 * 30 is 15",
    "Two thirds of 30 is 10": "2/3 * 30 = 10, but 2/3 * 30 is 20",
    "20% of 50 is 12": "20% of 50 = 12, but 20% of 50 is 10",
    "20 percent of 50 is 12": "20% of 50 = 12, but 20% of 50 is 10",
    "twice 6 is 14": "2 * 6 = 14, but 2 * 6 is 12",
    "The sum of 3 and 4 is 8": "3 + 4 = 8, but 3 + 4 is 7",
    "the product of 3 and 4 is 14": "3 * 4 = 14, but 3 * 4 is 12",
    "3 groups of 4 make 15": "3 * 4 = 15, but 3 * 4 is 12",
    "- The sum of 3 and 4 is 8": "3 + 4 = 8, but 3 + 4 is 7",
    "Adding 5 plus 3 gives 9": "5 + 3 = 9, but 5 + 3 is 8",
    "The 8 comes from 5 plus 3, which is 9": "5 + 3 = 9, but 5 + 3 is 8",
    "8 less than 20 is 11": "20 - 8 = 11, but 20 - 8 is 12",
    "5 more than 20 is 24": "20 + 5 = 24, but 20 + 5 is 25",
    "the total is $6 + $5 + $3, which equals $15": "$6 + $5 + $3 = $15, but $6 + $5 + $3 is 14",
    "He has 12 - 5, which is 8 apples": "12 - 5 = 8, but 12 - 5 is 7",
    "5 + 3 gives 9": "5 + 3 = 9, but 5 + 3 is 8",
    "5 apples more than 20 apples is 24 apples": "20 + 5 apples = 24, but 20 + 5 apples is 25",
    "so the sum of 3 and 4 is 8": "3 + 4 = 8, but 3 + 4 is 7",
    "10 minus half of 6 is 8": "10 - 1/2 * 6 = 8, but 10 - 1/2 * 6 is 7",
}
TRUE = (
    "5 plus 3 is 8",
    "half of 30 is 15",
    "20% of $50 is $10",
    "She pays 3 * $2, which equals $6.",
    "the sum of 3 and 4 is 7",
    "12 apples plus 3 apples is 15 apples",
    "5 apples more than 20 apples is 25 apples",
    "$5 more than 20 dollars is $25",
    "3 * (5 more than 2) is 21",
    "6 subtracted from 10 is 4",
    "She spends a total of 5 plus 3, which is 8",
    "The product of 3 and 4 is 12 and the sum of 3 and 4 is 7",
    "the product of 3 and 4 plus 5 is 17",
    "3 times half of 6 is 9",
    "twice 6 plus 2 is 14",
    "30 percent plus 20 percent is 50%",
    "12 inches plus 5 inches is 17 inches",
    "5 tens plus 3 tens is 8 tens",
)
UNKNOWN = (
    "5 plus 3 is 9 more than x",
    "3/4 is $15",
    "Since 4/7 is equal to $24, we are done",
    "each person pays 1/5 which is 90/5",
    "She walks 3 times a week, which is 5 miles",
    "He works 5 days and gets 8 dollars",
    "In week 3 it is 5",
    "if 5 plus 3 is 9, we are lost",
    "twice as many is 12",
)
OPEN = {
    "5 more than 3 times 4 is": (17, 23, 12),
    "2 less than 3 times 4 is": (10, -5, 12),
    "5 less than 2 * 10 is": (15, 20),
    "5 more than 3(4) is": (17, 23),
    "6 subtracted from 10 times 2 is": (14, 20),
    "2 more than 3 more than 5 is": (10, 8),
    "5 more than half of 6 is": (8, 3),
    "5 more than 1/2 of 10 is": (10, 5),
    "5 more than twice 6 is": (17, 12),
    "5 more than 20% of 50 is": (15, 10),
    "5 more than 3 groups of 4 is": (17, 23),
    "5 more than 3 squared is": (14, 8),
    "3 times 2 more than 5 is": (11, 17, 21),
    "1/2 more than 3 is": (3.5,),
    ".5 more than 3 is": (3.5, 5.3),
    "3 times the sum of 4 and 2 is": (18, 6),
    "3 times the sum of 4 + 2 gives": (18, 6),
    "5 less than the sum of 3 and 4 is": (2, 7),
    "10 minus the sum of 3 and 4 is": (3, 7),
    "twice the sum of 3 and 4 is": (14, 7),
    "half the product of 3 and 4 is": (6, 12),
    "the square root of the sum of 9 and 16 is": (5, 25),
    "Doubling the sum of 3 and 4 gives": (14, 7),
    "12 divided by half of 6 is": (4, 36),
    "12 divided by twice 3 is": (2, 18),
    "12 divided by 3 groups of 2 is": (2, 8),
    "20 percent more than 50 is": (60, 70),
    "20% more than 50 is": (60, 50.2),
    "20 percent less than 50 is": (40, 30),
    "10 times less than 50 is": (5, 40),
    "10 times more than 5 is": (50, 15),
    "3 dozen more than 5 is": (41, 8),
    "5 more than 2 dozen is": (29, 7),
    "5 inches more than 2 feet is": ("29 inches", 29, 7),
    "50 cents more than $2 is": ("$2.50", "$52"),
    "50 minus 20 percent is": (40, 30),
    "20 percent times 30 percent is": ("6 percent", "600 percent"),
    "4 times 2 squared is": (16, 8),
    "2 cubed times 3 is": (24, 6),
    "3 squared plus 4 squared is": (25, 7),
    "the sum of 3 and 4 doubled is": (14, 11, 7),
    "the square of 3 plus 4 is": (49, 7),
    "the square root of 16 plus 9 is": (5, 25),
    "5 tens plus 3 is": (53, 8),
    "ten minus 4 plus 2 is": (8, 6),
    "two and a third of 6 is": (14, 2),
    "-5 more than 8 is": (3, 13),
    "2 to the power of 3 plus 1 is": (9, 4),
    "subtracting 3 from 5 plus 3 is": (5, 8),
    "5 tens plus 3 ones is": (53, 8),
    "3 halves plus 1 is": (2.5, 4),
    "2 feet plus 6 inches is": ("30 inches", 8, "8 inches", "8 feet"),
    "3 hours plus 30 minutes is": ("210 minutes", 33),
}
"""Clauses of which the two numbers and the word between say only a part, and numbers that they are and that
the part is."""

AMBIGUOUS = (
    "half of 3 plus 4 is 3.5",
    "twice 6 plus 2 is 16",
    "the sum of 3 and 4 times 2 is 14",
    "the product of 3 and 4 plus 5 is 27",
)


@pytest.mark.parametrize(("step", "reason"), FALSE.items())
def test_false_statements_are_refuted(step, reason):
    verdict = check_arithmetic(step).verdict
    assert verdict.value == -1
    assert reason.removeprefix("so ") in verdict.reason.removeprefix("so ")


@pytest.mark.parametrize("step", TRUE)
def test_true_statements_are_verified(step):
    assert check_arithmetic(step).verdict.value == 1


@pytest.mark.parametrize("step", UNKNOWN)
def test_the_rest_is_unknown(step):
    verdict = check_arithmetic(step).verdict
    assert not verdict.known, verdict.reason


@pytest.mark.parametrize(("clause", "numbers"), OPEN.items())
def test_a_part_of_a_clause_says_nothing(clause, numbers):
    for number in numbers:
        verdict = check_arithmetic(f"{clause} {number}").verdict
        assert not verdict.known, verdict.reason


@pytest.mark.parametrize("step", AMBIGUOUS)
def test_another_way_to_group_is_not_refuted(step):
    assert check_arithmetic(step).verdict.value >= 0


def test_words_and_symbols_agree():
    for words, symbols in (("7 times 8 is 54", "7 * 8 = 54"), ("7 plus 8 is 15", "7 + 8 = 15")):
        assert check_arithmetic(words).verdict.value == check_arithmetic(symbols).verdict.value
