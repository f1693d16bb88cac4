"""What an ablation runs, with which settings, in which order."""

import collections

import pytest

from configs import quickstart
from configs.ablations import chain, chain_long
from sept_jax.ablation.plan import (
    START,
    Job,
    Outcome,
    Run,
    chosen_rate,
    evaluation_config,
    jobs,
    main_runs,
    read_ablation,
    run_config,
)
from sept_jax.errors import UserError

RATES = (5e-5, 1e-4, 2e-4, 4e-4)


@pytest.fixture
def small():
    config = chain.get_config()
    config.order = ("sept", "random")
    config.seeds = (3, 4)
    config.variants.random.seeds = 1
    config.search.learning_rates = (0.1, 0.2)
    config.workdir = "/runs/x"
    return config


def test_the_chain_ablation_compares_every_method():
    ablation = read_ablation(chain.get_config())
    assert [variant.name for variant in ablation.variants][:4] == ["sept", "sept_path", "gold", "majority"]
    assert [len(variant.seeds) for variant in ablation.variants] == [5] * 5 + [3] * 6
    assert {variant.learning_rates for variant in ablation.variants} == {RATES}
    assert ablation.variants[0].changes == {"method": "sept"}
    assert ablation.seeds() == [0, 1, 2, 3, 4]


def test_run_config(small):
    ablation = read_ablation(small)
    run = Run("random", 3, 0.2)
    assert run.name == "random-0.2-seed3"
    config = run_config(ablation, run)
    assert (config.method, config.seed, config.steps) == ("random", 3, 40)
    assert config.optimizer.learning_rate == 0.2
    assert config.data.eval_split == "validation"
    assert (config.evaluation.every, config.checkpoint.every, config.checkpoint.keep) == (8, 8, 1)
    assert config.warm_start.start == "/runs/x/start-seed3"
    start = run_config(ablation, Run(START, 3))
    assert (start.steps, start.seed, start.warm_start.start) == (0, 3, None)
    assert start.warm_start.steps == config.warm_start.steps
    test = evaluation_config(ablation, run, "test")
    assert (test.data.eval_split, test.evaluation.problems, test.evaluation.samples) == ("test", 320, 32)
    chosen_on = evaluation_config(ablation, run, "validation")
    assert (chosen_on.data.eval_split, chosen_on.evaluation.samples) == ("validation", 2)


def test_a_warm_start_trains_all_parameters_and_an_adapter_begins_beside_them(small):
    small.overrides.lora = {"rank": 4}
    ablation = read_ablation(small)
    assert run_config(ablation, Run("sept", 0, 0.1)).lora.rank == 4
    assert run_config(ablation, Run(START, 0)).lora.rank == 0
    ablation.experiment.warm_start.steps = 0
    assert run_config(ablation, Run(START, 0)).lora.rank == 4  # its start is the model's, frozen


def test_starts_may_be_those_of_another_ablation(small):
    small.starts = "/runs/other"
    ablation = read_ablation(small)
    assert run_config(ablation, Run("sept", 4, 0.1)).warm_start.start == "/runs/other/start-seed4"
    assert str(ablation.folder(Run("sept", 4, 0.1))) == "/runs/x/sept-0.1-seed4"


def test_a_debug_run_takes_two_steps(small):
    small.debug = True
    config = run_config(read_ablation(small), Run("sept", 3, 0.1))
    assert (config.steps, config.warm_start.steps, config.evaluation.every) == (2, 4, 1)


def test_the_rate_of_the_best_validation_accuracy_is_chosen(small):
    ablation = read_ablation(small)
    sept = ablation.variant("sept")
    low, high = Run("sept", 3, 0.1), Run("sept", 3, 0.2)
    assert chosen_rate(ablation, sept, {low: Outcome(0.5)}) == (False, None)
    assert chosen_rate(ablation, sept, {low: Outcome(0.5), high: Outcome(0.6)}) == (True, 0.2)
    assert chosen_rate(ablation, sept, {low: Outcome(0.5), high: Outcome(0.5)}) == (True, 0.1)
    failed = {low: Outcome(error="it failed"), high: Outcome(0.0)}
    assert chosen_rate(ablation, sept, failed) == (True, 0.2)
    failed[high] = Outcome(error="so did this")
    assert chosen_rate(ablation, sept, failed) == (True, None)
    assert [run.variant for run in main_runs(ablation, failed)] == []


