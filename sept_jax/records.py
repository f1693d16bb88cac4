"""The records that pass between the stages of the loop, and nothing else.

Axes: B problems, G paths each, P prompt tokens, T new tokens, S steps, C evidence channels.
"""

import dataclasses
from typing import Any

import flax.struct
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

Host = Array | np.ndarray
"""Arrays that stages on the host make or read too."""

CHANNELS = (
    "arithmetic",
    "algebra",
    "counterexample",
    "provenance",
    "contradiction",
    "agreement",
    "answer_gain",
    "coherence",
    "self_check",
    "code",
)
"""Names of the evidence channels, in the order of every C axis."""


@dataclasses.dataclass(frozen=True)
class Problem:
    """A question. `answer` is gold: only evaluation may read it. `level` grows with difficulty."""

    question: str
    answer: str | None
    level: float
    id: str


@flax.struct.dataclass
class Prompts:
    """Encoded prompts, padded on the right."""

    tokens: Int[Host, "B P"]
    length: Int[Host, " B"]


@flax.struct.dataclass
class Rollouts:
    """Sampled paths, padded on the right; `length` counts the end token or stop sequence.

    `logprob` is of the policy at temperature 1, `sample_logprob` of the distribution that was drawn
    from, `entropy` of the policy at temperature 1; all three in nats, and 0 from `length` on.
    """

    tokens: Int[Host, "B G T"]
    length: Int[Host, "B G"]
    logprob: Float[Host, "B G T"]
    sample_logprob: Float[Host, "B G T"]
    entropy: Float[Host, "B G T"]
    finished: Bool[Host, "B G"]


@flax.struct.dataclass
class Steps:
    """The step that each token belongs to: -1 from the path's length on; steps beyond S join the last."""

    step_id: Int[Host, "B G T"]
    count: Int[Host, "B G"]


@dataclasses.dataclass(frozen=True)
class PathText:
    """One path as text, and the character span `[start, end)` of each of its steps, in order."""

    text: str
    spans: tuple[tuple[int, int], ...]

    @property
    def steps(self) -> tuple[str, ...]:
        return tuple(self.text[start:end] for start, end in self.spans)


@dataclasses.dataclass(frozen=True)
class StepTexts:
    """`paths[b][g]` is the text of path g of problem b."""

    paths: tuple[tuple[PathText, ...], ...]


@flax.struct.dataclass
class Evidence:
    """What every channel says of every step.

    `verdict` is in [-1, 1] (refuted to verified) and counts only where `known`. `value_id` names the
    step's last result as an exact rational, `answer_id` the path's final answer: equal values of one
    problem share an id, -1 is none.
    """

    verdict: Float[Host, "B G S C"]
    known: Bool[Host, "B G S C"]
    value_id: Int[Host, "B G S"]
    answer_id: Int[Host, "B G"]


@flax.struct.dataclass
class StepScores:
    """`score` in [0, 1] a step, 0 past the path's last step; `channel` is each channel's share of the
    score's logit; `quality` in [0, 1] a path."""

    score: Float[Host, "B G S"]
    channel: Float[Host, "B G S C"]
    quality: Float[Host, "B G"]


@flax.struct.dataclass
class Reliability:
    """Running sums of the channels' votes on the hidden fact "is this step right".

    `confusion[fact, vote, c]` is the expected mass of channel c's votes, `steps[fact]` the expected number of
    steps voted on; facts and votes are 0 wrong, 1 right.
    """

    confusion: Float[Host, "2 2 C"]
    steps: Float[Host, "2"]


@flax.struct.dataclass
class TrainState:
    """What an update changes. Without LoRA `frozen` is empty. `key` is the run's root key: step n
    draws from `fold_in(key, n)`, so the key itself never changes."""

    trainable: PyTree
    frozen: PyTree
    opt_state: Any
    step: Int[Array, ""]
    key: Array


@flax.struct.dataclass
class UpdateBatch:
    """What an update reads; every leaf has the leading axis B. `reference_logprob` (of the start, nats) is
    None without a KL term."""

    prompts: Prompts
    rollouts: Rollouts
    steps: Steps
    quality: Float[Host, "B G"]
    advantage: Float[Host, "B G T"]
    reference_logprob: Float[Host, "B G T"] | None = None


@flax.struct.dataclass
class Curriculum:
    """N problems: running ease in [0, 1], how often each was seen, index of the highest level drawn."""

    ease: Float[Host, " N"]
    seen: Int[Host, " N"]
    cap: Int[Host, ""]


@flax.struct.dataclass
class Guard:
    """Reference and running means of the watched metrics, steps seen and alarms raised so far."""

    reference: Float[Host, " W"]
    running: Float[Host, " W"]
    seen: Int[Host, ""]
    alarms: Int[Host, ""]
