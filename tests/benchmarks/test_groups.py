import numpy as np
import pytest

from benchmarks.groups import auroc, load, score, votes


def test_auroc_counts_ties_half():
    marks = np.array([True, False, True, False])
    assert auroc(np.array([3.0, 2.0, 1.0, 0.0]), marks) == 0.75
    assert auroc(np.zeros(4), marks) == 0.5
    assert auroc(-np.array([1.0, 0.0, 1.0, 0.0]), marks) == 0.0


def test_votes_leave_the_path_itself_out():
    assert votes(["x\nA: 1,200", "y\nA: 1200.", "A: 1200 is in the middle\nA: 3", "none"]) == [1, 1, 0, 0]


@pytest.mark.shared
def test_quality_beats_the_vote_on_marked_groups(shared_data):
    groups = load(shared_data / "gsm8k" / "model_solutions.jsonl")[:120]
    generator = np.random.default_rng(0)
    orders = [[generator.permutation(4) for _ in groups] for _ in range(2)]
    first, second, equations = score(groups, orders)
    right = np.array([marks for _, _, marks in groups])
    vote = np.array([votes(texts) for _, texts, _ in groups])
    np.testing.assert_allclose(first, second, atol=1e-5)
    assert auroc(first, right) > 0.92 > auroc(vote, right)
    assert auroc(equations, right) < 0.7
