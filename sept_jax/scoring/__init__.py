"""Step scores without labels and without a reward model: evidence by channel, and its combination."""

from sept_jax.scoring.combine import path_quality, score_steps
from sept_jax.scoring.evidence import AGAINST, WEIGHTS, Judge, ModelQuestions, ScoringConfig, gather_evidence
from sept_jax.scoring.group import GroupScores, ScoredStep, score_group

__all__ = [
    "AGAINST",
    "WEIGHTS",
    "GroupScores",
    "Judge",
    "ModelQuestions",
    "ScoredStep",
    "ScoringConfig",
    "gather_evidence",
    "path_quality",
    "score_group",
    "score_steps",
]
