import ast
import collections
import dataclasses
import pathlib
import re

import numpy as np
import pytest

import sept_jax
from configs import story as story_config
from sept_jax.checks.reading import read_path
from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import SPLITS, WorkedSource, split_of
from sept_jax.data.story import PLAIN, Operation, Story, StorySource, calculate, solve
from sept_jax.data.vocabulary import NAMES, RELATIONS, VOCABULARY
from sept_jax.models.tokenizer import word_tokenizer
from sept_jax.scoring.answer_gain import encode_answers
from sept_jax.steps import split_text

SOURCE = StorySource(1000, 7, operations=(2, 3, 4, 5, 6))
MISTAKES = Mistakes(**story_config.get_config().warm_start.mistakes)
LINE = re.compile(r"(\w+) (\d+)([-+*/])(\d+)=(\d+)")
TRUE = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b, "/": lambda a, b: a / b}

# How the test reads a story, sentence by sentence: who gets what, from the values so far.
READINGS = (
    (r"(\w+) (?:has|owns) (\d+) (?:apples|books|cards|pens|nuts|toys)\.", lambda v, a, n: {a: int(n)}),
    (
        r"(\w+) has (\d+) more than (\w+)\.",
        lambda v, a, n, b: {b: v[a] - int(n)} if a in v else {a: v[b] + int(n)},
    ),
    (
        r"(\w+) has (\d+) fewer than (\w+)\.",
        lambda v, a, n, b: {b: v[a] + int(n)} if a in v else {a: v[b] - int(n)},
    ),
    (r"(\w+) has (\d+) times as many as (\w+)\.", lambda v, a, n, b: {a: v[b] * int(n)}),
    (r"(\w+) has (\d+) for each that (\w+) has\.", lambda v, a, n, b: {a: v[b] * int(n)}),
    (r"(\w+) has half as many as (\w+)\.", lambda v, a, b: {a: v[b] / 2}),
    (r"(\w+) has twice as many as (\w+)\.", lambda v, a, b: {b: v[a] / 2}),
    (r"(\w+) gives away (\d+)\.", lambda v, a, n: {a: v[a] - int(n)}),
    (r"(\d+) are bought from (\w+)\.", lambda v, n, a: {a: v[a] - int(n)}),
    (r"(\w+) buys (\d+)\.", lambda v, a, n: {a: v[a] + int(n)}),
    (r"(\d+) are given to (\w+)\.", lambda v, n, a: {a: v[a] + int(n)}),
    (r"(\w+) gets (\d+) bags of (\d+)\.", lambda v, a, n, k: {a: v[a] + int(n) * int(k)}),
    (r"(\w+) finds (\d+) boxes of (\d+)\.", lambda v, a, n, k: {a: v[a] + int(n) * int(k)}),
    (r"(\w+) has as many as (\w+) and (\w+) together\.", lambda v, a, b, c: {a: v[b] + v[c]}),
    (r"Together (\w+) and (\w+) have as many as (\w+)\.", lambda v, b, c, a: {a: v[b] + v[c]}),
    (r"(\w+) shares them equally among (\d+) friends\.", lambda v, a, n: {"each": v[a] / int(n)}),
    (r"How many \w+ does each friend get\?", lambda v: {"answer": v["each"]}),
    (r"(\w+) packs them equally into (\d+) boxes\.", lambda v, a, n: {"box": v[a] / int(n)}),
    (r"How many \w+ are in each box\?", lambda v: {"answer": v["box"]}),
    (r"How many \w+ have (\w+) and (\w+) together\?", lambda v, a, b: {"answer": v[a] + v[b]}),
    (r"How many \w+ do (\w+) and (\w+) have in total\?", lambda v, a, b: {"answer": v[a] + v[b]}),
    (r"How many more \w+ has (\w+) than (\w+)\?", lambda v, a, b: {"answer": v[a] - v[b]}),
    (r"How many fewer \w+ has (\w+) than (\w+)\?", lambda v, a, b: {"answer": v[b] - v[a]}),
    (r"How many \w+ has (\w+)\?", lambda v, a: {"answer": v[a]}),
    (r"How many \w+ does (\w+) have\?", lambda v, a: {"answer": v[a]}),
)


