import dataclasses
import inspect

import numpy as np
import pytest

from sept_jax import guard
from sept_jax.guard import WATCHED, GuardConfig, first_alarm, watch, watch_drift

STEADY = {
    "entropy": 0.5, "length": 60.0, "diversity": 0.5,
    "answered": 0.8, "quality": 0.6, "repetition": 0.1, "common_answer": 0.2,
}  # fmt: skip
CONFIG = GuardConfig(
    baseline_steps=3, memory=0.5, entropy_floor=0.2, length_ratio=2.0, diversity_floor=0.1,
    answered_fall=0.5, quality_fall=0.4, repetition_rise=0.3, common_answer_rise=0.3,
)  # fmt: skip
START = np.array([STEADY[name] for name in WATCHED])


def run(metrics, config=CONFIG, begun=None):
    """The guard after all of `metrics`, and the step and reason of each alarm."""
    current, alarms = guard.start() if begun is None else begun, []
    for step, now in enumerate(metrics):
        current, reason = watch(current, now, config)
        if reason is not None:
            alarms.append((step, reason))
    return current, alarms


def test_no_alarm_while_nothing_changes():
    generator = np.random.default_rng(0)
    steps = [{name: x * generator.uniform(0.8, 1.2) for name, x in STEADY.items()} for _ in range(200)]
    after, alarms = run(steps)
    assert alarms == []
    assert (after.seen, after.alarms) == (200, 0)


def test_reference_is_the_mean_of_the_first_steps():
    lengths = (30.0, 60.0, 90.0, 240.0)
    after, _ = run([STEADY | {"length": length} for length in lengths[:3]])
    np.testing.assert_allclose(after.reference, START, rtol=1e-6)
    np.testing.assert_array_equal(after.running, after.reference)
    later, reason = watch(after, STEADY | {"length": 100.0}, CONFIG)
    np.testing.assert_allclose(later.reference, START, rtol=1e-6)
    np.testing.assert_allclose(later.running[:2], [0.5, 80.0], rtol=1e-6)
    assert reason is None


@pytest.mark.parametrize(
    ("name", "value", "step", "reason"),
    [
        # running / reference: 1, then 1/2, 1/4, 1/8 of it: below 0.2 at the third
        ("entropy", 0.0, 5, "entropy is at 0.12 of what it was at the start"),
        # below 1/2 at the second
        ("length", 0.0, 4, "length is at 0.25 of what it was at the start"),
        # 1 + 3/2 = 2.5
        ("length", 240.0, 3, "length is at 2.50 of what it was at the start"),
        ("entropy", float("nan"), 3, "entropy is at nan of what it was at the start"),
        # 1/2, 1/4, 1/8, 1/16
        ("diversity", 0.0, 6, "diversity is at 0.06 of what it was at the start"),
        # 0.8 -> 0.4, 0.2: fallen by 0.6
        ("answered", 0.0, 4, "answered is at 0.20, and was at 0.80 at the start"),
        # 0.6 -> 0.3, 0.15: fallen by 0.45
        ("quality", 0.0, 4, "quality is at 0.15, and was at 0.60 at the start"),
        # 0.1 -> 0.55
        ("repetition", 1.0, 3, "repetition is at 0.55, and was at 0.10 at the start"),
        # 0.2 -> 0.39, 0.485, 0.5325
        ("common_answer", 0.58, 5, "common_answer is at 0.53, and was at 0.20 at the start"),
    ],
)
def test_an_alarm_says_what_collapsed(name, value, step, reason):
    after, alarms = run([STEADY] * 3 + [STEADY | {name: value}] * (step - 2))
    assert alarms == [(step, reason)]
    assert after.alarms == 1
    np.testing.assert_array_equal(after.running, after.reference)  # it starts afresh from the reference


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("entropy", 5.0),
        ("diversity", 1.0),
        ("answered", 1.0),
        ("quality", 1.0),
        ("repetition", 0.0),
        ("common_answer", 0.0),
    ],
)
def test_what_may_move_one_way_is_no_alarm(name, value):
    assert run([STEADY] * 3 + [STEADY | {name: value}] * 20)[1] == []


