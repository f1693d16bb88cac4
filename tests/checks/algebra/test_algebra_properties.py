"""Properties of the algebra channel: names, scale and layout change nothing; checks are cheap."""

import json
import subprocess
import sys

from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.checks.algebra.check import check_algebra

_coefficients = st.integers(-9, 9)


def _polynomial(a: int, b: int, c: int, name: str) -> str:
    return f"{a}{name}^2 {'+' if b >= 0 else '-'} {abs(b)}{name} {'+' if c >= 0 else '-'} {abs(c)}"


@given(_coefficients, _coefficients, st.integers(-3, 3), st.sampled_from("xytnkz"), st.integers(2, 5))
@settings(max_examples=150, deadline=None)
def test_expansions_with_any_name_and_scale(p, q, off, name, scale):
    """(x + p)(x + q), said to be expanded, is verified exactly where the expansion is right; names, spaces,
    LaTeX brackets and a common factor change nothing."""
    right = _polynomial(1, p + q, p * q + off, name).removeprefix("1")
    scaled = _polynomial(scale, scale * (p + q), scale * (p * q + off), name)
    left = f"({name} + {p})({name} + {q})".replace("+ -", "- ")
    latex = left.replace("(", r"\left(").replace(")", r"\,\right)")
    forms = (
        f"Expanding, {left} = {right}.",
        f"Expanding, {left.replace(' ', '')}={right.replace(' ', '')}.",
        rf"Expanding, \[{latex} = {right}\]",
        f"Expanding, {scale}{left} = {scaled}.",
    )
    expected = 1.0 if off == 0 else -1.0
    assert [check_algebra("", [form])[0].value for form in forms] == [expected] * 4


@given(st.integers(2, 9), st.integers(-9, 9), st.integers(-9, 9), st.integers(-3, 3))
@settings(max_examples=100, deadline=None)
def test_solutions_of_linear_equations(a, x, b, off):
    """ax + b = c and then x = the solution, or not."""
    sign = "+" if b >= 0 else "-"
    step = f"{a}x {sign} {abs(b)} = {a * x + b}, so x = {x + off}."
    verdict = check_algebra("", [step])[0]
    assert verdict.value == (1.0 if off == 0 else -1.0)


@given(st.integers(2, 60), st.integers(0, 500), st.integers(-3, 3))
@settings(max_examples=100, deadline=None)
def test_congruences(modulus, a, off):
    form = rf"\({a} \equiv {a % modulus + off} \pmod{{{modulus}}}\)"
    assert check_algebra("", [form])[0].value == (1.0 if off % modulus == 0 else -1.0)


HOSTILE = {
    "power tower": "x^9^9^9^9 = y = x^9^9^9",
    "nested powers": "x^{2^{" * 60 + "2" + "}}" * 60 + " = y",
    "many factors": "y = " + "(x+1)" * 300 + " = 1 + x",
    "many terms": "y = " + "x + " * 900 + "1 = x",
    "high degree": "x^4000 + 1 = 0, so x^4000 + x = 0",
    "factorials": "y = n!!!!!!!! = n!",
    "nested calls": "Let f(x) = f(f(x)). " + "f(" * 200 + "x" + ")" * 200 + " = 1",
    "doubling": "Let f(x) = xx. y = " + "f(" * 15 + "x" + ")" * 15 + " = x + 1",
    "roots": "y = " + r"\sqrt{" * 100 + "x" + "}" * 100 + " = x",
    "bars": "y = " + "|" * 1500 + " = x",
    "relations": "a + b = c " * 180,
    "equations": "x^2 + x = 1, x^2 = 2, " * 60,
    "system": " and ".join(f"x_{i} + x_{i + 1} = y_{i}" for i in range(100)),
    "congruences": r"x \equiv 1 \pmod{399}, " * 90,
    "huge modulus": r"x^{2} \equiv 5 \pmod{" + "9" * 50 + "}",
    "attributes": "x.__class__ = y.__init__(1) = z",
    "import": "__import__('os') = x = y",
    "logarithms": r"y = \log_{\log_{\log_2 256} 64} 256 = \log_0 x = \log_1 5",
    "binomials": r"\binom{10000000000}{5000000000} = x = \binom{x}{y}",
    "long line": "x + 1 = 2, " * 1800,
}

_TIMED = """
import json, sys, time
from sept_jax.checks.algebra.check import check_algebra
for text in json.load(sys.stdin):
    start = time.process_time()
    check_algebra(text[:200], [text])
    print(time.process_time() - start)
"""


def test_hostile_text_is_cheap():
    """Each check under 100 ms of processor time, in a plain process."""
    done = subprocess.run(
        [sys.executable, "-c", _TIMED],
        input=json.dumps([*HOSTILE.values()]),
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = dict(zip(HOSTILE, map(float, done.stdout.split()), strict=True))
    assert {name: cost for name, cost in seconds.items() if cost >= 0.1} == {}


_PIECES = (
    *"0123456789+-*/^=(){}[]!$,.x yzabfgiπ|°\n_'", r"\frac", r"\sqrt", r"\binom", r"\sin", r"\log_2",
    r"\equiv", r"\pmod", "f(x)", "mod", r"\lfloor", r"\rfloor", r"\\", "&", "so", r"\theta", " = ", " = ",
    " + ", "^2", "ab", "AB",
)  # fmt: skip


@given(
    st.text(max_size=200)
    | st.lists(
        st.sampled_from(_PIECES),
        max_size=60,
    ).map("".join)
)  # fmt: skip
@settings(max_examples=500, deadline=None)
def test_any_text_is_checked(text):
    for verdict in check_algebra(text, [text, text]):
        assert verdict.value in (-1, 0, 1)
        assert verdict.known == bool(verdict.reason)
