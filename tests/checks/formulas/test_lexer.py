from fractions import Fraction
from itertools import pairwise
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.checks.formulas import lexemes
from sept_jax.checks.formulas.lexer import (
    CMP,
    CUR,
    FRAC,
    LP,
    MAX_CHARS,
    MAX_TOKENS,
    NL,
    NUM,
    OP,
    OPAQUE,
    PCT,
    REL,
    RP,
    SEP,
    SQRT,
    VAR,
    WORD,
    tokenize,
    touching,
)

NAMES = "NUM OP LP RP FRAC SQRT PCT BANG REL CMP WORD VAR OPAQUE SEP NL CUR".split()  # noqa: SIM905


def shown(text):
    """Kinds and values as words: "NUM:3 OP:+ VAR:x"."""
    tokens = tokenize(text)
    values = [str(v[0]) if k == NUM else v for k, v in zip(tokens.kinds, tokens.values, strict=True)]
    return " ".join(f"{NAMES[k]}:{v}" if v else NAMES[k] for k, v in zip(tokens.kinds, values, strict=True))


CONSTRUCTS = {
    # numbers
    "12": "NUM:12",
    "1,234.50": "NUM:2469/2",
    "1{,}234 1,\\!234 1\\,234": "NUM:1234 NUM:1234 NUM:1 NUM:234",
    "1,23": "NUM:1 SEP:, NUM:23",
    ".5 + 5.": "NUM:1/2 OP:+ NUM:5 SEP:.",
    "2½": "NUM:2 NUM:1/2",
    "2 1/2": "NUM:2 NUM:1 OP:/ NUM:2",
    "0730": "OPAQUE:0730",
    "3rd of 5th": "NUM:3 OPAQUE:rd WORD:of NUM:5 OPAQUE:th",
    "3:45 pm": "NUM:3 OPAQUE:: NUM:45 OPAQUE:pm",
    "20% 20\\%": "NUM:20 PCT NUM:20 PCT",
    "$5, \\$5, €5": "CUR:$ NUM:5 SEP:, CUR:$ NUM:5 SEP:, CUR NUM:5",
    "1...3 1, \\cdots, n": "NUM:1 OPAQUE:… NUM:3 NUM:1 SEP:, OPAQUE:… SEP:, VAR:n",
    # operators
    "3×4÷2−1·5": "NUM:3 OP:* NUM:4 OP:/ NUM:2 OP:- NUM:1 OP:* NUM:5",
    "3 \\times 4 \\cdot 5 \\div 2": "NUM:3 OP:* NUM:4 OP:* NUM:5 OP:/ NUM:2",
    "x² 10⁻³": "VAR:x OP:^ NUM:2 NUM:10 OP:^ NUM:-3",
    "2**3 x**2 **bold**": "NUM:2 OP:^ NUM:3 VAR:x OP:^ NUM:2 WORD:bold",
    "5! %": "NUM:5 BANG PCT",
    "3 x 4, 3x4": "NUM:3 OP:* NUM:4 SEP:, NUM:3 OP:* NUM:4",
    "3 x (4+5)": "NUM:3 OP:* LP:( NUM:4 OP:+ NUM:5 RP:(",
    "2x(x+3)": "NUM:2 VAR:x LP:( VAR:x OP:+ NUM:3 RP:(",
    "2 x $3": "NUM:2 OP:* CUR:$ NUM:3",
    "2x + 3": "NUM:2 VAR:x OP:+ NUM:3",
    # LaTeX
    "\\frac{1}{2}": "FRAC LP:{ NUM:1 RP:{ LP:{ NUM:2 RP:{",
    "\\dfrac12 \\frac34x": "FRAC NUM:1 NUM:2 FRAC NUM:3 NUM:4 VAR:x",
    "\\sqrt[3]{8} √9": "SQRT LP:[ NUM:3 RP:[ LP:{ NUM:8 RP:{ SQRT NUM:9",
    "\\binom{5}{2}": "OPAQUE:binom LP:{ NUM:5 RP:{ LP:{ NUM:2 RP:{",
    "\\left( 2 \\right)": "LP:( NUM:2 RP:(",
    "\\boxed{5}": "LP:{ NUM:5 RP:{",
    "|-3| \\lfloor x \\rfloor ⌈2⌉": "OPAQUE:| OP:- NUM:3 OPAQUE:| OPAQUE:lfloor VAR:x OPAQUE:rfloor "
    "OPAQUE:lceil NUM:2 OPAQUE:rceil",
    "\\operatorname{gcd}(4,6) \\text{lcm}": "OPAQUE:gcd LP:( NUM:4 SEP:, NUM:6 RP:( OPAQUE:lcm",
    "\\sin \\log_2 8": "OPAQUE:sin OPAQUE:log OPAQUE:_ NUM:2 NUM:8",
    "5\\text{ cm} \\mathrm{kg}": "NUM:5 WORD:cm WORD:kg",
    "\\text{x = 5}": "OPAQUE:\\text{x = 5}",
    "7 \\pmod{5} \\bmod 3": "NUM:7 WORD:mod LP:{ NUM:5 RP:{ WORD:mod NUM:3",
    "\\begin{align*} x &= 3 \\\\ &= 4 \\end{align*}": "SEP VAR:x REL:= NUM:3 NL REL:= NUM:4 SEP",
    "\\begin{aligned} 3 &+ 4 \\\\ &\\le 5": "SEP NUM:3 OP:+ NUM:4 NL CMP:<= NUM:5",
    "\\begin{cases} 1 & x > 0": "SEP NUM:1 SEP:& VAR:x CMP:> NUM:0",
    "\\begin{pmatrix} 1 & 2 \\\\ 3 & -4": "SEP NUM:1 SEP:& NUM:2 NL NUM:3 OPAQUE:& OP:- NUM:4",
    "\\begin{array}{c|c} 1": "SEP NUM:1",
    "5 \\tag{3}": "NUM:5 SEP",
    "\\boxed{\\phantom{2}}": "LP:{ RP:{",
    "90^\\circ 45°": "NUM:90 WORD:degree NUM:45 WORD:degree",
    "\\[ 5 \\] \\( 6 \\)": "SEP NUM:5 SEP SEP NUM:6 SEP",
    "\\mathbf{v}": "OPAQUE:\\mathbf{v}",
    # relations
    "= ≈ \\approx ==": "REL:= REL:≈ REL:≈ REL:=",
    "< ≤ \\le \\leq <=": "CMP:< CMP:<= CMP:<= CMP:<= CMP:<=",
    "> ≥ \\ge \\geq >=": "CMP:> CMP:>= CMP:>= CMP:>= CMP:>=",
    "≠ \\ne \\neq != \\not=": "CMP:!= CMP:!= CMP:!= CMP:!= CMP:!=",
    "4!=24 (n)!=6": "NUM:4 BANG REL:= NUM:24 LP:( VAR:n RP:( BANG REL:= NUM:6",
    "2n!=4": "NUM:2 VAR:n BANG REL:= NUM:4",
    "x != 3, total!=5": "VAR:x CMP:!= NUM:3 SEP:, WORD:total CMP:!= NUM:5",
    "≡ \\equiv \\not\\equiv": "CMP:≡ CMP:≡ CMP:≢",
    "3 \\mid 12 \\nmid 5": "NUM:3 CMP:| NUM:12 CMP:∤ NUM:5",
    "=> -> \\implies": "SEP SEP SEP",
    # names
    "A + a": "VAR:A OP:+ VAR:a",
    "x_1 x_{1} x₁ x1": "VAR:x_1 VAR:x_1 VAR:x_1 VAR:x_1",
    "a_{n + 1} S_{10} S_n P_{AB} v_{\\text{max}}": "VAR:a_{n+1} VAR:S_10 VAR:S_n VAR:P_AB VAR:v_max",
    "f'(x) y'' z^{\\prime}": "VAR:f' LP:( VAR:x RP:( VAR:y'' VAR:z'",
    "θ \\theta \\alpha_1": "VAR:θ VAR:θ VAR:α_1",
    "2\\pi r πr": "NUM:2 OPAQUE:pi VAR:r OPAQUE:pi VAR:r",
    "total_cost = 5": "VAR:total_cost REL:= NUM:5",
    "I have a dog. A = a": "WORD:i WORD:have WORD:a WORD:dog SEP:. VAR:A REL:= VAR:a",
    "5 kg 5kg 2xy": "NUM:5 WORD:kg NUM:5 WORD:kg NUM:2 OPAQUE:xy",
    "ab^2 cm^2 5 squares^2": "WORD:ab OP:^ NUM:2 WORD:cm WORD WORD NUM:5 WORD:squares WORD WORD",
    "Don't": "WORD:don't",
    # layout
    "- 3 apples\n* 4": "SEP:- NUM:3 WORD:apples NL SEP:* NUM:4",
    "48/2 = <<48/2=24>>24": "NUM:48 OP:/ NUM:2 REL:= NUM:24",
    "x~+\\ y\\quad z": "VAR:x OP:+ VAR:y SEP VAR:z",
    "": "",
    " \\left ": "",
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), CONSTRUCTS.items())
def test_kinds_and_values(text, expected):
    assert shown(text) == expected


