import itertools

import numpy as np

from sept_jax.scoring import group, score_group

QUESTION = "Tom picks 4 apples a day for 7 days and eats 3. How many are left?"
PATHS = [
    "4*7=28 apples.\n28-3=25 apples.\nThe answer is 25.",
    "4*7=28 apples.\n28-3=26 apples.\nThe answer is 26.",
    "He picks 4*7=28.\nHe eats 3, 28-3=25.\n#### 25",
    "7-3=4 days.\n4*4=16 apples.\nSo 16 apples.\nThe answer is 16.",
]


def test_steps_scores_and_reasons():
    scores = score_group(QUESTION, PATHS)
    assert scores.quality.shape == (4,)
    assert "".join(step.text for step in scores.paths[0]) == PATHS[0]
    wrong = scores.paths[1][1]
    assert wrong.verdicts["arithmetic"] == -1
    assert wrong.reasons["arithmetic"] == "28-3=26, but 28-3 is 25"
    assert wrong.score < scores.paths[0][1].score
    assert scores.quality[1] < scores.quality[0]


def test_quality_permutes_with_the_paths():
    quality = score_group(QUESTION, PATHS).quality
    for order in itertools.permutations(range(4)):
        shuffled = score_group(QUESTION, [PATHS[i] for i in order])
        np.testing.assert_allclose(shuffled.quality, quality[list(order)], rtol=1e-6)


def test_one_path_and_no_path():
    alone = score_group(QUESTION, PATHS[:1])
    assert "agreement" not in alone.paths[0][0].verdicts
    assert 0 < alone.quality[0] <= 1
    assert score_group(QUESTION, []).quality.shape == (0,)
    empty = score_group(QUESTION, ["", PATHS[0]])
    assert empty.quality[0] == 0
    assert empty.paths[0] == ()


def test_a_path_of_very_many_lines_is_bounded():
    long = "1+1=2\n" * 100_000
    scores = score_group(QUESTION, [long, PATHS[0]])
    assert len(scores.paths[0]) == group.MAX_STEPS
    assert "".join(step.text for step in scores.paths[0]) == long
    assert np.isfinite(scores.quality).all()
