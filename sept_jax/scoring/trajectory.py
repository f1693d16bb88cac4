"""Do a path's states lean towards its own answer, early and for good?

CoVo (Zhang et al. 2025, arXiv 2506.08745). A state is the prompt with the first k steps of a path; its
distance to a candidate answer is the mean surprisal of that answer's tokens after it. Paths that share an
answer share the length of the mean of their vectors Con (cos Vol, sin Vol), so an answer that some reach
steadily and others erratically loses. Where the paper and its published code differ, or this differs from
both:

- States are the ends of steps, as in the code. The bare question is state 0, as in the paper; the code leaves
  it out.
- The shared reward is the paper's number; the code makes it 0 or 1 at a threshold of 0.5.
- The paths of a group with a single answer get 0, so they carry no gradient; the authors' accuracy filter
  drops such groups.
- The paper's curiosity has no upper bound. As in the code it is a fixed bonus above a threshold, here on the
  paper's definition in nats, there on the perplexity.
- Candidates are the `MAX_CANDIDATES` most frequent answers; a path with a rarer one counts as one without.
"""

from collections import Counter
from collections.abc import Sequence

import jax
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Float, Int, PyTree

from sept_jax.models.config import ModelConfig
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.processes import largest
from sept_jax.records import Prompts, Rollouts, Steps
from sept_jax.scoring.answer_gain import encode_answers
from sept_jax.scoring.likelihood import continuation_logprobs
from sept_jax.scoring.prefixes import cut_paths
from sept_jax.sharding import fetch_batch, place_batch

MAX_CANDIDATES = 8
_CURIOSITY_BONUS = 0.4
_CURIOUS_NATS = float(np.log(2.0))  # a perplexity of 2 where the surprisal is even


def trajectory_reward(
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
    width: int,
    dtype: DTypeLike,
    micro_batches: int = 1,
) -> Float[np.ndarray, "B G"]:
    """Reward of each path, in [0, 1.4]: `shared_reward` plus the curiosity bonus; 0 for a path without an
    answer and for all paths of a group with fewer than two different answers.

    `answers` are the paths' final answers as they write them, `answer_id` their identities (-1 none); gold is
    never asked. `cue` has `{answer}` after some text. Paths have up to S = `width` steps; `micro_batches`
    divides B. Costs a teacher-forced pass for each candidate of the group that has most.

    Raises:
      UserError: the cue has no text before `{answer}`, or no `{answer}`.
    """
    groups = [candidate_answers(*row) for row in zip(answer_id, answers, strict=True)]
    branches, scored = encode_answers([texts for texts, _ in groups], tokenizer, cue)
    tokens, cut = cut_paths(rollouts, steps, tokenizer, model.vocab_size, width)
    count, paths = np.asarray(steps.count), answer_id.shape[1]
    distance = np.full((*cut.shape, MAX_CANDIDATES), np.inf, np.float32)
    mesh = jax.sharding.get_mesh()
    placed = place_batch((tokens, cut), mesh)
    for candidate in range(largest(1 + int(max(np.flatnonzero(scored.any((0, 2))), default=-1)))):
        asked = scored[:, candidate]
        branch = place_batch(
            tuple(np.repeat(x[:, None], paths, 1) for x in (branches[:, candidate], asked)), mesh
        )
        loglik = fetch_batch(
            continuation_logprobs(
                params, prompts, *placed, *branch, model=model, dtype=dtype, micro_batches=micro_batches
            )
        )
        size = asked.sum(-1)
        known = size > 0
        distance[known, ..., candidate] = -loglik[known] / size[known, None, None]
    curious = curiosity(np.asarray(rollouts.logprob), np.asarray(steps.step_id), width) > _CURIOUS_NATS
    reward = np.zeros(answer_id.shape, np.float32)
    for b, (_, own) in enumerate(groups):
        measured = (own >= 0) & scored[b].any(-1)[own]
        if len(set(own[measured].tolist())) > 1:
            features = consistency_and_volatility(
                distance[b][measured], own[measured], count[b][measured] + 1
            )
            bonus = _CURIOSITY_BONUS * curious[b][measured]
            reward[b][measured] = shared_reward(*features, own[measured]) + bonus
    return reward


