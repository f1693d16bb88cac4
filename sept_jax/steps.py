"""Process decomposition: a path's text into steps, and its tokens onto them."""

import re
from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Int

from sept_jax.records import Host, PathText, Steps, StepTexts

Span = tuple[int, int]
Detokenize = Callable[[Sequence[int]], tuple[str, Sequence[int]]]
"""Token ids to their text, and for each id the offset at which its first new character starts."""

_ENVIRONMENTS = (
    "align|alignat|aligned|array|asy|bmatrix|cases|equation|gather|gathered|matrix|multline|pmatrix|split|"
    "tabular|vmatrix"
)
_CUT = re.compile(
    r"(?P<line>[\n\r])|(?P<block>```|\$\$|(?<!\\)\\\[|\[asy\]|\\begin\{(?P<env>(?:"
    + _ENVIRONMENTS
    + r")\*?)\})"
    r"|(?P<stop>[.!?]{1,3}[\"'”’)\]*_$]{0,4}(?:\\\)|\\\])?)(?=[ \t\n\r])"
    r"|(?P<display>\\\])(?=[ \t]{1,9}[A-Z])"
)
_FACTOR = re.compile(r"\\(?:times|cdot|div|over)\b|[-+*/=×÷]")
_SPACE = re.compile(r"\s*")
_CONTENT = re.compile(r"[^\W_]")
_TAIL = re.compile(r"[^\s(]{1,16}$")
_ABBREVIATION = re.compile(
    r"e\.g|i\.e|mr|mrs|ms|dr|prof|st|jr|sr|vs|cf|fig|eqs?|approx|pp|resp|viz|etc|a\.m|p\.m|u\.s",
    re.IGNORECASE,
)
_CONTINUES = ("=", "≈", "&=")
_CLOSERS = {"```": "```", "$$": "$$", "\\[": "\\]", "[asy]": "[/asy]"}


def split_text(text: str, max_steps: int | None = None) -> tuple[Span, ...]:
    """Spans `[start, end)` of the steps of `text`: every character in exactly one, in order; () for "".

    A step is a line, or a sentence of one; display mathematics and code blocks are never cut. White
    space belongs to the step before it; a piece without a letter or digit joins the step before it, as
    does a line that goes on with "=". Steps beyond `max_steps` join the last. Linear time.
    """
    if not text:
        return ()
    cuts: list[int] = []
    absent: set[str] = set()
    at = start = empty = 0  # [start, empty) is known to hold no letter or digit
    while (found := _CUT.search(text, at)) is not None:
        kind = found.lastgroup if found.lastgroup != "env" else "block"
        if kind == "block":
            at = _block_end(text, found, absent)
            continue
        at = _SPACE.match(text, found.end()).end()
        if at == len(text):
            break
        new_line = kind == "line" or "\n" in text[found.end() : at] or "\r" in text[found.end() : at]
        if new_line:
            cut = not text.startswith(_CONTINUES, at)
        else:
            cut = kind == "display" or _ends_sentence(text, start, empty, found.start(), at)
        if not cut:
            continue
        if _CONTENT.search(text, empty, at):
            cuts.append(at)
            start = at
        elif cuts:
            cuts[-1] = start = at
        empty = at
    if cuts and not _CONTENT.search(text, start):
        cuts.pop()
    if max_steps is not None:
        del cuts[max_steps - 1 :]
    return tuple(zip([0, *cuts], [*cuts, len(text)], strict=True))


def _block_end(text: str, found: re.Match, absent: set[str]) -> int:
    """Where a block that `found` opens ends; right after the opening if it never closes."""
    env = found["env"]
    closer = _CLOSERS[found["block"]] if env is None else f"\\end{{{env}}}"
    if closer in absent:
        return found.end()
    end = text.find(closer, found.end())
    if end < 0:
        absent.add(closer)
        return found.end()
    # a display's closing bracket is looked at again: a sentence may start behind it
    return end if closer == "\\]" else end + len(closer)


def _ends_sentence(text: str, start: int, empty: int, stop: int, following: int) -> bool:
    """Whether the mark at `stop` ends a sentence of the step that starts at `start` (no letter or digit
    before `empty`), given where the text goes on."""
    after = text[following]
    if not (after.isupper() or after.isdigit() or after in "\\$([\"'“‘*#-•√"):
        return False
    if text.startswith("..", stop) or text[stop] == "…":
        return False
    if text[stop] == "!" and _FACTOR.match(text, following):
        return False  # 5! \times 4!
    if text[stop] != ".":
        return True
    tail = _TAIL.search(text, max(start, stop - 16), stop)
    word = tail.group() if tail else ""
    if _ABBREVIATION.fullmatch(word):
        return False
    label = word.strip("*#_")
    at_start = not _CONTENT.search(text, empty, stop - len(word))
    if at_start and (label.isdigit() or len(label) == 1):
        return False  # "1." and "A." are labels
    if len(word) == 1 and word.isupper():
        before = text[max(start, stop - 18) : stop - 1].split()
        return not (before and before[-1][0].isupper())  # John F. Kennedy
    return True


def token_steps(text: str, offsets: Sequence[int], spans: Sequence[Span]) -> Int[np.ndarray, " T"]:
    """The step of each token of `text`: the span that holds its first new character that is no white space,
    or, if it has none, `offsets[i]`, where its characters start; past the end, the last step.

    A token such as " He" is of the step that "He" begins, though the space belongs to the one before.
    """
    ends = np.fromiter((end for _, end in spans), np.int64, len(spans))
    starts = [
        start if (blank := _SPACE.match(text, start, end).end()) == end else blank
        for start, end in zip(offsets, [*offsets[1:], len(text)], strict=True)
    ]
    steps = np.searchsorted(ends, np.asarray(starts, np.int64), side="right")
    return np.minimum(steps, len(spans) - 1).astype(np.int32)


def split_steps(
    tokens: Int[Host, "B G T"],
    length: Int[Host, "B G"],
    detokenize: Detokenize,
    max_steps: int,
) -> tuple[Steps, StepTexts]:
    """The step of every sampled token, and every path's text with its steps.

    Steps beyond `max_steps` join the last. A path that has tokens but no text (an end token alone) has
    one empty step, so that every token up to `length` is in exactly one.
    """
    tokens, length = np.asarray(tokens), np.asarray(length)
    batch, group, _ = tokens.shape
    step_id = np.full(tokens.shape, -1, np.int32)
    count = np.zeros((batch, group), np.int32)
    problems = []
    for b in range(batch):
        paths = []
        for g in range(group):
            size = int(length[b, g])
            text, offsets = detokenize(tokens[b, g, :size].tolist())
            spans = split_text(text, max_steps) or (((0, 0),) if size else ())
            if size:
                step_id[b, g, :size] = token_steps(text, offsets, spans)
            count[b, g] = len(spans)
            paths.append(PathText(text, spans))
        problems.append(tuple(paths))
    return Steps(step_id, count), StepTexts(tuple(problems))
