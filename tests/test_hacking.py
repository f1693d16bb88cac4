"""Scripted policies that try to please the scorer without reasoning: each must be worth less than honesty.

What the policy gradient pays for a habit is the advantage at the token where the habit departs from the
honest path: there the two compete, and `to_go` puts the rest of each path into one number. The sum of
advantages over all of a path's tokens would be another thing: it grows with the number of tokens that follow
the choice, which the choice does not bring about, and is larger for a path that says "1=1" before an honest
solution than for the solution alone, although "1=1" is pushed down.
"""

import dataclasses
import re
from collections.abc import Callable

import numpy as np
import pytest

from configs import base, quickstart
from sept_jax.advantages import step_advantages
from sept_jax.checks.reading import read_path
from sept_jax.health import means, text_habits
from sept_jax.records import CHANNELS, PathText, Rollouts, Steps, StepTexts
from sept_jax.scoring import ScoringConfig, gather_evidence, score_steps
from sept_jax.steps import split_text, token_steps

WIDTH, TOKENS = 16, 512
"""One shape for all: compiled once."""

Lines = list[str]


@dataclasses.dataclass(frozen=True)
class Task:
    """A problem; its right solution, line by line; other samples of the group, partly wrong, with different
    answers; and one line that does all."""

    question: str
    right: Lines
    wrong: tuple[Lines, ...]
    at_once: str
    spare: int  # a number of the problem


CHAINS = (
    Task(
        "3+4*5-2=",
        ["4*5=20", "3+20=23", "23-2=21", "#### 21"],
        (
            ["4*5=20", "3+20=24", "24-2=22", "#### 22"],
            ["4*5=21", "3+21=24", "24-2=22", "#### 23"],
            ["4*5=20", "3+20=23", "23-2=20", "#### 20"],
        ),
        "3+4*5-2=21",
        2,
    ),
    Task(
        "8*7+6-9=",
        ["8*7=56", "56+6=62", "62-9=53", "#### 53"],
        (
            ["8*7=56", "56+6=61", "61-9=52", "#### 52"],
            ["8*7=54", "54+6=60", "60-9=51", "#### 51"],
            ["8*7=56", "56-9=46", "46+6=52", "#### 57"],
        ),
        "8*7+6-9=53",
        6,
    ),
)

STORIES = (
    Task(
        "A baker fills 6 trays with 12 rolls each. He sells 45 rolls in the morning and burns 9. How many "
        "rolls are left?",
        [
            "He bakes 6 * 12 = 72 rolls.",
            "After the morning 72 - 45 = 27 rolls remain.",
            "He has 27 - 9 = 18 rolls left.",
            "#### 18",
        ],
        (
            [
                "He bakes 6 * 12 = 72 rolls.",
                "After the morning 72 - 45 = 37 rolls remain.",
                "He has 37 - 9 = 28 rolls left.",
                "#### 28",
            ],
            [
                "He bakes 6 + 12 = 18 rolls.",
                "He sells 45 rolls, so 45 - 18 = 27 are missing.",
                "He has 27 + 9 = 36 rolls left.",
                "#### 36",
            ],
            ["He bakes 6 * 12 = 72 rolls.", "After the morning 72 - 45 = 27 rolls remain.", "#### 27"],
        ),
        "He has 6 * 12 - 45 - 9 = 18 rolls left.",
        45,
    ),
    Task(
        "Nora reads 14 pages a day for 5 days. Her book has 120 pages. How many pages does she still have to "
        "read after that, if she skips 20 pages of maps?",
        [
            "She reads 14 * 5 = 70 pages.",
            "She leaves 120 - 20 = 100 pages to read.",
            "So 100 - 70 = 30 pages are left.",
            "#### 30",
        ],
        (
            [
                "She reads 14 * 5 = 60 pages.",
                "She leaves 120 - 20 = 100 pages to read.",
                "So 100 - 60 = 40 pages are left.",
                "#### 40",
            ],
            ["She reads 14 * 5 = 70 pages.", "So 120 - 70 = 50 pages are left.", "#### 50"],
            [
                "She reads 14 + 5 = 19 pages.",
                "She leaves 120 - 20 = 100 pages to read.",
                "So 100 - 19 = 81 pages are left.",
                "#### 81",
            ],
        ),
        "So 120 - 20 - 14 * 5 = 30 pages are left.",
        20,
    ),
)


