"""Reads generated hostile text with every rule, and prints as JSON what went wrong.

python benchmarks/hostile.py [--inputs 200000] [--seed 0]

An input is one step, one problem and one path, split into steps. Counted are exceptions, the slowest read of
one step, reads over 100 ms (processor time, garbage collected between the reads, as in a worker), the peak
memory of the process, and, by an audit hook, every import, compilation, opened file, socket or process that a
read causes. A read slower than all before is made twice more, with nothing remembered, and the least time
counts: whoever shares the core adds to it, also to a read of ten characters.
"""

import argparse
import functools
import gc
import json
import random
import re
import resource
import sys
import time
from collections.abc import Callable
from pathlib import Path

from sept_jax.checks.reading import read_path
from sept_jax.steps import split_text

SLOW_SECONDS = 0.1
COLLECT_EVERY = 64
FORBIDDEN = (
    "import",
    "compile",
    "exec",
    "open",
    "os.",
    "subprocess.",
    "socket.",
    "ctypes.",
    "marshal.",
    "pickle.",
)

_ATOMS = (
    "0", "1", "2", "7", "10", "91", "3.14", ".5", "1,000",
    "99999999999999999999999999999999999999999999999999999999999999999999999999999999", "1e400", "0x41",
    "½", "²", "x", "y", "n", "f", "A", "x_1", "a_{n}", "\\pi", "e", "i", "\\theta",
    "__import__('os').system('id')", "().__class__.__mro__", "lambda: 0", "getattr", "eval(1)",
    "x.__class__", "{{7*7}}", "%s%n", "\x00", "\x1b[2J", "\u202e", "\ud800", "\U0001f4a9",
)  # fmt: skip
_OPERATORS = (
    "+", "-", "*", "/", "^", "**", "=", "==", "<", "≤", "≡", "×", "÷", "·", " mod ", "!", "%", "|",
    "\\cdot ",
)  # fmt: skip
_WRAPS = (
    "({})", "[{}]", "{{{}}}", "|{}|", "-{}", "+{}", "{}!", "{}%", "\\sqrt{{{}}}", "\\sqrt[3]{{{}}}",
    "\\frac{{{}}}{{{}}}", "\\binom{{{}}}{{{}}}", "{}^{}", "{}^{{{}}}", "2^{{{}}}", "\\lfloor {} \\rfloor",
    "\\sin({})", "\\log_{{{}}} {}", "f({})", "\\left({}\\right)", "\\text{{{}}}", "${}$", "\\[{}\\]",
    "<<{}={}>>", "\\boxed{{{}}}", "\\pmod{{{}}}", "gcd({}, {})", "\\begin{{align}}{}&={}\\end{{align}}",
    "x = {}", "f(x) = {}", "{} = {} = {}",
)  # fmt: skip
_CLAIMS = (
    "{} is prime.", "{} divides {}.", "{} is divisible by {}.", "The factors of {} are {}, {}.",
    "There are {} primes below {}.", "The remainder when {} is divided by {} is {}.",
    "for all n, n^{} > {}", "half of {} is {}", "{} plus {} is {}", "{} hours = {} minutes",
    "The sum of the digits of {} is {}.", "{} in base {} is {}.", "The answer is {}.", "#### {}",
    "So x = {} or x = {}.", "The divisors of {} number {}.",
    "the multiples of {} between {} and {}: {}, {}", "The GCD of {} and {} is {}.", "{}% of {} is {}.",
    "units digit of {}^{} is {}",
)  # fmt: skip
_REPEATED = (
    "(", ")", "{", "}", "\\frac", "\\left(", "1+", "2^", "9**", "-", "x", "=", "1=", ",1", " ", "\n", "\t",
    "a ", "1 ", ".", "$", "\\", "&", "\\\\", "!", "|", "√", "²", "0", "9", "x_", "f(", "1/", "%", ", ",
    "and ", "is ", " = 1\n", "\\sqrt{", "<<", "mod ",
)  # fmt: skip


