"""Writes a run's newest parameters as a directory that Hugging Face transformers, or peft, loads.

python -m sept_jax.export --config=configs/gsm8k.py --workdir=runs/NAME --output=DIR [--adapter]
"""

import contextlib
import dataclasses
from pathlib import Path

import jax
from absl import flags
from ml_collections import ConfigDict

from sept_jax import command, sharding
from sept_jax.checkpoint import Checkpoints
from sept_jax.errors import UserError
from sept_jax.experiment import make_model
from sept_jax.folders import Folder, folder
from sept_jax.machine import check_folder, device_count
from sept_jax.models import lora
from sept_jax.models.config import Lora
from sept_jax.models.export import export_adapter, export_hf
from sept_jax.run import restore_params
from sept_jax.validation import DTYPES, validate


def export(config: ConfigDict, workdir: Folder, output: Path, adapter: bool = False) -> None:
    """Exports the newest checkpoint of `workdir`; the config names the model that it was made with. A
    low-rank adapter is merged, or, asked for, written alone.

    Raises:
      UserError: there is no checkpoint, it is of another model, it has no adapter, or `output` is not empty.
    """
    if not (workdir / "checkpoints").is_dir():
        raise UserError(f"--workdir={workdir} holds no run: type --workdir=runs/NAME")
    if adapter and not config.lora.rank:
        raise UserError("--adapter: config.lora.rank is 0, the run trained all parameters: leave it out")
    if output.exists() and not (output.is_dir() and not any(output.iterdir())):
        raise UserError(f"--output={output} exists: expected a new or empty directory; pass another")
    check_folder("--output", output.absolute().parent)
    validate(config)
    device_count()
    model, _, tokenizer = make_model(config)
    trained = dataclasses.replace(model, lora=Lora(**config.lora) if config.lora.rank else None)
    checkpoints = Checkpoints(workdir / "checkpoints", config.checkpoint.keep, dataclasses.asdict(trained))
    with contextlib.closing(checkpoints):
        trainable, frozen = restore_params(
            checkpoints, None, trained, sharding.make_mesh(tuple(config.mesh)), DTYPES[config.model.dtype]
        )
    if adapter:
        export_adapter(output, trained, jax.device_get(trainable), config.model.path)
        return
    params = lora.merge(trainable, frozen, trained) if trained.lora else trainable
    export_hf(output, model, jax.device_get(params), tokenizer)


def main(config: ConfigDict) -> None:
    if not flags.FLAGS.workdir or not flags.FLAGS.output:
        raise UserError("--workdir or --output is missing: type --workdir=runs/NAME --output=DIR")
    export(config, folder(flags.FLAGS.workdir), Path(flags.FLAGS.output), flags.FLAGS.adapter)
    print(f"written to {flags.FLAGS.output}")


if __name__ == "__main__":
    flags.DEFINE_string("workdir", None, "The run whose newest checkpoint is exported.")
    flags.DEFINE_string("output", None, "The directory to write.")
    flags.DEFINE_bool("adapter", False, "Write a low-rank adapter alone, as peft loads it.")
    command.run(main)
