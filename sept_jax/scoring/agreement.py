"""Do the other paths of the group derive the same values, and reach the same answer?"""

import numpy as np
from jaxtyping import Bool, Float, Int


def check_agreement(
    value_id: Int[np.ndarray, "B G S"], answer_id: Int[np.ndarray, "B G"], count: Int[np.ndarray, "B G"]
) -> tuple[Float[np.ndarray, "B G S"], Bool[np.ndarray, "B G S"]]:
    """Verdicts and whether they are known, leaving the path itself out.

    A step's verdict is 2 p - 1, p the share of the group's other paths in which its value appears at any
    step; on the last step of a path with a final answer, the share of others with that answer
    (self-consistency, Wang et al. 2022, as a leave-one-out vote). Unknown without a value or without peers.
    """
    group, width = value_id.shape[1:]
    if group < 2:
        return np.zeros(value_id.shape, np.float32), np.zeros(value_id.shape, bool)
    appears = (value_id[:, :, :, None, None] == value_id[:, None, None, :, :]).any(-1)
    peers = ~np.eye(group, dtype=bool)[None, :, None, :]
    share = (appears & peers).sum(-1) / (group - 1)
    known = value_id >= 0
    same = (answer_id[:, :, None] == answer_id[:, None, :]) & peers[:, :, 0]
    last = (np.arange(width) == count[..., None] - 1) & (answer_id >= 0)[..., None]
    share = np.where(last, (same.sum(-1) / (group - 1))[..., None], share)
    known = known | last
    return np.where(known, 2.0 * share - 1.0, 0.0).astype(np.float32), known
