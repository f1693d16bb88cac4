import functools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sept_jax.losses import (
    contrastive,
    first_difference,
    kl_estimate,
    kl_penalty,
    likelihood,
    policy_gradient,
)

LOG2 = math.log(2)


surrogate = jax.jit(jax.value_and_grad(policy_gradient), static_argnums=(4, 5, 6))
kl = jax.jit(kl_estimate)


def cube(values, dtype=jnp.float32):
    return jnp.asarray(values, dtype).reshape(1, 1, -1)


@pytest.mark.parametrize(
    ("ratio", "advantage", "value", "slope"),
    [
        (1.0, 2.0, -2.0, -2.0),
        (1.2, 1.0, -1.2, -1.2),  # inside the bounds
        (1.5, 1.0, -1.3, 0.0),  # above the upper bound, and better than enough
        (1.5, -1.0, 1.5, 1.5),  # above it, and bad: still pushed down
        (9.0, -1.0, 5.0, 5.0),  # far above it: weighs no more than the cap
        (0.9, -1.0, 0.9, 0.9),
        (0.5, -1.0, 0.8, 0.0),  # below the lower bound, and pushed down enough
        (0.5, 1.0, -0.5, -0.5),  # below it, and good: still pushed up
        (1.5, 0.0, 0.0, 0.0),
    ],
)
def test_clipped_surrogate_and_its_slope(ratio, advantage, value, slope):
    logprob = cube([-2.0 + math.log(ratio)])
    found, gradient = surrogate(logprob, cube([-2.0]), cube([advantage]), cube([True], bool), 0.2, 0.3, 5.0)
    assert found == pytest.approx(value, rel=1e-5)
    assert gradient.item() == pytest.approx(slope, rel=1e-5, abs=1e-6)


def test_token_sums_leave_masked_tokens_out():
    mask = cube([True, False, True], bool)
    logprob, start = cube([-1.0, -60.0, -0.5]), cube([-1.0, -1.0, -0.5])

    def losses(logprob):
        return jnp.stack(
            [
                policy_gradient(logprob, start, cube([1.0, 9.0, -3.0]), mask, 0.2, 0.2, 5.0),
                likelihood(logprob, mask),
                kl_estimate(logprob, start, mask),
            ]
        )

    np.testing.assert_allclose(jax.jit(losses)(logprob), [2.0, 1.5, 0.0], atol=1e-6)
    gradient = jax.jit(jax.jacobian(losses))(logprob)[:, 0, 0]
    np.testing.assert_allclose(gradient, [[-1, 0, 3], [-1, 0, -1], [0, 0, 0]], atol=1e-6)


def test_kl_estimate_of_two_tokens():
    # d = log 2: 2 - log 2 - 1; d = -log 2: 1/2 + log 2 - 1.
    found = kl(cube([-1.0, -1.0]), cube([-1.0 + LOG2, -1.0 - LOG2]), cube([True, True], bool))
    assert found == pytest.approx(0.5, rel=1e-6)


@given(st.lists(st.floats(-20, 0, width=32), min_size=2, max_size=2))
@settings(max_examples=50, deadline=None)
def test_kl_estimate_is_not_negative(pair):
    assert kl(cube(pair[:1]), cube(pair[1:]), cube([True], bool)) >= -1e-6


def test_kl_estimate_is_the_divergence_in_expectation():
    policy, other = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.2, 0.6])
    expected = np.sum(policy * np.log(policy / other))
    each = [
        policy[i] * kl(cube([np.log(policy[i])]), cube([np.log(other[i])]), cube([True], bool))
        for i in range(3)
    ]
    assert sum(each) == pytest.approx(expected, rel=1e-5)


def test_the_gradient_of_the_kl_penalty_is_that_of_the_divergence_in_expectation():
    drawn, other = np.array([0.5, 0.3, 0.2], np.float32), np.array([0.2, 0.2, 0.6], np.float32)

    def divergence(logits):
        logprob = jax.nn.log_softmax(logits)
        return jnp.sum(jnp.exp(logprob) * (logprob - np.log(other)))

    def on_samples(logits):
        logprob = jax.nn.log_softmax(logits)
        each = [
            kl_penalty(
                logprob[i][None, None, None], cube([np.log(drawn[i])]), cube([np.log(other[i])]),
                cube([True], bool), 5.0,
            )
            for i in range(3)
        ]  # fmt: skip
        return sum(p * penalty for p, penalty in zip(drawn, each, strict=True))

    logits = jnp.log(drawn)
    assert float(on_samples(logits)) == pytest.approx(float(divergence(logits)), rel=1e-5)
    np.testing.assert_allclose(jax.grad(on_samples)(logits), jax.grad(divergence)(logits), atol=1e-6)


@pytest.mark.parametrize(
    ("first", "second", "lengths", "at"),
    [
        ([1, 2, 3, 0], [1, 5, 3, 0], (3, 3), 1),
        ([1, 2, 0, 0], [1, 2, 3, 0], (2, 3), 2),  # one is the start of the other
        ([1, 2, 0, 0], [1, 2, 0, 0], (2, 3), 2),  # a token that looks like padding
        ([1, 2, 3, 4], [1, 2, 3, 4], (4, 4), 4),
        ([1, 2, 7, 7], [1, 2, 8, 8], (2, 2), 4),  # what lies past the ends is no difference
        ([9, 2, 3, 0], [1, 2, 3, 0], (0, 3), 0),
    ],
)
def test_first_difference(first, second, lengths, at):
    rows = [jnp.asarray([row], jnp.int32) for row in (first, second)]
    ends = [jnp.asarray([end], jnp.int32) for end in lengths]
    assert first_difference(*rows, *ends).item() == at


