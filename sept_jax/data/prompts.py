"""From a problem to the text and the tokens that the model reads."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
from ml_collections import ConfigDict

from sept_jax.errors import UserError
from sept_jax.records import Problem, Prompts

PromptConfig = Mapping[str, Any] | ConfigDict

DEFAULT = {
    "system": "",
    "instruction": "{question}",  # the user's turn, where the tokenizer has a chat template
    "plain": "Question: {question}\nAnswer: {solution}\n\n",  # where it has none
    "few_shot": (),  # pairs (question, solution)
}
"""The prompt where nothing else is said."""


@runtime_checkable
class PromptTokenizer(Protocol):
    """What prompts need of a tokenizer. `apply_chat_template` returns None where there is no template."""

    pad_id: int

    def encode(self, text: str) -> list[int]: ...

    def apply_chat_template(self, messages: list[dict[str, str]]) -> str | None: ...


def render(problem: Problem, tokenizer: PromptTokenizer, prompt_config: PromptConfig) -> str:
    """Returns the prompt: the tokenizer's chat template where it has one, else the plain template.

    `prompt_config` holds `system` (text, may be empty), `instruction` (with `{question}`), `few_shot`
    (pairs of question and solution) and `plain` (with `{question}` and `{solution}`). The plain prompt
    is the system text and a blank line, then `plain` for each example, then `plain` up to its
    `{solution}`.

    Raises:
        UserError: a template lacks its placeholder.
    """
    chat = tokenizer.apply_chat_template(_messages(problem.question, prompt_config))
    return _plain(problem.question, prompt_config) if chat is None else chat


def check_templates(prompt_config: PromptConfig) -> None:
    """Checks what `render` needs of the settings.

    Raises:
        UserError: a template lacks its placeholder, or an example is no pair of texts.
    """
    _template(prompt_config, "instruction", ("question",))
    _template(prompt_config, "plain", ("question", "solution"))
    for pair in prompt_config["few_shot"]:
        is_pair = isinstance(pair, tuple | list) and len(pair) == 2
        if not is_pair or not all(isinstance(text, str) for text in pair):
            raise UserError(f"config.prompt.few_shot has {pair!r}: expected pairs of question and solution")


def encode_prompts(
    texts: Sequence[str],
    tokenizer: PromptTokenizer,
    buckets: tuple[int, ...],
    ids: Sequence[str] | None = None,
    agree: Callable[[int], int] = int,
) -> Prompts:
    """Returns the prompts padded on the right to the smallest of `buckets` that holds the longest.

    `ids` are the problems' ids, for errors; `agree` makes the longest in any process of the longest in this.

    Raises:
        UserError: a prompt is empty, or longer than the largest bucket.
    """
    names = [
        f"prompt {row} of the batch" if ids is None else f"problem {ids[row]}" for row in range(len(texts))
    ]
    rows = [tokenizer.encode(text) for text in texts]
    largest = max(buckets)
    for name, row in zip(names, rows, strict=True):
        if not row:
            raise UserError(f"config.prompt: {name} has an empty prompt: give a template with {{question}}")
        if len(row) > largest:
            raise UserError(
                f"config.prompt.buckets: {name} is {len(row)} tokens long and the largest bucket holds "
                f"{largest}: pass --config.prompt.buckets=({largest},{_round_up(len(row))}) or leave it out"
            )
    longest = agree(max(len(row) for row in rows))
    width = min(bucket for bucket in buckets if bucket >= longest)
    tokens = np.full((len(rows), width), tokenizer.pad_id, np.int32)
    for index, row in enumerate(rows):
        tokens[index, : len(row)] = row
    length = np.array([len(row) for row in rows], np.int32)
    return Prompts(tokens=tokens, length=length)


def _messages(question: str, prompt_config: PromptConfig) -> list[dict[str, str]]:
    instruction = _template(prompt_config, "instruction", ("question",))
    messages = [{"role": "system", "content": prompt_config["system"]}] if prompt_config["system"] else []
    for example, solution in prompt_config["few_shot"]:
        messages.append({"role": "user", "content": _fill(instruction, question=example)})
        messages.append({"role": "assistant", "content": solution})
    return [*messages, {"role": "user", "content": _fill(instruction, question=question)}]


def _plain(question: str, prompt_config: PromptConfig) -> str:
    template = _template(prompt_config, "plain", ("question", "solution"))
    head = f"{prompt_config['system']}\n\n" if prompt_config["system"] else ""
    shots = "".join(_fill(template, question=q, solution=s) for q, s in prompt_config["few_shot"])
    return head + shots + _fill(template.split("{solution}", 1)[0], question=question)


def _template(prompt_config: PromptConfig, field: str, placeholders: tuple[str, ...]) -> str:
    template = prompt_config[field]
    for placeholder in placeholders:
        if f"{{{placeholder}}}" not in template:
            raise UserError(f"config.prompt.{field} is {template!r}: it needs {{{placeholder}}}")
    return template


def _fill(template: str, **values: str) -> str:
    # One pass and no str.format: questions and templates are full of LaTeX braces.
    return re.sub(r"\{(question|solution)\}", lambda match: values[match[1]], template)


def _round_up(length: int) -> int:
    return -(-length // 64) * 64
