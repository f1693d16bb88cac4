"""Does the model itself say that a step is right, when it is asked?"""

import dataclasses

import jax
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import Bool, Float, Int, PyTree

from sept_jax.errors import UserError
from sept_jax.models.config import ModelConfig
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.records import Prompts, Rollouts, Steps
from sept_jax.scoring.likelihood import choice_logits
from sept_jax.scoring.prefixes import cut_paths
from sept_jax.sharding import fetch_batch, place_batch

_FEWEST = 3  # a line runs through any two steps


@dataclasses.dataclass(frozen=True)
class SelfCheckConfig:
    """What the model is asked after a step, and the beginnings of the two answers that are compared.

    With a chat template the question is a turn of the user's; `plain` lays it out where there is none.
    """

    question: str = "Is the last step correct? Answer yes or no."
    plain: str = "\n{question}\nAnswer:"
    yes: str = "Yes"
    no: str = "No"


def check_self(
    params: PyTree,
    prompts: Prompts,
    rollouts: Rollouts,
    steps: Steps,
    *,
    model: ModelConfig,
    tokenizer: Tokenizer,
    config: SelfCheckConfig,
    width: int,
    dtype: DTypeLike,
    micro_batches: int = 1,
) -> tuple[Float[np.ndarray, "B G S"], Bool[np.ndarray, "B G S"]]:
    """Verdicts and whether they are known, for up to S = `width` steps: `check_verdicts` of the log-odds that
    the model answers yes (P(True), Kadavath et al. 2022). `micro_batches` divides B.

    Raises:
      UserError: an answer is empty, or both begin with the same token.
    """
    branch, choices = encode_question(tokenizer, config)
    tokens, cut = cut_paths(rollouts, steps, tokenizer, model.vocab_size, width)
    placed = place_batch((tokens, cut[..., 1:]), jax.sharding.get_mesh())
    logits = choice_logits(
        params, prompts, *placed, branch, choices, model=model, dtype=dtype, micro_batches=micro_batches
    )
    yes, no = np.moveaxis(fetch_batch(logits), -1, 0)
    return check_verdicts(yes - no, np.asarray(steps.count), width)


def encode_question(
    tokenizer: Tokenizer, config: SelfCheckConfig
) -> tuple[Int[np.ndarray, " A"], Int[np.ndarray, "2"]]:
    """The question as it follows a step, as tokens, and the first tokens of yes and of no.

    Raises:
      UserError: an answer is empty, or both begin with the same token.
    """
    said = "forty-two"
    turns = [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": said},
        {"role": "user", "content": config.question},
    ]
    chat = tokenizer.apply_chat_template(turns)
    plain = config.plain.replace("{question}", config.question)
    text = plain if chat is None else chat.rpartition(said)[2]
    yes, no = (tokenizer.encode(answer)[:1] for answer in (config.yes, config.no))
    if not yes or not no or yes == no:
        raise UserError(
            f"config.scoring.questions.self_check: the answers are {config.yes!r} and {config.no!r}: "
            "expected two that differ in their first token, such as 'Yes' and 'No'"
        )
    return np.array(tokenizer.encode(text), np.int32), np.array(yes + no, np.int32)


def check_verdicts(
    log_odds: Float[np.ndarray, "B G N"], count: Int[np.ndarray, "B G"], width: int
) -> tuple[Float[np.ndarray, "B G S"], Bool[np.ndarray, "B G S"]]:
    """Verdicts of S = `width` steps and whether they are known, from the log-odds of yes after N of them.

    2 p - 1, p the probability of yes once the group's own line is taken off the log-odds, their
    least-squares line over the step's number: a model that says yes to everything says nothing, and one that
    says yes more readily the longer a path is does not pay for length. Unknown in a group of fewer than 3
    steps.
    """
    known = np.arange(width) < count[..., None]
    odds = np.zeros(known.shape, np.float32)
    odds[..., : log_odds.shape[-1]] = log_odds
    number = np.broadcast_to(np.arange(width, dtype=np.float32), known.shape)
    steps = known.sum((1, 2), keepdims=True)

    def centred(x):
        mean = np.where(known, x, 0.0).sum((1, 2), keepdims=True) / np.maximum(steps, 1)
        return np.where(known, x - mean, 0.0)

    odds, number = centred(odds), centred(number)
    square = (number**2).sum((1, 2), keepdims=True)
    slope = (odds * number).sum((1, 2), keepdims=True) / np.where(square > 0, square, 1.0)
    known = known & (steps >= _FEWEST)
    return np.where(known, np.tanh((odds - slope * number) / 2.0), 0.0).astype(np.float32), known
