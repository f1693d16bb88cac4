"""From simple to complex: which problems to draw, as a pure function of a key and what was observed.

The state is two arrays over problems and a cap on the level; nothing else has to be saved to draw the same
problems again.
"""

import dataclasses

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from sept_jax.records import Curriculum, Evidence, StepScores


@dataclasses.dataclass(frozen=True)
class CurriculumConfig:
    """`uniform` draws every problem alike. Else a problem weighs exp(-(ease - target)^2 / width), and the
    cap on the level, at first the level below which the share `start` of problems lies, rises by one level
    when the ease at the cap passes `promote`. `memory` is the weight of a problem's past in its ease."""

    uniform: bool = False
    target: float = 0.5
    width: float = 0.08
    start: float = 0.3
    promote: float = 0.7
    memory: float = 0.5


def start(levels: Float[np.ndarray, " N"], config: CurriculumConfig) -> Curriculum:
    """Nothing seen yet; the cap is the lowest level at or below which the share `config.start` lies."""
    _, counts = np.unique(levels, return_counts=True)
    cap = int(np.searchsorted(np.cumsum(counts), config.start * len(levels)))
    return Curriculum(
        ease=np.zeros(len(levels), np.float32),
        seen=np.zeros(len(levels), np.int32),
        cap=np.asarray(min(cap, len(counts) - 1), np.int32),
    )


def weights(
    curriculum: Curriculum, levels: Float[np.ndarray, " N"], config: CurriculumConfig
) -> Float[np.ndarray, " N"]:
    """Probability of drawing each problem. Unseen problems take their level's mean ease; a level of which
    nothing was seen counts as at the target."""
    if config.uniform:
        return np.full(len(levels), 1.0 / len(levels))
    _, index = np.unique(levels, return_inverse=True)
    ease, seen = np.asarray(curriculum.ease, np.float64), np.asarray(curriculum.seen) > 0
    totals = np.bincount(index[seen], ease[seen], minlength=index.max() + 1)
    counts = np.bincount(index[seen], minlength=index.max() + 1)
    by_level = np.where(counts > 0, totals / np.maximum(counts, 1), config.target)
    ease = np.where(seen, ease, by_level[index])
    weight = np.exp(-((ease - config.target) ** 2) / config.width)
    weight = np.where(index <= int(curriculum.cap), weight, 0.0)
    return weight / weight.sum()


def draw(
    curriculum: Curriculum,
    levels: Float[np.ndarray, " N"],
    key: Array,
    count: int,
    config: CurriculumConfig,
) -> Int[np.ndarray, " count"]:
    """`count` different problems, or with repetition where fewer are within the cap."""
    probability = weights(curriculum, levels, config)
    generator = np.random.Generator(np.random.Philox(np.asarray(jax.random.bits(key, (2,), "uint32"))))
    enough = int((probability > 0).sum()) >= count
    return generator.choice(len(levels), size=count, replace=not enough, p=probability)


def group_ease(scores: StepScores, evidence: Evidence) -> Float[np.ndarray, " B"]:
    """How easy each problem was for the policy: half the mean path quality, half the largest share of paths
    with one and the same final answer. Both come from the group itself, never from gold."""
    answers = np.asarray(evidence.answer_id)
    same = (answers[:, :, None] == answers[:, None, :]) & (answers >= 0)[:, :, None]
    consensus = same.mean(-1).max(-1)
    return (0.5 * np.asarray(scores.quality).mean(-1) + 0.5 * consensus).astype(np.float32)


def observe(
    curriculum: Curriculum,
    levels: Float[np.ndarray, " N"],
    indices: Int[np.ndarray, " B"],
    ease: Float[np.ndarray, " B"],
    config: CurriculumConfig,
) -> Curriculum:
    """The state after a batch; a first sight of a problem replaces its ease, a later one is averaged in."""
    values, seen = np.array(curriculum.ease), np.array(curriculum.seen)
    for index, value in zip(indices, ease, strict=True):
        memory = config.memory if seen[index] else 0.0
        values[index] = memory * values[index] + (1 - memory) * value
        seen[index] += 1
    unique, index = np.unique(levels, return_inverse=True)
    cap = int(curriculum.cap)
    at_cap = index[indices] == cap
    if not config.uniform and at_cap.any() and ease[at_cap].mean() > config.promote:
        cap = min(cap + 1, len(unique) - 1)
    return Curriculum(ease=values, seen=seen, cap=np.asarray(cap, np.int32))
