"""Final answers: where a path states one, and when two are the same."""

import re
from fractions import Fraction

from sept_jax.checks.formulas.expressions import evaluate
from sept_jax.checks.formulas.lexer import MAX_CHARS
from sept_jax.checks.formulas.words import MEASURES, NUMBERS, singular
from sept_jax.checks.number_words import SCALE_WORDS, amount, amount_in_words, goes_on, units_after
from sept_jax.checks.provenance.numbers import has_number_words

MAX_ANSWER = 400

_PHRASE = re.compile(r"\banswer\s{0,3}(?:is|:|=)[\s:*]{0,4}", re.IGNORECASE)
_LABEL = re.compile(r"A(?:ns)?\s{0,3}:\s{0,3}(?=\S)")
_END = re.compile(r"\n|[.!?](?=\s|$)")
_TEXT = re.compile(r"\\(?:text|textbf|textit|textrm|mathrm|mathbf|mbox)\s{0,3}\{([^{}]{0,200})\}")
_SILENT = re.compile(r"\\(?:left|right|displaystyle|[,;:! ])|[\s~]+")
_WORDS = re.compile(r"[a-z][a-z '’-]*")
_OPEN, _CLOSE = "([{", ")]}"


def final_answer(text: str) -> str | None:
    """The answer that a path states last: `#### n`, else `\\boxed{...}`, else a last line `A: ...`, else "the
    answer is ..."; None if it states none."""
    at = text.rfind("####")
    if at >= 0:
        line = text[at + 4 :].lstrip("# ").split("\n", 1)[0].strip()
        if line:
            return _trim(line)
    boxed = last_boxed(text) if "box" in text else None
    if boxed is not None:
        return _trim(boxed)
    asks = "nswer" in text or "NSWER" in text
    if not asks and ":" not in text:
        return None
    end_of_text = text[-MAX_CHARS:].rstrip()
    line = end_of_text[end_of_text.rfind("\n") + 1 :].lstrip(" *")
    if labelled := _LABEL.match(line):
        return _trim(line[labelled.end() :][:MAX_ANSWER])
    phrases = list(_PHRASE.finditer(end_of_text)) if asks else []
    if not phrases:
        return None
    tail = end_of_text[phrases[-1].end() :][: MAX_ANSWER + 1]
    end = _END.search(tail)
    answer = _trim(tail[: end.start()] if end else tail)
    return answer or None


def last_boxed(text: str) -> str | None:
    """What the last `\\boxed{...}` (or `\\fbox`) holds, braces inside it included; None if there is none
    or its braces do not close."""
    at = max(text.rfind("\\boxed"), text.rfind("\\fbox"))
    if at < 0:
        return None
    start = text.find("{", at, at + 12)
    if start < 0:
        return text[at:].partition(" ")[2].split("$")[0].split("\n")[0].strip() or None
    depth = 0
    for i in range(start, min(len(text), start + MAX_CHARS)):
        if text[i] == "{":
            depth += 1
        elif text[i] == "}":
            depth -= 1
            if depth == 0:
                return text[start + 1 : i]
    return None


def gold_answer(text: str) -> str:
    """The answer of a data set's field: after GSM8K's `####`, in MATH's `\\boxed{}`, or the text itself."""
    at = text.rfind("####")
    if at >= 0:
        return text[at + 4 :].strip()
    boxed = last_boxed(text)
    return (boxed if boxed is not None else text).strip()


def _trim(answer: str) -> str:
    answer = answer.strip().strip("*").strip()
    for opening, closing in (("$$", "$$"), ("\\(", "\\)"), ("\\[", "\\]"), ("$", "$")):
        if answer.startswith(opening) and answer.endswith(closing) and len(answer) > 2 * len(opening):
            answer = answer[len(opening) : -len(closing)].strip()
    return answer.rstrip(".").strip()


def normalize(answer: str) -> str:
    """The answer without layout: no `$`, `\\text`, `\\left`, spaces; fractions all `\\frac`; lower case
    only where it is words."""
    text = _TEXT.sub(r" \1 ", _trim(answer[:MAX_CHARS]))
    text = text.replace("\\dfrac", "\\frac").replace("\\tfrac", "\\frac").replace("\\$", "").replace("$", "")
    text = text.replace("^\\circ", "").replace("^{\\circ}", "").replace("°", "").replace("−", "-")
    words = " ".join(text.split()).lower()
    if _WORDS.fullmatch(words) and len(words) > 1:
        return words
    return _SILENT.sub("", text)


