"""What an ablation compares: named variants of one experiment, the runs that takes, and their order."""

import csv
import dataclasses
import math
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path
from typing import Any

from ml_collections import ConfigDict

from sept_jax import command
from sept_jax.errors import UserError

START = "start"
"""The variant that is the warm start alone: every run of a seed begins at its parameters."""


@dataclasses.dataclass(frozen=True)
class Variant:
    """`changes` (dotted keys) of the experiment; the seeds it runs with; the learning rates that are tried on
    the first seed, none to keep the experiment's."""

    name: str
    changes: Mapping[str, Any]
    seeds: tuple[int, ...]
    learning_rates: tuple[float, ...]


@dataclasses.dataclass(frozen=True)
class Run:
    """One training run; `learning_rate` is None where the experiment's is kept."""

    variant: str
    seed: int
    learning_rate: float | None = None

    @property
    def name(self) -> str:
        rate = "" if self.learning_rate is None else f"-{self.learning_rate:g}"
        return f"{self.variant}{rate}-seed{self.seed}"


@dataclasses.dataclass(frozen=True)
class Job:
    """A run to train and to measure on the validation split, and with `test` on the test split, too."""

    run: Run
    test: bool


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What is known of a run: its validation accuracy, whether the test split was read, what went wrong, and
    whether its parameters are on this machine."""

    validation: float | None = None
    tested: bool = False
    error: str | None = None
    here: bool = True


@dataclasses.dataclass(frozen=True)
class Ablation:
    """`experiment` is the base with the changes that all runs share; `variants[0]` is the reference; `starts`
    is the work directory that holds the starts."""

    name: str
    workdir: Path
    starts: Path
    experiment: ConfigDict
    variants: tuple[Variant, ...]
    search_seed: int
    evaluation: ConfigDict

    def variant(self, name: str) -> Variant:
        return next(variant for variant in self.variants if variant.name == name)

    def seeds(self) -> list[int]:
        """Every seed that some variant runs with."""
        return sorted({seed for variant in self.variants for seed in variant.seeds})

    def folder(self, run: Run) -> Path:
        """The run's work directory."""
        return (self.starts if run.variant == START else self.workdir) / run.name


def read_ablation(config: ConfigDict) -> Ablation:
    """The ablation that a config describes.

    Raises:
      UserError: a variant is named but not described, has a key that the experiment lacks, or there is none;
        a seed, a learning rate or a setting of the evaluation is none.
    """
    _check_settings(config)
    base = command.load_config(config.base).copy_and_resolve_references()
    base.lock()  # an unknown key is an error
    _change(base, flat(config.overrides.to_dict()), "overrides")
    described = config.variants.to_dict()
    if not config.order:
        raise UserError(f"config.order is empty: name variants of {', '.join(described)}")
    variants = []
    for name in config.order:
        if name not in described or name == START:
            raise UserError(f"config.order has {name!r}: the variants are {', '.join(described)}")
        changes = dict(described[name])
        seeds = changes.pop("seeds", len(config.seeds))
        if not isinstance(seeds, int) or seeds < 1 or not config.seeds:
            raise UserError(f"config.variants.{name}.seeds is {seeds!r} of config.seeds: expected 1 or more")
        rates = tuple(changes.pop("learning_rates", config.search.learning_rates))
        if not _are_positive(rates):
            raise UserError(f"the learning rates of {name} are {rates!r}: expected numbers above 0")
        if config.search.variants and name not in config.search.variants:
            rates = ()
        changes = flat(changes)
        if config.search.taken_from is not None:
            method = changes.get("method", base.method)
            changes["optimizer.learning_rate"], rates = _taken(config.search.taken_from, method), ()
        variants.append(Variant(name, changes, tuple(config.seeds[:seeds]), rates))
    workdir = Path(config.workdir or f"runs/ablations/{config.name}")
    ablation = Ablation(
        name=config.name,
        workdir=workdir,
        starts=Path(config.starts or workdir),
        experiment=base,
        variants=tuple(variants),
        search_seed=config.seeds[0],
        evaluation=config.evaluation,
    )
    base.debug = config.debug
    for variant in variants:
        run_config(ablation, Run(variant.name, variant.seeds[0]))
    return ablation