def hostile_text(generator: random.Random, largest: int = 1_000_000) -> str:
    """One input: a deep, long, unbalanced, huge or plain strange text of up to `largest` characters."""
    kind = generator.random()
    if kind < 0.6:
        return " ".join(
            _expression(generator, generator.randrange(6)) for _ in range(generator.randrange(1, 4))
        )
    if kind < 0.8:
        return _filled(generator, generator.choice(_CLAIMS), generator.randrange(3))
    if kind < 0.9:
        text = _expression(generator, 5)
        at = generator.randrange(len(text) + 1)
        return (
            text[:at]
            + generator.choice(_REPEATED) * generator.randrange(1, 400)
            + text[at + generator.randrange(9) :]
        )
    if kind < 0.97:
        return "".join(
            chr(generator.choice((10, 32, 36, 92, 123, 125, 49, 61, 120, generator.randrange(0x3000))))
            for _ in range(generator.randrange(300))
        )
    if kind < 0.999:
        return generator.choice(_REPEATED) * generator.randrange(1, 30_000)
    return (generator.choice(_REPEATED) + generator.choice(_REPEATED)) * (largest // 20)


def _expression(generator: random.Random, depth: int) -> str:
    if depth <= 0:
        return generator.choice(_ATOMS)
    kind = generator.random()
    if kind < 0.5:
        parts = [
            _expression(generator, depth - 1 - generator.randrange(2))
            for _ in range(generator.randrange(2, 5))
        ]
        return generator.choice(_OPERATORS).join(parts)
    if kind < 0.9:
        return _filled(generator, generator.choice(_WRAPS), depth - 1)
    text = _expression(generator, depth - 1)
    return text[generator.randrange(len(text)) :]


def _filled(generator: random.Random, form: str, depth: int) -> str:
    return form.format(*(_expression(generator, depth) for _ in range(form.count("{}"))))


def watch_events() -> Callable[[], list[str]]:
    """Starts recording forbidden audit events of this process; the returned function stops and lists them."""
    events: list[str] = []
    watching = [True]

    def hook(event: str, arguments: tuple) -> None:
        if watching[0] and event.startswith(FORBIDDEN):
            events.append(event)

    def stop() -> list[str]:
        watching[0] = False
        return events

    sys.addaudithook(hook)
    return stop


def peak_memory_mb() -> float:
    """The largest resident size of this process. Linux tells it in /proc; `ru_maxrss` there counts what the
    parent held, too."""
    status = Path("/proc/self/status")
    if status.is_file() and (found := re.search(r"VmHWM:\s+(\d+) kB", status.read_text())):
        return int(found[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def forget() -> None:
    """Empties what the checks remember of texts, so that the next read does all its work."""
    for name, module in list(sys.modules.items()):
        if name.startswith("sept_jax.checks"):
            for value in vars(module).values():
                if isinstance(value, functools._lru_cache_wrapper):
                    value.cache_clear()


def timed_read(problem: str, steps: tuple[str, ...], strict: bool) -> tuple[float, Exception | None]:
    """Seconds of processor time a step, and what the read raised."""
    start, raised = time.process_time(), None
    try:
        read_path(problem, steps, strict)
    except Exception as error:
        raised = error
    return (time.process_time() - start) / max(len(steps), 1), raised


def attack(inputs: int, seed: int) -> dict:
    """Reads `inputs` texts and returns the counts."""
    generator = random.Random(seed)
    read_path("1+1=", ("1+1=2",), False)  # what is imported late is imported now
    exceptions, slowest, slow, worst = [], 0.0, 0, ""
    stop, began = watch_events(), time.perf_counter()
    gc.disable()
    for number in range(inputs):
        if number % COLLECT_EVERY == 0:
            gc.collect()
        text = hostile_text(generator)
        path = tuple(text[a:b] for a, b in split_text(text))
        for problem, steps in ((text, ("So 2 + 2 = 4.",)), ("Is 2 + 2 = 4?", (text,)), (text[:200], path)):
            seconds, error = timed_read(problem, steps, bool(number % 2))
            if error:
                exceptions.append(f"{type(error).__name__}: {text[:80]!r}")
            for _ in range(2):
                if seconds > slowest:
                    forget()
                    seconds = min(seconds, timed_read(problem, steps, bool(number % 2))[0])
            slow += seconds > SLOW_SECONDS
            if seconds > slowest:
                slowest, worst = seconds, text[:80]
    gc.enable()
    return {
        "inputs": inputs,
        "seed": seed,
        "exceptions": len(exceptions),
        "first_exceptions": exceptions[:5],
        "slowest_step_s": slowest,
        "slowest_text": ascii(worst),
        "steps_over_100_ms": slow,
        "forbidden_events": sorted(set(stop())),
        "peak_memory_mb": peak_memory_mb(),
        "seconds": time.perf_counter() - began,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--inputs", type=int, default=200_000)
    parser.add_argument("--seed", type=int, default=0)
    print(json.dumps(attack(**vars(parser.parse_args())), indent=2))
