"""What a batch shows of the policy's health without gold: pseudo-reward, length, entropy, diversity."""

import jax
import numpy as np

from sept_jax.records import CHANNELS, Evidence, Rollouts, Steps, StepScores


def describe(rollouts: Rollouts, steps: Steps, evidence: Evidence, scores: StepScores) -> dict[str, float]:
    """Means over the batch: `step_score` and `quality` (pseudo-reward) and the quality's spread within
    groups; `length` (tokens) and steps a path; `entropy` (nats a token); `diversity`, the share of different
    final answers in a group; and each channel's coverage of steps and mean verdict where it is known."""
    rollouts, evidence, scores = jax.device_get((rollouts, evidence, scores))
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
    return metrics