def evaluate(question):
    """The answer, every value on the way, and which readings were used."""
    values, seen, used = {}, [], []
    for sentence in re.findall(r"[^ .?][^.?]*[.?]", question):
        ((number, groups),) = [
            (k, found.groups())
            for k, (pattern, _) in enumerate(READINGS)
            if (found := re.fullmatch(pattern, sentence))
        ]
        new = READINGS[number][1](values, *groups)
        values |= new
        seen += new.values()
        used.append(number)
    return values["answer"], seen, used


def parse(text):
    """The lines of a worked solution, and its answer."""
    *lines, last = text.split("\n")
    found = [LINE.fullmatch(line).groups() for line in lines]
    return [(who, int(a), sign, int(b), int(r)) for who, a, sign, b, r in found], last.removeprefix("#### ")


def test_the_tests_own_evaluator():
    told = "Tom has 12 apples. Ann has 5 more than Tom. Ann has 3 fewer than Sam. 4 are bought from Sam. "
    assert evaluate(told + "How many apples has Sam?") == (16, [12, 17, 20, 16, 16], [0, 1, 2, 8, 23])


def test_answers_are_right_and_every_wording_occurs():
    used = collections.Counter()
    for i in range(len(SOURCE)):
        problem = SOURCE[i]
        answer, values, readings = evaluate(problem.question)
        used.update(readings)
        assert problem.answer == str(int(answer))
        assert answer == int(answer)
        assert 1 <= min(values) <= max(values) <= 99
        assert problem.level == SOURCE.levels[i] == 2 + i % 5
    assert min(used[k] for k in range(len(READINGS))) >= 25
    assert len(RELATIONS) >= 10


def test_worked_by_hand():
    source = StorySource(3, 7, operations=(2, 3, 4, 5, 6))
    assert source[1].question == (
        "Tom has 9 nuts. Tom gets 3 bags of 6. Tom shares them equally among 3 friends. "
        "How many nuts does each friend get?"
    )
    assert source.worked(1, Mistakes()) == "bags 3*6=18\nTom 9+18=27\neach 27/3=9\n#### 9"


def test_lines_follow_from_the_problem_and_none_is_wasted():
    for i in range(300):
        lines, answer = parse(SOURCE.worked(i, Mistakes()))
        assert len(lines) == SOURCE.levels[i]
        assert answer == SOURCE[i].answer == str(lines[-1][-1])
        known = set(map(int, re.findall(r"\d+", SOURCE[i].question))) | {2}  # half, twice
        for k, (_, a, sign, b, result) in enumerate(lines):
            assert TRUE[sign](a, b) == result
            assert {a, b} <= known
            assert k == len(lines) - 1 or any(result in (line[1], line[3]) for line in lines[k + 1 :])
            known.add(result)


def test_it_asks_for_its_last_result():
    for index, split in ((1017, "train"), (1109, "test")):  # what is drawn first here asks for another
        story = StorySource(1200, 0, (4, 5), split).story(index)
        last = story.operations[-1].label
        assert last not in NAMES or last in story.question.rsplit(". ", 1)[1]


def test_rules_say_nothing_against_right_solutions():
    doubted = 0
    for i in range(400):
        text = SOURCE.worked(i, Mistakes())
        steps = tuple(text[a:b] for a, b in split_text(text))
        assert len(steps) == SOURCE.levels[i] + 1
        verdicts = read_path(SOURCE[i].question, steps, False).verdicts
        doubted += any(v.known and v.value < 0 for channel in verdicts.values() for v in channel)
    assert doubted == 0


def test_it_is_a_source_and_a_problem_depends_on_seed_and_index_alone():
    assert isinstance(SOURCE, WorkedSource)
    other = StorySource(12, 7, operations=(2, 3, 4, 5, 6))
    assert [other[i] for i in (11, 0, 5)] == [SOURCE[i] for i in (11, 0, 5)]
    theirs = StorySource(60, 8, operations=(2, 3, 4, 5, 6))
    assert not {SOURCE[i].question for i in range(60)} & {theirs[i].question for i in range(60)}
    assert len({s[i].id for s in (SOURCE, theirs) for i in range(60)}) == 120
    for index in (1000, -1):
        with pytest.raises(IndexError):
            SOURCE[index]


def test_splits_share_no_question():
    questions = {}
    for split in SPLITS:
        source = StorySource(150, 7, split=split)
        questions[split] = {source[i].question for i in range(150)}
        assert {split_of(question) for question in questions[split]} == {split}
    assert not questions["train"] & (questions["validation"] | questions["test"])
    assert not questions["validation"] & questions["test"]


