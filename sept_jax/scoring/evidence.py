"""Gathers what every channel says of every step. No labels, no reward model."""

import dataclasses
from collections.abc import Sequence

import numpy as np

from sept_jax.checks.reading import TEXT_CHANNELS, Reading
from sept_jax.records import CHANNELS, Evidence, Rollouts, Steps, StepTexts
from sept_jax.scoring.agreement import check_agreement
from sept_jax.scoring.coherence import check_coherence

BUILT = (*TEXT_CHANNELS, "agreement", "coherence")
"""The channels that have an implementation; the others are unknown everywhere."""

WEIGHTS = {
    "arithmetic": 2.0,
    "algebra": 0.0,
    "counterexample": 0.0,
    "provenance": 1.0,
    "contradiction": 0.0,
    "agreement": 1.0,
    "answer_gain": 0.0,
    "coherence": 0.25,
    "self_check": 0.0,
    "code": 0.0,
}
"""Weights of the channels in log-odds where nothing else is said."""


@dataclasses.dataclass(frozen=True)
class ScoringConfig:
    """`weights` has one number a channel of `CHANNELS`; a channel of weight 0 is not asked.

    `max_steps` is S. `strict`: the task uses every quantity once, so provenance keeps books.
    """

    weights: tuple[float, ...]
    bias: float
    max_steps: int
    strict: bool


def gather_evidence(
    readings: Sequence[Sequence[Reading]],
    texts: StepTexts,
    steps: Steps,
    config: ScoringConfig,
    rollouts: Rollouts | None = None,
) -> Evidence:
    """Evidence on B x G paths of up to S steps, from what the rules read (`readings[b][g]`), the group and
    the sampler's own log-probabilities (without rollouts coherence is unknown)."""
    count = np.asarray(steps.count)
    shape = (*count.shape, config.max_steps)
    verdict = np.zeros((*shape, len(CHANNELS)), np.float32)
    known = np.zeros((*shape, len(CHANNELS)), bool)
    value_id, answer_id = _identify(readings, shape)
    asked = {name for name, weight in zip(CHANNELS, config.weights, strict=True) if weight != 0.0}
    for name in TEXT_CHANNELS:
        if name in asked:
            channel = CHANNELS.index(name)
            for b, paths in enumerate(readings):
                for g, reading in enumerate(paths):
                    values = [v.value for v in reading.verdicts[name]]
                    verdict[b, g, : len(values), channel] = values
    known |= verdict != 0.0
    if "agreement" in asked:
        channel = CHANNELS.index("agreement")
        verdict[..., channel], known[..., channel] = check_agreement(value_id, answer_id, count)
    if "coherence" in asked and rollouts is not None:
        channel = CHANNELS.index("coherence")
        verdict[..., channel], known[..., channel] = check_coherence(
            np.asarray(rollouts.logprob), np.asarray(steps.step_id), count, texts, config.max_steps
        )
    return Evidence(verdict=verdict, known=known, value_id=value_id, answer_id=answer_id)


def _identify(
    readings: Sequence[Sequence[Reading]], shape: tuple[int, int, int]
) -> tuple[np.ndarray, np.ndarray]:
    """`value_id` and `answer_id`: equal values of one problem get one id, -1 is none."""
    value_id, answer_id = np.full(shape, -1, np.int32), np.full(shape[:2], -1, np.int32)
    for b, paths in enumerate(readings):
        ids: dict[object, int] = {}
        for g, reading in enumerate(paths):
            for s, value in enumerate(reading.values):
                if value is not None:
                    value_id[b, g, s] = ids.setdefault(value, len(ids))
            if reading.answer is not None:
                answer_id[b, g] = ids.setdefault(reading.answer, len(ids))
    return value_id, answer_id
