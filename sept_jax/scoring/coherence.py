"""Is a step likely given what precedes it, and does it say something new?"""

import numpy as np
from jaxtyping import Bool, Float, Int

from sept_jax.records import StepTexts

_SIGMA_FLOOR = 0.1
_LAYOUT = " .,;:!*`$"
"""What may stand around a step without changing what it says; inside, 1.5 is not 15."""


def step_means(
    values: Float[np.ndarray, "B G T"], step_id: Int[np.ndarray, "B G T"], width: int
) -> Float[np.ndarray, "B G S"]:
    """Mean of a token quantity over each step's tokens; 0 for a step without tokens."""
    rows = np.arange(step_id.shape[0] * step_id.shape[1]).reshape(*step_id.shape[:2], 1)
    inside = step_id >= 0
    index = (rows * width + step_id)[inside]
    size = step_id.shape[0] * step_id.shape[1] * width
    total = np.bincount(index, values[inside], minlength=size)
    count = np.bincount(index, minlength=size)
    return (total / np.maximum(count, 1)).reshape(*step_id.shape[:2], width)


def check_coherence(
    logprob: Float[np.ndarray, "B G T"],
    step_id: Int[np.ndarray, "B G T"],
    count: Int[np.ndarray, "B G"],
    texts: StepTexts,
    width: int,
) -> tuple[Float[np.ndarray, "B G S"], Bool[np.ndarray, "B G S"]]:
    """Verdicts and whether they are known.

    tanh of the step's mean token log-probability (nats, the sampler's own) less the mean over the group's
    steps, in units of their spread (0.1 nats at least); -1 for a step that repeats an earlier one.
    """
    mean = step_means(logprob, step_id, width)
    known = np.arange(width) < count[..., None]
    steps = np.maximum(known.sum((1, 2), keepdims=True), 1)
    centre = np.where(known, mean, 0.0).sum((1, 2), keepdims=True) / steps
    spread = np.sqrt(np.where(known, (mean - centre) ** 2, 0.0).sum((1, 2), keepdims=True) / steps)
    verdict = np.where(known, np.tanh((mean - centre) / np.maximum(spread, _SIGMA_FLOOR)), 0.0)
    for b, paths in enumerate(texts.paths):
        for g, path in enumerate(paths):
            seen: set[str] = set()
            for s, step in enumerate(path.steps):
                said = "".join(step.lower().split()).strip(_LAYOUT)
                if said in seen:
                    verdict[b, g, s] = -1.0
                seen.add(said)
    return verdict.astype(np.float32), known
