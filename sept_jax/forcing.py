"""Texts that no sampler drew, as the rollouts and steps that it would have returned, and their scores."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike
from jaxtyping import PyTree

from sept_jax.checks.reading import read_path
from sept_jax.data.prompts import PromptConfig, encode_prompts, render
from sept_jax.models.config import ModelConfig
from sept_jax.models.tokenizer import Tokenizer
from sept_jax.records import CHANNELS, PathText, Problem, Prompts, Rollouts, Steps, StepTexts
from sept_jax.scoring import (
    AGAINST,
    WEIGHTS,
    Judge,
    ModelQuestions,
    ScoringConfig,
    gather_evidence,
    score_steps,
)
from sept_jax.scoring.prefixes import power_bucket
from sept_jax.steps import token_steps
from sept_jax.update import jitted_path_logprobs

_SHORTEST = 128
"""T is this many tokens, or twice, or four times as many ...: few lengths to compile for."""


def join_steps(steps: Sequence[str]) -> PathText:
    """A path whose steps are these, each brought to end in white space but for the last."""
    last = len(steps) - 1
    pieces = [step if i == last or step[-1:].isspace() else step + "\n" for i, step in enumerate(steps)]
    ends = np.cumsum([len(piece) for piece in pieces]).tolist()
    return PathText("".join(pieces), tuple(zip([0, *ends][:-1], ends, strict=True)))


def encode_path(path: PathText, tokenizer: Tokenizer) -> tuple[list[int], list[int]]:
    """Tokens of a path, and the step of each. A path that holds special tokens, which leave no text, is
    encoded step by step."""
    tokens = tokenizer.encode(path.text)
    text, offsets = tokenizer.detokenize(tokens)
    if text == path.text and path.spans:
        return tokens, token_steps(text, offsets, path.spans).tolist()
    pairs = [(token, i) for i, step in enumerate(path.steps) for token in tokenizer.encode(step)]
    return [token for token, _ in pairs], [i for _, i in pairs]


def encode_texts(texts: StepTexts, tokenizer: Tokenizer, room: int, max_steps: int) -> tuple[Rollouts, Steps]:
    """B x G paths as tokens with their steps, log-probabilities and entropies 0.

    Steps beyond `max_steps` join the last. A path of more than `room` tokens has no tokens and no steps.
    """
    rows = [[encode_path(path, tokenizer) for path in paths] for paths in texts.paths]
    shape = (len(rows), len(rows[0]))
    fitting = [len(tokens) for row in rows for tokens, _ in row if len(tokens) <= room]
    width = power_bucket(max(_SHORTEST, *fitting, 0), max(room, 1))
    tokens = np.full((*shape, width), tokenizer.pad_id, np.int32)
    step_id = np.full((*shape, width), -1, np.int32)
    length, count = np.zeros(shape, np.int32), np.zeros(shape, np.int32)
    for b, row in enumerate(rows):
        for g, (path, step) in enumerate(row):
            if len(path) <= room:
                length[b, g] = len(path)
                count[b, g] = min(len(texts.paths[b][g].spans), max_steps)
                tokens[b, g, : len(path)] = path
                step_id[b, g, : len(path)] = np.minimum(step, max_steps - 1)
    zeros = np.zeros(tokens.shape, np.float32)
    rollouts = Rollouts(*map(jnp.asarray, (tokens, length, zeros, zeros, zeros, length > 0)))
    return rollouts, Steps(jnp.asarray(step_id), jnp.asarray(count))


def force_texts(
    params: PyTree,
    prompts: Prompts,
    texts: StepTexts,
    *,
    model: ModelConfig,
    tokenizer: Tokenizer,
    max_steps: int,
    dtype: DTypeLike,
    logit_chunk: int = 64,
) -> tuple[Rollouts, Steps]:
    """`encode_texts` of what the model has room for after the prompts, with the model's log-probabilities and
    entropies at temperature 1, teacher-forced."""
    room = model.max_length - prompts.tokens.shape[1]
    rollouts, steps = encode_texts(texts, tokenizer, room, max_steps)
    logprob, entropy = jitted_path_logprobs(
        params, model=model, prompts=prompts, rollouts=rollouts, dtype=dtype, logit_chunk=logit_chunk
    )
    return rollouts.replace(logprob=logprob, sample_logprob=logprob, entropy=entropy), steps


@dataclasses.dataclass(frozen=True)
class TextScorer:
    """Scores given solutions with a model's own channels beside the rules and the group."""

    model: ModelConfig
    params: PyTree
    tokenizer: Tokenizer
    prompt: PromptConfig
    dtype: DTypeLike = jnp.float32

    def score(
        self, question: str, solutions: Sequence[Sequence[str]], channels: Sequence[str]
    ) -> list[list[float]]:
        """The score in [0, 1] of each step of a group of solutions; none for a solution that the model has no
        room for. Channels count with their default weight, with 1 where that is 0."""
        longest = max(map(len, solutions))
        config = ScoringConfig(
            weights=tuple((WEIGHTS[name] or 1.0) * (name in channels) for name in CHANNELS),
            against=AGAINST,
            bias=0.0,
            max_steps=1 << (longest - 1).bit_length() if longest else 1,
            strict=False,
        )
        problem = Problem(question, None, 0.0, "given")
        text = render(problem, self.tokenizer, self.prompt)
        buckets = tuple(1 << n for n in range(6, self.model.max_length.bit_length()))
        if len(self.tokenizer.encode(text)) > buckets[-1]:
            return [[] for _ in solutions]
        given = encode_prompts([text], self.tokenizer, buckets)
        texts = StepTexts((tuple(join_steps(steps) for steps in solutions),))
        rollouts, steps = force_texts(
            self.params, given, texts,
            model=self.model, tokenizer=self.tokenizer, max_steps=config.max_steps, dtype=self.dtype,
        )  # fmt: skip
        judge = Judge(self.params, given, self.model, self.tokenizer, self.dtype, 1, ModelQuestions())
        readings = [[read_path(question, tuple(steps), False) for steps in solutions]]
        evidence = gather_evidence(readings, texts, steps, config, rollouts, judge)
        scores = score_steps(evidence, steps.count, config.log_odds, config.bias)
        score, count = jax.device_get((scores.score, steps.count))
        return [row[:size].tolist() for row, size in zip(score[0], count[0], strict=True)]
