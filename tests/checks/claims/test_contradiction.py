import pytest

from sept_jax.checks.claims.contradiction import SOFT, check_contradiction
from sept_jax.checks.verdicts import UNKNOWN


def verdicts(problem, *steps):
    return check_contradiction(problem, steps)


STAND = "Liam made $63 one weekend, and Mitchell sold 21 lemonades at $4 apiece. How much more?"
TREE = (
    "Each solid 10-foot section of a tree weighs 400 pounds. The tree is 200 feet tall. What does it weigh?"
)
RADIATOR = "The radiator is $400 but he gets it for 80% off. How much does he pay?"
LOGARITHM = "Compute \\[\\log_{\\log_{\\log_2 256} 64} 256.\\]"
POLYNOMIAL = "Simplify $7a^3(3a^2 - a) - 8a(2a - 4)$."


@pytest.mark.parametrize(
    ("problem", "step", "reason"),
    [
        (STAND, "Liam sold 63 lemonades for $4.", "63 lemonades: in the problem it is $63"),
        (TREE, "So 200 sections * 400 pounds = 80000 pounds.", "200 sections: in the problem it is 200 feet"),
        (TREE, "That is \\(200 \\text{ sections}\\).", "200 sections: in the problem it is 200 feet"),
        (RADIATOR, "The discount is 80%, so he got 20% off.", "20% off, but the problem says 80%"),
        (LOGARITHM, "To solve the expression \\(\\log_{\\log_{\\log_2 256}} 256\\), we start.",
         "\\(\\log_{\\log_{\\log_2 256}} 256\\) is not the problem's: it leaves out 64"),
        (POLYNOMIAL, "We simplify the expression $7a^3(3a^2 + a) - 8a(2a - 4)$.",
         "$7a^3(3a^2 + a) - 8a(2a - 4)$ is not the problem's: it has + for -"),
        ("What?", "The speed is 0.0056 kb/s (or 5.6 kb/s).", "0.0056 kb/s is not 5.6 kb/s"),
    ],
)  # fmt: skip
def test_a_step_against_the_problem_or_itself(problem, step, reason):
    assert verdicts(problem, step) == [(-1.0, reason)]


@pytest.mark.parametrize(
    ("problem", "step"),
    [
        (STAND, "Liam made $63 and Mitchell sold 21 lemonades."),
        (STAND, "He sold 21 * 3 = 63 lemonades."),  # computed here
        (TREE, "The tree is 200 feet, and a section weighs 400 pounds."),
        (TREE, "The 10 by 200 section is long."),
        ("Tom has $8 and sells 2 eggs and eight pens.", "He has 8 eggs."),  # 8 is used twice
        ("The box is 63 inches wide and has stickers.", "It is 63 inches."),
        (RADIATOR, "He pays 20% of the price."),
        (RADIATOR, "With 80% off he pays 20%."),
        ("Get 20% off, then 80% off.", "First 20% off."),
        (LOGARITHM, "To compute \\(\\log_{\\log_{\\log_2 256} 64} 256\\), we start."),
        (POLYNOMIAL, "We write $7a^3(3a^2 - a) + 8a(2a - 4)$ for now."),  # not announced as the problem's
        ("Solve $9x^2 - 18x - 16 = 0$.", "We have the equation $9x^2 - 18x - 16 = 0 \\quad (1)$."),
        ("What?", "The speed is 5.6 kb/s (or 5.60 kb/s)."),
        ("What?", "It takes 3 hours (or 180 minutes)."),
        ("", ""),
    ],
)
def test_nothing_is_said_where_there_is_no_contradiction(problem, step):
    assert verdicts(problem, step) == [UNKNOWN]


def test_a_number_derived_before_may_count_anything():
    assert verdicts(STAND, "3 * 21 = 63.", "Liam sold 63 lemonades.") == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize("answer", ["3a-2", "4a+2", "4a^2 - 2"])
def test_another_expression_than_was_derived(answer):
    steps = (
        "We get \\[ (a + a + a + a) + (1 - 2 + 3 - 4) = 4a - 2 \\]",
        f"Thus, the final answer is \\boxed{{{answer}}}",
    )
    assert verdicts("Simplify it.", *steps) == [
        UNKNOWN,
        (-1.0, f"the step before arrives at 4a - 2, not {answer}"),
    ]


@pytest.mark.parametrize("answer", ["4a-2", "-2 + 4a", "2(2a - 1)", "7", "b"])
def test_the_same_expression_in_another_form(answer):
    steps = "We get \\[ a + 3a - 2 = 4a - 2 \\]", f"Thus, the final answer is \\boxed{{{answer}}}"
    assert verdicts("Simplify it.", *steps) == [UNKNOWN, UNKNOWN]


def test_a_second_value_of_a_letter_is_a_soft_doubt():
    first, second = verdicts("Find x.", "Hence $x = 5$.", "Thus $x = 7$.")
    assert (first, second) == (UNKNOWN, (SOFT, "x = 7, but before x = 5"))
    for steps in (
        ("Hence $x = 5$.", "Thus $x = 5$."),
        ("Hence $x = 5$.", "If not, then $x = 7$."),
        ("Case 1: $x = 5$.", "Thus $x = 7$."),
        ("The roots are so $x = 5$ or", "thus $x = 7$."),
        ("Hence $x = 5$.", "Thus $y = 7$."),
        ("Hence $\\sin x = 5$.", "Thus $x = 7$."),
        ("We sum \\sum_{j = 0}^7", "and \\sum_{j = 1}^7."),
    ):
        assert verdicts("Find x.", *steps) == [UNKNOWN, UNKNOWN]


@pytest.mark.parametrize(
    "text",
    [
        "$" * 9_000,
        "63 " * 6_000,
        "\\(" * 5_000,
        "x = 1. " * 3_000,
        "(or " * 5_000,
        "\\boxed{" * 3_000,
        "= 9" * 6_000,
    ],
)
def test_hostile_text_is_bounded(text):
    assert [v.value for v in verdicts(text + STAND, text, "so " + text)] in (
        [0, 0],
        [0, SOFT],
        [SOFT, SOFT],
        [SOFT, 0],
    )
