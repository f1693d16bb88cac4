"""Expressions with names and irrational constants, as small trees.

A tree is a number (int or Fraction), a name (str), or a tuple `(operation, *arguments)`: sums and products
of any length, "/" a reciprocal, "^", "√" with its degree, "call" of an unknown function, or one of
FUNCTIONS. Products by a number and sums of numbers are folded as they are made.
"""

from fractions import Fraction

from sept_jax.checks.formulas.exact import Abstain, Number, apply, root

Tree = int | Fraction | str | tuple

MAX_NODES = 240

CALL = "call"
PI, DEGREE, IMAGINARY, EULER = "π", "°", "i", "e"
CONSTANTS = frozenset((PI, DEGREE))
"""Names that stand for a number always; IMAGINARY and EULER may be variables as well."""

TRIGONOMETRIC = frozenset(("sin", "cos", "tan", "cot", "sec", "csc"))
INVERSE = frozenset(("arcsin", "arccos", "arctan"))
FUNCTIONS = TRIGONOMETRIC | INVERSE | {"ln", "log", "exp", "abs", "floor", "ceil", "!", "binom"}


_SYMBOLIC = (str, tuple)


def number(tree: Tree) -> bool:
    """Whether a tree is a number."""
    return not isinstance(tree, _SYMBOLIC)


def combine(symbol: str, left: Tree, right: Tree) -> Tree:
    """The tree of `left symbol right`. Raises Abstain where numbers go beyond the bounds of `exact`."""
    if not isinstance(left, _SYMBOLIC) and not isinstance(right, _SYMBOLIC):
        if symbol == "^" and right.denominator != 1:
            return power_of(left, right)
        return apply(symbol, left, right)
    if symbol == "+":
        return _joined("+", left, right)
    if symbol == "-":
        return _joined("+", left, negated(right))
    if symbol == "*":
        return _joined("*", left, right)
    if symbol == "/":
        if right == 0:
            raise Abstain
        return _joined("*", left, Fraction(1, right) if number(right) else ("/", right))
    if right == 1:
        return left
    if isinstance(right, int) and abs(right) > 4096:
        raise Abstain
    return ("^", left, right)


def power_of(base: Number, exponent: Number) -> Tree:
    """A rational power of a number: the number where it is rational, else a tree."""
    if exponent.denominator > 64 or abs(exponent.numerator) > 64:
        raise Abstain
    try:
        return apply("^", base, exponent)
    except Abstain:
        return ("^", base, exponent)


def root_of(value: Tree, degree: Tree) -> Tree:
    """The root of a tree: a number where it is rational."""
    if number(value) and isinstance(degree, int):
        try:
            return root(value, degree)
        except Abstain:
            pass
    return ("√", value, degree)


def negated(tree: Tree) -> Tree:
    """Minus a tree."""
    return -tree if number(tree) else _joined("*", -1, tree)


def _joined(symbol: str, left: Tree, right: Tree) -> Tree:
    unit = 0 if symbol == "+" else 1
    if left == unit and not isinstance(left, bool):
        return right
    if right == unit:
        return left
    first = left[1:] if isinstance(left, tuple) and left[0] == symbol else (left,)
    last = right[1:] if isinstance(right, tuple) and right[0] == symbol else (right,)
    if len(first) + len(last) > MAX_NODES:
        raise Abstain
    if symbol == "*" and number(first[0]) and number(last[0]):
        return (symbol, apply("*", first[0], last[0]), *first[1:], *last[1:])
    if symbol == "*" and number(last[0]) and not number(first[0]):
        return (symbol, last[0], *first, *last[1:])
    return (symbol, *first, *last)


def contents(*trees: Tree) -> tuple[set[str], set[str]]:
    """What `names` and `operations` give, of several trees together."""
    found: set[str] = set()
    used: set[str] = set()
    stack = list(trees)
    while stack:
        at = stack.pop()
        if type(at) is tuple:
            symbol = at[0]
            used.add(symbol)
            if symbol == "^" and not isinstance(at[2], int):
                used.add("^^")  # an exponent that is no whole number
            stack += at[2:] if symbol == CALL else at[1:]
        elif type(at) is str:
            (used if at in CONSTANTS else found).add(at)
    return found, used


def names(tree: Tree) -> set[str]:
    """Names in a tree, constants and functions' names left out."""
    return {tree} - CONSTANTS if isinstance(tree, str) else contents(tree)[0]


def operations(tree: Tree) -> set[str]:
    """Operations and constants in a tree."""
    return contents(tree)[1]


def nodes(tree: Tree) -> int:
    """How many nodes a tree has."""
    count, stack = 0, [tree]
    while stack:
        at = stack.pop()
        count += 1
        if isinstance(at, tuple):
            stack.extend(at[1:])
    return count


def substitute(tree: Tree, values: dict[str, Tree]) -> Tree:
    """The tree with names replaced. Raises Abstain beyond the bounds."""
    if isinstance(tree, str):
        return values.get(tree, tree)
    if not isinstance(tree, tuple):
        return tree
    symbol, arguments = tree[0], tree[1:]
    if symbol == CALL:
        return (CALL, tree[1], *(substitute(a, values) for a in tree[2:]))
    return rebuilt(symbol, [substitute(a, values) for a in arguments])


def rebuilt(symbol: str, arguments: list[Tree]) -> Tree:
    """The tree of an operation on new arguments, folded."""
    if symbol in ("+", "*"):
        result = arguments[0]
        for argument in arguments[1:]:
            result = combine(symbol, result, argument)
        return result
    if symbol == "/":
        return combine("/", 1, arguments[0])
    if symbol == "^":
        return combine("^", arguments[0], arguments[1])
    if symbol == "√":
        return root_of(arguments[0], arguments[1])
    return (symbol, *arguments)


def expand_calls(tree: Tree, functions: dict[str, tuple[tuple[str, ...], Tree]], depth: int = 0) -> Tree:
    """The tree with the calls of known functions replaced by their bodies, bounded in depth and size."""
    if not isinstance(tree, tuple):
        return tree
    if depth > 12:
        raise Abstain
    if tree[0] == CALL:
        arguments = [expand_calls(a, functions, depth + 1) for a in tree[2:]]
        known = functions.get(tree[1])
        if known is None or len(known[0]) != len(arguments):
            return (CALL, tree[1], *arguments)
        body = substitute(known[1], dict(zip(known[0], arguments, strict=True)))
        if nodes(body) > MAX_NODES:
            raise Abstain
        return expand_calls(body, functions, depth + 1)
    return rebuilt(tree[0], [expand_calls(a, functions, depth + 1) for a in tree[1:]])
