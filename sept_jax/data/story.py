"""Word problems made on the spot, and worked solutions in which most mistakes are misread sentences.

Only the warm start reads the worked solutions; scoring and self-training see the question alone.
"""

from typing import NamedTuple

import numpy as np

from sept_jax.data.mistakes import APPLY, Mistakes, miscalculate, miscopy
from sept_jax.data.procedural import split_of
from sept_jax.data.vocabulary import ASKED, GIVEN, ITEMS, LABELS, NAMES, RELATIONS, Wording
from sept_jax.records import Problem

MAX_VALUE = 99
MAX_MORE = 19
MAX_TIMES = 5
MAX_SHARES = 6
PLAIN = 0.5
"""A sentence whose wording does not mislead is misread as often as this times one whose wording does."""

OPERATION, REFERENT = 0.7, 0.2
"""Of the misread sentences that do not mislead: the shares that take another operation, and that take the
value of someone else; the rest are skipped."""


class Operation(NamedTuple):
    """A line: `label` becomes `left sign right`, each a name or label with a value, or a number."""

    label: str
    left: str | int
    sign: str
    right: str | int
    misread: str
    misleads: bool


class Story(NamedTuple):
    """A question, the values that it gives, and its operations in the order of its sentences."""

    question: str
    given: dict[str, int]
    operations: tuple[Operation, ...]


def calculate(a: int, sign: str, b: int) -> tuple[int, str, int]:
    """The line `a sign b` as an amount can have it: what does not divide is taken away, and the smaller
    number is taken from the larger."""
    if sign == "/" and (b == 0 or a % b):
        sign = "-"
    if sign == "-" and a < b:
        a, b = b, a
    return a, sign, b


def solve(
    story: Story, generator: np.random.Generator | None, mistakes: Mistakes
) -> list[tuple[str, int, str, int, int]]:
    """Lines `(label, a, sign, b, result)` that work a story out; without a generator there are no mistakes.

    A sentence that misleads is misread as its words suggest. Another one takes another operation or the value
    of who was heard of last, or is skipped: then its label keeps or takes the value that it starts from.
    """
    values, lines = dict(story.given), []
    for label, left, sign, right, misread, misleads in story.operations:
        a = values[left] if isinstance(left, str) else left
        b = values[right] if isinstance(right, str) else right
        if generator is not None and generator.random() < mistakes.relation * (1.0 if misleads else PLAIN):
            how = 0.0 if misleads else generator.random()
            others = [v for name, v in values.items() if name not in (left, right, label)]
            if how < OPERATION or isinstance(left, int):
                sign = misread
            elif how < OPERATION + REFERENT and others:
                a = others[-1]  # the one that was heard of last
            elif lines:
                values[label] = a
                continue
            else:
                sign = misread
        if generator is not None:
            a, b = miscopy(a, b, generator, mistakes)
        a, sign, b = calculate(a, sign, b)
        result = APPLY[sign](a, b) if generator is None else miscalculate(a, sign, b, generator, mistakes)
        lines.append((label, a, sign, b, result))
        values.pop(label, None)
        values[label] = result
    return lines


