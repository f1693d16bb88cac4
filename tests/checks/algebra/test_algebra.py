import pytest

from sept_jax.checks.algebra.check import check_algebra

VERIFIED = {
    "link of a chain": (r"\((x+1)^2 - 1 = x^2 + 2x + 1 - 1 = x^2 + 2x\)", "holds for all values"),
    "continued line": (
        r"\begin{align*} a(b+c) &= ab + ac \\ &= ca + ba \end{align*}",
        "holds for all values",
    ),
    "first link said to be a rewriting": (
        "We factor: x^2 + 5x + 6 = (x + 2)(x + 3).",
        "holds for all values",
    ),
    "products of letters": (r"So \(y = 4ac - 2bac = 2ac(2 - b)\).", "holds for all values"),
    "roots": (r"\(\sqrt{2} \cdot \sqrt{8} = 4\)", "is true"),
    "simplified root": (r"\(\sqrt{50} = 5\sqrt{2}\)", "is true"),
    "cube root": (r"\(\sqrt[3]{54} = 3\sqrt[3]{2}\)", "is true"),
    "printed rounding": (r"\(\sqrt{2} \approx 1.414\)", "is true"),
    "pi": (r"\(\pi \cdot 5^2 = 25\pi\)", "is true"),
    "pi rounded": (r"\(25\pi \approx 78.54\)", "is true"),
    "degrees": (r"\(\sin 30^\circ = \frac{1}{2}\)", "is true"),
    "degrees left out": (r"\(\cos(60) = \frac12\)", "is true"),
    "radians": (r"\(\cos \frac{\pi}{3} = \frac12\)", "is true"),
    "power of a function": (r"\(\sin^2 10^\circ + \cos^2 10^\circ = 1\)", "is true"),
    "logarithm": (r"\(\log_2 8 = 3\)", "is true"),
    "logarithm without base": (r"\(\log 100 = 2\)", "is true"),
    "natural logarithm": (r"\(\ln 8 = 3 \ln 2\)", "is true"),
    "binomial": (r"\(\binom{5}{2} = 10\)", "is true"),
    "floor": (r"\(\lfloor 3.7 \rfloor = 3\)", "is true"),
    "absolute value": (r"\(|3 - 5| = 2\)", "is true"),
    "complex": (r"\((z)(2+i) = z(2 + i)(1) = \frac{5z}{2 - i}\)", "holds for all values"),
    "equation solved": (r"\[2x + 3 = 7\] \[2x = 4\]", "2x = 4 follows from 2x + 3 = 7"),
    "solution": (r"\[2x + 3 = 7\] \[x = 2\]", "x = 2 follows from 2x + 3 = 7"),
    "factored equation": (
        r"\(x^2 + 5x + 6 = 0\) so \((x+2)(x+3) = 0\)",
        "(x+2)(x+3) = 0 follows from x^2 + 5x + 6 = 0",
    ),
    "factor divided out": (r"\(x^2 - 3x = 0 \implies x - 3 = 0\)", "x - 3 = 0 follows from x^2 - 3x = 0"),
    "congruence": (r"\(2^{10} \equiv 4 \pmod{6}\)", r"2^{10} \equiv 4 mod 6 is true"),
    "inverse": (r"\(3^{-1} \equiv 13 \pmod{19}\)", "is true"),
    "inequality": (r"\(3^4 < 90\)", "3^4 < 90 is true"),
    "inequality with a root": (r"\(1 + \sqrt{2} \geq 2.4\)", "is true"),
    "remainder": ("17 mod 5 = 2", "17 mod 5 = 2 mod 5 is true"),
    "values put in": ("We have x = 3. Then 2x^2 + 1 = 2(3)^2 + 1.", "holds for the known values"),
    "a function's value": ("Let f(x) = x^2 + 3. Then f(2) = 7.", "is what the definition gives"),
    "composition": ("Let f(x) = x + 1 and g(x) = 2x. Then f(g(3)) = 7.", "is what the definition gives"),
}

