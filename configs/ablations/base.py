"""What every ablation builds on: all settings, their defaults, and why.

An ablation's file calls `get_config()` here, names the experiment and describes the variants.
"""

from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder


def get_config() -> ConfigDict:
    config = ConfigDict()
    config.name = "ablation"
    config.base = "configs/quickstart.py"  # the experiment that all runs share
    config.overrides = ConfigDict()  # of the experiment, for all runs: a tree with fewer keys
    # name -> what it changes of the experiment, a tree with fewer keys; `seeds`, how many of the seeds it
    # runs with, and `learning_rates`, which are tried, may stand beside these
    config.variants = ConfigDict()
    config.order = ()  # the variants that are run; every other one is compared with the first
    config.seeds = (0, 1, 2, 3, 4)  # each with its own start, which all variants of the seed share
    config.workdir = placeholder(str)  # of the runs; None: runs/ablations/<name>

    config.starts = placeholder(str)  # another ablation's workdir, whose starts are taken; None: its own

    config.search = ConfigDict()  # of the learning rate, on the first seed, judged on the validation split
    config.search.learning_rates = (5e-5, 1e-4, 2e-4, 4e-4)  # (): the experiment's own is kept
    config.search.variants = ()  # which variants it is searched for; (): all
    config.search.taken_from = placeholder(str)  # another ablation's search.csv, instead: by method

    config.evaluation = ConfigDict()
    config.evaluation.validation_split = "validation"
    config.evaluation.test_split = "test"
    config.evaluation.problems = 320  # of the test split
    config.evaluation.samples = 32  # paths a problem; pass@32 needs as many
    config.evaluation.ood_problems = 96
    config.evaluation.ood_samples = 8
    config.evaluation.batch = 64
    config.evaluation.temperatures = (0.1, 0.3, 0.5, 0.7, 1.0)  # one is chosen on the validation split
    config.evaluation.validation_problems = 512  # cold paths of a problem are alike: problems tell more
    config.evaluation.validation_samples = 2
    config.evaluation.curve_points = 5  # evaluations while a run trains, on the validation split
    config.evaluation.curve_problems = 64
    config.evaluation.curve_samples = 8

    config.debug = False  # two variants, two updates each, after a start of four
    config.debug_overrides = {
        "seeds": (0,),
        "starts": None,
        "search": {"learning_rates": (3e-4, 6e-4)},
        "evaluation": {
            "problems": 8,
            "samples": 8,
            "ood_problems": 8,
            "ood_samples": 2,
            "batch": 8,
            "temperatures": (0.5, 1.0),
            "validation_problems": 8,
            "validation_samples": 2,
            "curve_points": 2,
            "curve_problems": 8,
            "curve_samples": 2,
        },
    }
    return config
