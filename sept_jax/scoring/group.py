"""Step scores of solutions given as text: no model, no configuration."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from sept_jax.checks.reading import read_path
from sept_jax.records import CHANNELS, PathText, Steps, StepTexts
from sept_jax.scoring.agreement import explain_agreement
from sept_jax.scoring.combine import score_steps
from sept_jax.scoring.evidence import AGAINST, WEIGHTS, ScoringConfig, gather_evidence
from sept_jax.steps import split_text

MAX_STEPS = 1_024
"""Time and memory grow with paths x paths x steps."""


@dataclasses.dataclass(frozen=True)
class ScoredStep:
    """A step's text, its score in [0, 1], and by channel the verdicts in [-1, 1] that are known and their
    reasons in words."""

    text: str
    score: float
    verdicts: Mapping[str, float]
    reasons: Mapping[str, str]


@dataclasses.dataclass(frozen=True)
class GroupScores:
    """`quality[g]` in [0, 1], and the scored steps of each path."""

    quality: Float[np.ndarray, " G"]
    paths: tuple[tuple[ScoredStep, ...], ...]


def score_group(question: str, paths: Sequence[str]) -> GroupScores:
    """Scores every step of every path of one question by the rules and, with two paths or more, the group.

    The order of the paths does not matter: `quality` permutes with them. Steps beyond `MAX_STEPS` join the
    last.
    """
    texts = tuple(PathText(text, split_text(text, MAX_STEPS)) for text in paths)
    if not texts:
        return GroupScores(np.zeros(0, np.float32), ())
    readings = tuple(read_path(question, text.steps, False) for text in texts)
    longest = max(len(text.spans) for text in texts)
    config = ScoringConfig(
        weights=tuple(WEIGHTS[name] for name in CHANNELS),
        against=AGAINST,
        bias=0.0,
        max_steps=1 << (longest - 1).bit_length() if longest else 1,  # few shapes to compile for
        strict=False,
    )
    count = np.array([[len(text.spans) for text in texts]], np.int32)
    steps = Steps(step_id=np.full((1, len(texts), 0), -1, np.int32), count=count)
    evidence = gather_evidence((readings,), StepTexts((texts,)), steps, config)
    scores = score_steps(evidence, count, config.log_odds, config.bias)
    score = np.asarray(scores.score)
    scored = []
    for g, (text, reading) in enumerate(zip(texts, readings, strict=True)):
        path = []
        for s, step in enumerate(text.steps):
            known = [c for c in range(len(CHANNELS)) if evidence.known[0, g, s, c]]
            verdicts = {CHANNELS[c]: float(evidence.verdict[0, g, s, c]) for c in known}
            reasons = {name: found[s].reason for name, found in reading.verdicts.items() if found[s].reason}
            if "agreement" in verdicts:
                reasons["agreement"] = explain_agreement(verdicts["agreement"])
            path.append(ScoredStep(step, float(score[0, g, s]), verdicts, reasons))
        scored.append(tuple(path))
    return GroupScores(np.asarray(scores.quality)[0], tuple(scored))
