import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from sept_jax import curriculum, guard
from sept_jax.data.prompts import encode_prompts
from sept_jax.records import Prompts, Steps, TrainState


def prompts(tokens=(3, 5), length=(3,), dtype=jnp.int32):
    return Prompts(tokens=jnp.zeros(tokens, dtype), length=jnp.zeros(length, jnp.int32))


def test_the_check_accepts_what_fits(check_record):
    check_record(prompts())
    check_record(Steps(step_id=jnp.zeros((2, 3, 4), jnp.int32), count=jnp.zeros((2, 3), jnp.int32)))
    check_record(TrainState({}, {}, (), jnp.int32(0), jax.random.key(0)))
    check_record(guard.start())
    check_record(curriculum.start(np.ones(4, np.float32), curriculum.CurriculumConfig()))


@pytest.mark.parametrize(
    "wrong",
    [
        prompts(length=(4,)),
        prompts(tokens=(3, 5, 1)),
        prompts(dtype=jnp.float32),
        prompts().replace(length=[1]),
    ],
)
def test_the_check_refuses_what_does_not(check_record, wrong):
    with pytest.raises(AssertionError, match=r"Prompts\.(tokens|length) is "):
        check_record(wrong)


def test_records_are_pytrees_of_anything(check_record):
    shapes = jax.eval_shape(lambda p: jax.tree.map(lambda x: x + 1, p), prompts())
    assert shapes.tokens.shape == (3, 5)
    assert jax.tree.map(lambda x: None, prompts()).tokens is None
    mapped = jax.vmap(lambda p: p.replace(length=p.length * 2))(jax.tree.map(lambda x: x[None], prompts()))
    assert mapped.tokens.shape == (1, 3, 5)


def test_signatures_are_checked():
    with pytest.raises(jaxtyping.TypeCheckError):
        encode_prompts(["a"], object(), (4,))