def test_numbers_have_decimals():
    assert tokenize("3.50 7 1,000.0").values == [(Fraction(7, 2), 2), (7, 0), (1000, 1)]


def test_places_are_those_of_the_text():
    text = "Tom pays  $1,200 for\\left(\\frac12 x_{1}\\right) 5kg <<2*3=6>>."
    tokens = tokenize(text)
    assert [text[s:e] for s, e in zip(tokens.starts, tokens.ends, strict=True)] == [
        "Tom", "pays", "$", "1,200", "for", "(", "\\frac", "1", "2", "x_{1}", ")", "5", "kg", ".",
    ]  # fmt: skip
    assert [text[s:e] for s, e in tokens.notes] == ["2*3=6"]
    assert (tokens.match[5], tokens.match[10], tokens.match[0]) == (10, 5, -1)


def test_layout_does_not_part_what_touches():
    tokens = tokenize("f\\left(x\\right) (y)")
    assert touching(tokens, 1)
    assert not touching(tokens, 4)


def test_brackets_pair_by_kind():
    assert tokenize("(3]").match == [-1, -1, -1]
    assert tokenize("{(3)}").match == [4, 3, -1, 1, 0]
    assert tokenize("(4 apples) (apples)").kinds == [LP, NUM, WORD, RP, WORD, WORD, WORD]


