import json
import subprocess
import sys
import time
from functools import partial

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from sept_jax.steps import split_steps, split_text, token_steps


def pieces(text):
    return [text[start:end] for start, end in split_text(text)]


CASES = {
    "lines": ["4*5=20\n", "3+20=23\n", "#### 23"],
    "blank lines": ["a b\n\n\n  ", "c d\n"],
    "windows lines": ["a b\r\n", "c d"],
    "sentences": ["We go. ", "Then we stop! ", "Why? ", "Because."],
    "decimals and money": ["Pi is 3.14 and it costs $3.50 each. ", "Fine."],
    "abbreviations": ["Mr. Smith has fruit, e.g. Apples, i.e. Pears vs. Plums. ", "He eats."],
    "initials": ["John F. Kennedy spoke. ", "We met."],
    "ellipsis": ["A... B and C ... D. ", "E f."],
    "numbered": ["1. Foo bar. ", "2. Baz.\n", "3. End"],
    "number at a sentence's end": ["The result is 5. ", "Then 6."],
    "bulleted": ["- one\n", "* two\n", "• three"],
    "headings": ["**Step 1:** add.\n", "**Step 2:** stop."],
    "display": ["We have \\[ 3+4 = 7. \nX \\] ", "Then go. ", "And\n", "\\[ x \\]\n", "so."],
    "dollars": ["Thus $$a = 1.\nB = 2$$\n", "so."],
    "align": [
        "So \\begin{align*}\na &= b \\\\\n&= c\n\\end{align*}\n",
        "Hence $x = 5.$ ",
        "Then \\(y=2.\\) ",
        "So",
    ],
    "nested environments": ["\\begin{align}\\begin{aligned}\na\n\\end{aligned}\nb\\end{align}\n", "c"],
    "code": ["Run\n", "```python\nx = 1\n\ny = 2. Z\n```\n", "Done"],
    "unclosed": ["We \\[ 3\n", "4 $$ 5\n", "```6"],
    "chain over lines": ["3+4\n= 7\n", "8"],
    "punctuation only": ["a\n---\n", "b\n***"],
    "punctuation first": ["---\na\n", "b"],
    "quoted": ['She said "Go." ', "He went."],
    "lower case after a point": ["approx. five and no. six"],
    "only space": [" \n "],
}


@pytest.mark.parametrize("parts", CASES.values(), ids=CASES.keys())
def test_split_text(parts):
    assert pieces("".join(parts)) == parts


def test_empty():
    assert split_text("") == ()
    assert split_text("", 1) == ()
    assert [split_text("a\nb\nc", most) for most in (1, 2, 3)] == [
        ((0, 5),),
        ((0, 2), (2, 5)),
        ((0, 2), (2, 4), (4, 5)),
    ]


_alphabet = st.sampled_from(
    [*"ab1 .!?\n\r$-=*", "\\[", "\\]", "$$", "```", "\\begin{align}", "\\end{align}", "é", "½", "A"]
)


@given(st.text(max_size=300) | st.lists(_alphabet, max_size=80).map("".join))
@settings(max_examples=400, deadline=None)
def test_spans_partition_any_text(text):
    spans = split_text(text)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(start < end for start, end in spans)
    if len(spans) > 1:
        assert all(any(c.isalnum() for c in text[start:end]) for start, end in spans)


_TIMED = """
import sys, time
from sept_jax.steps import split_text
for unit in sys.argv[1:]:
    text = (unit * (1_000_000 // len(unit) + 1))[:1_000_000]
    start = time.process_time()
    split_text(text)
    print(time.process_time() - start)
"""


def test_a_hostile_megabyte_takes_linear_time():
    """Seconds of processor time in a plain process; anything quadratic would take an hour."""
    units = [
        ".",
        ".\n",
        "\\[",
        "$$",
        "\\begin{align}",
        "A. ",
        ". ( ",
        " ",
        "\n",
        "1. ",
        "`",
        "x",
        "? ",
        "a.\n",
        "```a",
    ]
    done = subprocess.run([sys.executable, "-c", _TIMED, *units], capture_output=True, text=True, check=True)
    seconds = dict(zip(units, map(float, done.stdout.split()), strict=True))
    assert {unit: value for unit, value in seconds.items() if value > 4} == {}


@pytest.fixture(scope="module")
def tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=400,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        special_tokens=["<end>"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(["So we have 12 + 30 = 42. Then\n\nwe stop. "] * 20, trainer)
    return tokenizer


def detokenize(tokenizer, ids):
    """Text and offsets, token by token; a character belongs to the token that completes it, and a token
    that completes none sits where the next one starts."""
    text, offsets, done = "", [], 0
    for i in range(len(ids)):
        offsets.append(len(text))
        new = tokenizer.decode(ids[done : i + 1])
        if not new.endswith("\ufffd"):
            text, done = text + new, i + 1
    return text, offsets


def arrays(tokenizer, texts, width=None):
    ids = [tokenizer.encode(text).ids for text in texts]
    width = width or max(map(len, ids))
    tokens = np.zeros((1, len(ids), width), np.int32)
    for row, path in enumerate(ids):
        tokens[0, row, : len(path)] = path
    return tokens, np.array([[len(path) for path in ids]], np.int32), ids


def test_tokens_of_split_characters(tokenizer):
    text = "x é½ 数.\nNow 学🙂 b"
    tokens, length, ids = arrays(tokenizer, [text])
    assert len(ids[0]) > len(text)  # characters are spread over tokens
    steps, texts = split_steps(tokens, length, partial(detokenize, tokenizer), 8)
    assert texts.paths[0][0].steps == ("x é½ 数.\n", "Now 学🙂 b")
    step_id = np.asarray(steps.step_id)[0, 0]
    for step, expected in enumerate(texts.paths[0][0].steps):
        assert tokenizer.decode([t for t, s in zip(ids[0], step_id, strict=True) if s == step]) == expected


def test_token_steps():
    # "ab cd": spans [0,3) [3,5); a token without characters at 3 is part of what starts there
    assert token_steps("ab cd", [0, 1, 2, 3, 3, 4, 5], [(0, 3), (3, 5)]).tolist() == [0, 0, 0, 1, 1, 1, 1]


def test_a_token_that_begins_with_a_space_is_of_the_step_that_its_word_begins():
    text = "It is 28. He eats 3."
    spans, words = split_text(text), ["It", " is", " 28", ".", " He", " eats", " 3", "."]
    assert [text[a:b] for a, b in spans] == ["It is 28. ", "He eats 3."]
    offsets = np.cumsum([0, *map(len, words)])[:-1].tolist()
    assert token_steps(text, offsets, spans).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]
    # a token of white space alone stays where the space belongs
    apart = [0, 2, 5, 8, 9, 10, 12]
    assert token_steps(text, apart, spans).tolist() == [0, 0, 0, 0, 0, 1, 1]


