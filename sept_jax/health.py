"""What a batch shows of the policy's health without gold: pseudo-reward, length, entropy, diversity."""

import jax
import numpy as np

from sept_jax.records import CHANNELS, Evidence, Reliability, Rollouts, Steps, StepScores
from sept_jax.scoring.reliability import log_odds_weights


def describe(
    rollouts: Rollouts, steps: Steps, evidence: Evidence, scores: StepScores, reliability: Reliability
) -> dict[str, float]:
    """Means over the batch: `step_score` and `quality` (pseudo-reward) and the quality's spread within
    groups; `length` (tokens) and steps a path; `entropy` (nats a token); `diversity`, the share of different
    final answers in a group; and each channel's coverage of steps, mean verdict where it is known, and what
    its refutations and verifications are worth by the reliabilities so far (log-odds, nats)."""
    rollouts, evidence, scores = jax.device_get((rollouts, evidence, scores))
    against, favour = jax.device_get(log_odds_weights(reliability)[0])
    count = np.asarray(steps.count)
    valid = np.arange(scores.score.shape[-1]) < count[..., None]
    total = max(int(valid.sum()), 1)
    metrics = {
        "step_score": float(scores.score.sum() / total),
        "quality": float(scores.quality.mean()),
        "quality_spread": float(scores.quality.std(-1).mean()),
        "length": float(rollouts.length.mean()),
        "finished": float(rollouts.finished.mean()),
        "entropy": float(rollouts.entropy.sum() / max(rollouts.length.sum(), 1)),
        "diversity": float(np.mean([len(np.unique(row)) / row.size for row in evidence.answer_id])),
        "answered": float((evidence.answer_id >= 0).mean()),
        "steps_per_path": float(count.mean()),
        "sampled_tokens": float(rollouts.length.sum()),
    }
    for c, name in enumerate(CHANNELS):
        known = evidence.known[..., c] & valid
        if known.any():
            metrics[f"channel/{name}/coverage"] = float(known.sum() / total)
            metrics[f"channel/{name}/verdict"] = float(evidence.verdict[..., c][known].mean())
            metrics[f"channel/{name}/worth_against"] = float(against[c])
            metrics[f"channel/{name}/worth_for"] = float(favour[c])
    return metrics