def run_config(ablation: Ablation, run: Run) -> ConfigDict:
    """The config of a run. It is evaluated on the validation split while it trains; a start takes no step.

    Raises:
      UserError: the variant has a key that the experiment lacks.
    """
    config = ablation.experiment.copy_and_resolve_references()
    settings, is_start = ablation.evaluation, run.variant == START
    changes: dict[str, Any] = {} if is_start else dict(ablation.variant(run.variant).changes)
    changes["seed"] = run.seed
    _change(config, changes, f"variants.{run.variant}")
    command.apply_debug(config, explicit=())
    after = {
        "data.eval_split": settings.validation_split,
        "evaluation.problems": settings.curve_problems,
        "evaluation.ood_problems": settings.curve_problems if config.evaluation.ood_problems else 0,
        "evaluation.samples": settings.curve_samples,
        "evaluation.batch": min(settings.batch, settings.curve_problems),
        "checkpoint.keep": 1,
    }
    if is_start:
        after["steps"] = 0
        if config.warm_start.steps:  # of all parameters; an adapter begins beside them
            after["lora.rank"] = 0
    else:
        every = max(-(-config.steps // settings.curve_points), 1)
        after |= {"evaluation.every": every, "checkpoint.every": every}
        if config.warm_start.steps:
            after["warm_start.start"] = str(ablation.folder(Run(START, run.seed)))
    if run.learning_rate is not None:
        after["optimizer.learning_rate"] = run.learning_rate
    _change(config, after, f"variants.{run.variant}")
    return config


def evaluation_config(ablation: Ablation, run: Run, split: str) -> ConfigDict:
    """The config that a run's final parameters are evaluated with, on the validation or the test split."""
    config, settings = run_config(ablation, run), ablation.evaluation
    config.data.eval_split = split
    config.evaluation.batch = settings.batch
    if split == settings.test_split:
        config.evaluation.problems, config.evaluation.samples = settings.problems, settings.samples
        config.evaluation.ood_problems = settings.ood_problems
    else:
        config.evaluation.problems = settings.validation_problems
        config.evaluation.samples = settings.validation_samples
        config.evaluation.ood_problems = 0
    return config


def searches(ablation: Ablation, variant: Variant) -> list[Run]:
    """The runs among which a variant's learning rate is chosen."""
    return [Run(variant.name, ablation.search_seed, rate) for rate in variant.learning_rates]


def chosen_rate(
    ablation: Ablation, variant: Variant, outcomes: Mapping[Run, Outcome]
) -> tuple[bool, float | None]:
    """Whether the variant's search is over, and the rate it found: of the best validation accuracy, the
    smaller one of equals, None if every run failed or there is nothing to search."""
    runs = searches(ablation, variant)
    if not all(run in outcomes for run in runs):
        return False, None
    judged = [(-outcomes[run].validation, run.learning_rate) for run in runs if outcomes[run].error is None]
    return True, min(judged)[1] if judged else None


def main_runs(ablation: Ablation, outcomes: Mapping[Run, Outcome]) -> Iterator[Run]:
    """The runs that are compared, seed by seed, as far as their learning rates are known."""
    for seed in ablation.seeds():
        for variant in ablation.variants:
            over, rate = chosen_rate(ablation, variant, outcomes)
            if seed in variant.seeds and over and (rate is not None or not variant.learning_rates):
                yield Run(variant.name, seed, rate)


def possible_runs(ablation: Ablation) -> list[Run]:
    """Every run that the ablation may come to make, whichever learning rates are chosen."""
    runs = [Run(START, seed) for seed in ablation.seeds()]
    for variant in ablation.variants:
        rates = variant.learning_rates or (None,)
        runs += [Run(variant.name, seed, rate) for seed in variant.seeds for rate in rates]
    return runs


def jobs(ablation: Ablation, outcomes: Mapping[Run, Outcome]) -> Iterator[Job]:
    """What can be done now, the most urgent first: starts, then seed by seed what is compared, on the first
    seed after the search that it needs. A run with an error is not tried again; a start is made again where
    runs that are to begin there do not find its parameters."""

    def open_(run: Run, test: bool) -> bool:
        outcome = outcomes.get(run, Outcome())
        return outcome.error is None and not (outcome.tested if test else outcome.validation is not None)

    compared, searching = list(main_runs(ablation, outcomes)), False
    wanted: dict[int, list[Job]] = {seed: [] for seed in ablation.seeds()}
    for variant in ablation.variants:
        searching |= not chosen_rate(ablation, variant, outcomes)[0]
        tried = [Job(run, test=False) for run in searches(ablation, variant)]
        for job in [*tried, *(Job(run, test=True) for run in compared if run.variant == variant.name)]:
            if open_(job.run, job.test):
                wanted[job.run.seed].append(job)
    ready: list[Job] = []
    for seed, runs in wanted.items():
        start = Run(START, seed)
        known = outcomes.get(start, Outcome())
        if known.error is not None:
            continue
        if not known.tested or (not known.here and (runs or searching)):
            yield Job(start, test=True)
        else:
            ready += runs
    yield from ready


def flat(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """A tree of mappings as one mapping with dotted keys."""
    leaves: dict[str, Any] = {}
    for name, value in tree.items():
        leaves |= flat(value, f"{prefix}{name}.") if isinstance(value, Mapping) else {prefix + name: value}
    return leaves


def _check_settings(config: ConfigDict) -> None:
    if "base" not in config:
        raise UserError(
            "config.base is missing: this is no ablation's config; pass e.g. "
            "--config=configs/ablations/chain.py"
        )
    for name in config.search.variants:
        if name not in config.variants:
            named = ", ".join(config.variants)
            raise UserError(f"config.search.variants has {name!r}: the variants are {named}")
    if not all(isinstance(seed, int) and seed >= 0 for seed in config.seeds):
        raise UserError(f"config.seeds is {tuple(config.seeds)}: expected integers from 0 on; type (0, 1, 2)")
    settings = config.evaluation
    if not settings.temperatures or not _are_positive(settings.temperatures):
        raise UserError(
            f"config.evaluation.temperatures is {tuple(settings.temperatures)}: expected numbers above 0; "
            "type (0.1, 0.5, 1.0)"
        )
    for name, value in settings.items():
        if isinstance(value, int) and value < (0 if name.startswith("ood_") else 1):
            raise UserError(f"config.evaluation.{name} is {value}: it must be above 0")


def _are_positive(values: Collection[Any]) -> bool:
    return all(isinstance(value, int | float) and 0 < value < math.inf for value in values)


def _taken(path: str, method: str) -> float:
    """The learning rate that another ablation's search chose for a method."""
    try:
        with open(path, newline="", encoding="utf-8") as file:
            rows = [row for row in csv.DictReader(file) if row["chosen"] == "True"]
        return float({row["method"]: row["learning_rate"] for row in rows}[method])
    except OSError as error:
        raise UserError(
            f"config.search.taken_from is {path!r}, which cannot be read ({error.strerror}): "
            "run the ablation that writes it first, or type --config.search.taken_from=FILE"
        ) from error
    except KeyError as error:
        raise UserError(
            f"config.search.taken_from is {path!r}, which has no chosen rate of {method}: finish the search "
            "there, or leave the variant out of config.order"
        ) from error


def _change(config: ConfigDict, changes: Mapping[str, Any], where: str) -> None:
    for key, value in changes.items():
        try:
            config.update_from_flattened_dict({key: value})
        except (KeyError, AttributeError, TypeError, ValueError) as error:
            raise UserError(
                f"config.{where}.{key} is {value!r}: {command.one_line(str(error))}; "
                "expected a key of the experiment's config and a value of its type"
            ) from error