def test_split_steps(tokenizer, check_record):
    paths = ["12 + 30 = 42\nThen\nwe stop\nnow", "one", ""]
    tokens, length, ids = arrays(tokenizer, paths)
    steps, texts = split_steps(tokens, length, partial(detokenize, tokenizer), 3)
    check_record(steps)
    assert steps.count.tolist() == [[3, 1, 0]]
    assert texts.paths[0][0].steps == ("12 + 30 = 42\n", "Then\n", "we stop\nnow")
    assert [len(path.spans) for path in texts.paths[0]] == steps.count.tolist()[0]
    step_id = np.asarray(steps.step_id)
    for row, path in enumerate(ids):
        assert (step_id[0, row, : len(path)] >= 0).all()
        assert (step_id[0, row, len(path) :] == -1).all()
        assert (np.diff(step_id[0, row, : len(path)]) >= 0).all()


def test_a_path_of_an_end_token_has_one_step(tokenizer):
    end = tokenizer.token_to_id("<end>")
    steps, texts = split_steps(
        np.full((1, 1, 4), end, np.int32), np.array([[1]], np.int32), partial(detokenize, tokenizer), 3
    )
    assert (steps.count.tolist(), steps.step_id.tolist()) == ([[1]], [[[0, -1, -1, -1]]])
    assert texts.paths[0][0].spans == ((0, 0),)


def test_the_end_token_joins_the_last_step(tokenizer):
    ids = [*tokenizer.encode("a\nb").ids, tokenizer.token_to_id("<end>")]
    steps, _ = split_steps(
        np.array([[ids]], np.int32), np.array([[len(ids)]], np.int32), partial(detokenize, tokenizer), 9
    )
    assert steps.step_id.tolist() == [[[0, 0, 1, 1]]]


@given(st.lists(st.text(max_size=60), min_size=1, max_size=3), st.integers(1, 5))
@settings(max_examples=60, deadline=None)
def test_every_token_is_in_one_step(tokenizer, texts, max_steps):
    tokens, length, ids = arrays(tokenizer, texts, 300)
    steps, found = split_steps(tokens, length, partial(detokenize, tokenizer), max_steps)
    for row, text in enumerate(texts):
        count, step_id = int(steps.count[0, row]), np.asarray(steps.step_id)[0, row]
        assert "".join(found.paths[0][row].steps) == text
        assert count == len(found.paths[0][row].spans) <= max_steps
        assert set(step_id[: len(ids[row])].tolist()) <= set(range(count))
        assert (step_id[len(ids[row]) :] == -1).all()


def test_64_paths_of_192_tokens_are_quick():
    text = "So 12 + 30 = 42 and then. " * 10
    text = text[:192]
    tokens, length = np.zeros((8, 8, 192), np.int32), np.full((8, 8), 192, np.int32)
    offsets = list(range(192))
    split_steps(tokens, length, lambda ids: (text, offsets), 16)
    best = 1.0
    for _ in range(5):
        start = time.process_time()
        split_steps(tokens, length, lambda ids: (text, offsets), 16)
        best = min(best, time.process_time() - start)
    assert best < 0.05


@pytest.mark.shared
@pytest.mark.parametrize(
    ("file", "field", "count"), [("gsm8k/train.jsonl", "answer", 1000), ("math/train.jsonl", "solution", 500)]
)
def test_real_solutions_round_trip(tokenizer, shared_data, file, field, count):
    with (shared_data / file).open(encoding="utf-8") as lines:
        solutions = [json.loads(next(lines))[field] for _ in range(count)]
    several = 0
    for solution in solutions:
        ids = tokenizer.encode(solution).ids
        offsets = np.cumsum([0, *(len(tokenizer.decode([i])) for i in ids)])[:-1].tolist()
        if "".join(tokenizer.decode([i]) for i in ids) != solution:
            _, offsets = detokenize(tokenizer, ids)
        steps, texts = split_steps(
            np.array([[ids]], np.int32),
            np.array([[len(ids)]], np.int32),
            lambda _, o=offsets, s=solution: (s, o),
            10_000,
        )
        path, step_id = texts.paths[0][0], np.asarray(steps.step_id)[0, 0]
        assert "".join(path.steps) == solution
        assert step_id.min() == 0
        assert np.bincount(step_id, minlength=len(path.spans)).sum() == len(ids)
        assert (np.diff(step_id) >= 0).all()
        several += len(path.spans) > 1
    assert several > 0.8 * count


def test_a_factorial_ends_no_sentence():
    text = r"There are $5! \times 4! = 2880$ ways! That is all."
    assert [text[a:b] for a, b in split_text(text)] == [text[:38], text[38:]]
