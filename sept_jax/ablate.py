"""Compares variants of one experiment over seeds: methods, or the same method with one thing left out.

python -m sept_jax.ablate --config=configs/ablations/quickstart.py [--output=DIR] [--processes=N]
    [--report_only] [--config.KEY=VALUE ...]

The same command again goes on where it was stopped, on another machine, too, if the report's folder is there.
"""

import contextlib
import functools
import shlex
import sys
from collections.abc import Collection
from pathlib import Path

from absl import flags
from ml_collections import ConfigDict

from sept_jax import command
from sept_jax.ablation.plan import (
    Ablation,
    Job,
    Run,
    evaluation_config,
    jobs,
    read_ablation,
    run_config,
)
from sept_jax.ablation.workers import Crew, available_cores
from sept_jax.errors import UserError
from sept_jax.lock import only_one
from sept_jax.machine import check_folder


def check(ablation: Ablation) -> None:
    """Validates the config of every variant, and those that the runs are evaluated with.

    Raises:
      UserError: one is bad.
    """
    from sept_jax.validation import validate  # it imports jax

    settings = ablation.evaluation
    for variant in ablation.variants:
        run = Run(variant.name, variant.seeds[0])
        validate(run_config(ablation, run))
        for split in (settings.validation_split, settings.test_split):
            validate(evaluation_config(ablation, run, split))


def run_all(ablation: Ablation, processes: int, output: Path, command_line: str) -> None:
    """Does every run that is not finished, and writes the report after each."""
    from sept_jax.ablation import report  # these import jax
    from sept_jax.ablation.execute import execute
    from sept_jax.ablation.folders import check_unchanged
    from sept_jax.ablation.found import look, read_kept
    from sept_jax.ablation.table import outcomes

    errors: dict[Run, str] = {}
    wanted = sum(len(variant.seeds) for variant in ablation.variants)
    find = look(ablation, read_kept(output))
    check_unchanged(ablation, find)

    def next_job(busy: Collection[Job]) -> Job | None:
        open_jobs = jobs(ablation, outcomes(ablation, errors, find))
        return next((job for job in open_jobs if all(job.run != other.run for other in busy)), None)

    def finished(job: Job, error: str | None) -> None:
        if error is not None:
            errors[job.run] = command.one_line(error)
        made = report.write(ablation, errors, find, output, command_line)
        print(f"{made} of {wanted} runs compared; {job.run.name}: {errors.get(job.run, 'done')}", flush=True)

    crew = Crew(functools.partial(execute, ablation), processes, ablation.workdir)
    try:
        crew.run(next_job, finished)
    finally:
        crew.close()
    report.write(ablation, errors, find, output, command_line)


def main(config: ConfigDict) -> None:
    arguments = flags.FLAGS
    if arguments.processes is not None and arguments.processes < 1:
        raise UserError(f"--processes={arguments.processes}: expected 1 or more")
    ablation = read_ablation(config)
    output = Path(arguments.output or f"results/ablations/{config.name}")
    check_folder("--output", output)
    command_line = shlex.join(["python", "-m", "sept_jax.ablate", *sys.argv[1:]])
    if arguments.report_only:
        from sept_jax.ablation import report
        from sept_jax.ablation.found import look, read_kept

        report.write(ablation, {}, look(ablation, read_kept(output)), output, command_line)
    else:
        check(ablation)
        with contextlib.ExitStack() as held:
            held.enter_context(only_one(ablation.workdir, "--config.workdir"))
            if ablation.starts != ablation.workdir:
                held.enter_context(only_one(ablation.starts, "--config.starts"))
            run_all(ablation, arguments.processes or len(available_cores()), output, command_line)
    print(f"the report is in {output}")


if __name__ == "__main__":
    flags.DEFINE_string("output", None, "Where the report is written; default results/ablations/<name>.")
    flags.DEFINE_integer("processes", None, "How many runs at a time; default one a core.")
    flags.DEFINE_bool("report_only", False, "Write the report of what is there, without running anything.")
    command.run(main)
