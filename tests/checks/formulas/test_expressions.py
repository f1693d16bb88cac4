from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.checks.formulas.exact import MAX_BITS, Abstain, apply, factorial, root
from sept_jax.checks.formulas.expressions import evaluate

VALUES = {
    "3+4*5-2": "21",
    "(3+4)*5": "35",
    "2^3^2": "512",
    "2**3": "8",
    "-3^2": "-9",
    "(-3)^2": "9",
    "5 - -3": "8",
    "7 − 2 × 3 ÷ 6": "6",
    "3 x 4": "12",
    "3·4⋅5": "60",
    "3²": "9",
    "2½*4": "10",
    "2 1/2 * 4": "10",
    "√9 + sqrt(16)": "7",
    "√(4/9)": "2/3",
    r"\sqrt[3]{27}": "3",
    "8^(1/3)": "2",
    r"\frac{1}{2}+\dfrac12+\tfrac{3}{4}": "7/4",
    r"2\frac{1}{2}": "5/2",
    r"5 \cdot 2\frac{1}{2} \div 5": "5/2",
    r"\left(\frac{3}{4}\right)^2": "9/16",
    r"10^{-2}": "1/100",
    r"1{,}000 + 1,000 + 1,\!000": "3000",
    "$1,234.50": "2469/2",
    r"\$5 + \$3": "8",
    "20% of 50": "10",
    r"50\% \cdot 30": "15",
    "3/4 of 20": "15",
    "3 apples * 4": "12",
    "$5/hour * 3 hours": "15",
    r"5\text{ cm} \times 3\text{ cm}": "15",
    "24 miles per hour x 2 hours": "48",
    "(2)(3)": "6",
    "2(3+4)": "14",
    "5!": "120",
    r"\boxed{5}": "5",
    ".5 + 1.25": "7/4",
}

ABSTAINED = [
    "", "x", "2x+3", "f(3)", "1/0", "0^0", "√2", "√(-4)", "6/2(1+2)", "9**9**9**9", "2^100000", "(10^100)^4",
    "1e5", "1:2", "3 4", "3 +", "(3", "3)", "[3)", "2nd", "0730", "1...3", r"\sin 3", r"\frac{1}",
    "__import__('os')", "lambda: 1", "3 = 3", "twelve", "±3", "1" * 61, "(" * 40 + "1" + ")" * 40, "101!",
    "2^(1/9)",
]  # fmt: skip


@pytest.mark.parametrize(("text", "value"), VALUES.items())
def test_evaluate(text, value):
    assert evaluate(text).exact == Fraction(value)


@pytest.mark.parametrize("text", ABSTAINED)
def test_evaluate_abstains(text):
    assert evaluate(text) is None


def test_value_keeps_the_books():
    value = evaluate(r"-3 + 4*(2.50 - \frac{1}{2})")
    assert value.numbers == tuple(map(Fraction, ("-3", "4", "5/2", "1", "2")))
    assert value.operators == ("+", "*", "-", "/")
    assert value.decimals == 2
    assert evaluate("-(3+4)").operators == ("-", "+")


def test_bounds_are_on_bits():
    edge = 1 << (MAX_BITS - 1)
    assert apply("+", edge, edge - 1).bit_length() == MAX_BITS
    with pytest.raises(Abstain):
        apply("+", edge, edge)
    with pytest.raises(Abstain):
        apply("^", 2, MAX_BITS)
    with pytest.raises(Abstain):
        factorial(Fraction(1, 2))
    assert root(Fraction(8, 27), 3) == Fraction(2, 3)


_terms = st.recursive(
    st.integers(0, 10**6).map(str),
    lambda inner: st.tuples(inner, st.sampled_from("+-*/"), inner).map(lambda t: f"({t[0]}{t[1]}{t[2]})"),
    max_leaves=8,
)


@given(_terms)
@settings(max_examples=200, deadline=None)
def test_agrees_with_python(text):
    import ast

    def run(node):
        if isinstance(node, ast.Constant):
            return Fraction(node.value)
        a, b = run(node.left), run(node.right)
        return {ast.Add: a.__add__, ast.Sub: a.__sub__, ast.Mult: a.__mul__, ast.Div: a.__truediv__}[
            type(node.op)
        ](b)

    try:
        expected = run(ast.parse(text, mode="eval").body)
    except ZeroDivisionError:
        expected = None
    found = evaluate(text)
    assert (found and found.exact) == expected or (found is None and expected is None)


@given(st.text(max_size=300) | st.text(alphabet="0123456789+-*/^(){}[].,%!$=√½²\\ x\n", max_size=300))
@settings(max_examples=300, deadline=None)
def test_any_text_is_a_value_or_none(text):
    value = evaluate(text)
    assert value is None or value.exact.numerator.bit_length() <= MAX_BITS