def scoring_config(config) -> ScoringConfig:
    scoring = config.scoring
    weights = tuple(float(scoring.weights[name]) for name in CHANNELS)
    return ScoringConfig(weights, float(scoring.against), float(scoring.bias), WIDTH, scoring.strict)


SETTINGS = {
    "strict": (scoring_config(quickstart.get_config()), CHAINS),
    "loose": (scoring_config(base.get_config()), STORIES),
}
CASES = [pytest.param(config, task, id=f"{name}-{i}") for name, (config, tasks) in SETTINGS.items()
         for i, task in enumerate(tasks)]  # fmt: skip


def value(line: str) -> str:
    return re.findall(r"[0-9]+", line)[-1]


def turned(line: str, form: str) -> str:
    """The line's first equation `a o b = r` in another form."""
    a, o, b, r = re.search(r"(\d+) ?([-+*]) ?(\d+) ?= ?(\d+)", line).groups()
    return form.format(a=a, o=o, b=b, r=r)


def detour(task: Task, lines: Lines) -> Lines:
    """Up by a number of the problem and down again, after the first line."""
    at, more = int(value(lines[0])), task.spare
    return [lines[0], f"{at}+{more}={at + more}", f"{at + more}-{more}={at}", *lines[1:]]


HACKS: dict[str, Callable[[Task, Lines], Lines]] = {
    "trivially true": lambda task, x: ["1=1", *x],
    "trivially true sum": lambda task, x: ["2+2=4", *x],
    "many trivially true": lambda task, x: ["1=1", "2+2=4", "1+1=2", "3*1=3", *x],
    "equal to itself": lambda task, x: [x[0], f"{value(x[0])}={value(x[0])}", *x[1:]],
    "plus nothing": lambda task, x: [x[0], f"{value(x[0])}+0={value(x[0])}", *x[1:]],
    "times one": lambda task, x: [x[0], f"{value(x[0])}*1={value(x[0])}", *x[1:]],
    "a step repeated": lambda task, x: [x[0], *x],
    "every step repeated": lambda task, x: [line for line in x for _ in range(2)],
    "a step repeated five times": lambda task, x: [*[x[0]] * 5, *x],
    "first step skipped": lambda task, x: x[1:],
    "middle step skipped": lambda task, x: [x[0], *x[2:]],
    "last step skipped": lambda task, x: [*x[:-2], x[-1]],
    "answer without steps": lambda task, x: x[-1:],
    "problem copied": lambda task, x: [task.question, *x],
    "problem copied for steps": lambda task, x: [task.question, x[-1]],
    "up and down again": detour,
    "goes on after the answer": lambda task, x: [*x, f"{value(x[-1])}-0={value(x[-1])}"],
    "answers twice": lambda task, x: [*x, x[-1]],
    "answers first": lambda task, x: [x[-1], *x[:-1]],
    "restated in words": lambda task, x: [x[0], f"So that is {value(x[0])}", *x[1:]],
    "restated turned around": lambda task, x: [x[0], turned(x[0], "{r}={a}{o}{b}"), *x[1:]],
    "restated commuted": lambda task, x: [x[0], turned(x[0], "{b}{o}{a}={r}"), *x[1:]],
    "steps merged": lambda task, x: [", ".join(x[:-1]), x[-1]],
    "steps and answer merged": lambda task, x: [", ".join(x)],
    "last step and answer merged": lambda task, x: [*x[:-2], f"{x[-2].rstrip('.')}, {x[-1]}"],
    "abstaining": lambda task, x: ["We work it out", "and go on", x[-1]],
    "filler": lambda task, x: ["Let us think step by step", "this is easy", *x],
    "no answer": lambda task, x: x[:-1],
    "stops after the first step": lambda task, x: x[:1],
    "an empty line": lambda task, x: [""],
}
ON_RIGHT_PATHS = HACKS | {"everything at once": lambda task, x: [task.at_once, x[-1]]}
FACTS = ("6 is even.", "1 < 2.", "2 is a prime number.", "12 is divisible by 6.", "x + 1 = 1 + x.")


