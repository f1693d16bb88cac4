"""Where the prefixes of paths end, in arrays of few different shapes."""

import functools

import numpy as np
from jaxtyping import Bool, Int

from sept_jax.models.tokenizer import Tokenizer
from sept_jax.processes import largest
from sept_jax.records import Rollouts, Steps

_LENGTHS = 4
_FEWEST = 4


@functools.lru_cache(maxsize=4)
def blank_tokens(tokenizer: Tokenizer, size: int) -> Bool[np.ndarray, " V"]:
    """Which of `size` token ids bring no character but white space: line ends, the end token."""
    return np.array([not tokenizer.decode([index]).strip() for index in range(size)])


def prefix_ends(
    tokens: Int[np.ndarray, "B G T"],
    step_id: Int[np.ndarray, "B G T"],
    blank: Bool[np.ndarray, " V"],
    width: int,
) -> Int[np.ndarray, "B G K"]:
    """How many tokens the first k steps take, for k = 0 .. `width`, so K = `width` + 1.

    Blank tokens at the end of a prefix are left out: what is laid after it brings its own line end, and
    nothing is likely after an end token.
    """
    ends = np.zeros((*tokens.shape[:2], width + 1), np.int32)
    b, g, t = np.nonzero((step_id >= 0) & ~blank[tokens])
    np.maximum.at(ends, (b, g, step_id[b, g, t] + 1), t + 1)
    return np.maximum.accumulate(ends, axis=-1)


def cut_paths(
    rollouts: Rollouts, steps: Steps, tokenizer: Tokenizer, vocab_size: int, width: int
) -> tuple[Int[np.ndarray, "B G t"], Int[np.ndarray, "B G K"]]:
    """Tokens and prefix ends of paths of up to `width` steps, cut to what the batch needs: t is the next
    quarter of T, K - 1 the next power of two steps, 4 at least; several processes agree on them."""
    tokens, step_id = np.asarray(rollouts.tokens), np.asarray(steps.step_id)
    ends = prefix_ends(tokens, step_id, blank_tokens(tokenizer, vocab_size), width)
    longest, total = largest(max(int(ends.max()), 1)), tokens.shape[2]
    length = min(size for part in range(_LENGTHS) if (size := -(-total * (part + 1) // _LENGTHS)) >= longest)
    most = power_bucket(largest(max(int(np.asarray(steps.count).max()), _FEWEST)), width)
    return tokens[:, :, :length], ends[..., : most + 1]


def power_bucket(count: int, limit: int) -> int:
    """The least power of two that is no less than `count`, or `limit` where that is less."""
    return min(1 << max(count - 1, 0).bit_length(), limit)
