import pytest

from configs import quickstart
from sept_jax.data import Source
from sept_jax.data.gym import GymSource
from sept_jax.data.procedural import split_of
from sept_jax.errors import UserError
from sept_jax.sources import make_sources
from sept_jax.validation import validate

TASKS, LEVELS = ("chain_sum", "leg_counting"), (0, 2)


def test_a_source_of_tasks_and_levels_in_turn():
    source = GymSource(TASKS, LEVELS, 24, 7, "train")
    assert isinstance(source, Source)
    assert source.levels.tolist() == [0, 0, 2, 2] * 6
    for i in range(24):
        problem = source[i]
        assert split_of(problem.question) == "train"
        assert ("legs" in problem.question) == (i % 2 == 1)
        assert problem.level == source.levels[i]
        if i % 2 == 0:  # a sum of small numbers, written out
            chain = problem.question.split(":")[1].rstrip(" =").split()
            total = int(chain[0])
            for sign, number in zip(chain[1::2], chain[2::2], strict=True):
                total += int(number) if sign == "+" else -int(number)
            assert problem.answer == str(total)
    assert len({source[i].id for i in range(24)}) == 24
    lengths = [len(source[i].question) for i in range(24)]
    assert sum(lengths[1::4]) < sum(lengths[3::4])  # higher levels have more animals
    with pytest.raises(IndexError):
        source[24]


def test_the_same_index_is_the_same_problem_and_another_seed_another():
    one, two, other = (GymSource(TASKS, LEVELS, 8, seed, "test") for seed in (1, 1, 2))
    assert [one[i] for i in range(8)] == [two[i] for i in reversed(range(8))][::-1]
    assert not {one[i].question for i in range(8)} & {other[i].question for i in range(8)}


def test_what_is_not_there_is_said():
    with pytest.raises(
        UserError, match=r"config.data.gym.tasks has 'riddles': expected tasks of reasoning-gym"
    ):
        GymSource(("riddles",), (0,), 3, 0, "train")


def changed(**changes):
    config = quickstart.get_config()
    config.update_from_flattened_dict(
        {"data.source": "gym", "model.path": "x", "warm_start.steps": 0} | changes
    )
    return config


def test_sources_of_a_config():
    config = changed(**{"evaluation.problems": 6, "evaluation.ood_problems": 4, "data.eval_split": "test"})
    sources = make_sources(config)
    assert [len(each) for each in sources[:3]] == [3000, 6, 4]
    assert (sources.others, sources.worked) == ({}, None)
    assert set(sources.out_of_distribution.levels) == {3.0, 4.0}
    questions = [{source[i].question for i in range(4)} for source in sources[:3]]
    assert not questions[0] & questions[1] | questions[1] & questions[2]


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("data.gym.tasks", (), "expected names such as"),
        ("data.gym.levels", (), "expected levels from 0 on"),
        ("data.gym.ood_levels", (-1,), "expected levels from 0 on"),
        ("data.eval_split", "train", "it is the training split"),
    ],
)
def test_a_bad_value_is_named(key, value, said):
    with pytest.raises(UserError) as caught:
        validate(changed(**{key: value}))
    assert str(caught.value).startswith(f"config.{key} is {value!r}: ")
    assert said in str(caught.value)