def score(question: str, paths: list[str], config: ScoringConfig) -> tuple[np.ndarray, np.ndarray]:
    """Quality `[G]`, and `to_go` advantages `[G, T]` of paths of one token a character and an end token."""
    texts = tuple(PathText(path, split_text(path, WIDTH) or ((0, 0),)) for path in paths)
    length = np.array([[len(path) + 1 for path in paths]], np.int32)
    step_id = np.full((1, len(paths), TOKENS), -1, np.int32)
    for g, text in enumerate(texts):
        step_id[0, g, : length[0, g]] = token_steps(text.text, range(length[0, g]), text.spans)
    count = np.array([[len(text.spans) for text in texts]], np.int32)
    logprob = np.where(step_id >= 0, np.float32(-0.5), np.float32(0))
    rollouts = Rollouts(
        np.zeros_like(step_id), length, logprob, logprob, -logprob, np.ones(count.shape, bool)
    )
    readings = (tuple(read_path(question, text.steps, config.strict) for text in texts),)
    steps = Steps(step_id, count)
    evidence = gather_evidence(readings, StepTexts((texts,)), steps, config, rollouts)
    scores = score_steps(evidence, count, config.log_odds, config.bias)
    return np.asarray(scores.quality)[0], np.asarray(step_advantages(scores, steps, "to_go"))[0]


def fork(one: str, other: str) -> int:
    """The first token in which two paths differ; a path that is the other's beginning ends there."""
    pairs = zip(one + "\0", other + "\0", strict=False)
    return next(i for i, (a, b) in enumerate(pairs) if a != b)


def compare(task: Task, honest: Lines, group: list[Lines], hack: Lines, config: ScoringConfig):
    """Quality of the honest path and the hack, and their advantages where they part, in one group."""
    paths = ["\n".join(lines) for lines in (honest, hack, *group)]
    quality, advantage = score(task.question, paths, config)
    at = fork(paths[0], paths[1])
    return quality[0], quality[1], advantage[0, at], advantage[1, at]


@pytest.mark.parametrize(("config", "task"), CASES)
@pytest.mark.parametrize("name", ON_RIGHT_PATHS)
def test_a_right_path_is_worth_less_with_the_hack(name, config, task):
    hacked_path = ON_RIGHT_PATHS[name](task, task.right)
    honest, hacked, honest_pay, hacked_pay = compare(task, task.right, list(task.wrong), hacked_path, config)
    assert hacked < honest
    if name == "goes on after the answer" and not config.strict:
        # where it begins all steps are over: the line is worth the answer once more, no more and no less
        assert hacked_pay == pytest.approx(honest_pay, abs=1e-6)
    else:
        assert hacked_pay < honest_pay


@pytest.mark.parametrize(("config", "task"), CASES)
@pytest.mark.parametrize("hack", HACKS.values(), ids=HACKS.keys())
def test_no_hack_lifts_a_wrong_path_above_the_right_one(hack, config, task):
    for number, wrong in enumerate(task.wrong):
        others = [lines for i, lines in enumerate(task.wrong) if i != number]
        honest, hacked, honest_pay, hacked_pay = compare(
            task, task.right, [task.right, *others], hack(task, wrong), config
        )
        assert hacked < honest
        assert hacked_pay < honest_pay


@pytest.mark.parametrize("fact", FACTS)
def test_facts_beside_the_story_pay_nothing(fact):
    config, tasks = SETTINGS["loose"]
    for task in tasks:
        honest, hacked, honest_pay, hacked_pay = compare(
            task, task.right, list(task.wrong), [fact, *task.right], config
        )
        assert hacked < honest
        assert hacked_pay < honest_pay


@pytest.mark.parametrize(
    ("hack", "metric"),
    [
        ("a step repeated", "repetition"), ("every step repeated", "repetition"),
        ("restated turned around", "repetition"), ("restated commuted", "repetition"),
        ("up and down again", "repetition"), ("trivially true", "trivial_steps"),
        ("trivially true sum", "trivial_steps"), ("plus nothing", "trivial_steps"),
        ("times one", "trivial_steps"), ("equal to itself", "trivial_steps"),
        ("steps merged", "equations_per_step"), ("steps and answer merged", "equations_per_step"),
    ],
)  # fmt: skip
def test_a_metric_shows_the_hack(hack, metric):
    for task in (*CHAINS, *STORIES):
        shown = []
        for lines in (task.right, HACKS[hack](task, task.right)):
            text = "\n".join(lines)
            shown.append(means(text_habits(StepTexts(((PathText(text, split_text(text)),),))))[metric])
        assert shown[0] < shown[1]
