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
    "8 less than 20 is 11": "20 - 8 = 11, but 20 - 8 is 12",
    "5 more than 20 is 24": "20 + 5 = 24, but 20 + 5 is 25",
    "the total is $6 + $5 + $3, which equals $15": "$6 + $5 + $3 = $15, but $6 + $5 + $3 is 14",
    "He has 12 - 5, which is 8 apples": "12 - 5 = 8, but 12 - 5 is 7",
    "5 + 3 gives 9": "5 + 3 = 9, but 5 + 3 is 8",
}
TRUE = (
    "5 plus 3 is 8",
    "half of 30 is 15",
    "20% of $50 is $10",
    "She pays 3 * $2, which equals $6.",
    "the sum of 3 and 4 is 7",
    "12 apples plus 3 apples is 15 apples",
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


def test_words_and_symbols_agree():
    for words, symbols in (("7 times 8 is 54", "7 * 8 = 54"), ("7 plus 8 is 15", "7 + 8 = 15")):
        assert check_arithmetic(words).verdict.value == check_arithmetic(symbols).verdict.value
