import pytest

from sept_jax.checks.arithmetic.clock import false_span


@pytest.mark.parametrize(
    ("step", "reason"),
    [
        ("from 10 p.m. to 6 a.m. is 9 hours", "but it is 8 hours and 0 minutes"),
        ("from 10 p.m. to 6 a.m., which is 8 hours", ""),
        ("between 9:15 AM and 11:00 AM there are 2 hours", "but it is 1 hours and 45 minutes"),
        ("from 9:15 AM to 11:00 AM is 105 minutes", ""),
        ("from 12 pm to 1 pm is 1 hour", ""),
        ("from 12 am to 12 pm is 12 hours", ""),
        ("from 8 a.m. to 9:30 a.m. is 1 hours and 30 minutes", ""),
        ("from 10 to 6 is 9 hours", ""),
        ("from 10 p.m. to 6 a.m. he slept 5 hours", ""),
    ],
)
def test_spans(step, reason):
    assert false_span(step).endswith(reason)
    assert bool(false_span(step)) == bool(reason)
