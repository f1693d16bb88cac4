import pytest

from sept_jax.checks.provenance.admissions import admission

BLAMES = (
    "There seems to be some confusion in the question setup.",
    "The problem does not provide the number of sofas.",
    "The question doesn't specify which.",
    "The cost is not given in the problem.",
    "We need additional information such as the fees.",
    "There is not enough information.",
    "The answer cannot be determined.",
    "Let's assume there was a mistake in the numbers.",
    "The problem statement is ambiguous.",
    "The correct interpretation should be that 1/3 were used.",
)
TAKES_BACK = (
    "However, this is incorrect.",
    "Let's recalculate the total.",
    "There was a mistake in my sum.",
    "This doesn't make sense.",
    "The price of one is not specified, so let it be x.",
)
SAYS_NOTHING = (
    "The problem says that she has 5 apples.",
    "We are given the following information: she has 5.",
    "He did not eat the apples.",
    "She made 3 mistakes in the test, 2 fewer than Tom.",
    "It is not more than 5.",
)


@pytest.mark.parametrize("step", BLAMES)
def test_blaming_the_problem(step):
    words, blames = admission(step)
    assert blames
    assert words in step


@pytest.mark.parametrize("step", TAKES_BACK)
def test_taking_back(step):
    words, blames = admission(step)
    assert not blames
    assert words in step
    assert words


@pytest.mark.parametrize("step", SAYS_NOTHING)
def test_ordinary_steps(step):
    assert admission(step) == ("", False)