REFUTED = {
    "link of a chain": (
        "y = (x+1)^2 - 1 = x^2 + x + 1 - 1",
        "(x+1)^2 - 1 = x^2 + x + 1 - 1 does not hold for all values",
    ),
    "several names": (
        r"\( 2a + b - c = 38k + 8 + 19m + 2 - 19n - 18 = 38k + 19m - 19n + 2 \)",
        "38k + 8 + 19m + 2 - 19n - 18 = 38k + 19m - 19n + 2 does not hold for all values",
    ),
    "first link said to be a rewriting": (
        "We expand to get (x + 2)(x + 3) = x^2 + 6x + 5.",
        "(x + 2)(x + 3) = x^2 + 6x + 5 does not hold for all values",
    ),
    "roots": (r"\(\sqrt{2} \cdot \sqrt{8} = 5\)", r"\sqrt{2} \cdot \sqrt{8} = 5, but the left side is 4"),
    "pi": (r"\(\pi \cdot 5^2 = 50\pi\)", r"\pi \cdot 5^2 = 50\pi, but the left side is 78.5398"),
    "trigonometry": (
        r"Note that \(\tan 30^\circ = \sqrt{3}\).",
        r"\tan 30^\circ = \sqrt{3}, but the left side is 0.57735",
    ),
    "logarithm": (r"\(\log_5 49 = 2.64\)", r"\log_5 49 = 2.64, but the left side is 2.41812"),
    "binomial": (r"\(\binom{5}{2} = 12\)", r"\binom{5}{2} = 12, but the left side is 10"),
    "equation, linear": (
        r"\[-2 + 4a + 8 = 0\] so \[4a = -10\]",
        "4a = -10 has no solution in common with -2 + 4a + 8 = 0",
    ),
    "equation, solution": (
        r"\(\frac{6}{10} = \frac{x}{8 - x} \Rightarrow x = \frac{8}{5}\)",
        r"x = \frac{8}{5} has no solution in common with \frac{6}{10} = \frac{x}{8 - x}",
    ),
    "equation, quadratic": (
        r"\(x^2 - 4x + 3 - 5 = 0\) becomes \(x^2 - 4x + 2 = 0\)",
        "x^2 - 4x + 2 = 0 has no solution in common with x^2 - 4x + 3 - 5 = 0",
    ),
    "equation in several names": (
        r"\(x^2 + y^2 + 4x = 13\) so \(x^2 + 4x + 4 + y^2 = 13\)",
        "x^2 + 4x + 4 + y^2 = 13 has no solution in common with x^2 + y^2 + 4x = 13",
    ),
    "rearranged": (
        "We have b^2 - 4c = b^2 - 4bc + 4c^2. Rearranging gives 4c^2 - 4bc = 0.",
        "4c^2 - 4bc = 0 is not what b^2 - 4c = b^2 - 4bc + 4c^2 simplifies to",
    ),
    "system": (
        "We have A + B = 7 and 2A - 2B = -2, so 4B = 9.",
        "4B = 9 contradicts the equations before it",
    ),
    "system after a trial word": (
        "We have u + v = 7 and u - v = 3. Adding gives 2u = 9.",
        "2u = 9 contradicts the equations before it",
    ),
    "factored wrongly": (
        r"\[x^2 + x - 12 = 0 \implies (x + 4)(x - 2) = 0\]",
        "(x + 4)(x - 2) = 0 does not have the solutions of x^2 + x - 12 = 0",
    ),
    "solved for a name": (
        "We have 3x - 7y = 65. Solving for y gives y = (3x - 65)/6.",
        "y = (3x - 65)/6 is not what 3x - 7y = 65 simplifies to",
    ),
    "one side expanded": (
        "We have (a + b)(a - b) = 16ab. Expanding the left side, a^2 + b^2 = 16ab.",
        "a^2 + b^2 = 16ab is not what (a + b)(a - b) = 16ab simplifies to",
    ),
    "congruence": (
        r"\(n \equiv 56 \equiv 6 \pmod{17}\)",
        r"56 \equiv 6 mod 17, but the left side leaves 5",
    ),
    "inequality": (r"Since \(3^4 < 80\), we stop", "3^4 < 80 is false"),
    "inequality with a root": (r"\(2\sqrt{3} \le \sqrt{11}\)", r"2\sqrt{3} \le \sqrt{11} is false"),
    "inequality that is strict": ("5 < 5", "5 < 5 is false"),
    "remainder": ("195 mod 19 = 1", "195 mod 19 = 1 mod 19, but the left side leaves 5"),
    "congruence solved": (
        r"\(5n \equiv 8 \pmod{17}\), so \(n \equiv 6 \pmod{17}\)",
        r"n \equiv 6 mod 17 has no solution in common with the congruence before it",
    ),
    "values put in": (
        "We have x = 3. Then 2x^2 + 1 = 2(3)^2 + 2.",
        "2x^2 + 1 = 2(3)^2 + 2 does not hold for x as known",
    ),
    "a function's value": (
        "Let f(x) = x^2 + 3. Then f(2) = 8.",
        "f(2) = 8 is not what the definition gives",
    ),
}

