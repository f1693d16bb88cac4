"""Can the scorer tell right paths from wrong ones in a group, without labels? Prints JSON.

python benchmarks/groups.py --data PATH/model_solutions.jsonl [--orders 5]

The data are GSM8K's `example_model_solutions.jsonl`: 700 questions with four models' solutions each, marked
right or wrong. The marks are read for the measure alone: the AUROC of `score_group`'s quality over all paths.
`<<...>>` annotations are stripped and the paths shuffled, several times; `order_effect` is the largest
difference of a path's quality between two orders. Beside it stand the leave-one-out vote of the answers, and
the equations alone (is none false). The two halves are reported apart, too.
"""

import argparse
import json
import re
from pathlib import Path

import numpy as np

from sept_jax.scoring import score_group

_NOTE = re.compile(r"<<[^<>]*>>")
_ANSWER = re.compile(r"\nA:\s*(.*)$")


def load(path: Path) -> list[tuple[str, list[str], list[bool]]]:
    """Questions with their solutions, annotations stripped, and whether each is right."""
    groups = []
    for line in path.read_text().splitlines():
        row = json.loads(line)
        solutions = [value for value in row.values() if isinstance(value, dict)]
        texts = [_NOTE.sub("", solution["solution"]) for solution in solutions]
        groups.append((row["question"], texts, [solution["is_correct"] for solution in solutions]))
    return groups


def auroc(score: np.ndarray, positive: np.ndarray) -> float:
    """Probability that a positive has a higher score than a negative, ties counting half (Mann-Whitney)."""
    score, positive = score.ravel(), positive.ravel()
    _, index, count = np.unique(score, return_inverse=True, return_counts=True)
    rank = (np.cumsum(count) - (count - 1) / 2)[index]
    n = positive.sum()
    return float((rank[positive].sum() - n * (n + 1) / 2) / (n * (len(positive) - n)))


def votes(texts: list[str]) -> list[int]:
    """How many other paths state each path's answer, as text without layout."""
    found = [_ANSWER.search(text) for text in texts]
    answers = [match[1].strip().rstrip(".").replace(",", "") if match else None for match in found]
    return [answers.count(answer) - 1 if answer is not None else 0 for answer in answers]


def score(groups: list[tuple[str, list[str], list[bool]]], orders: list[list[np.ndarray]]) -> np.ndarray:
    """Qualities `[order, question, path]`, each path in its original place, and last the equations alone."""
    quality = np.zeros((len(orders) + 1, len(groups), len(groups[0][1])))
    for b, (question, texts, _) in enumerate(groups):
        for n, order in enumerate(orders):
            scores = score_group(question, [texts[i] for i in order[b]])
            quality[n, b, order[b]] = scores.quality
        for path, g in zip(scores.paths, order[b], strict=True):
            quality[-1, b, g] = all(step.verdicts.get("arithmetic", 0.0) >= 0.0 for step in path)
    return quality


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--orders", type=int, default=5)
    arguments = parser.parse_args()
    groups = load(arguments.data)
    generator = np.random.default_rng(0)
    size = len(groups[0][1])
    orders = [[generator.permutation(size) for _ in groups] for _ in range(arguments.orders)]
    *quality, equations = score(groups, orders)
    right = np.array([marks for _, _, marks in groups])
    half = len(groups) // 2
    parts = {"all": slice(None), "first_half": slice(half), "second_half": slice(half, None)}
    vote = np.array([votes(texts) for _, texts, _ in groups])

    def measured(score: np.ndarray) -> dict[str, float]:
        return {name: round(auroc(score[part], right[part]), 4) for name, part in parts.items()}

    by_order = [measured(one) for one in quality]
    report = {
        "paths": int(right.size),
        "right": round(float(right.mean()), 4),
        "auroc": {name: round(float(np.mean([one[name] for one in by_order])), 4) for name in parts},
        "auroc_by_order": [one["all"] for one in by_order],
        "order_effect": float(np.ptp(quality, axis=0).max()),
        "auroc_vote": measured(vote),
        "auroc_equations": measured(equations),
        "mean_quality": round(float(np.mean(quality)), 4),
    }
    print(json.dumps(report, indent=1))


if __name__ == "__main__":
    main()
