"""Problems from a TensorFlow Datasets dataset, read without TensorFlow."""

from pathlib import Path

import numpy as np

from sept_jax.data.rows import problem_from_row
from sept_jax.errors import UserError
from sept_jax.records import Problem


class TfdsSource:
    """The problems of one split of the TFDS dataset `name`, in array_record format.

    `split` may be any TFDS split expression ("train", "train[:100]"); `data_dir` is where datasets lie
    prepared, by default TFDS's own. What is not there is downloaded and prepared.

    Raises:
        UserError: the dataset is unknown, neither prepared nor downloadable, in a format without random
            access, or has no questions.
    """

    def __init__(self, name: str, split: str, data_dir: str | Path | None = None):
        self._rows = _open(name, split, data_dir)
        self._id = f"{name}/{split}"
        try:
            self.levels = np.array([self[index].level for index in range(len(self))], np.float32)
        except ValueError as error:
            raise UserError(
                f"config.data.name: TFDS dataset {name}: {error}: give a dataset with `question` and `answer`"
            ) from error
        if not len(self):
            raise UserError(f"config.data.split: {split} of TFDS dataset {name} is empty")

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, index: int) -> Problem:
        row = self._rows[index]
        text = {field: value.decode() if isinstance(value, bytes) else value for field, value in row.items()}
        return problem_from_row(text, f"{self._id}:{index}")


def _open(name: str, split: str, data_dir: str | Path | None):
    import tensorflow_datasets as tfds
    import tensorflow_datasets.text  # without TensorFlow, datasets register only when imported
    from tensorflow_datasets.core.download import downloader

    # Its ten retries, each after twice the wait, would hold a machine without a network for minutes.
    downloader.MAX_RETRIES = 2
    try:
        return tfds.data_source(
            name, split=split, data_dir=data_dir, builder_kwargs={"file_format": "array_record"}
        )
    except Exception as error:
        reason = str(error).strip().split("\n", 1)[0][:200]
        raise UserError(
            f"config.data.source is 'tfds': split {split} of {name} cannot be read from "
            f"{data_dir or 'the default TFDS folder'} or downloaded ({type(error).__name__}: {reason}): pass "
            "--config.data.path=DIR with the dataset prepared as array_record, or "
            "--config.data.source=jsonl --config.data.path=PATH"
        ) from error
