import subprocess
import sys

import pytest

from sept_jax.checks.symbolic import is_bounded, symbolic_equal


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("x+1", "1+x", True),
        (r"2\sqrt{3}", r"\sqrt{12}", True),
        (r"2\sqrt{3}", r"\sqrt{13}", False),
        ("(x+1)^2", "x^2+2x+1", True),
        (r"\{1,2\}", r"\{2,1\}", True),
        ("x^{3}y^2", "y^2x^3", True),
        (r"2^{1/2}", r"\sqrt{2}", True),
        (r"\left(x^2+1\right)(y+1)^3", r"(y+1)^3(x^2+1)", True),
        (r"\frac{\pi}{2}", r"\frac{\pi}{3}", False),
    ],
)
def test_symbolic_equal(first, second, same):
    assert symbolic_equal(first, second) is same


@pytest.mark.parametrize(
    "answer",
    [
        "9^{9^{9}}", "9^{99999}", "9^9^9", "(9^9)^9", "9**9**9", "x^{2*99}", r"\frac{1",
        "10000000000000000000",
        "100!", "__import__('os')", "x" * 301, "1+" * 100, "a\x00b", "}{", "2^{(3^4)}",
        "(10^{64})^{64}", "((10^{64})^{64})^{64}", r"\binom{900000000}{400000000}", r"\Gamma(99999)",
        "(x+1)^{x+1}",
    ],
)  # fmt: skip
def test_what_is_out_of_bounds_never_reaches_sympy(answer):
    assert not is_bounded(answer)
    assert symbolic_equal(answer, "1") is None
    assert symbolic_equal("1", answer) is None


def test_the_room_is_light():
    code = (
        "import sys, sept_jax.checks.reading, sept_jax.checks.symbolic; "
        "print(sorted({'jax', 'numpy', 'sympy', 'flax'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
