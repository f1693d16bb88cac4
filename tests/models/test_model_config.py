import dataclasses

import pytest

from sept_jax.errors import UserError
from sept_jax.models.config import ModelConfig, RopeScaling

GOOD = ModelConfig("llama", 40, 16, 24, 2, 4, 2, 8, 1e4, 1e-5, 128, True, False, False)


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        ({"family": "gpt2"}, ["'gpt2'", "llama, qwen2, qwen3"]),
        ({"num_heads": 3}, ["num_heads is 3", "multiple of num_kv_heads", "2"]),
        ({"head_dim": 7}, ["head_dim is 7", "even"]),
        ({"num_layers": 0}, ["num_layers is 0", "positive"]),
        ({"rope_theta": -1.0}, ["rope_theta is -1.0", "positive"]),
    ],
)
def test_bad_shape(change, parts):
    with pytest.raises(UserError) as error:
        dataclasses.replace(GOOD, **change)
    assert all(part in str(error.value) for part in parts), error.value


@pytest.mark.parametrize(
    ("values", "part"),
    [((0.0, 1.0, 4.0, 8192), "factor is 0.0"), ((8.0, 4.0, 4.0, 8192), "high_freq_factor is 4.0")],
)
def test_bad_rope_scaling(values, part):
    with pytest.raises(UserError, match=part):
        RopeScaling(*values)
