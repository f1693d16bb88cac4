"""Does the scorer find the first wrong step of the policy's own solutions, early and late? Prints JSON.

python -m benchmarks.first_error [--config=configs/quickstart.py] [--workdir=RUN,RUN] [--problems 256]
    [--group 8] [--json=FILE] [--config.KEY=VALUE ...]

The newest checkpoint of each run (without one, the config's warm start) is sampled, at the temperature that
training samples at, on held-out problems whose truth is known exactly. A chain such as `3+4*5-2=`: a line
`a o b = c` is right if, in the chain as it stands after the lines before, a o b are neighbours (either way
round for + and *), the reduction keeps to precedence and order (a product at any place; a sum or difference
only if the operator before it is neither - nor *, and the one after it is not *), and c is its exact value,
which then replaces it. A story: a line is right if it is one of the story's operations, with its name and its
result, and no line before is the same (either way round for + and *). `#### v` is right if v is the answer
and every operation is done. Anything else is wrong, the first such line is the label, and none is -1.

F1 is ProcessBench's (Zheng et al. 2024): the harmonic mean of the share of wrong solutions whose first
flagged step is the label, and of the share of right ones without a flag. A step is flagged below a score of
0.35. AUROC is the probability that a step before the first wrong one, or of a solution without one, scores
above a first wrong one. Scored by the config's weights, by the rules among them alone, with the group's
agreement beside them, by the group alone, and with weights estimated without labels over batches of 32
problems. `unrefuted` is the share of solutions with a wrong step in which the rules alone flag none.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import jax
import numpy as np
from absl import app, flags
from jaxtyping import PyTree
from ml_collections import config_flags

from sept_jax import command
from sept_jax.bench import draw_paths, make_bench
from sept_jax.checks.reading import read_path
from sept_jax.data.mistakes import Mistakes
from sept_jax.data.procedural import ChainSource
from sept_jax.data.story import StorySource, solve
from sept_jax.errors import UserError
from sept_jax.evaluate import models
from sept_jax.experiment import Experiment, build
from sept_jax.metrics import write_json
from sept_jax.records import CHANNELS, Evidence, PathText, Steps, StepTexts
from sept_jax.run import commit
from sept_jax.scoring import ScoringConfig, gather_evidence, score_steps
from sept_jax.scoring.reliability import count_votes, init_reliability, log_odds_weights, update_reliability
from sept_jax.steps import split_text
from sept_jax.warm_start import warm_start

FLAG_BELOW = 0.35
BATCH = 32
MEMORY = 0.9

_CHAIN = re.compile(r"(\d+|[-+*])")
_LINE = re.compile(r"(-?\d+)([-+*])(-?\d+)=(-?\d+)\s*")
_FINAL = re.compile(r"####\s*(-?\d+)\s*")
_STORY_LINE = re.compile(r"(\w+) (\d+)([-+*/])(\d+)=(\d+)\s*")
_APPLY = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}


def first_wrong(question: str, steps: Sequence[str]) -> int:
    """Index of the first wrong step by the definition above, -1 if there is none."""
    parts = _CHAIN.findall(question)
    numbers, operators = [int(part) for part in parts[::2]], parts[1::2]
    for k, step in enumerate(steps):
        if final := _FINAL.fullmatch(step):
            if numbers != [int(final[1])]:
                return k
            continue
        line = _LINE.fullmatch(step)
        if line is None or not _reduce(numbers, operators, int(line[1]), line[2], int(line[3]), int(line[4])):
            return k
    return -1


def _reduce(numbers: list[int], operators: list[str], a: int, operator: str, b: int, result: int) -> bool:
    """Replaces `a operator b` by its result in the chain, if that is right."""
    if _APPLY[operator](a, b) != result:
        return False
    for i, found in enumerate(operators):
        pair = (numbers[i], numbers[i + 1])
        if found != operator or (pair != (a, b) and (operator == "-" or pair != (b, a))):
            continue
        before, after = operators[i - 1] if i else "", operators[i + 1] if i + 1 < len(operators) else ""
        if operator == "*" or (before not in ("-", "*") and after != "*"):
            numbers[i : i + 2], operators[i : i + 1] = [result], []
            return True
    return False


def first_wrong_in_story(
    lines: Sequence[tuple[str, int, str, int, int]], answer: str, steps: Sequence[str]
) -> int:
    """Index of the first wrong step by the definition above, -1 if there is none; `lines` are those of the
    true solution."""
    left = [_ordered(line) for line in lines]
    for k, step in enumerate(steps):
        if final := _FINAL.fullmatch(step):
            if left or final[1] != answer:
                return k
            continue
        line = _STORY_LINE.fullmatch(step)
        found = line and _ordered((line[1], int(line[2]), line[3], int(line[4]), int(line[5])))
        if found not in left:
            return k
        left.remove(found)
    return -1


def _ordered(line: tuple[str, int, str, int, int]) -> tuple[str, int, str, int, int]:
    who, a, sign, b, result = line
    return (who, min(a, b), sign, max(a, b), result) if sign in "+*" else line


def truth(source: ChainSource | StorySource, index: int) -> Callable[[Sequence[str]], int]:
    """What finds the first wrong step in a solution of a source's problem.

    Raises:
      UserError: the problem is a chain with a quotient, which the definition above leaves out.
    """
    problem = source[index]
    if isinstance(source, ChainSource):
        if "/" in problem.question:
            raise UserError("config.data.procedural.task: first errors are defined for chain and story")
        return lambda steps: first_wrong(problem.question, steps)
    lines = solve(source.story(index), None, Mistakes())
    return lambda steps: first_wrong_in_story(lines, problem.answer, steps)


def auroc(score: np.ndarray, count: np.ndarray, label: np.ndarray) -> float:
    """Probability that a right step scores above a first wrong one, ties for a half; steps after the first
    wrong one are left out."""
    at = np.arange(score.shape[2])
    wrong = np.sort(score[at == label[..., None]])
    right = score[(at < np.where(label < 0, count, label)[..., None])]
    below, upto = (np.searchsorted(wrong, right, side) for side in ("left", "right"))
    return round(float((below + upto).mean() / 2 / max(len(wrong), 1)), 4)


def measure(score: np.ndarray, count: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """F1 and its two parts; `score` [B, G, S], `count` and `label` [B, G]."""
    flagged = (score < FLAG_BELOW) & (np.arange(score.shape[2]) < count[..., None])
    first = np.where(flagged.any(-1), flagged.argmax(-1), -1)
    wrong, right = (first == label)[label >= 0].mean(), (first == label)[label < 0].mean()
    f1 = 2 * wrong * right / max(wrong + right, 1e-9)
    shown = {"f1": f1, "accuracy_erroneous": wrong, "accuracy_correct": right}
    shown["unflagged_of_erroneous"] = (first < 0)[label >= 0].mean()
    shown = {name: round(float(value), 4) for name, value in shown.items()}
    return shown | {"auroc": auroc(score, count, label)}


def reliability_scores(evidence: Evidence, count: np.ndarray) -> np.ndarray:
    """Scores of steps with each batch's weights estimated from the batches before it and itself."""
    reliability, scores = init_reliability(), []
    for start in range(0, len(count), BATCH):
        rows = slice(start, start + BATCH)
        batch = jax.tree.map(lambda leaf, rows=rows: leaf[rows], evidence)
        reliability = update_reliability(reliability, count_votes(batch, count[rows], reliability), MEMORY)
        scores.append(score_steps(batch, count[rows], *log_odds_weights(reliability)).score)
    return np.concatenate(scores)


