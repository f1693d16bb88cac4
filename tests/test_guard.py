import inspect

import numpy as np
import pytest

from sept_jax import guard
from sept_jax.guard import GuardConfig, watch

STEADY = {"entropy": 0.5, "length": 60.0}
CONFIG = GuardConfig(baseline_steps=3, memory=0.5, entropy_floor=0.2, length_ratio=2.0)


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
    np.testing.assert_allclose(after.reference, [0.5, 60.0], rtol=1e-6)
    np.testing.assert_array_equal(after.running, after.reference)
    later, reason = watch(after, STEADY | {"length": 100.0}, CONFIG)
    np.testing.assert_allclose(later.reference, [0.5, 60.0], rtol=1e-6)
    np.testing.assert_allclose(later.running, [0.5, 80.0], rtol=1e-6)
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
    ],
)
def test_an_alarm_says_what_collapsed(name, value, step, reason):
    after, alarms = run([STEADY] * 3 + [STEADY | {name: value}] * (step - 2))
    assert alarms == [(step, reason)]
    assert after.alarms == 1
    np.testing.assert_array_equal(after.running, after.reference)  # it starts afresh from the reference


def test_a_rise_of_entropy_is_no_alarm():
    assert run([STEADY] * 3 + [STEADY | {"entropy": 5.0}] * 20)[1] == []


def test_after_an_alarm_the_reference_stays():
    after, alarms = run([STEADY] * 3 + [STEADY | {"length": 0.0}] * 20)
    np.testing.assert_allclose(after.reference, [0.5, 60.0], rtol=1e-6)
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

    run([Watched(STEADY | {"eval/pass@1": 1.0, "quality": 0.5})] * 5)
    assert Watched.asked == {"entropy", "length"}
