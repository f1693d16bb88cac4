from fractions import Fraction

import pytest

from sept_jax.checks.formulas.equations import find_links
from sept_jax.checks.formulas.judge import compare
from sept_jax.checks.formulas.lexer import MAX_CHARS, MAX_TOKENS, tokenize


def test_links_of_a_chain_share_their_sides():
    text = "so 3+4 = 7 = 8 - 1."
    first, second = find_links(text)
    assert (first.holds, first.continues, second.holds, second.continues) == (True, False, True, True)
    assert text[first.start : first.end] == "3+4 = 7"
    assert text[second.start : second.end] == "7 = 8 - 1"
    assert text[first.middle] == "="
    assert first.right is not None
    assert first.right.exact == second.left.exact == 7


def test_annotations_are_links_with_their_place():
    text = "Tim has 48/2 = <<48/2=24>>24 clips."
    outer, note = find_links(text)
    assert (outer.note, note.note, outer.holds, note.holds) == (False, True, True, True)
    assert text[note.start : note.end] == "48/2=24"
    assert find_links("it is <<3+4=8>>8")[0].holds is False


def test_a_binding_has_no_left_side():
    (link,) = find_links("x = 5")
    assert link.left is None
    assert link.holds is None
    assert link.right.exact == 5


def test_other_relations_cut():
    assert [link.holds for link in find_links("3 + 4 > 5 = 2+3")] == [True]
    assert find_links("3 + 4 < 8") == ()


def test_matching_reading_is_reported():
    (link,) = find_links("5/20*100 = 25%")
    assert link.right.exact == 25
    (link,) = find_links("so 3 + 4 = 7!")
    assert (link.holds, link.right.exact) == (True, 7)
    (link,) = find_links("10% + 5 = 15")
    assert (link.holds, link.left.exact) == (None, 15)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-8 + 2 = 10", [None]),
        (r"\(-8 + 2 = 10\)", [False]),
        ("- 8 + 2 = 10", [True]),
        ("the price - 3 + 4 = 7", [True]),
        (r"\( - 3 + 4 = 7 \)", [None]),
        ("5 apples - 3 + 4 = 7", [None]),
        ("3 + 4 = 7! = 5040", [False, True]),
        ("3 + 4 = 7!\n= 5040", [False, True]),
        ("10 = 3 + 7!", [None]),
        ("5*5 = 25%", [None]),
        ("2 + 3 = 5 = 5%", [True, None]),
        ("30% + 20 = 50%", [None]),
        ("28/1/5 = 140", [None]),
        ("2*3*4=4!=24", [True, True]),
        ("2*3*4=4!=25", [True, False]),
        ("x!=3", []),
        ("3!=5", [None]),
        ("3! = 5", [False]),
    ],
)
def test_another_reading_proves_only_where_print_shows_it(text, expected):
    assert [link.holds for link in find_links(text)] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("10/3 = 3.33", True), ("2/3 = 0.67", True), ("2/3 = 0.66", None), ("2/3 = 0.69", False),
     ("7/2 = 3.4", False), ("7/2 = 3.50", True), ("10/3 ≈ 3", True), ("10/3 = 3", None),
     ("1234*2 ≈ 2500", True),
     ("1234*2 = 2500", False), ("1/2 + 1/3 = 2/5", False), ("0.3333*3 = 1", None)],
)  # fmt: skip
def test_rounding_is_what_is_printed(text, expected):
    (link,) = find_links(text)
    assert link.holds is expected
    assert compare(link.left, link.right, link.relation) is expected


def test_bounds():
    assert tokenize("1" * (MAX_CHARS + 1)) is None
    assert tokenize("1+" * MAX_TOKENS) is None
    assert find_links("1=" + " " * MAX_CHARS) == ()
    assert len(tokenize("+" * MAX_TOKENS).kinds) == MAX_TOKENS


def test_numbers_are_exact():
    assert tokenize("0.1").values[0] == (Fraction(1, 10), 1)
    assert tokenize("1,234,567").values[0] == (1234567, 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2000 / 75 = 26.666666666666668", True),
        ("0.1 + 0.2 = 0.30000000000000004", True),
        ("2000 / 75 = 26.66666666667", True),  # 11 places: rounded
        ("2000 / 75 = 26.666666666766668", False),
        ("2000 / 75 = 26.66666666668", False),
    ],
)
def test_a_float_is_good_to_twelve_digits(text, expected):
    (link,) = find_links(text)
    assert link.holds is expected


@pytest.mark.parametrize(
    "text",
    [
        "1Dachshund+1/4Papillon=3/4Papillon",
        r"$\frac{1}{2}AB = \frac{1}{2}(12)$",
        r"$\frac{1}{2} AB = 6$",
        r"$\frac12 BC + 1 = 7$",
    ],
)
def test_a_name_behind_a_number_is_no_unit(text):
    assert all(link.holds is not False for link in find_links(text))
    assert all(link.left is None for link in find_links(text))


@pytest.mark.parametrize(
    "text", ["5KG + 3KG = 9KG", "2 Venus flytraps * 2 oz/Venus flytrap = 5", "2 KM + 3 KM = 6 KM"]
)
def test_units_may_have_capitals(text):
    assert [link.holds for link in find_links(text)] == [False]