def test_a_policy_that_gets_better_is_no_alarm_by_default():
    config = GuardConfig()
    better = np.linspace(0, 1, 100)
    steps = [
        STEADY | {"entropy": 0.5 - 0.45 * x, "diversity": 0.5 - 0.35 * x, "answered": 0.8 + 0.2 * x}
        for x in better
    ]
    assert run(steps, config)[1] == []


def logged(metrics):
    """The rows of metrics.jsonl, an evaluation before each step."""
    for step, now in enumerate(metrics, 1):
        yield {"step": step - 1, "eval/pass@1": 0.5}
        yield {"step": step, "loss": 0.1, **now}


def test_the_first_alarm_of_logged_rows_is_that_of_the_run():
    metrics = [STEADY] * 3 + [STEADY | {"length": 0.0}] * 20
    _, alarms = run(metrics)
    assert first_alarm(logged(metrics), CONFIG) == (alarms[0][0] + 1, alarms[0][1])  # steps count from 1
    off = dataclasses.replace(CONFIG, enabled=False)
    assert first_alarm(logged(metrics), off) == first_alarm(logged(metrics), CONFIG)
    assert first_alarm(logged([STEADY] * 30), CONFIG) is None
    assert first_alarm([], CONFIG) is None


def test_a_metric_that_was_never_logged_raises_nothing():
    bare = {"entropy": 0.5, "length": 60.0}
    assert first_alarm(logged([bare] * 30), CONFIG) is None
    assert first_alarm(logged([bare] * 3 + [bare | {"entropy": 0.0}] * 9), CONFIG) == (
        6, "entropy is at 0.12 of what it was at the start",
    )  # fmt: skip


def test_a_policy_far_from_its_start_is_an_alarm_at_evaluations():
    begun, _ = run([STEADY] * 4)
    near, reason = watch_drift(begun, {"kl_to_start": 0.5, "pass@1": 0.0}, CONFIG)
    assert (near, reason) == (begun, None)
    assert watch_drift(begun, {"pass@1": 0.0}, CONFIG)[1] is None  # the first, of the start itself
    far, reason = watch_drift(begun.replace(running=START / 2), {"kl_to_start": 0.75}, CONFIG)
    assert reason == "the KL divergence to the start is 0.75 nats a token"
    assert far.alarms == 1
    np.testing.assert_array_equal(far.running, far.reference)
    assert watch_drift(begun, {"kl_to_start": float("nan")}, CONFIG)[1] is not None
    off = dataclasses.replace(CONFIG, enabled=False)
    assert watch_drift(begun, {"kl_to_start": 0.75}, off) == (begun, None)
    rows = [*logged([STEADY] * 6), {"step": 6, "eval/kl_to_start": 0.75}]
    assert first_alarm(rows, off) == (6, reason)


def test_after_an_alarm_the_reference_stays():
    after, alarms = run([STEADY] * 3 + [STEADY | {"length": 0.0}] * 20)
    np.testing.assert_allclose(after.reference, START, rtol=1e-6)
    assert [step for step, _ in alarms] == list(range(4, 23, 2))
    assert after.alarms == 10


def test_disabled_it_sees_nothing():
    config = GuardConfig(enabled=False, baseline_steps=1)
    after, alarms = run([STEADY] + [dict.fromkeys(STEADY, 0.0)] * 50, config)
    assert alarms == []
    assert (after.seen, after.alarms) == (0, 0)


def test_it_sees_no_gold():
    assert list(inspect.signature(watch).parameters) == ["guard", "metrics", "config"]

    class Watched(dict):
        asked = set()  # noqa: RUF012

        def __getitem__(self, name):
            self.asked.add(name)
            return super().__getitem__(name)

    run([Watched(STEADY | {"eval/pass@1": 1.0, "pass@1": 0.5})] * 5)
    assert Watched.asked == set(WATCHED)