# Best, middling and worst path. Best and worst part at token 3, in step 1, which starts at token 2.
TOKENS = [[5, 6, 7, 8, 9, 0], [4, 4, 4, 4, 0, 0], [5, 6, 7, 1, 2, 3]]
LENGTH = [5, 4, 6]
STEP_ID = [[0, 0, 1, 1, 2, -1], [0, 0, 0, 0, -1, -1], [0, 0, 1, 1, 2, 2]]
QUALITY = [0.9, 0.5, 0.2]
# Change of the log-probability since the rollout. D_best = 0.9/3 = 0.3, D_worst = -0.8/4 = -0.2.
CHANGE = [[9.0, -9.0, 0.3, 0.6, 0.0, 9.0], [7.0] * 6, [9.0, -9.0, -0.2, -0.4, 0.0, -0.2]]


def pairs(change, tokens=(TOKENS,), length=(LENGTH,), step_id=(STEP_ID,), quality=(QUALITY,)):
    rollout = jnp.full(np.shape(tokens), -3.0)
    loss = functools.partial(
        contrastive,
        rollout_logprob=rollout,
        tokens=jnp.asarray(tokens, jnp.int32),
        length=jnp.asarray(length, jnp.int32),
        step_id=jnp.asarray(step_id, jnp.int32),
        quality=jnp.asarray(quality, jnp.float32),
        beta=2.0,
        min_gap=0.1,
    )
    return jax.jit(loss), rollout + jnp.asarray(change, jnp.float32)


def test_contrastive_from_the_first_differing_step():
    loss, logprob = pairs([CHANGE])
    value, count = loss(logprob)
    # beta (D_best - D_worst) = 2 x 0.5 = 1, and -log sigmoid(1) = log(1 + 1/e)
    assert value == pytest.approx(math.log1p(math.exp(-1)), rel=1e-5)
    assert count == 1.0


def test_contrastive_at_equal_drift_pushes_best_up_and_worst_down():
    loss, logprob = pairs(np.zeros((1, 3, 6)))
    (value, _), gradient = jax.value_and_grad(loss, has_aux=True)(logprob)
    assert value == pytest.approx(LOG2, rel=1e-6)
    # d/dD_best = -beta/2 = -1, a third of it to each of three tokens; a quarter to each of the worst's four
    third, quarter = 1 / 3, 1 / 4
    expected = [[0, 0, -third, -third, -third, 0], [0] * 6, [0, 0, quarter, quarter, quarter, quarter]]
    np.testing.assert_allclose(gradient[0], expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("quality", "tokens", "lengths"),
    [
        ([0.55, 0.5, 0.46], TOKENS, LENGTH),  # gap 0.09
        (QUALITY, [TOKENS[0], TOKENS[1], TOKENS[0]], [5, 4, 5]),  # one and the same path
    ],
)
def test_contrastive_leaves_pairs_out(quality, tokens, lengths):
    loss, logprob = pairs([CHANGE], tokens=(tokens,), length=(lengths,), quality=(quality,))
    (value, count), gradient = jax.value_and_grad(loss, has_aux=True)(logprob)
    assert (value, count) == (0.0, 0.0)
    assert not gradient.any()


def test_contrastive_where_one_path_is_the_start_of_the_other():
    # The shorter path has nothing from the difference on: its last step stands for it.
    tokens, length = [[1, 2, 0, 0], [1, 2, 3, 4]], [2, 4]
    step_id, quality = [[0, 1, -1, -1], [0, 1, 2, 2]], [0.9, 0.1]
    change = [[[5.0, 0.4, 9.0, 9.0], [5.0, 5.0, -0.1, -0.5]]]
    loss, logprob = pairs(change, (tokens,), (length,), (step_id,), (quality,))
    value, count = loss(logprob)
    assert value == pytest.approx(math.log1p(math.exp(-2 * (0.4 + 0.3))), rel=1e-5)
    assert count == 1.0


def test_contrastive_with_an_empty_path():
    tokens, length = [[1, 2, 0, 0], [0, 0, 0, 0]], [2, 0]
    step_id, quality = [[0, 1, -1, -1], [-1] * 4], [0.9, 0.0]
    change = [[[0.2, 0.4, 9.0, 9.0], [9.0] * 4]]  # D_best = 0.3, D of nothing is 0
    loss, logprob = pairs(change, (tokens,), (length,), (step_id,), (quality,))
    assert loss(logprob)[0] == pytest.approx(math.log1p(math.exp(-0.6)), rel=1e-5)


def test_contrastive_sums_over_groups():
    tokens, length = [TOKENS, TOKENS], [LENGTH, LENGTH]
    step_id, quality = [STEP_ID, STEP_ID], [QUALITY, [0.5, 0.5, 0.5]]
    loss, logprob = pairs([CHANGE, CHANGE], tokens, length, step_id, quality)
    value, count = loss(logprob)
    assert (value.item(), count.item()) == (pytest.approx(math.log1p(math.exp(-1)), rel=1e-5), 1.0)
