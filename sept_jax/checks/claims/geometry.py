"""Claims about explicit points and triangles: slopes, distances, midpoints, lines through named points, the
equal angles of an isosceles triangle."""

import re
from collections.abc import Iterator
from fractions import Fraction

from sept_jax.checks.claims.claims import Claim, ends_clean, plain, shown
from sept_jax.checks.claims.general import tree_of
from sept_jax.checks.formulas.evaluation import near, value_at
from sept_jax.checks.formulas.exact import Abstain
from sept_jax.checks.formulas.expressions import evaluate
from sept_jax.checks.formulas.terms import names

Point = tuple[Fraction, Fraction]

_COORDINATE = r"[-0-9./ ]{1,12}"
_PAIR = rf"\( ?({_COORDINATE}) ?, ?({_COORDINATE}) ?\)"
_NAMED = re.compile(rf"(?<![a-z])([a-z]) ?=? ?{_PAIR}")
_BETWEEN_PAIRS = re.compile(
    rf"(?P<what>slope|distance|midpoint)(?: of| from)?(?: the)?(?: line| segment| line segment)?"
    rf"(?: passing| going| that passes)?(?: between| through| from| joining| connecting)?(?: the)"
    rf"?(?: points)? {_PAIR} (?:and|to) {_PAIR}"
    rf" (?:is|equals|=) (?P<value>{_COORDINATE}|{_PAIR})"
)
_SLOPE_NAMED = re.compile(
    r"(?:slope of (?:the )?(?:line |segment |line segment )?|line )(?P<a>[a-z])(?P<b>[a-z])(?: has "
    r"a? ?slope| is| has slope)"
    r"(?: of)? (?:=|is)? ?(?:[^=.]{0,40}= ?)?(?P<value>-?\d{1,6}(?:/\d{1,6})?)(?![\d^*(])"
)
_LINE_NAMED = re.compile(
    r"\bline (?P<a>[a-z])(?P<b>[a-z]) [^.;\n]{0,100}?equation(?: of [a-z ]{1,20})? (?:is|becomes|:)"
    r"? ?y ?= ?(?P<expr>[-0-9x/+*(). ]{1,40}?)(?=[.,;\n]|$| and| so)"
)
_ON_CURVE = re.compile(
    rf"point {_PAIR} (?P<not>does not lie|is not|lies|is)(?: also)? on (?:the )?(?:line|parabola"
    rf"|curve|graph|circle)?(?: of| given by| with equation)?"
    r" ?(?P<left>[xy][-0-9xy/+*^(). ]{0,30}?) ?= ?(?P<right>[-0-9xy/+*^(). ]{1,40}?)(?=[.,;\n]|$| "
    r"and| so| because| since)"
)
_ISOSCELES = re.compile(
    r"(?:since|because|as|given that|given) (?P<a>[a-z])(?P<b>[a-z]) ?= ?(?P<c>[a-z])(?P<d>[a-z])"
    r"(?![a-z])(?P<middle>[^.;\n]{0,120}?)"
    r"∠ ?(?P<first>[a-z]{3}) ?(?:=|≅|is equal to|equals|and) ?(?:m ?)?∠ ?(?P<second>[a-z]{3})(?![a-z])"
    r"(?P<after> are (?:equal|congruent))?"
)


def _point(x: str, y: str) -> Point | None:
    first, second = evaluate(x), evaluate(y)
    return None if first is None or second is None else (first.exact, second.exact)


def named_points(text: str) -> dict[str, Point]:
    """Points that a plain text gives coordinates to; names with two different ones are left out."""
    found: dict[str, Point | None] = {}
    for name, x, y in _NAMED.findall(text):
        point = _point(x, y)
        if point is None or found.get(name, point) != point:
            found[name] = None
        else:
            found[name] = point
    return {name: point for name, point in found.items() if point is not None}