UNKNOWN = {
    "an equation is no identity": "x^2 = 5x - 6",
    "first link without a word": "(x+1)^2 = x^2 + 1",
    "first link of an equation to solve": "We solve the equation (x+1)^2 = x^2 + 7 after expanding.",
    "chain of an equation": "5 = 2x^2 + y = 3x - y",
    "proportion": r"\(\frac{2t}{s - 3} = \frac{3t + 1}{2s + 2} = \frac{4t + 2}{4s - 2}\)",
    "binding": "x = 5",
    "bindings one after the other": "x = 5, then x = 7",
    "case split": r"\(|x - 1| = 7\) so \(x - 1 = 7\) or \(x - 1 = -7\)",
    "cases in sentences": "We have x - 1 = 7 or x - 1 = -7.",
    "two numbers": "x = 2, 3",
    "trial": "We have 2x + 3 = 7. If 2x = 9, then we are done.",
    "inequality supposed": r"if \(3 > 5\), we stop",
    "inequality with a name": "x > 5",
    "inequality of two numbers": "3 < 5",
    "inequality between equals": r"\(\sqrt{9} \le 3\) is false",
    "two curves": "The curves are y = x^2 + 1 and then y = x^2 - 4.",
    "list of equations": r"Setting \(x^3 = 0\), \(x - 9 = 0\), \(x + 8 = 0\)",
    "refused equation": r"\(f^2 = d^2\). We cannot have \(f = d + 1\) or \(f = d + 2\), so \(2f = 9\).",
    "denominator cleared": r"\(\frac{9 - uy}{y} \cdot \frac{8}{u} = 18\) simplifies to \(72 - 8uy = 18uy\)",
    "solution of a case": "We have 3x = 7. When x = 2, we get 2x = 4.",
    "refused solution": "We have x^2 + x + 1 = 0, and x = 1 is not a solution.",
    "function of an unknown name": "f(3) = 10",
    "product or call": "q(2x) = q(x+6)",
    "piecewise": r"\(f(x) = \begin{cases} x & x > 0 \end{cases}\) so \(f(2) = 5\)",
    "second definition": "Let f(x) = x + 1. Let f(x) = x + 2. Then f(2) = 4.",
    "known relation, linear": "Since s = a + b, we have y = s^2 - as - bs = (a + b)s - s^2 = ab - ab",
    "known relation, root": r"Since \(z^2 + z + 1 = 0\), \(y = z^2 + z^3 = z^2 + 1\).",
    "roots of unity": r"With a root of unity, \(y = z^6 + z = z + 1\).",
    "decimals": r"\(y = 3.14x + 1 = 3.1416x + 1\)",
    "segments": r"\(AB \sqrt{3} = 39\)",
    "negation": r"\(\sqrt{2} = 1.5\) is false",
    "supposition": r"if \(\sqrt{2} = 1.5\), then",
    "decimal cut": r"\(100x = 5.\overline{05}\), \(99x = 5\)",
    "continued with a sign": "\\begin{align*} y &= x + 1 \\\\ &\\quad + 2 \\\\ &= x + 3 \\end{align*}",
    "even root of a square": r"\(y = \sqrt{x^2} = x\)",
    "floor": r"\(y = \lfloor q + \frac{r}{19} \rfloor + r = q + r\)",
    "remainder in words": "2250 / 360 = 6 remainder 90",
    "mod after an equation": r"\(7 \cdot 5 = 1 \pmod{17}\)",
    "system of congruences": r"\(x \equiv 1 \pmod{12}\), modulo 5 it is \(x \equiv 2 \pmod{5}\)",
    "list item": "- 3x + 1 = 7\n- 3x + 1 = 9",
    "ratio": "AB:BC = 1:2",
    "point": "(x, y) = (2, 3)",
    "array": r"\begin{array}{rr} 1000x &= 123&.123 \\ 999x &= 123& \end{array}",
    "prose": "The section 2 = x + 200",
    "empty": "",
}


@pytest.mark.parametrize(("step", "reason"), VERIFIED.values(), ids=VERIFIED.keys())
def test_true_algebra_is_verified(step, reason):
    verdict = check_algebra("", [step])[0]
    assert verdict.value == 1, verdict.reason
    assert verdict.reason.endswith(reason)


@pytest.mark.parametrize(("step", "reason"), REFUTED.values(), ids=REFUTED.keys())
def test_false_algebra_is_refuted(step, reason):
    assert check_algebra("", [step]) == [(-1.0, reason)]


@pytest.mark.parametrize("step", UNKNOWN.values(), ids=UNKNOWN.keys())
def test_the_rest_is_unknown(step):
    verdict = check_algebra("", [step])[0]
    assert not verdict.known, verdict.reason