def answer_value(text: str) -> Fraction | None:
    """The answer as an exact rational (`$1,200`, `3/4`, `2 1/2`, `50%` as 1/2, `x = 5` as 5, `2.5 million`,
    `two dozen eggs` as 24); None if it is not one closed expression or one number in words."""
    if len(text) > MAX_ANSWER:
        return None
    text = _TEXT.sub(r" \1 ", text.replace("°", "").replace("^\\circ", "").replace("^{\\circ}", ""))
    head, relation, tail = text.partition("=")
    if relation and "=" not in tail and 0 < len(head.strip(" $\\(")) <= 2 and head.strip(" $\\(").isalpha():
        text = tail
    text = _trim(text)
    value = evaluate(text)
    if value is None:
        low = text.lower()
        return NUMBERS[low] if low in NUMBERS else amount_in_words(low)
    if not SCALE_WORDS.keys().isdisjoint(map(singular, value.units)):
        return None  # 2 million * 3
    units = units_after(text)
    if not goes_on(value.exact, units):
        return value.exact
    if not {"+", "-"}.isdisjoint(value.operators):
        return None  # 2 + 3 million
    size = amount([abs(value.exact), *units])
    return -size if size and value.exact < 0 else size


def canonical_answer(answer: str) -> Fraction | str:
    """What the answers of a group are told apart by: the exact value, a percentage's as it is printed (`60%`
    as 60), else normalised text.

    Having the same one is an equivalence relation: `60%` goes with `60`, and `0.6` with neither.
    `same_answer` is none, for it takes `60%` for both, since a gold answer may be written either way.
    """
    value = answer_value(answer)
    if value is None:
        return normalize(answer)
    if "%" in answer:
        printed = answer_value(answer.replace("\\%", "").replace("%", ""))
        if printed == 100 * value:  # else it is a share of something
            return printed
    return value


def same_answer(first: str, second: str) -> bool | None:
    """Whether two answers are the same: exact values, else lists, tuples and sets part by part, else
    words; None where this cannot tell (radicals, variables, number words that make no number), and a symbolic
    check must. No equivalence relation: see `canonical_answer`."""
    if len(first) > MAX_ANSWER or len(second) > MAX_ANSWER:
        return True if first == second else None
    a, b = normalize(first), normalize(second)
    if a == b:
        return True
    x, y = answer_value(first), answer_value(second)
    if x is not None and y is not None:
        return _same_number(first, second, x, y)
    parts, others = _parts(first), _parts(second)
    if parts is not None and others is not None:
        return _same_parts(parts, others)
    if (x is None and _is_unread(a)) or (y is None and _is_unread(b)):
        return None
    if _is_words(a) and _is_words(b):
        return False
    if (x is not None and _is_words(b)) or (y is not None and _is_words(a)):
        return False
    return None


def _same_number(first: str, second: str, x: Fraction, y: Fraction) -> bool | None:
    if ("%" in first) != ("%" in second):
        share, other = (x, y) if "%" in first else (y, x)
        return share == other or share * 100 == other
    if x != y:
        return False
    units = [{singular(word) for word in re.findall(r"[a-z]+", text.lower())} for text in (first, second)]
    measures = [unit & MEASURES.keys() - SCALE_WORDS.keys() for unit in units]
    if measures[0] and measures[1] and measures[0] != measures[1]:
        return None
    return True


def _is_words(normalized: str) -> bool:
    return len(normalized) > 1 and _WORDS.fullmatch(normalized) is not None


def _is_unread(normalized: str) -> bool:
    return _is_words(normalized) and has_number_words(normalized)


def _parts(answer: str) -> tuple[str, list[str]] | None:
    """Brackets and parts of a tuple, interval, set or list; None if the answer is none of these."""
    text = _trim(answer).replace("\\left", "").replace("\\right", "").replace("\\{", "{").replace("\\}", "}")
    text = text.strip()
    if len(text) < 2 or "," not in text:
        return None
    kind = ""
    if text[0] in _OPEN and text[-1] in _CLOSE:
        kind, text = text[0] + text[-1], text[1:-1]
    depth, parts, start = 0, [], 0
    for i, c in enumerate(text):
        if c in _OPEN:
            depth += 1
        elif c in _CLOSE:
            depth -= 1
            if depth < 0:
                return None
        elif c == "," and depth == 0:
            parts.append(text[start:i].strip())
            start = i + 1
    parts.append(text[start:].strip())
    if depth or len(parts) < 2 or not all(parts):
        return None
    return kind, parts


def _same_parts(first: tuple[str, list[str]], second: tuple[str, list[str]]) -> bool | None:
    (kind, parts), (other, others) = first, second
    if len(parts) != len(others):
        return False if kind == other else None
    if kind == other == "{}" or kind == other == "":
        return _same_set(parts, others)
    if kind != other:
        return None if "" in (kind, other) else False
    return _every([same_answer(a, b) for a, b in zip(parts, others, strict=True)])


def _same_set(parts: list[str], others: list[str]) -> bool | None:
    values, theirs = [answer_value(p) for p in parts], [answer_value(p) for p in others]
    if None not in values and None not in theirs:
        return sorted(values) == sorted(theirs)
    if sorted(map(normalize, parts)) == sorted(map(normalize, others)):
        return True
    return None


def _every(verdicts: list[bool | None]) -> bool | None:
    if False in verdicts:
        return False
    return None if None in verdicts else True
