"""What a batch shows of the policy's health without gold: pseudo-reward, length, entropy, diversity, and the
traces of each known way to please a scorer without reasoning."""

import functools
import re
import zlib

import jax
import numpy as np
from jaxtyping import Bool, Int

from sept_jax.checks.answers import final_answer
from sept_jax.records import CHANNELS, Evidence, Prompts, Reliability, Rollouts, Steps, StepScores, StepTexts
from sept_jax.scoring.combine import RULES
from sept_jax.scoring.reliability import log_odds_weights

GRAM = 4
"""Tokens of a stretch that counts as repeated or copied."""

_RULES = [CHANNELS.index(name) for name in RULES]
_NUMBER = re.compile(r"[0-9]+")
_SMALL = frozenset("012")
_MULTIPLIER = np.int64(6_364_136_223_846_793_005)


Sums = dict[str, tuple[float, float]]
"""A metric's sum over a batch, or over a process's rows of one, and the number of things it is a mean of."""


def means(sums: Sums) -> dict[str, float]:
    """The metrics, without those of channels that know nothing."""
    silent = tuple(name.removesuffix("verdict") for name, (_, count) in sums.items() if not count)
    return {
        name: total / max(count, 1)
        for name, (total, count) in sums.items()
        if not (name.startswith("channel/") and name.startswith(silent))
    }


def describe(
    prompts: Prompts,
    rollouts: Rollouts,
    steps: Steps,
    texts: StepTexts,
    evidence: Evidence,
    scores: StepScores,
    reliability: Reliability,
) -> Sums:
    """Of host arrays: `step_score` and `quality` (pseudo-reward) and the quality's spread within
    groups; `length` (tokens) and steps a path; `entropy` (nats a token); `diversity`, the share of different
    final answers in a group; what `text_habits` and `token_habits` tell; `unchecked_steps`, the share of
    steps on which no rule knows anything; `no_steps`, the share of paths with an answer and no other step
    that derives a value; and each channel's coverage of steps, mean verdict where it is known, and what its
    refutations and verifications are worth by the reliabilities so far (log-odds, nats)."""
    against, favour = jax.device_get(log_odds_weights(reliability)[0])
    count = steps.count
    valid = np.arange(scores.score.shape[-1]) < count[..., None]
    total, problems, paths = valid.sum(), len(count), count.size
    answered = evidence.answer_id >= 0
    valued = ((evidence.value_id >= 0) & valid).sum(-1)
    unchecked = valid & ~evidence.known[..., _RULES].any(-1)
    sums = {
        "step_score": (scores.score.sum(), total),
        "quality": (scores.quality.sum(), paths),
        "quality_spread": (scores.quality.std(-1).sum(), problems),
        "length": (rollouts.length.sum(), paths),
        "finished": (rollouts.finished.sum(), paths),
        "entropy": (rollouts.entropy.sum(), rollouts.length.sum()),
        "diversity": (sum(len(np.unique(row)) / row.size for row in evidence.answer_id), problems),
        "answered": (answered.sum(), paths),
        "no_steps": ((answered & (valued < 2)).sum(), paths),
        "unchecked_steps": (unchecked.sum(), total),
        "steps_per_path": (count.sum(), paths),
    }
    sums |= text_habits(texts)
    sums |= token_habits(prompts.tokens, prompts.length, rollouts.tokens, rollouts.length)
    for c, name in enumerate(CHANNELS):
        known = evidence.known[..., c] & valid
        sums |= {
            f"channel/{name}/coverage": (known.sum(), total),
            f"channel/{name}/verdict": (evidence.verdict[..., c][known].sum(), known.sum()),
            f"channel/{name}/worth_against": (problems * against[c], problems),
            f"channel/{name}/worth_for": (problems * favour[c], problems),
        }
    return {name: (float(value), float(number)) for name, (value, number) in sums.items()}


def answer_marks(texts: StepTexts) -> Int[np.ndarray, "B G"]:
    """A number for each path's final answer as it is written, -1 for none: equal ones have the same, in all
    processes."""
    answers = [[final_answer(path.text) for path in paths] for paths in texts.paths]
    return np.array([[-1 if a is None else zlib.crc32(a.encode()) for a in row] for row in answers], np.int64)