PATHS = {
    "a solution found steps later": (
        "Solve 3 - 4x + x^2 = 5.",
        [r"We simplify \[3 - 4x + x^2 - 5 = 0\]", r"This gives \[x^2 - 4x + 2 = 0\]"],
        [1, -1],
    ),
    "an equation of a step long ago is left alone": (
        "",
        ["We have 2x = 4.", "So y = 3 + z.", "Also u = 3 + v.", "Now 3x = 7."],
        [0, 0, 0, 0],
    ),
    "a function of the problem": (
        "If f(x) = 3x - 1, find f(f(2)).",
        ["f(2) = 5", "f(5) = 15"],
        [1, -1],
    ),
    "a value of an earlier step": (
        "",
        [
            "So r = 5.",
            r"The area is \(\pi r^2 = \pi \cdot 5^2\).",
            r"The area is \(2\pi r^2 = 2\pi \cdot 6^2\).",
        ],
        [0, 1, -1],
    ),
    "a name with two values": ("", ["So r = 5.", "So r = 6.", "Then 2r + 1 = 2(7) + 1."], [0, 0, 0]),
    "relations of the problem are put in": (
        "Let s = a + b + c.",
        [r"\(y = 4s^2 - 4(a + b + c)s + 4c = 4s^2 - 4s^2 + 4c\)"],
        [0],
    ),
    "a system of the problem": (
        r"\(x - 1 \equiv 1 - x \pmod{12}\) and \(x - 2 \equiv 2 - x \pmod{12}\)",
        [r"\(2x \equiv 2 \pmod{12}\)"],
        [0],
    ),
}


@pytest.mark.parametrize(("problem", "steps", "values"), PATHS.values(), ids=PATHS.keys())
def test_paths(problem, steps, values):
    assert [verdict.value for verdict in check_algebra(problem, steps)] == values


NO_DEFINITIONS = {
    "values at some numbers": (
        "$P(x)$ is a monic quartic polynomial such that $P(n) = n^2$ for $n=1,2,3,4$. Find $P(5)$.",
        ["So P(5) = 49.", "So P(5) = 25."],
    ),
    "values at some numbers, later": (
        "The polynomial $P(x)$ is monic and $P(n) = n^2$ for all $n$ in $\\{1,2,3,4\\}$.",
        ["We know that $P(n) = n^2$ here.", "So P(5) = 49."],
    ),
    "an equation to solve": (
        "The function $f$ is odd. Find all n such that $f(n) = n$.",
        ["So f(2) = 4."],
    ),
    "an equation said in a step": ("", ["We solve f(x) = 2x.", "So f(2) = 5."]),
    "an equation that has a solution": ("The equation f(x) = 2x has one solution.", ["f(2) = 5"]),
    "what it satisfies": ("A function satisfies $f(n) = 2n$ whenever n is odd.", ["f(4) = 3"]),
    "half of the line": ("Let $f(x) = 2x + 1$ for $x < 0$ and $f(x) = x^2$ for $x \\ge 0$.", ["f(3) = 9"]),
    "half of the line, in brackets": ("Let $f(x) = 2x + 1$ ($x < 0$), and x^2 elsewhere.", ["f(3) = 9"]),
    "half of the line, first": ("For $x < 0$, $f(x) = 2x + 1$.", ["f(3) = 9"]),
    "an interval": (r"Let $f(x) = x$ for $0 \le x < 1$, and $f(x + 1) = f(x)$.", ["f(3) = 0"]),
    "odd numbers": ("f(x)=2x if x is odd, and x/2 otherwise", ["f(4) = 2"]),
    "even numbers": ("Define f(n) = n/2 for even n and 3n + 1 for odd n.", ["f(5) = 16"]),
    "even numbers, first": ("If n is even, then f(n) = n/2.", ["f(5) = 16"]),
    "some number": ("We have f(x) = 2x for some x.", ["f(5) = 16"]),
}


@pytest.mark.parametrize(("problem", "steps"), NO_DEFINITIONS.values(), ids=NO_DEFINITIONS.keys())
def test_an_equation_on_a_condition_is_no_definition(problem, steps):
    for verdict in check_algebra(problem, steps):
        assert not verdict.known, verdict.reason


DEFINITIONS = {
    "all": "Let f(x) = 2x + 1 for all x.",
    "real": r"Let $f(x) = 2x + 1$ for real numbers $x$, and let $g(x) = 3$ for $x > 0$.",
    "asked before": "Find f(2) if f(x) = 2x + 1.",
    "asked after": "If f(x) = 2x + 1, find all n such that f(f(n)) = 3.",
    "with another": "Let $f(x) = 2x + 1$ and $g(x) = 3x$ if $x > 0$. What is f(2)?",
    "the sentence before": r"Find all values. The function is \[f(x) = 2x + 1.\] When is it odd?",
}


@pytest.mark.parametrize("problem", DEFINITIONS.values(), ids=DEFINITIONS.keys())
def test_definitions(problem):
    steps = ["f(2) = 5", "f(2) = 6", "To find the next, we use f(x) = 2x + 1.", "f(4) = 9"]
    assert [verdict.value for verdict in check_algebra(problem, steps)] == [1, -1, 0, 1]


def test_many_relations_before_a_chain_ends_are_no_obstacle():
    step = "x + x = 2x = 3x - x. " + "y_1 = 2. " * 90
    assert check_algebra("", (step,))[0].value >= 0