def test_relations_are_misread_into_true_lines():
    mistakes, wrong = Mistakes(relation=1.0), 0
    for i in range(300):
        lines, answer = parse(SOURCE.worked(i, mistakes))
        known = set(map(int, re.findall(r"\d+", SOURCE[i].question))) | {2}
        for _, a, sign, b, result in lines:
            assert TRUE[sign](a, b) == result
            assert {a, b} <= known
            known.add(result)
        assert answer == str(lines[-1][-1])
        wrong += answer != SOURCE[i].answer
    assert wrong > 270


GIVEN = {"Tom": 12, "Ida": 9}


@pytest.mark.parametrize(
    ("kind", "left", "right", "true", "misread"),
    [
        ("more", "Tom", 5, "12+5=17", "12-5=7"),
        ("fewer", "Tom", 5, "12-5=7", "12+5=17"),
        ("times", "Tom", 3, "12*3=36", "12+3=15"),
        ("half", "Tom", 2, "12/2=6", "12*2=24"),
        ("gives", "Tom", 4, "12-4=8", "12+4=16"),
        ("buys", "Tom", 4, "12+4=16", "12-4=8"),
        ("bags", 3, 5, "3*5=15", "3+5=8"),
        ("together", "Tom", "Ida", "12+9=21", "12-9=3"),
        ("share", "Tom", 4, "12/4=3", "12-4=8"),
        ("total", "Ida", "Tom", "9+12=21", "12-9=3"),
        ("difference", "Tom", "Ida", "12-9=3", "12+9=21"),
    ],
)
def test_each_relation_and_its_misreading(kind, left, right, true, misread):
    wording = RELATIONS[kind][1]
    operation = Operation("x", left, wording.sign, right, wording.misread, True)
    for generator, mistakes, expected in (
        (None, Mistakes(), true),
        (np.random.default_rng(0), Mistakes(relation=1.0), misread),
    ):
        ((_, a, sign, b, result),) = solve(Story("", GIVEN, (operation,)), generator, mistakes)
        assert f"{a}{sign}{b}={result}" == expected


@pytest.mark.parametrize(
    ("line", "possible"),
    [((12, "/", 4), (12, "/", 4)), ((13, "/", 4), (13, "-", 4)), ((5, "/", 0), (5, "-", 0)),
     ((3, "/", 4), (4, "-", 3)), ((3, "-", 8), (8, "-", 3)), ((8, "-", 3), (8, "-", 3)),
     ((3, "+", 8), (3, "+", 8))],
)  # fmt: skip
def test_an_amount_is_whole_and_not_below_zero(line, possible):
    assert calculate(*line) == possible


def test_misreadings_where_no_word_misleads_go_three_ways_and_are_carried_on():
    story = Story(
        "",
        {"Tom": 12, "Ida": 9},
        (Operation("Ann", "Tom", "+", 5, "-", False), Operation("Ann", "Ann", "*", 2, "+", False)),
    )
    seen = collections.Counter()
    for seed in range(400):
        lines = solve(story, np.random.default_rng(seed), Mistakes(relation=0.5 / PLAIN))
        seen[tuple(f"{a}{sign}{b}={r}" for _, a, sign, b, r in lines)] += 1
    assert seen["12+5=17", "17*2=34"] == pytest.approx(100, abs=30)
    assert seen["12-5=7", "7*2=14"] > 40  # another operation
    assert seen["9+5=14", "14*2=28"] > 10  # another person
    assert seen["12+5=17",] > 5  # the second sentence skipped
    assert sum(seen.values()) == 400


def test_misleading_words_are_misread_more_often():
    told, misread = collections.Counter(), collections.Counter()
    for i in range(1000):
        story = SOURCE.story(i)
        first = story.operations[0]
        told[first.misleads] += 1
        lines = solve(story, np.random.default_rng(i), Mistakes(relation=0.4))
        misread[first.misleads] += bool(lines[0] != solve(story, None, Mistakes())[0])
    assert misread[True] / told[True] == pytest.approx(0.4, abs=0.08)
    assert misread[False] / told[False] == pytest.approx(0.4 * PLAIN, abs=0.05)


