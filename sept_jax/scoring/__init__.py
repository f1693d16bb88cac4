"""Step scores without labels and without a reward model: evidence by channel, and its combination."""

from sept_jax.scoring.combine import path_quality, score_steps
from sept_jax.scoring.evidence import ScoringConfig, gather_evidence

__all__ = ["ScoringConfig", "gather_evidence", "path_quality", "score_steps"]