def common_answer(marks: Int[np.ndarray, "B G"]) -> float:
    """The share of the batch's final answers that are its most common one, over all problems."""
    _, count = np.unique(marks[marks >= 0], return_counts=True)
    return float(count.max(initial=0) / max(count.sum(), 1))


def text_habits(texts: StepTexts) -> Sums:
    """`repetition`: over paths, the share of steps that repeat an earlier step of the path, its
    text but for case and white space, or its equation's numbers in any order. `trivial_steps`: the share of
    steps that say x = x, add 0, multiply by 1, or reckon with numbers below 3 alone. `equations_per_step`:
    equals signs a step, over steps that have one."""
    paths = [path for group in texts.paths for path in group]
    repeated, trivial, equals, with_equals, total = 0.0, 0, 0, 0, 0
    for path in paths:
        seen: set[object] = set()
        again = 0
        for start, end in path.spans:
            said, signs, is_trivial = _read_step(path.text[start:end])
            equals, with_equals, trivial = equals + signs, with_equals + (signs > 0), trivial + is_trivial
            again += not seen.isdisjoint(said)
            seen.update(said)
        total += len(path.spans)
        repeated += again / max(len(path.spans), 1)
    return {
        "repetition": (repeated, len(paths)),
        "trivial_steps": (trivial, total),
        "equations_per_step": (equals, with_equals),
    }


@functools.lru_cache(maxsize=4_096)  # paths of a group share steps
def _read_step(step: str) -> tuple[tuple[object, ...], int, bool]:
    """What a step says, as its text and as an equation's numbers; its equals signs; whether it is trivial."""
    text, signs = "".join(step.lower().split()), step.count("=")
    if not signs:
        return (text,), 0, False
    left, _, right = step.partition("=")
    operands, results = _NUMBER.findall(left), _NUMBER.findall(right)
    numbers = tuple(sorted(operands + results))
    said = (text, numbers) if len(numbers) > 2 else (text,)
    return said, signs, _is_trivial(step, operands, results)


def _is_trivial(step: str, operands: list[str], results: list[str]) -> bool:
    if len(results) > len(operands):
        operands, results = results, operands  # 72 = 72*1
    if not operands or not results:
        return False
    if _SMALL.issuperset(operands) or operands == results:
        return True
    if len(operands) != 2 or results[0] not in operands:
        return False
    return ("0" if "+" in step or "-" in step else "1") in operands


def token_habits(
    prompt_tokens: Int[np.ndarray, "B P"],
    prompt_length: Int[np.ndarray, " B"],
    tokens: Int[np.ndarray, "B G T"],
    length: Int[np.ndarray, "B G"],
) -> Sums:
    """Over paths of at least four tokens: `repeated_4grams`, the share of a path's 4-grams of tokens
    that it had before, and `copied_text`, the share of them that are in its prompt."""
    grams, inside = _grams(tokens[..., : int(length.max(initial=0))], length)
    count = inside.sum(-1)
    ordered = np.sort(np.where(inside, grams, np.arange(grams.shape[-1])), -1)  # places beyond: small numbers
    repeated = (ordered[..., 1:] == ordered[..., :-1]).sum(-1)
    asked, in_prompt = _grams(prompt_tokens, prompt_length)
    copied = np.zeros_like(count)
    for b, row in enumerate(asked):
        known = np.sort(row[in_prompt[b]])
        if known.size:
            nearest = known[np.searchsorted(known[:-1], grams[b])]
            copied[b] = ((nearest == grams[b]) & inside[b]).sum(-1)
    paths = float((count > 0).sum())
    return {
        "repeated_4grams": (float((repeated / np.maximum(count, 1)).sum()), paths),
        "copied_text": (float((copied / np.maximum(count, 1)).sum()), paths),
    }


def _grams(
    tokens: Int[np.ndarray, "*rows T"], length: Int[np.ndarray, "*rows"]
) -> tuple[Int[np.ndarray, "*rows N"], Bool[np.ndarray, "*rows N"]]:
    """A number for each 4-gram of tokens, and whether it lies within the length."""
    places = max(tokens.shape[-1] - GRAM + 1, 0)
    gram = np.zeros((*tokens.shape[:-1], places), np.int64)
    with np.errstate(over="ignore"):
        for shift in range(GRAM):
            gram = gram * _MULTIPLIER + tokens[..., shift : shift + places] + 1
    return gram, np.arange(places) < length[..., None] - GRAM + 1