@pytest.mark.parametrize("kind", ["digit", "carry", "copy"])
def test_slips_are_seen_by_what_they_break(kind):
    false, unknown, lines_in_all = 0, 0, 0
    for i in range(200):
        lines, _ = parse(SOURCE.worked(i, Mistakes(**{kind: 0.5})))
        known = set(map(int, re.findall(r"\d+", SOURCE[i].question))) | {2}
        for _, a, sign, b, result in lines:
            false += TRUE[sign](a, b) != result
            unknown += not {a, b} <= known
            known.add(result)
        lines_in_all += len(lines)
    if kind == "digit":
        assert false / lines_in_all == pytest.approx(0.5, abs=0.05)
    elif kind == "carry":
        assert 0.05 < false / lines_in_all < 0.3
    else:
        assert false == 0
        assert 0.3 < unknown / lines_in_all < 0.5
    assert kind == "copy" or unknown == 0


@pytest.mark.parametrize(("carry", "refutable"), [(0.0, 0.05), (MISTAKES.carry, 0.4)])  # a number from itself
def test_the_worked_solutions_of_the_config_are_mediocre_and_most_wrong_ones_beyond_rules(carry, refutable):
    source, right, wrong, refuted = StorySource(240, 11, (1, 2, 3)), 0, 0, 0
    mistakes = dataclasses.replace(MISTAKES, carry=carry)
    for i in range(len(source)):
        problem, text = source[i], source.worked(i, mistakes)
        if text.endswith(f"#### {problem.answer}"):
            right += 1
            continue
        wrong += 1
        steps = tuple(text[a:b] for a, b in split_text(text))
        verdicts = read_path(problem.question, steps, False).verdicts
        refuted += any(v.known and v.value <= -0.99 for channel in verdicts.values() for v in channel)
    assert 0.45 < right / len(source) < 0.65
    assert wrong > 80
    assert refuted <= refutable * wrong


def test_stories_and_solutions_are_in_the_vocabulary():
    tokenizer, config = word_tokenizer(VOCABULARY), story_config.get_config()
    sentences = lines = asked = worked = 0
    for i in range(200):
        for text in (SOURCE[i].question, SOURCE.worked(i, MISTAKES)):
            ids = tokenizer.encode(text)
            assert len(ids) < (max(config.prompt.buckets) if "?" in text else config.sampling.max_new_tokens)
            assert tokenizer.decode(ids) == text
            pieces = [tokenizer.decode([index]) for index in ids]
            starts = np.cumsum([0, *map(len, pieces)])[:-1].tolist()
            assert tokenizer.detokenize(ids) == (text, starts)
            if "?" in text:
                asked, sentences = asked + len(ids), sentences + len(re.findall("[.?]", text))
            else:
                worked, lines = worked + len(ids), lines + text.count("\n") + 1
    assert asked / sentences < 11
    assert worked / lines < 10
    assert [tokenizer.decode([i]) for i in tokenizer.encode("Ann 12/2=6\n#### 6")] == [
        *("Ann", " ", "1", "2", "/", "2", "=", "6", "\n", "####", " ", "6")
    ]


def test_every_part_of_a_text_and_the_questions_to_the_model_can_be_encoded():
    tokenizer, config = word_tokenizer(VOCABULARY), story_config.get_config()
    for i in range(20):
        for text in (SOURCE[i].question, SOURCE.worked(i, MISTAKES)):
            for start in range(len(text)):
                part = text[start : start + 9].strip()
                assert tokenizer.decode(tokenizer.encode(part)) == part
    asked = config.scoring.questions.self_check
    for text in (asked.plain.format(question=asked.question), asked.yes, asked.no):
        assert tokenizer.decode(tokenizer.encode(text)) == text
    branches, scored = encode_answers([["12"]], tokenizer, config.scoring.questions.answer_cue)
    ids = tokenizer.encode("\n#### 12")  # as a solution has them
    assert branches[0, 0, : len(ids)].tolist() == ids
    assert scored[0, 0].tolist() == [False, False, True, True, True, *([False] * 3)]


def imports_of(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def test_no_channel_can_read_how_problems_are_made():
    root = pathlib.Path(sept_jax.__path__[0])
    todo = [*(root / "checks").rglob("*.py"), *(root / "scoring").rglob("*.py")]
    assert len(todo) > 60
    seen = set(todo)
    while todo:
        for name in imports_of(todo.pop()):
            path = root.parent.joinpath(*name.split("."))
            for file in (path.with_suffix(".py"), path / "__init__.py"):
                if name.startswith("sept_jax") and file.exists() and file not in seen:
                    seen.add(file)
                    todo.append(file)
    assert root / "records.py" in seen
    assert not {file.name for file in seen if file.parent == root / "data"} - {"__init__.py"}
