"""How much does a step raise the model's own likelihood of the answer that the other paths agree on?"""

from collections import Counter
from collections.abc import Sequence

import jax
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Bool, Float, Int, PyTree

from sept_jax.errors import UserError
from sept_jax.models.config import ModelConfig
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.processes import largest
from sept_jax.records import Prompts, Rollouts, Steps
from sept_jax.scoring.likelihood import continuation_logprobs
from sept_jax.scoring.prefixes import cut_paths, power_bucket
from sept_jax.sharding import fetch_batch, place_batch

MAX_TOKENS = 48
"""A longer cue with its answer is not scored."""
_SHORTEST = 8  # tokens of the shortest compiled branch
_MIN_VOTES = 2  # one peer is no consensus
_SPREAD_FLOOR = 3.0  # nats: below a factor of 20 in the answer's probability little is said


def check_answer_gain(
    params: PyTree,
    prompts: Prompts,
    rollouts: Rollouts,
    steps: Steps,
    answers: Sequence[Sequence[str | None]],
    answer_id: Int[np.ndarray, "B G"],
    *,
    model: ModelConfig,
    tokenizer: Tokenizer,
    cue: str,
    gate: float,
    width: int,
    dtype: DTypeLike,
    micro_batches: int = 1,
) -> tuple[Float[np.ndarray, "B G S"], Bool[np.ndarray, "B G S"]]:
    """Verdicts and whether they are known, for up to S = `width` steps: `gain_verdicts` of log p(answer |
    prompt, steps 1 .. k, cue), the answer being what `leave_one_out` finds among the other paths.

    `answers` are the paths' final answers as they write them, `answer_id` their identities (-1 none); gold is
    never asked. `cue` has `{answer}` after some text. `micro_batches` divides B.

    Raises:
      UserError: the cue has no text before `{answer}`, or no `{answer}`.
    """
    consensus = [leave_one_out(*row, gate) for row in zip(answer_id, answers, strict=True)]
    branches, scored = encode_answers(consensus, tokenizer, cue)
    tokens, cut = cut_paths(rollouts, steps, tokenizer, model.vocab_size, width)
    asked = scored.any(-1)
    loglik = np.zeros(cut.shape, np.float32)
    if largest(int(asked.any())):
        placed = place_batch((tokens, cut, branches, scored), jax.sharding.get_mesh())
        loglik = fetch_batch(
            continuation_logprobs(
                params, prompts, *placed, model=model, dtype=dtype, micro_batches=micro_batches
            )
        )
    return gain_verdicts(loglik, np.asarray(steps.count), asked, width)


def leave_one_out(
    answer_id: Int[np.ndarray, " G"], texts: Sequence[str | None], gate: float
) -> list[str | None]:
    """For each path the answer that more than `gate` of the other paths with an answer give, in the words
    that most of these use; None where there is none, or only one of them gives it.

    The order of the paths does not matter.
    """
    consensus: list[str | None] = []
    for path in range(len(texts)):
        votes = Counter(int(i) for g, i in enumerate(answer_id) if g != path and i >= 0)
        best = max(votes.values(), default=0)
        winners = [i for i, count in votes.items() if count == best]
        if best < _MIN_VOTES or best <= gate * votes.total() or len(winners) > 1:
            consensus.append(None)
            continue
        written = Counter(t for g, t in enumerate(texts) if g != path and answer_id[g] == winners[0] and t)
        consensus.append(min(written, key=lambda text: (-written[text], len(text), text), default=None))
    return consensus


def encode_answers(
    answers: Sequence[Sequence[str | None]], tokenizer: Tokenizer, cue: str
) -> tuple[Int[np.ndarray, "B G A"], Bool[np.ndarray, "B G A"]]:
    """The cue with each answer as tokens, padded on the right, and which of them are the answer's; none where
    there is no answer or where it is longer than `MAX_TOKENS`. Several processes agree on A.

    Raises:
      UserError: the cue has no text before `{answer}`, or no `{answer}`.
    """
    before, placeholder, after = cue.partition("{answer}")
    if not placeholder or not before.strip():
        raise UserError(
            f"config.scoring.questions.answer_cue is {cue!r}: it needs some text, then {{answer}}"
        )
    # tokenizers cut before a space, so the spaces go with the answer
    given = before.rstrip(" ")
    head = tokenizer.encode(given)
    rows = {}
    for text in {text for row in answers for text in row if text}:
        tail = tokenizer.encode(before[len(given) :] + text + after)
        if len(head) + len(tail) <= MAX_TOKENS:
            rows[text] = head + tail
    longest = largest(max(map(len, rows.values()), default=1))
    shape = (len(answers), len(answers[0]), max(power_bucket(longest, MAX_TOKENS), _SHORTEST))
    branches, scored = np.full(shape, tokenizer.pad_id, np.int32), np.zeros(shape, bool)
    for b, row in enumerate(answers):
        for g, text in enumerate(row):
            if text in rows:
                branches[b, g, : len(rows[text])] = rows[text]
                scored[b, g, len(head) : len(rows[text])] = True
    return branches, scored


def gain_verdicts(
    loglik: Float[np.ndarray, "B G K"],
    count: Int[np.ndarray, "B G"],
    asked: Bool[np.ndarray, "B G"],
    width: int,
) -> tuple[Float[np.ndarray, "B G S"], Bool[np.ndarray, "B G S"]]:
    """Verdicts of S = `width` steps and whether they are known, from the answer's log-likelihood (nats) after
    0 .. K - 1 steps.

    tanh of the step's gain in units of the root mean square gain of the group's steps (3 nats at least):
    zero stays zero, so a step that leaves the answer as likely as it was is neither good nor bad.
    """
    gain = np.zeros((*count.shape, width), np.float32)
    gain[..., : loglik.shape[-1] - 1] = np.diff(loglik, axis=-1)
    known = (np.arange(width) < count[..., None]) & asked[..., None]
    gain = np.where(known, gain, 0.0)
    spread = np.sqrt((gain**2).sum((1, 2), keepdims=True) / np.maximum(known.sum((1, 2), keepdims=True), 1))
    return np.tanh(gain / np.maximum(spread, _SPREAD_FLOOR)).astype(np.float32), known
