"""The collapse guard: raises an alarm from what the policy itself shows. It sees no gold."""

import dataclasses
from collections.abc import Iterable, Mapping

import numpy as np
from jaxtyping import Float

from sept_jax.records import Guard


@dataclasses.dataclass(frozen=True)
class GuardConfig:
    """After `baseline_steps` steps, whose means are the reference, an alarm is raised when a running mean
    (`memory` is the weight of the past) leaves its bounds: those of entropy, length and diversity are parts
    or multiples of the reference, `answered` and `quality` (the pseudo-reward of process rewards, whatever is
    trained on) may fall and `repetition` and `common_answer` may rise by so much from it. At an evaluation an
    alarm is raised when the KL divergence to the start is above `kl_ceiling`, nats a token.

    An alarm restores the newest checkpoint of those that are saved at equal intervals or after an alarm, and
    multiplies the learning rate by `decay`; after `max_alarms` the next one restores it and stops the run. It
    stops, too, after `max_skipped` updates in a row that are not finite."""

    enabled: bool = True
    baseline_steps: int = 5
    memory: float = 0.7
    entropy_floor: float = 0.05
    length_ratio: float = 3.0
    diversity_floor: float = 0.05
    answered_fall: float = 0.5
    quality_fall: float = 0.3
    repetition_rise: float = 0.3
    common_answer_rise: float = 0.3
    kl_ceiling: float = 0.5
    decay: float = 0.5
    max_alarms: int = 3
    max_skipped: int = 5


RATIOS = ("entropy", "length", "diversity")
"""Watched metrics whose bounds are relative to the reference."""

SHARES = ("answered", "quality", "repetition", "common_answer")
"""Watched metrics in [0, 1], whose bounds are differences from the reference."""

WATCHED = (*RATIOS, *SHARES)
"""Metrics that the guard watches, in the order of its arrays."""


def start() -> Guard:
    """Nothing seen."""
    zeros = np.zeros(len(WATCHED), np.float32)
    return Guard(zeros, zeros, np.zeros((), np.int32), np.zeros((), np.int32))


def bounds(config: GuardConfig) -> Float[np.ndarray, "W 2"]:
    """The least and the most that is no alarm: of running / reference for `RATIOS`, of running - reference
    for `SHARES`."""
    return np.asarray(
        [
            (config.entropy_floor, np.inf),
            (1 / config.length_ratio, config.length_ratio),
            (config.diversity_floor, np.inf),
            (-config.answered_fall, np.inf),
            (-config.quality_fall, np.inf),
            (-np.inf, config.repetition_rise),
            (-np.inf, config.common_answer_rise),
        ]
    )


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
    change = np.where(np.arange(len(WATCHED)) < len(RATIOS), ratio, running - guard.reference)
    for name, value, reference, moved, (low, high) in zip(
        WATCHED, running, guard.reference, change, bounds(config), strict=True
    ):
        if not low <= moved <= high:
            if name in RATIOS:
                return _alarmed(guard), f"{name} is at {moved:.2f} of what it was at the start"
            return _alarmed(guard), f"{name} is at {value:.2f}, and was at {reference:.2f} at the start"
    return guard, None


def watch_drift(guard: Guard, results: Mapping[str, float], config: GuardConfig) -> tuple[Guard, str | None]:
    """The guard after an evaluation, and the reason for an alarm or None. Of the results it reads the KL
    divergence to the start alone."""
    kl = results.get("kl_to_start", 0.0)
    if not config.enabled or kl <= config.kl_ceiling:
        return guard, None
    return _alarmed(guard), f"the KL divergence to the start is {kl:.2f} nats a token"


def _alarmed(guard: Guard) -> Guard:
    """After one alarm more, from the reference afresh."""
    return guard.replace(running=guard.reference, alarms=guard.alarms + np.int32(1))


def watch_skipped(metrics: Mapping[str, float], before: int, config: GuardConfig) -> tuple[int, str | None]:
    """How many updates in a row were not finite, with this one, and why the run stops if they are too
    many."""
    if not metrics["skipped"]:
        return 0, None
    row, what = before + 1, "the gradient" if np.isfinite(metrics["loss"]) else "the loss"
    if row < config.max_skipped:
        return row, None
    return row, (
        f"{row} updates in a row were not finite ({what} of the last) and changed nothing: "
        "lower config.optimizer.learning_rate, or type --config.model.dtype=float32"
    )


def first_alarm(rows: Iterable[Mapping[str, float]], config: GuardConfig) -> tuple[int, str] | None:
    """The step of the first alarm that a guard, were it enabled, would have raised over the rows of a run's
    `metrics.jsonl`, and its reason; None without one. Rows without entropy are evaluations; other watched
    metrics that a row lacks count as 0, so that one that was never logged raises nothing."""
    guard, config = start(), dataclasses.replace(config, enabled=True)
    for row in rows:
        if "entropy" in row:
            guard, reason = watch(guard, {name: row.get(name, 0.0) for name in WATCHED}, config)
        else:
            results = {name.removeprefix("eval/"): value for name, value in row.items()}
            guard, reason = watch_drift(guard, results, config)
        if reason is not None:
            return int(row["step"]), reason
    return None