class Teller:
    """Tells one story: people get amounts, one sentence after another.

    `loose` are the people whose amount nothing has used yet: at most two, and as many operations are left as
    it takes to bring them together, so that the answer needs every operation.
    """

    def __init__(self, generator: np.random.Generator):
        self._random = generator.random
        self._names = list(NAMES)
        self._item = ITEMS[self._below(len(ITEMS))]
        self._sentences: list[str] = []
        self._given: dict[str, int] = {}
        self._operations: list[Operation] = []
        self._values: dict[str, int] = {}
        self._loose: list[str] = []

    def tell(self, count: int) -> Story:
        """A story of `count` operations."""
        self._give()
        while (left := count - len(self._operations)) > 1:
            if len(self._loose) < 2 and self._names and self._random() < 0.4:
                self._branch()
            elif len(self._loose) == 2 and self._random() < 0.5:
                self._merge()
            else:
                self._go_on(self._loose[self._below(len(self._loose))], left > len(self._loose))
        self._end(left)
        return Story(" ".join(self._sentences), self._given, tuple(self._operations))

    def _below(self, n: int) -> int:
        return int(self._random() * n)

    def _between(self, low: int, high: int) -> int:
        return low + int(self._random() * (high - low + 1))

    def _name(self) -> str:
        return self._names.pop(self._below(len(self._names)))

    def _say(self, text: str, **filled: str | int) -> None:
        self._sentences.append(text.format(item=self._item, **filled))

    def _give(self) -> None:
        """Someone has an amount."""
        name = self._name()
        self._values[name] = self._given[name] = self._between(4, 30)
        self._loose.append(name)
        self._say(GIVEN[self._below(len(GIVEN))], a=name, n=self._given[name])

    def _branch(self) -> None:
        """A second loose end: someone new, or someone whose amount has been used already."""
        used = [name for name in self._values if name not in self._loose]
        if used and self._random() < 0.5:
            self._loose.append(used[self._below(len(used))])
        else:
            self._give()

    def _go_on(self, name: str, twice: bool) -> None:
        """One operation on the loose end `name`, or two where `twice` allows."""
        value = self._values[name]
        kinds = []
        if value <= MAX_VALUE - 2:
            kinds += ["more", "buys"]
        if value > 2:
            kinds += ["fewer", "gives"]
        if 2 * value <= MAX_VALUE:
            kinds += ["times"]
        if value % 2 == 0 and value > 2:
            kinds += ["half"]
        if twice and value <= MAX_VALUE - 6:
            kinds += ["bags"]
        if not self._names:
            kinds = [kind for kind in kinds if kind in ("gives", "buys", "bags")]
        kind = kinds[self._below(len(kinds))]
        wording = RELATIONS[kind][self._below(2)]
        if kind == "bags":
            n = self._between(2, MAX_TIMES)
            k = self._between(2, min(9, max(2, (MAX_VALUE - value) // n)))
            n = min(n, (MAX_VALUE - value) // k)
            self._say(wording.text, a=name, n=n, k=k)
            self._operate("bags", n, wording, k)
            self._operations.append(Operation(name, name, "+", "bags", "-", False))
            self._values[name] = value + n * k
            return
        if kind in ("more", "buys"):
            n = self._between(2, min(MAX_MORE, MAX_VALUE - value))
        elif kind in ("fewer", "gives"):
            n = self._between(2, min(MAX_MORE, value - 1))
        else:
            n = 2 if kind == "half" else self._between(2, min(MAX_TIMES, MAX_VALUE // value))
        label = name
        if kind not in ("gives", "buys"):
            label = self._name()
            self._loose.remove(name)
            self._loose.append(label)
        self._say(wording.text, a=label, b=name, n=n)
        self._operate(label, name, wording, n)

    def _merge(self) -> None:
        """Someone has as many as both loose ends."""
        first, second = self._loose
        if not self._names or self._values[first] + self._values[second] > MAX_VALUE:
            self._go_on(first, False)
            return
        wording, label = RELATIONS["together"][self._below(2)], self._name()
        self._say(wording.text, a=label, b=first, n=second)
        self._operate(label, first, wording, second)
        self._loose = [label]

    def _end(self, left: int) -> None:
        """The question, and with it the last operation if one is `left`."""
        name = self._loose[0]
        value = self._values[name]
        others = self._loose[1:] or [other for other in self._values if other != name]
        other = others[self._below(len(others))] if others else name
        divisors = [n for n in range(2, MAX_SHARES + 1) if value % n == 0]
        kinds = ["total"] if other != name and value + self._values[other] <= MAX_VALUE else []
        kinds += ["difference"] if value != self._values[other] else []
        if len(self._loose) == 1:
            kinds += ["share", "asked"] if divisors else ["asked"]
        kind = kinds[self._below(len(kinds))] if left and kinds else "asked"
        if kind == "asked":
            if left:
                self._go_on(name, False)
            self._say(ASKED[self._below(2)], a=self._loose[0])
            return
        wording = RELATIONS[kind][self._below(2)]
        if kind == "share":
            n = divisors[self._below(len(divisors))]
            self._say(wording.text, a=name, n=n)
            self._operate(LABELS[kind], name, wording, n)
            return
        if kind == "difference" and self._values[name] < self._values[other]:
            name, other = other, name
        self._say(wording.text, b=name, n=other)
        self._operate(LABELS[kind], name, wording, other)

    def _operate(self, label: str, left: str | int, wording: Wording, right: str | int) -> None:
        """Writes down an operation, and its true result unless it is nobody's."""
        self._operations.append(
            Operation(label, left, wording.sign, right, wording.misread, wording.misleads)
        )
        if label in NAMES:
            a, b = (self._values[x] if isinstance(x, str) else x for x in (left, right))
            self._values[label] = APPLY[wording.sign](a, b)


class StorySource:
    """Word problems such as "Tom has 12 apples. Ann has 5 more than Tom. How many apples has Ann?", a
    `WorkedSource`: problem i has `operations[i % len(operations)]` operations, one line each in its solution,
    and the answer needs all of them. All true values lie in [1, `MAX_VALUE`].
    """

    def __init__(self, size: int, seed: int, operations: tuple[int, ...] = (2, 3, 4), split: str = "train"):
        self.size, self.seed, self.operations, self.split = size, seed, operations, split
        self.levels = np.asarray([operations[i % len(operations)] for i in range(size)], np.float32)

    def __len__(self) -> int:
        return self.size

    def story(self, index: int) -> Story:
        """The story of problem `index`, which asks for its last result; no equation occurs twice."""
        generator = np.random.default_rng((self.seed, index))
        count = self.operations[index % len(self.operations)]
        while True:
            story = Teller(generator).tell(count)
            equations = {line[1:4] for line in solve(story, None, Mistakes())}
            last = story.operations[
                -1
            ].label  # where a loose end could not be brought in, another is asked for
            asked = last not in NAMES or last in story.question.rsplit(". ", 1)[-1]
            if asked and len(equations) == count and split_of(story.question) == self.split:
                return story

    def __getitem__(self, index: int) -> Problem:
        if not 0 <= index < self.size:
            raise IndexError(index)
        story = self.story(index)
        answer = solve(story, None, Mistakes())[-1][-1]
        return Problem(story.question, str(answer), float(self.levels[index]), f"story-{self.seed}-{index}")

    def worked(self, index: int, mistakes: Mistakes) -> str:
        """A worked solution of problem `index` with mistakes."""
        generator = np.random.default_rng((self.seed, index, 1))
        lines = solve(self.story(index), generator, mistakes)
        return "".join(f"{who} {a}{sign}{b}={r}\n" for who, a, sign, b, r in lines) + f"#### {lines[-1][-1]}"