def report(experiment: Experiment, params: PyTree, problems: int, group: int) -> dict:
    """Samples and measures."""
    config, source = experiment.config, experiment.held_out
    bench = make_bench(
        source, problems, config.evaluation.batch, group, experiment.tokenizer, config.prompt,
        experiment.sampling,
    )  # fmt: skip
    sampling = dataclasses.replace(bench.sampling, temperature=experiment.sampling.temperature)
    drawn = draw_paths(experiment, params, bench, jax.random.key(config.seed), sampling)
    sampled = [texts for batch in drawn for texts in batch.texts]
    texts = StepTexts(tuple(tuple(PathText(t, split_text(t)) for t in paths) for paths in sampled))
    asked = [problem.question for problem in bench.problems]
    pairs = list(zip(asked, texts.paths, strict=True))
    readings = [
        [read_path(question, path.steps, config.scoring.strict) for path in paths]
        for question, paths in pairs
    ]
    finders = [truth(source, index) for index in range(len(asked))]
    label = np.array(
        [[find(path.steps) for path in paths] for find, paths in zip(finders, texts.paths, strict=True)]
    )
    count = np.array([[len(path.spans) for path in paths] for paths in texts.paths], np.int32)
    steps = Steps(step_id=np.full((*count.shape, 0), -1, np.int32), count=count)

    def gather(**weights: float) -> tuple[Evidence, ScoringConfig]:
        settings = dataclasses.replace(
            experiment.scoring, weights=tuple(weights.get(name, 0.0) for name in CHANNELS),
            max_steps=int(count.max()),
        )  # fmt: skip
        return gather_evidence(readings, texts, steps, settings), settings

    def fixed(bias: float, **weights: float) -> dict[str, float]:
        evidence, settings = gather(**weights)
        scores = score_steps(evidence, count, settings.log_odds, bias)
        return measure(np.asarray(scores.score), count, label)

    weights = {name: weight for name, weight in config.scoring.weights.items() if weight}
    rules = {name: weight for name, weight in weights.items() if name != "agreement"}
    both, _ = gather(**rules, agreement=1.0)
    alone = fixed(config.scoring.bias, **rules)
    return {
        "paths": int(label.size),
        "right": round(float((label < 0).mean()), 4),
        "unrefuted": alone["unflagged_of_erroneous"],
        "config": fixed(config.scoring.bias, **weights),
        "rules": alone,
        "rules_and_group": fixed(config.scoring.bias, **rules, agreement=1.0),
        "group": fixed(0.0, agreement=2.0),
        "rules_and_group_label_free_weights": measure(reliability_scores(both, count), count, label),
    }


