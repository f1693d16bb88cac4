import pytest

from sept_jax.checks.claims.claims import asserted, ends_clean, plain, stands_alone


@pytest.mark.parametrize(
    ("step", "text"),
    [
        ("\\(91\\) is Prime", "91 is prime"),
        ("$\\frac{411}{333}$", "411/333"),
        ("$6\\frac{1}{2}$", "6 1/2"),
        ("\\dfrac{x+1}{2}", "(x+1)/(2)"),
        ("$100{,}001$ and 1,234 and 1,2,3", "100001 and 1234 and 1,2,3"),
        ("\\text{lcm}(4, 6) = \\boxed{12}", " lcm (4, 6) = 12"),
        ("x^{2} \\leq 3 \\times 4 \\pmod{5}", "x^2 <= 3 * 4 (mod 5)"),
        ("\\binom{5}{2}", "c(5,2)"),
        ("**bold** 2 − 1", "bold 2 - 1"),
        ("a" * 30_000, ""),
    ],
)
def test_plain(step, text):
    assert plain(step) == text


@pytest.mark.parametrize(
    ("before", "alone"),
    [("", True), ("Since ", True), ("n + ", False), ("the sum of 4 and ", False), ("x_", False),
     ("2x - ", False), ("(", True), ("f(", False), ("is - ", False), ("- ", True), ("besides ", False),
     ("the number ", True), ("1.", False)],
)  # fmt: skip
def test_a_subject_stands_alone(before, alone):
    assert stands_alone(before + "91 is prime", len(before)) is alone


@pytest.mark.parametrize(
    ("after", "clean"),
    [("", True), (".", True), (".5", False), (", so", True), ("!", False), (" + 1", False), ("^2", False)],
)
def test_a_number_ends_clean(after, clean):
    assert ends_clean("91" + after, 2) is clean


@pytest.mark.parametrize(
    ("text", "fact"),
    [
        ("so 91 is prime.", True),
        ("if 91 is prime, then", False),
        ("we check whether 91 is prime.", False),
        ("is 91 is prime?", False),
        ("let's see: 91 is prime.", True),
        ("suppose not. but 91 is prime.", True),
        ("91 is prime only if", False),
    ],
)
def test_asserted(text, fact):
    start = text.index("91")
    assert asserted(text, start, start + len("91 is prime")) is fact
