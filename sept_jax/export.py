"""Writes a run's newest parameters as a directory that Hugging Face transformers loads.

python -m sept_jax.export --config=configs/gsm8k.py --workdir=runs/NAME --output=DIR
"""

import dataclasses
from pathlib import Path

import jax
from absl import flags
from ml_collections import ConfigDict

from sept_jax import command
from sept_jax.checkpoint import Checkpoints
from sept_jax.errors import UserError
from sept_jax.experiment import make_model
from sept_jax.models import decoder
from sept_jax.models.export import export_hf
from sept_jax.run import restore_params


def export(config: ConfigDict, workdir: Path, output: Path) -> None:
    """Exports the newest checkpoint of `workdir`; the config names the model that it was made with.

    Raises:
      UserError: there is no checkpoint, it is of another model, or `output` is not empty.
    """
    if not (workdir / "checkpoints").is_dir():
        raise UserError(f"--workdir={workdir} holds no run: type --workdir=runs/NAME")
    model, _, tokenizer = make_model(config)
    checkpoints = Checkpoints(workdir / "checkpoints", config.checkpoint.keep, dataclasses.asdict(model))
    params = restore_params(checkpoints, decoder.abstract_params(model), None)
    checkpoints.close()
    export_hf(output, model, jax.device_get(params), tokenizer)


def main(config: ConfigDict) -> None:
    if not flags.FLAGS.workdir or not flags.FLAGS.output:
        raise UserError("--workdir or --output is missing: type --workdir=runs/NAME --output=DIR")
    export(config, Path(flags.FLAGS.workdir), Path(flags.FLAGS.output))
    print(f"written to {flags.FLAGS.output}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "The run whose newest checkpoint is exported.")
    flags.DEFINE_string("output", None, "The directory to write.")
    command.run(main)