def test_without_a_search_the_experiment_s_rate_is_kept(small):
    small.search.learning_rates = ()
    ablation = read_ablation(small)
    assert list(main_runs(ablation, {})) == [Run("sept", 3), Run("random", 3), Run("sept", 4)]
    own = quickstart.get_config().optimizer.learning_rate
    assert run_config(ablation, Run("sept", 3)).optimizer.learning_rate == own


def test_starts_come_first_then_seed_by_seed_and_a_search_ends_in_its_test(small):
    ablation, known, done = read_ablation(small), {}, []
    while job := next(jobs(ablation, known), None):
        done.append(job)
        rate = job.run.learning_rate
        known[job.run] = Outcome(0.5 if rate is None else rate, job.test)
    assert done == [
        Job(Run(START, 3), True),
        Job(Run(START, 4), True),
        Job(Run("sept", 3, 0.1), False),
        Job(Run("sept", 3, 0.2), False),
        Job(Run("sept", 3, 0.2), True),
        Job(Run("random", 3, 0.1), False),
        Job(Run("random", 3, 0.2), False),
        Job(Run("random", 3, 0.2), True),
        Job(Run("sept", 4, 0.2), True),
    ]


def test_the_chain_ablation_trains_no_run_twice():
    ablation, known = read_ablation(chain.get_config()), {}
    kinds = collections.Counter()
    while job := next(jobs(ablation, known), None):
        kinds[job.run.variant == START, job.test, job.run in known] += 1
        known[job.run] = Outcome(0.5, job.test)
    # 5 starts; 11 x 3 searched; 11 of them tested later; the other seeds of 5 x 5 + 6 x 3 runs
    assert kinds == {
        (True, True, False): 5,
        (False, False, False): 44,
        (False, True, True): 11,
        (False, True, False): 32,
    }


def test_a_start_that_failed_holds_up_its_seed_alone(small):
    ablation = read_ablation(small)
    known = {Run(START, 3): Outcome(0.3, True), Run(START, 4): Outcome(error="no")}
    known |= {Run(name, 3, rate): Outcome(rate) for name in ("sept", "random") for rate in (0.1, 0.2)}
    assert list(jobs(ablation, known)) == [
        Job(Run("sept", 3, 0.2), True),
        Job(Run("random", 3, 0.2), True),
    ]


def test_a_rate_can_be_taken_from_another_search(tmp_path):
    table = tmp_path / "search.csv"
    table.write_text(
        "method,seed,learning_rate,chosen\nsept,0,0.1,False\nsept,0,0.2,True\nmajority,0,0.1,True\n"
    )
    config = chain_long.get_config()
    config.order = ("sept", "majority")
    config.search.taken_from = str(table)
    sept, majority = read_ablation(config).variants
    assert (sept.changes["optimizer.learning_rate"], sept.learning_rates) == (0.2, ())
    assert majority.changes["optimizer.learning_rate"] == 0.1
    config.order = ("sept", "self_evolve")
    with pytest.raises(UserError, match="has no chosen rate of self_evolve"):
        read_ablation(config)
    config.search.taken_from = str(tmp_path / "nothing.csv")
    with pytest.raises(UserError, match="cannot be read"):
        read_ablation(config)


def test_bad_configs_are_told(small):
    for change, message in (
        ({"order": ("sept", "nothing")}, r"config\.order has 'nothing': the variants are"),
        ({"order": ()}, r"config\.order is empty"),
        ({"base": "configs/nothing.py"}, "there is no such file"),
        ({"variants.sept": {"stepps": 3}}, r"config\.variants\.sept\.stepps is 3"),
        ({"variants.sept": {"seeds": 0}}, r"config\.variants\.sept\.seeds is 0"),
        ({"variants.sept": {"steps": "many"}}, r"config\.variants\.sept\.steps is 'many'"),
        ({"overrides": {"batch_size": 3}}, r"config\.overrides\.batch_size is 3"),
    ):
        config = small.copy_and_resolve_references()
        for key, value in change.items():
            *parents, name = key.split(".")
            part = config
            for parent in parents:
                part = part[parent]
            part[name] = value
        with pytest.raises(UserError, match=message):
            read_ablation(config)