def policies(experiment: Experiment, workdirs: Sequence[str]) -> Iterator[tuple[str, PyTree]]:
    """Name and parameters of what is sampled."""
    if not workdirs:
        yield "warm_start", warm_start(experiment)
    for workdir in workdirs:
        [(_, _, params)] = models(experiment, Path(workdir), None, compare_base=False)
        yield Path(workdir).name, params


def main(_) -> None:
    command.cache_compilations()
    experiment = build(_CONFIG.value)
    with jax.set_mesh(experiment.mesh):
        found = {
            name: report(experiment, params, _PROBLEMS.value, _GROUP.value)
            for name, params in policies(experiment, _WORKDIR.value)
        }
    result = {"task": experiment.config.data.procedural.task, "commit": commit(), "policies": found}
    print(json.dumps(result, indent=1))
    if _JSON.value:
        write_json(_JSON.value, result)


if __name__ == "__main__":
    _CONFIG = config_flags.DEFINE_config_file("config", "configs/quickstart.py")
    _WORKDIR = flags.DEFINE_list("workdir", [], "Runs whose newest checkpoints are sampled.")
    _PROBLEMS = flags.DEFINE_integer("problems", 256, "Held-out problems.")
    _GROUP = flags.DEFINE_integer("group", 8, "Solutions of each.")
    _JSON = flags.DEFINE_string("json", None, "Where the result is written, too.")
    app.run(main)
