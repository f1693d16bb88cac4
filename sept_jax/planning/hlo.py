"""Collectives of a compiled program, as often as they run: read from the text of its HLO."""

import collections
import dataclasses
import math
import re
from collections.abc import Sequence

KINDS = ("all-gather", "all-reduce", "reduce-scatter", "all-to-all", "collective-permute")
_BYTES = {"pred": 1, "bf16": 2, "f16": 2, "f32": 4, "f64": 8, "u16": 2, "s16": 2, "c64": 8}
_BYTES |= {f"{sign}{bits}": max(bits // 8, 1) for sign in "su" for bits in (4, 8, 32, 64)}

_HEADER = re.compile(r"(ENTRY )?%?([\w.-]+) \(.*\{$")
_CALLS = re.compile(
    r"\b(?:calls|to_apply|body|condition|true_computation|false_computation)=%?([\w.-]+)"
    r"|\b(?:branch_computations|called_computations)=\{([^}]*)\}"
)
_COLLECTIVE = re.compile(rf" = (.*?) ({'|'.join(KINDS)})(-start)?\(")
_ARRAY = re.compile(r"\b([a-z]+\d*)\[([\d,]*)\]")


@dataclasses.dataclass(frozen=True)
class Collective:
    """One kind of collective in a run of a program, per device.

    `count` instructions run, `result_bytes` of results in all, `sent_bytes` that a ring algorithm sends, and
    `hops` between neighbours one after the other.
    """

    count: float
    result_bytes: float
    sent_bytes: float
    hops: float


def collectives(text: str, trips: Sequence[float] = ()) -> dict[str, Collective]:
    """The collectives of an optimised HLO module, by kind.

    A counted loop's body counts as often as it runs; `trips` are the numbers for the loops whose condition
    holds no number, in the order of the text, then 0. What the TPU compiler cuts into the steps of several
    fusions, and an all-reduce of which each device keeps its part (a reduce-scatter), count as one.
    """
    times = _times(text, trips)
    found: dict[str, list[tuple[float, ...]]] = collections.defaultdict(list)
    seen = set()
    for name, line in _lines(text):
        match = _COLLECTIVE.search(line)
        if match is None or not times[name]:
            continue
        result, kind, start = match.groups()
        sizes = [_array_bytes(*array) for array in _ARRAY.findall(result)]
        size = max(sizes) if start and kind != "all-reduce" else sum(sizes)
        channel = re.search(r"channel_id=(\d+)", line)
        if kind != "collective-permute" and channel:
            if (kind, channel[1]) in seen:
                continue
            seen.add((kind, channel[1]))
        devices = _group_size(line)
        if kind == "all-reduce" and name.startswith("all-reduce-scatter"):
            kind, size = "reduce-scatter", size / devices
        found[kind].append(tuple(times[name] * x for x in (1, size, *_ring(kind, size, devices))))
    return {kind: Collective(*map(sum, zip(*found[kind], strict=True))) for kind in KINDS if kind in found}


def _ring(kind: str, size: float, devices: int) -> tuple[float, int]:
    """Bytes that a device sends for a result of `size` bytes, and steps that follow each other, with both
    directions of a ring in use."""
    share, half = (devices - 1) / devices, math.ceil((devices - 1) / 2)
    if kind == "collective-permute":
        return size, 1
    if kind == "all-reduce":
        return 2 * size * share, 2 * half
    if kind == "reduce-scatter":
        return size * (devices - 1), half
    return size * share, half


def _lines(text: str):
    """Every instruction with the name of its computation."""
    name = ""
    for line in text.splitlines():
        header = _HEADER.match(line)
        if header:
            name = header[2]
        elif line.startswith(" "):
            yield name, line


def _times(text: str, trips: Sequence[float]) -> dict[str, float]:
    """How often each computation runs, from how often its callers do."""
    entry = next((m[2] for m in map(_HEADER.match, text.splitlines()) if m and m[1]), "")
    bodies: dict[str, list[str]] = collections.defaultdict(list)
    for name, line in _lines(text):
        bodies[name].append(line)
    callers: dict[str, list[tuple[str, float]]] = collections.defaultdict(list)
    left = iter(trips)
    for name, lines in bodies.items():
        for line in lines:
            factor = 1.0
            if " while(" in line:
                known = _trip_count(line, bodies)
                factor = next(left, 0.0) if known is None else known
            for one, several in _CALLS.findall(line):
                for callee in [one] if one else re.findall(r"[\w.-]+", several):
                    callers[callee].append((name, factor))
    times: dict[str, float] = collections.defaultdict(float)

    def of(name: str) -> float:
        if name not in times:
            times[name] = 1.0 if name == entry else sum(of(c) * factor for c, factor in callers[name])
        return times[name]

    for name in bodies:
        of(name)
    return times


def _trip_count(line: str, bodies: dict[str, list[str]]) -> float | None:
    """A loop's number of turns, where the text tells it: as such, or as the limit of a count from 0."""
    if known := re.search(r'known_trip_count":\{"n":"(\d+)"', line):
        return float(known[1])
    condition = re.search(r"condition=%?([\w.-]+)", line)
    lines = bodies.get(condition[1], []) if condition else []
    root = next((x for x in lines if x.lstrip().startswith("ROOT")), "")
    compared = re.search(r" compare\([^%]*%([\w.-]+), [^%]*%([\w.-]+)\), direction=LT", root)
    if compared is None:
        return None
    limit = next((x for x in lines if x.lstrip().startswith(f"%{compared[2]} = ")), "")
    number = re.search(r" constant\((\d+)\)", limit)
    return float(number[1]) if number else None


def _array_bytes(kind: str, sizes: str) -> int:
    return _BYTES.get(kind, 0) * math.prod(int(size) for size in sizes.split(",") if size)


def _group_size(line: str) -> int:
    """Devices that take part in one instance of a collective; 2 for a permutation."""
    if mesh := re.search(r"replica_groups=mesh\[([^\]]*)\] \{([^}]*)\}", line):
        sizes = {name: int(size) for name, size in re.findall(r"'(\w+)'=(\d+)", mesh[1])}
        return math.prod(sizes[name] for name in re.findall(r"'(\w+)'", mesh[2]))
    if iota := re.search(r"replica_groups=\[\d+,(\d+)\]", line):
        return int(iota[1])
    if listed := re.search(r"replica_groups=\{\{([\d,]+)\}", line):
        return listed[1].count(",") + 1
    return 2
