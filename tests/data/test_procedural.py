import collections
import fractions
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs import quickstart
from sept_jax.checks.arithmetic.check import check_arithmetic
from sept_jax.checks.provenance.check import check_provenance
from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import (
    SPLITS,
    ChainSource,
    WorkedSource,
    mix_operations,
    reduce_lines,
    split_of,
)
from sept_jax.data.story import StorySource
from sept_jax.data.vocabulary import CHARACTERS
from sept_jax.errors import UserError
from sept_jax.sources import make_sources
from sept_jax.steps import split_text
from sept_jax.validation import validate

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
    assert isinstance(SOURCE, WorkedSource)
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


def test_splits_share_no_question_and_have_their_eighths():
    questions = {}
    for split in SPLITS:
        source = ChainSource(50, 7, split=split)
        questions[split] = {source[i].question for i in range(50)}
        assert {split_of(question) for question in questions[split]} == {split}
    assert not questions["train"] & (questions["validation"] | questions["test"])
    assert not questions["validation"] & questions["test"]
    drawn = collections.Counter(split_of(f"{a}+{b}=") for a in range(100) for b in range(100))
    assert drawn["test"] / 10_000 == pytest.approx(1 / 8, abs=0.01)
    assert drawn["validation"] / 10_000 == pytest.approx(1 / 8, abs=0.01)


def test_the_operators_that_are_asked_for():
    source = ChainSource(40, 3, max_operand=60, max_value=200, operators="+-")
    assert {c for i in range(40) for c in source[i].question if not c.isdigit()} == {"+", "-", "="}


def test_no_chain_within_the_limits_says_what_to_type(monkeypatch):
    monkeypatch.setattr("sept_jax.data.procedural.ATTEMPTS", 50)
    with pytest.raises(UserError, match=r"no chain of 3 operations stays within max_value 1 .* type "):
        ChainSource(1, 0, (3,), max_operand=9, max_value=1, operators="+")[0]


@pytest.mark.parametrize(
    ("share", "expected"),
    [
        (0.0, (2, 3, 4, 2, 3, 4, 2, 3)),
        (0.25, (2, 3, 4, 5, 2, 3, 4, 6)),
        (0.5, (2, 5, 3, 6, 4, 5, 2, 6)),
        (1.0, (5, 6, 5, 6, 5, 6, 5, 6)),
    ],
)
def test_rare_numbers_of_operations_are_spread_evenly(share, expected):
    assert mix_operations((2, 3, 4), (5, 6), share, 8) == expected


def changed(**changes):
    config = quickstart.get_config()
    config.update_from_flattened_dict(changes)
    return config


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("data.procedural.task", "proof", "expected one of chain, quotient, story"),
        ("data.procedural.others", ("chain",), "expected some of quotient, story"),
        ("data.procedural.operators", "+%", "expected some of +-*/, such as +-"),
        ("data.procedural.operators", "", "expected some of +-*/"),
        ("data.procedural.operations", (0, 2), "expected numbers of operations"),
        ("data.procedural.ood_operations", (), "expected numbers of operations"),
        ("warm_start.ood_share", 1.5, "it must be in [0, 1]"),
        ("data.eval_split", "dev", "a made problem is in one of train, validation, test"),
        ("data.train_split", "all", "a made problem is in one of train, validation, test"),
        ("data.eval_split", "train", "it is the training split; type validation or test"),
    ],
)
def test_a_bad_value_is_named(key, value, said):
    with pytest.raises(UserError) as caught:
        validate(changed(**{key: value}))
    assert str(caught.value).startswith(f"config.{key} is {value!r}: ")
    assert said in str(caught.value)


@pytest.mark.parametrize(("task", "kind"), [("chain", ChainSource), ("story", StorySource)])
@pytest.mark.parametrize("split", ["validation", "test"])
def test_sources_of_a_config(task, kind, split):
    config = changed(
        **{"data.procedural.task": task, "data.procedural.size": 30, "data.eval_split": split,
           "evaluation.problems": 15, "evaluation.ood_problems": 10, "warm_start.steps": 2,
           "warm_start.batch": 32,
           "warm_start.ood_share": 0.25}
    )  # fmt: skip
    train, held_out, ood, others, worked, validation = make_sources(config)
    assert not others
    assert validation is None
    assert [len(source) for source in (train, held_out, ood, worked)] == [30, 15, 10, 64]
    for source, expected in ((train, "train"), (held_out, split), (ood, split), (worked, "train")):
        assert isinstance(source, kind)
        assert {split_of(source[i].question) for i in range(len(source))} == {expected}
    assert not {train[i].question for i in range(30)} & {worked[i].question for i in range(64)}
    assert set(train.levels) == set(held_out.levels) == {2.0, 3.0, 4.0}
    assert set(ood.levels) == {5.0, 6.0}
    assert np.mean(worked.levels >= 5) == 0.25
    config.method = "more_warm_start"  # one more worked solution for each path that the others draw
    assert len(make_sources(config).worked) == 64 + config.steps * config.batch * config.sampling.group_size


def divided(question):
    """The value of a chain of sums, differences and quotients, by a sum of fractions."""
    total = fractions.Fraction(0)
    for term in question.rstrip("=").replace("-", "+-").split("+"):
        first, *divisors = term.split("/")
        total += fractions.Fraction(int(first), math.prod(map(int, divisors)))
    return total


def test_quotients_divide_and_come_first():
    source = ChainSource(60, 5, (2, 3), max_operand=19, max_value=99, operators="+-/")
    seen = set()
    for i in range(60):
        numbers, operators = source.chain(i)
        seen.update(operators)
        assert "/" in operators
        assert source[i].answer == str(divided(source[i].question))
        assert all(
            a % b == 0 for a, o, b, _ in reduce_lines(numbers, operators, None, Mistakes()) if o == "/"
        )
    assert seen == set("+-/")
    sure = Mistakes(digit=1.0, copy=1.0, operator=1.0)  # a mistake can divide by zero, or leave a rest
    assert all(source.worked(i, sure) for i in range(60))


def test_other_tasks_are_shown_in_turn_and_held_out():
    config = changed(
        **{"data.procedural.others": ("quotient", "story"), "evaluation.problems": 7, "warm_start.steps": 3,
           "warm_start.batch": 10}
    )  # fmt: skip
    sources = make_sources(config)
    assert list(sources.others) == ["quotient", "story"]
    assert [len(source) for source in sources.others.values()] == [7, 7]
    assert isinstance(sources.others["story"], StorySource)
    assert all("/" in sources.others["quotient"][i].question for i in range(7))
    assert isinstance(sources.problems, ChainSource)
    assert len(sources.worked) == len(sources.worked.levels) == 30
    questions = [sources.worked[i].question for i in range(30)]
    assert ["apples" in q or " " in q for q in questions] == [i % 3 == 2 for i in range(30)]
    for i in range(30):
        assert sources.worked[i].level == sources.worked.levels[i]
        answer = sources.worked.worked(i, Mistakes()).rsplit("#### ", 1)[1]
        assert answer == sources.worked[i].answer
    assert not set(questions) & {source[i].question for source in sources.others.values() for i in range(7)}