def candidate_answers(
    answer_id: Int[np.ndarray, " G"], texts: Sequence[str | None]
) -> tuple[list[str | None], Int[np.ndarray, " G"]]:
    """The group's `MAX_CANDIDATES` most frequent answers, each in the words that most of its paths use,
    filled with None at the end; and each path's index among them, -1 for none."""
    given = [(int(i), text) for i, text in zip(answer_id, texts, strict=True) if i >= 0 and text]
    frequent = [i for i, _ in Counter(i for i, _ in given).most_common(MAX_CANDIDATES)]
    written = Counter(given)
    words: list[str | None] = [
        min((t for i, t in written if i == one), key=lambda t: (-written[one, t], len(t), t))
        for one in frequent
    ]
    words += [None] * (MAX_CANDIDATES - len(words))
    place = {one: index for index, one in enumerate(frequent)}
    own = [place.get(int(i), -1) if text else -1 for i, text in zip(answer_id, texts, strict=True)]
    return words, np.array(own, np.int32)


def consistency_and_volatility(
    distance: Float[np.ndarray, "G K A"], own: Int[np.ndarray, " G"], states: Int[np.ndarray, " G"]
) -> tuple[Float[np.ndarray, " G"], Float[np.ndarray, " G"]]:
    """Con: the share of a path's states of which no candidate is nearer than the path's own answer. Vol: the
    last of its states, counted from 0, of which one is nearer, as a share of their number; 0 without any.

    Of K states the first `states` are the path's. Con(tau) and Vol(tau) of arXiv 2506.08745.
    """
    mine = np.take_along_axis(distance, own[:, None, None], -1)[..., 0]
    index = np.arange(distance.shape[1])
    inside = index < states[:, None]
    near = mine <= distance.min(-1)
    consistency = (inside & near).sum(-1) / states
    volatility = np.where(inside & ~near, index, 0).max(-1) / states
    return consistency, volatility


def shared_reward(
    consistency: Float[np.ndarray, " G"], volatility: Float[np.ndarray, " G"], own: Int[np.ndarray, " G"]
) -> Float[np.ndarray, " G"]:
    """Length of the mean vector of Con and Vol, as radius and angle, over the paths with the same answer.

    r_int^V of arXiv 2506.08745.
    """
    vectors = consistency * np.exp(1j * volatility)
    same = own[:, None] == own
    return np.abs(same @ vectors) / same.sum(-1)


def curiosity(
    logprob: Float[np.ndarray, "B G T"], step_id: Int[np.ndarray, "B G T"], width: int
) -> Float[np.ndarray, "B G"]:
    """Mean over a path's steps of: mean surprisal of the step's tokens (nats), less ln(1 + KL(P, U)).

    P are the tokens' shares of the step's surprisal, U is uniform: a surprise that lies in one token counts
    less. r_cur of arXiv 2506.08745, at most `width` steps; 0 for a path without any.
    """
    inside = step_id >= 0
    b, g, t = np.nonzero(inside)
    surprisal = np.maximum(-logprob[b, g, t].astype(np.float64), 0.0)
    sums = np.zeros((3, *step_id.shape[:2], width))
    weighed = surprisal * np.log(np.where(surprisal > 0, surprisal, 1.0))
    for total, part in zip(sums, (np.ones_like(surprisal), surprisal, weighed), strict=True):
        np.add.at(total, (b, g, step_id[b, g, t]), part)
    count, total, weighed = sums
    some, size = np.where(total > 0, total, 1.0), np.maximum(count, 1.0)
    divergence = np.where(total > 0, weighed / some - np.log(some) + np.log(size), 0.0)
    gains = np.where(count > 0, total / size - np.log1p(np.maximum(divergence, 0.0)), 0.0)
    return gains.sum(-1) / np.maximum((count > 0).sum(-1), 1)