def points(text: str, problem: str) -> Iterator[Claim]:
    """ "the slope between (1, 2) and (3, 8) is 2", "line AB has the equation y = x + 5"."""
    for found in _BETWEEN_PAIRS.finditer(text) if ") " in text else ():
        groups = found.groups()
        first, second = _point(groups[1], groups[2]), _point(groups[3], groups[4])
        if first is None or second is None or not ends_clean(text, found.end()):
            continue
        yield from _measured(found, first, second)
    for found in _ON_CURVE.finditer(text) if "point (" in text else ():
        point = _point(*found.groups()[:2])
        left, right = tree_of(found["left"]), tree_of(found["right"])
        if point is None or left is None or right is None or not names(left) | names(right) <= {"x", "y"}:
            continue
        at = {"x": float(point[0]), "y": float(point[1])}
        try:
            lies = near(value_at(left, at), value_at(right, at))
        except Abstain:
            continue
        if lies is not None:
            claim = shown(
                f"({point[0]}, {point[1]}) {'lies' if lies else 'does not lie'} on {found['left']} "
                f"= {found['right']}"
            )
            yield Claim(lies != ("not" in found["not"]), claim, *found.span())
    named = (
        [*_SLOPE_NAMED.finditer(text), *_LINE_NAMED.finditer(text)]
        if "line" in text or "slope" in text
        else []
    )
    known = named_points(plain(problem)) if named else {}
    if known:
        yield from _through_named(text, named, known)


def _through_named(text: str, named: list[re.Match], known: dict[str, Point]) -> Iterator[Claim]:
    for found in named:
        if found.re is _LINE_NAMED:
            yield from _line(found, known)
            continue
        a, b = known.get(found["a"]), known.get(found["b"])
        value = evaluate(found["value"])
        if a and b and a[0] != b[0] and value is not None and ends_clean(text, found.end()):
            slope = (b[1] - a[1]) / (b[0] - a[0])
            yield Claim(value.exact == slope, _slope_reason(found, slope), *found.span())


def _line(found: re.Match, known: dict[str, Point]) -> Iterator[Claim]:
    """Whether both named points lie on the line that is said to go through them."""
    tree = tree_of(found["expr"])
    if tree is None or not names(tree) <= {"x"}:
        return
    for name in (found["a"], found["b"]):
        point = known.get(name)
        if point is None:
            continue
        try:
            holds = near(value_at(tree, {"x": float(point[0])}), float(point[1]))
        except Abstain:
            continue
        if holds is not None:
            passes = "passes" if holds else "does not pass"
            reason = f"y = {shown(found['expr'])} {passes} through {name.upper()}({point[0]}, {point[1]})"
            yield Claim(holds, reason, *found.span())


def _slope_reason(found: re.Match, slope: Fraction) -> str:
    return f"the slope of {(found['a'] + found['b']).upper()} is {slope}"


def _measured(found: re.Match, first: Point, second: Point) -> Iterator[Claim]:
    across, up = second[0] - first[0], second[1] - first[1]
    what = found["what"]
    if what == "midpoint":
        inside = re.fullmatch(_PAIR, found["value"].strip())
        value = _point(*inside.groups()) if inside else None
        right = ((first[0] + second[0]) / 2, (first[1] + second[1]) / 2)
        if value is not None:
            yield Claim(value == right, f"the midpoint is ({right[0]}, {right[1]})", *found.span())
        return
    value = evaluate(found["value"])
    if value is None or (what == "slope" and across == 0):
        return
    if what == "slope":
        yield Claim(value.exact == up / across, f"the slope is {up / across}", *found.span())
    elif not value.decimals:
        yield Claim(
            value.exact**2 == across**2 + up**2,
            f"the distance is the root of {across**2 + up**2}",
            *found.span(),
        )


def isosceles(text: str, problem: str) -> Iterator[Claim]:
    """ "since AB = BC, the angles BAC and ABC are equal": the equal angles lie opposite the equal sides."""
    if "equilateral" in text or "equilateral" in problem.lower():
        return
    for found in _ISOSCELES.finditer(text):
        sides = [{found["a"], found["b"]}, {found["c"], found["d"]}]
        apex, corners = sides[0] & sides[1], sides[0] | sides[1]
        if (
            len(apex) != 1
            or len(corners) != 3
            or set(found["first"]) != corners
            or set(found["second"]) != corners
        ):
            continue
        if " and " in found[0][-14:] and not found["after"]:
            continue
        equal = {found["first"][1], found["second"][1]}
        name = next(iter(apex)).upper()
        base = " and ".join(corner.upper() for corner in sorted(corners - apex))
        yield Claim(equal == corners - apex, f"the equal angles are at {base}, not at {name}", *found.span())
