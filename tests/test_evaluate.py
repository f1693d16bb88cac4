import itertools
import math

import numpy as np
import pytest
from ml_collections import ConfigDict

from sept_jax.checks.comparer import SymbolicComparer
from sept_jax.data.procedural import CHARACTERS, ChainSource
from sept_jax.evaluate import interval, is_correct, make_bench, pass_at_k
from sept_jax.models.tokenizer import character_tokenizer
from sept_jax.sampling import SamplingConfig


@pytest.mark.parametrize(("samples", "k"), list(itertools.product([8, 9, 10], [1, 2, 8])))
def test_pass_at_k_is_exact(samples, k):
    correct = np.arange(samples) < np.arange(samples + 1)[:, None]  # row c has c right of n
    expected = [1 - math.comb(samples - c, k) / math.comb(samples, k) for c in range(samples + 1)]
    np.testing.assert_allclose(pass_at_k(correct, k), expected, atol=1e-12)


def test_pass_at_k_is_the_share_of_subsets_with_a_right_one():
    correct = np.array([[True, False, False, True, False], [False, False, True, False, False]])
    for k in (1, 2, 3, 5):
        subsets = list(itertools.combinations(range(5), k))
        expected = [np.mean([row[list(s)].any() for s in subsets]) for row in correct]
        np.testing.assert_allclose(pass_at_k(correct, k), expected, atol=1e-12)


def test_interval_is_that_of_the_mean():
    values = np.arange(400) % 4 == 0  # mean 1/4, standard error sqrt(3/16/400) = 0.02165
    low, high = interval(values.astype(float))
    assert low < 0.25 < high
    assert high - low == pytest.approx(2 * 1.96 * 0.02165, rel=0.08)
    assert interval(values.astype(float)) == (low, high)
    fewer = interval(values[:100].astype(float))
    assert fewer[1] - fewer[0] == pytest.approx(2 * (high - low), rel=0.15)
    assert interval(np.full(7, 0.5)) == (0.5, 0.5)


class Asked(SymbolicComparer):
    """Says what it is told to, and keeps what it was asked."""

    def __init__(self, verdict=None):
        super().__init__()
        self.verdict, self.asked = verdict, []

    def equal(self, first, second):
        self.asked.append((first, second))
        return self.verdict


@pytest.mark.parametrize(
    ("text", "gold", "correct"),
    [
        ("4*5=20\n#### 20", "20", True),
        ("4*5=20\n#### 21", "20", False),
        ("the answer is \\boxed{\\frac{1}{2}}.", "0.5", True),
        ("#### $1,200", "1200", True),
        ("20", "20", False),  # states no answer
        ("", "20", False),
        ("#### 20", None, False),
        ("The answer is even.", "even", True),
    ],
)
def test_is_correct_needs_no_comparer_for_what_it_can_tell(text, gold, correct):
    comparer = Asked(verdict=not correct)
    assert is_correct(text, gold, comparer) is correct
    assert is_correct(text, gold, None) is correct
    assert comparer.asked == []


@pytest.mark.parametrize("verdict", [True, False, None])
def test_is_correct_asks_the_comparer_for_the_rest(verdict):
    comparer = Asked(verdict)
    assert is_correct("so \\boxed{2\\sqrt{3}}", "\\sqrt{12}", comparer) is bool(verdict)
    assert comparer.asked == [("2\\sqrt{3}", "\\sqrt{12}")]
    assert is_correct("so \\boxed{2\\sqrt{3}}", "\\sqrt{12}", None) is False


@pytest.mark.parametrize("wrap", [dict, ConfigDict])
def test_make_bench(wrap, check_record):
    templates = {"plain": "{question}\n{solution}", "instruction": "{question}"}
    prompt = wrap({"system": "", "few_shot": (), "buckets": (16, 24)} | templates)
    source, tokenizer = ChainSource(5, 0), character_tokenizer(CHARACTERS)
    drawn = SamplingConfig(2, 48, temperature=0.5, top_k=5, top_p=0.9, eos_ids=(1,), pad_id=0)
    bench = make_bench(source, 100, 4, 8, tokenizer, prompt, drawn)
    assert bench.problems == tuple(source[i] for i in range(5))
    assert [prompts.tokens.shape[0] for prompts in bench.prompts] == [4, 4]
    for prompts in bench.prompts:
        check_record(prompts)
    asked = [
        tokenizer.decode(row[:length].tolist())
        for prompts in bench.prompts
        for row, length in zip(np.asarray(prompts.tokens), prompts.length, strict=True)
    ]
    assert asked == [f"{source[i].question}\n" for i in (0, 1, 2, 3, 4, 4, 4, 4)]
    assert bench.sampling == SamplingConfig(
        8, 48, temperature=1.0, top_k=0, top_p=1.0, eos_ids=(1,), pad_id=0
    )
    assert make_bench(source, 3, 4, 8, tokenizer, prompt, drawn).problems == bench.problems[:3]
