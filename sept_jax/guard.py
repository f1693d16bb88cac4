"""The collapse guard: raises an alarm from what the policy itself shows. It sees no gold."""

import dataclasses
from collections.abc import Mapping

import numpy as np

from sept_jax.records import Guard


@dataclasses.dataclass(frozen=True)
class GuardConfig:
    """After `baseline_steps` steps, whose means are the reference, an alarm is raised when a running mean
    (`memory` is the weight of the past) of the entropy falls below `entropy_floor` of its reference, or
    that of the length leaves [1 / `length_ratio`, `length_ratio`] of it. An alarm restores the newest
    checkpoint and multiplies the learning rate by `decay`; after `max_alarms` the run stops."""

    enabled: bool = True
    baseline_steps: int = 5
    memory: float = 0.7
    entropy_floor: float = 0.05
    length_ratio: float = 3.0
    decay: float = 0.5
    max_alarms: int = 3


WATCHED = ("entropy", "length")
"""Metrics that the guard watches, in the order of its arrays."""


def start() -> Guard:
    """Nothing seen."""
    zeros = np.zeros(len(WATCHED), np.float32)
    return Guard(zeros, zeros, np.zeros((), np.int32), np.zeros((), np.int32))


def watch(guard: Guard, metrics: Mapping[str, float], config: GuardConfig) -> tuple[Guard, str | None]:
    """The guard after a step, and the reason for an alarm or None."""
    if not config.enabled:
        return guard, None
    now = np.asarray([metrics[name] for name in WATCHED], np.float32)
    seen = int(guard.seen) + 1
    if seen <= config.baseline_steps and not int(guard.alarms):
        reference = guard.reference + (now - guard.reference) / seen
        return guard.replace(reference=reference, running=reference, seen=np.asarray(seen, np.int32)), None
    running = config.memory * guard.running + (1 - config.memory) * now
    guard = guard.replace(running=running, seen=np.asarray(seen, np.int32))
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(guard.reference > 0, running / guard.reference, 1.0)
    low = (config.entropy_floor, 1 / config.length_ratio)
    high = (np.inf, config.length_ratio)
    for name, value, floor, ceiling in zip(WATCHED, ratio, low, high, strict=True):
        if not floor <= value <= ceiling:
            alarmed = guard.replace(running=guard.reference, alarms=guard.alarms + np.int32(1))
            return alarmed, f"{name} is at {value:.2f} of what it was at the start"
    return guard, None