@pytest.mark.parametrize(
    ("plain", "latex"),
    [("3 * 4 / 2", "3 \\cdot 4 \\div 2"), ("x <= 5", "x \\leq 5"), ("θ_1 = π", "\\theta_{1}=\\pi"),
     ("√(9)", "\\sqrt(9)"), ("a ≡ b", "a\\,\\equiv\\,b"), ("50% of 6", "50\\% \\text{ of } 6")],
)  # fmt: skip
def test_plain_and_latex_are_the_same_tokens(plain, latex):
    assert shown(plain) == shown(latex)


@given(
    st.text(max_size=300) | st.text(alphabet="0123456789+-*/^(){}[].,%!$=√½²⁻₁\\ x'_aA&|<>:\n", max_size=200)
)
@settings(max_examples=400, deadline=None)
def test_any_text_has_tokens_in_order(text):
    tokens = tokenize(text)
    spans = list(zip(tokens.starts, tokens.ends, strict=True))
    assert all(0 <= start <= end <= len(text) for start, end in spans)
    assert all(a == b or a[1] <= b[0] for a, b in pairwise(spans))
    assert all(m < 0 or tokens.match[m] == i for i, m in enumerate(tokens.match))
    known = {NUM, OP, LP, RP, FRAC, SQRT, PCT, 7, REL, CMP, WORD, VAR, OPAQUE, SEP, NL, CUR}
    assert set(tokens.kinds) <= known


HOSTILE = [
    "(", "1", "1,000", "a", "x'", "_a", "\\", "\\text{", "\\frac", "<<1", "\\left", "&+ ", "x_{1", "**", " ",
    "$", "\\begin{a}", "a b_", "⁻", "1.", ",", "\n-", "\\not ", "^\\circ", "x1", "(x) ",
]  # fmt: skip


@pytest.mark.parametrize("piece", HOSTILE)
def test_time_is_linear(piece):
    text = piece * (MAX_CHARS // len(piece))
    start = process_time()
    tokenize(text)
    tokenize(text[: 2 * MAX_TOKENS])
    assert process_time() - start < 0.1
    assert tokenize(piece * 1_000_000) is None


def test_the_memo_is_bounded(monkeypatch):
    monkeypatch.setattr(lexemes, "_MEMO_ENTRIES", 100)
    lexemes.LEXEMES.clear()
    tokenize(" ".join(f"word{chr(97 + i % 26) * (i // 26 + 1)}" for i in range(500)))
    tokenize("y" * 5_000)
    assert len(lexemes.LEXEMES) <= 100
    assert max(map(len, lexemes.LEXEMES)) <= lexemes._MEMO_CHARS
