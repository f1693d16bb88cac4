"""Gathers what every channel says of every step. No labels, no reward model."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Bool, Float, PyTree

from sept_jax.checks.answers import final_answer
from sept_jax.checks.reading import TEXT_CHANNELS, Reading
from sept_jax.models.config import ModelConfig
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.records import CHANNELS, Evidence, Host, Prompts, Rollouts, Steps, StepTexts
from sept_jax.scoring.agreement import check_agreement
from sept_jax.scoring.answer_gain import check_answer_gain
from sept_jax.scoring.coherence import check_coherence
from sept_jax.scoring.combine import path_log_odds
from sept_jax.scoring.self_check import SelfCheckConfig, check_self

BUILT = (*TEXT_CHANNELS, "agreement", "answer_gain", "coherence", "self_check")
"""The channels that have an implementation; the others are unknown everywhere."""

WEIGHTS = {
    "arithmetic": 2.0,
    "algebra": 2.0,
    "counterexample": 2.0,
    "provenance": 2.0,
    "contradiction": 2.0,
    "agreement": 2.0,
    "answer_gain": 0.0,
    "coherence": 0.25,
    "self_check": 0.0,
    "code": 0.0,
}
"""Weights of the channels in log-odds where nothing else is said."""

AGAINST = 1.5
"""A refutation counts as much as this many verifications: each rule misses most mistakes."""


@dataclasses.dataclass(frozen=True)
class ScoringConfig:
    """`weights` has one number a channel of `CHANNELS`; a channel of weight 0 is not asked. A negative
    verdict weighs `against` times as much.

    `max_steps` is S. `strict`: the task uses every quantity once, so provenance keeps books.
    """

    weights: tuple[float, ...]
    against: float
    bias: float
    max_steps: int
    strict: bool

    @property
    def log_odds(self) -> Float[np.ndarray, "2 C"]:
        """Weights of negative and of positive verdicts, for `score_steps`."""
        weights = np.asarray(self.weights, np.float32)
        return np.stack([self.against * weights, weights]).astype(np.float32)


@dataclasses.dataclass(frozen=True)
class ModelQuestions:
    """What the model is asked for its own channels: the cue before the consensus answer, the share of peers
    that makes a consensus, and the question after a step."""

    answer_cue: str = "\n#### {answer}"
    consensus_share: float = 0.5
    self_check: SelfCheckConfig = SelfCheckConfig()  # noqa: RUF009, it is frozen


@dataclasses.dataclass(frozen=True)
class Judge:
    """The model that is asked, on the prompts that the paths follow; `micro_batches` divides B. Logits are
    made for `logit_chunk` positions of a path at a time."""

    params: PyTree
    prompts: Prompts
    model: ModelConfig
    tokenizer: Tokenizer
    dtype: DTypeLike
    micro_batches: int
    questions: ModelQuestions
    logit_chunk: int = 128


def gather_evidence(
    readings: Sequence[Sequence[Reading]],
    texts: StepTexts,
    steps: Steps,
    config: ScoringConfig,
    rollouts: Rollouts | None = None,
    judge: Judge | None = None,
    log_odds: Float[Host, "2 C"] | None = None,
) -> Evidence:
    """Evidence on B x G paths of up to S steps, from what the rules read (`readings[b][g]`), the group, the
    policy's own log-probabilities in `rollouts` and the model's answers (what is None is not asked).

    The group's votes are weighted by the doubts that the rules have of the voter, with `log_odds`, by default
    the config's.
    """
    against = np.asarray(config.log_odds if log_odds is None else log_odds)[0]
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
        verdict[..., channel], known[..., channel] = check_agreement(
            value_id, answer_id, count, path_log_odds(against * verdict)
        )
    if "coherence" in asked and rollouts is not None:
        channel = CHANNELS.index("coherence")
        verdict[..., channel], known[..., channel] = check_coherence(
            np.asarray(rollouts.logprob), np.asarray(steps.step_id), count, texts, config.max_steps
        )
    if rollouts is not None and judge is not None:
        for name in ("answer_gain", "self_check"):
            if name in asked:
                channel = CHANNELS.index(name)
                verdict[..., channel], known[..., channel] = _ask(
                    name, judge, rollouts, steps, texts, answer_id, config.max_steps
                )
    return Evidence(verdict=verdict, known=known, value_id=value_id, answer_id=answer_id)


def _ask(
    name: str,
    judge: Judge,
    rollouts: Rollouts,
    steps: Steps,
    texts: StepTexts,
    answer_id: np.ndarray,
    width: int,
) -> tuple[Float[np.ndarray, "B G S"], Bool[np.ndarray, "B G S"]]:
    """Verdicts of one of the channels that ask the model, and whether they are known."""
    path = (judge.params, judge.prompts, rollouts, steps)
    settings = {
        "model": judge.model, "tokenizer": judge.tokenizer, "width": width, "dtype": judge.dtype,
        "micro_batches": judge.micro_batches,
    }  # fmt: skip
    if name == "self_check":
        return check_self(*path, config=judge.questions.self_check, **settings)
    answers = [[final_answer(path.text) for path in paths] for paths in texts.paths]
    cue, share = judge.questions.answer_cue, judge.questions.consensus_share
    return check_answer_gain(*path, answers, answer_id, cue=cue, gate=share, **settings)


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
