import subprocess
import sys

import numpy as np
import pytest
import tensorflow_datasets as tfds

from sept_jax.data import Source
from sept_jax.data.tfds import TfdsSource
from sept_jax.errors import UserError

ROWS = {
    f"{i} boxes hold {i + 1} apples each. How many?": f"{i}*{i + 1}=<<>>{i * (i + 1)}\n#### {i * (i + 1)}"
    for i in range(2, 7)
}


def prepare(data_dir, name, fields, splits):
    """Writes a dataset in TFDS's own on-disk format."""

    class Prepared(tfds.core.GeneratorBasedBuilder, skip_registration=True):
        VERSION = tfds.core.Version("1.0.0")

        def _info(self):
            features = tfds.features.FeaturesDict({field: tfds.features.Text() for field in fields})
            return tfds.core.DatasetInfo(builder=self, features=features)

        def _split_generators(self, dl_manager):
            return {split: self._generate_examples(rows) for split, rows in splits.items()}

        def _generate_examples(self, rows):
            for index, row in enumerate(rows):
                yield index, dict(zip(fields, row, strict=True))

    Prepared.name = name
    Prepared(data_dir=data_dir, file_format="array_record").download_and_prepare()


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    rows = list(ROWS.items())
    prepare(folder, "gsm8k", ("question", "answer"), {"train": rows[:4], "test": rows[4:]})
    prepare(folder, "poems", ("title", "text"), {"train": [("a", "b")]})
    return folder


def test_reads_a_prepared_dataset(data_dir):
    source = TfdsSource("gsm8k", "train", data_dir)
    assert isinstance(source, Source)
    problems = [source[index] for index in range(len(source))]
    assert {problem.question for problem in problems} == set(list(ROWS)[:4])
    assert all(ROWS[problem.question].endswith(f"#### {problem.answer}") for problem in problems)
    assert source.levels.dtype == np.float32
    np.testing.assert_array_equal(source.levels, [2] * 4)
    assert [problem.id for problem in problems] == [f"gsm8k/train:{index}" for index in range(4)]
    assert source[2] == source[2]


def test_splits(data_dir):
    whole = TfdsSource("gsm8k", "train", data_dir)
    part = TfdsSource("gsm8k", "train[1:3]", data_dir)
    assert [part[0].question, part[1].question] == [whole[1].question, whole[2].question]
    assert len(TfdsSource("gsm8k", "test", data_dir)) == 1


def test_does_not_import_tensorflow(data_dir):
    code = (
        "import sys\n"
        "from sept_jax.data.tfds import TfdsSource\n"
        f"print(TfdsSource('gsm8k', 'test', {str(data_dir)!r})[0].answer, 'tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["42", "False"]


def test_no_data_and_no_network(tmp_path, monkeypatch):
    def unreachable(*args, **kwargs):
        raise ConnectionError("Name or service not known\nand more")

    monkeypatch.setattr("tensorflow_datasets.core.download.downloader._Downloader.download", unreachable)
    with pytest.raises(
        UserError, match=r"\(ConnectionError: Name or service not known\): pass --config\.data\.path"
    ):
        TfdsSource("gsm8k", "train", tmp_path)


def test_unknown_names(data_dir):
    with pytest.raises(UserError, match=r"DatasetNotFoundError: Dataset gsm8q not found"):
        TfdsSource("gsm8q", "train", data_dir)
    with pytest.raises(UserError, match=r"split dev of gsm8k cannot be read"):
        TfdsSource("gsm8k", "dev", data_dir)


def test_a_dataset_without_questions(data_dir):
    with pytest.raises(UserError, match=r"poems: no field `question` or `problem`"):
        TfdsSource("poems", "train", data_dir)
