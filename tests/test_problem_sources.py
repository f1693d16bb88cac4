import pytest

from configs import quickstart
from sept_jax.errors import UserError
from sept_jax.sources import make_sources


def questions(source):
    return [source[i].question for i in range(len(source))]


def test_a_part_is_cut_from_the_training_problems():
    config = quickstart.get_config()
    config.data.procedural.size = 50
    whole = make_sources(config)
    assert whole.validation is None
    config.data.validation = 12
    parts = make_sources(config)
    assert (len(parts.problems), len(parts.validation)) == (38, 12)
    assert len(parts.problems.levels) == 38
    assert sorted(questions(parts.problems) + questions(parts.validation)) == sorted(
        questions(whole.problems)
    )
    assert [p.level for p in map(parts.validation.__getitem__, range(12))] == parts.validation.levels.tolist()
    assert questions(make_sources(config).validation) == questions(parts.validation)
    config.data.validation = 50
    with pytest.raises(UserError, match=r"config.data.validation is 50: the training part has 50 problems"):
        make_sources(config)
