import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.checks.arithmetic.check import check_arithmetic
from sept_jax.checks.provenance.check import check_provenance
from sept_jax.data import Source
from sept_jax.data.procedural import CHARACTERS, ChainSource, Mistakes, reduce_lines
from sept_jax.steps import split_text

SOURCE = ChainSource(300, 7)


def evaluate(question):
    """A chain's value and all intermediate ones, by a sum of products: independent of the package's own."""
    values, total = [], 0
    for term in question.rstrip("=").replace("-", "+-").split("+"):
        sign, factors = (-1, term[1:]) if term.startswith("-") else (1, term)
        product, *rest = map(int, factors.split("*"))
        for factor in rest:
            product *= factor
            values.append(product)
        total += sign * product
        values.append(total)
    return total, values


def test_the_tests_own_evaluator():
    assert evaluate("3+4*5-2=") == (21, [3, 20, 23, 21])
    assert evaluate("29*3*2-1*7=")[0] == 167


def test_answers_and_bounds():
    for i in range(len(SOURCE)):
        problem = SOURCE[i]
        total, values = evaluate(problem.question)
        assert problem.answer == str(total)
        assert min(values) >= 0
        assert max(values) <= 999
        assert set(problem.question) <= set(CHARACTERS)
        operators = [c for c in problem.question if c in "+-*"]
        assert problem.level == SOURCE.levels[i] == len(operators) == (2, 3, 4)[i % 3]
        assert problem.question.endswith("=")


def test_operands_operators_and_values_keep_to_their_limits():
    source = ChainSource(60, 1, operations=(3,), max_operand=5, max_value=20)
    seen = collections.Counter()
    for i in range(60):
        numbers, operators = source.chain(i)
        seen.update(numbers)
        seen.update(operators)
        assert max(evaluate(source[i].question)[1]) <= 20
    assert set(seen) == {1, 2, 3, 4, 5, "+", "-", "*"}


def test_a_problem_depends_on_seed_and_index_alone():
    other = ChainSource(12, 7)
    assert [other[i] for i in (11, 0, 5)] == [SOURCE[i] for i in (11, 0, 5)]
    assert [SOURCE[i] for i in range(12)] == [other[i] for i in range(12)]
    ours, theirs = [SOURCE[i] for i in range(60)], [ChainSource(60, 8)[i] for i in range(60)]
    assert sum(a.question == b.question for a, b in zip(ours, theirs, strict=True)) <= 1
    assert len({problem.question for problem in ours}) > 55
    assert len({problem.id for problem in ours + theirs}) == 120


def test_it_is_a_source_of_its_size():
    assert isinstance(SOURCE, Source)
    assert len(SOURCE) == len(SOURCE.levels) == 300
    for index in (300, -1):
        with pytest.raises(IndexError):
            SOURCE[index]


def test_worked_solutions_without_mistakes_pass_every_check():
    for i in range(200):
        text = SOURCE.worked(i, Mistakes())
        steps = [text[a:b] for a, b in split_text(text)]
        assert len(steps) == SOURCE.levels[i] + 1
        assert [check_arithmetic(step).verdict.value for step in steps[:-1]] == [1.0] * (len(steps) - 1)
        assert [v.value for v in check_provenance(SOURCE[i].question, steps, strict=True)] == [1.0] * len(
            steps
        )
        assert steps[-1] == f"#### {SOURCE[i].answer}"
        assert set(text) <= set(CHARACTERS)


def worked(kind, question_numbers, operators, seed=0):
    mistakes = Mistakes(**{kind: 1.0})
    return reduce_lines(question_numbers, operators, np.random.default_rng(seed), mistakes)


def true_result(a, operator, b):
    return {"+": a + b, "-": a - b, "*": a * b}[operator]


numbers = st.lists(st.integers(1, 99), min_size=3, max_size=3)
signs = st.lists(st.sampled_from("+-*"), min_size=2, max_size=2)


@settings(max_examples=60, deadline=None)
@given(numbers, signs, st.integers(0, 99))
def test_a_wrong_digit_is_one_digit_of_each_result(given_numbers, operators, seed):
    for a, operator, b, result in worked("digit", given_numbers, operators, seed):
        true = str(abs(true_result(a, operator, b)))
        written = str(result).zfill(len(true))
        assert sum(x != y for x, y in zip(true, written, strict=True)) == 1


@settings(max_examples=60, deadline=None)
@given(numbers, signs, st.integers(0, 99))
def test_a_copying_mistake_is_one_operand_and_true_otherwise(given_numbers, operators, seed):
    (a, operator, b, result), *_ = worked("copy", given_numbers, operators, seed)
    at = operators.index("*") if "*" in operators else 0
    assert result == true_result(a, operator, b)
    assert operator == operators[at]
    assert ((a != given_numbers[at]) + (b != given_numbers[at + 1])) == 1


@settings(max_examples=60, deadline=None)
@given(numbers, signs, st.integers(0, 99))
def test_a_swapped_operator_is_another_one_and_true_otherwise(given_numbers, operators, seed):
    (a, operator, b, result), *_ = worked("operator", given_numbers, operators, seed)
    at = operators.index("*") if "*" in operators else 0
    assert (a, b) == tuple(given_numbers[at : at + 2])
    assert operator != operators[at]
    assert result == true_result(a, operator, b)


def test_mistaken_precedence_works_from_left_to_right():
    assert worked("precedence", [3, 4, 5], ["+", "*"]) == [(3, "+", 4, 7), (7, "*", 5, 35)]
    assert reduce_lines([3, 4, 5], ["+", "*"], None, Mistakes()) == [(4, "*", 5, 20), (3, "+", 20, 23)]


@pytest.mark.parametrize(
    ("a", "operator", "b", "result"),
    [
        (17, "+", 25, 32),  # 7+5 = 12 keeps the 2
        (95, "+", 7, 92),
        (99, "+", 1, 90),
        (12, "+", 25, 37),  # no carry to drop
        (17, "*", 5, 55),  # 1*5, 7*5 = 35 keeps the 5
        (4, "*", 26, 84),
        (3, "*", 3, 9),
        (12, "*", 13, 156),  # two columns on both sides: left alone
        (52, "-", 9, 43),
    ],
)
def test_a_dropped_carry(a, operator, b, result):
    assert worked("carry", [a, b], [operator]) == [(a, operator, b, result)]


def test_mistakes_are_carried_on_and_drawn_again():
    mistakes = Mistakes(digit=0.5)
    texts = [SOURCE.worked(i, mistakes) for i in range(8)]
    assert texts == [SOURCE.worked(i, mistakes) for i in range(8)]
    assert len(set(texts)) > 4
    for i, text in enumerate(texts):
        *lines, last = text.split("\n")
        results = [line.split("=")[1] for line in lines]
        assert last == f"#### {results[-1]}"
        chains = check_provenance(SOURCE[i].question, [*(f"{line}\n" for line in lines)], strict=True)
        assert not any("nowhere" in verdict.reason for verdict in chains)  # a wrong result is used as it is


def test_mistakes_happen_as_often_as_asked():
    wrong = 0
    for i in range(200):
        lines = reduce_lines(*SOURCE.chain(i), np.random.default_rng(i), Mistakes(digit=0.2))
        wrong += sum(result != true_result(a, operator, b) for a, operator, b, result in lines)
    total = int(SOURCE.levels[:200].sum())
    assert wrong / total == pytest.approx(0.2, abs=0.05)  # three standard errors of 600 draws
