"""Does the scorer find the first wrong step of the policy's own solutions? Prints JSON.

python -m benchmarks.first_error [--problems 256] [--group 8] [--config.KEY=VALUE ...]

The quickstart's decoder is warm-started and sampled on held-out chains such as `3+4*5-2=`, of which the truth
is known exactly. A line `a o b = c` is right if, in the chain as it stands after the lines before, a o b are
neighbours (either way round for + and *), the reduction keeps to precedence and order (a product at any
place; a sum or difference only if the operator before it is neither - nor *, and the one after it is not *),
and c is its exact value, which then replaces it. `#### v` is right if v is the one number left. Anything else
is wrong, the first such line is the label, and none is -1.

F1 is ProcessBench's (Zheng et al. 2024): the harmonic mean of the share of wrong solutions whose first
flagged step is the label, and of the share of right ones without a flag. A step is flagged below a score of
0.35, by the rules with the config's weights, with the group's agreement beside them, by the group alone, and
with weights estimated without labels over batches of 32 problems.
"""

import dataclasses
import json
import re
from collections.abc import Sequence

import jax
import numpy as np
from absl import app, flags
from jaxtyping import PyTree
from ml_collections import config_flags

from sept_jax.bench import draw_paths, make_bench
from sept_jax.checks.reading import read_path
from sept_jax.experiment import Experiment, build
from sept_jax.records import CHANNELS, Evidence, PathText, Steps, StepTexts
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


def measure(score: np.ndarray, count: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """F1 and its two parts; `score` [B, G, S], `count` and `label` [B, G]."""
    flagged = (score < FLAG_BELOW) & (np.arange(score.shape[2]) < count[..., None])
    first = np.where(flagged.any(-1), flagged.argmax(-1), -1)
    wrong, right = (first == label)[label >= 0].mean(), (first == label)[label < 0].mean()
    f1 = 2 * wrong * right / max(wrong + right, 1e-9)
    shown = {"f1": f1, "accuracy_erroneous": wrong, "accuracy_correct": right}
    return {name: round(float(value), 4) for name, value in shown.items()}


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
    config = experiment.config
    bench = make_bench(
        experiment.held_out, problems, config.evaluation.batch, group, experiment.tokenizer, config.prompt,
        experiment.sampling,
    )  # fmt: skip
    drawn = draw_paths(experiment, params, bench, jax.random.key(config.seed), bench.sampling)
    sampled = [texts for batch in drawn for texts in batch.texts]
    texts = StepTexts(tuple(tuple(PathText(t, split_text(t)) for t in paths) for paths in sampled))
    chains = [problem.question for problem in bench.problems]
    pairs = list(zip(chains, texts.paths, strict=True))
    readings = [[read_path(chain, path.steps, True) for path in paths] for chain, paths in pairs]
    label = np.array([[first_wrong(chain, path.steps) for path in paths] for chain, paths in pairs])
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

    rules = {name: config.scoring.weights[name] for name in ("arithmetic", "provenance")}
    both, _ = gather(**rules, agreement=1.0)
    return {
        "paths": int(label.size),
        "right": round(float((label < 0).mean()), 4),
        "rules": fixed(config.scoring.bias, **rules),
        "rules_and_group": fixed(config.scoring.bias, **rules, agreement=1.0),
        "group": fixed(0.0, agreement=2.0),
        "rules_and_group_label_free_weights": measure(reliability_scores(both, count), count, label),
    }


def main(_) -> None:
    experiment = build(_CONFIG.value)
    with jax.set_mesh(experiment.mesh):
        params = warm_start(experiment)
        print(json.dumps(report(experiment, params, _PROBLEMS.value, _GROUP.value), indent=1))


if __name__ == "__main__":
    _CONFIG = config_flags.DEFINE_config_file("config", "configs/quickstart.py")
    _PROBLEMS = flags.DEFINE_integer("problems", 256, "Held-out chains.")
    _GROUP = flags.DEFINE_integer("group", 8, "Solutions of each.")
    app.run(main)
