import json

import pytest
from etils import epath
from fsspec.implementations.local import LocalFileSystem

from sept_jax import folders
from sept_jax.errors import UserError
from sept_jax.lock import only_one
from sept_jax.metrics import JsonLines, write_json


@pytest.fixture
def bucket(tmp_path, monkeypatch):
    """A folder of this machine that stands in for the bucket gs://mine."""
    root = tmp_path / "buckets"
    (root / "mine").mkdir(parents=True)

    class Bucket(LocalFileSystem):
        @classmethod
        def _strip_protocol(cls, path):
            return super()._strip_protocol(str(path).replace("gs://", f"{root}/"))

    monkeypatch.setattr(type(epath.backend.fsspec_backend), "fs", lambda self, path: Bucket(auto_mkdir=True))
    monkeypatch.setattr(folders.importlib.util, "find_spec", lambda name: object())
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return root / "mine"


def test_a_folder_on_a_disk_is_itself(tmp_path):
    assert folders.folder(str(tmp_path)) == tmp_path
    files = folders.Files(tmp_path, fresh=True)
    assert files.here == tmp_path
    files.copy()


@pytest.mark.parametrize(
    ("given", "told"),
    [("s3://bucket/run", "expected a path, or gs://"), ("gs://bucket/run", r"pip install -e '\.\[tpu\]'")],
)
def test_a_bucket_that_cannot_be_used(given, told, monkeypatch):
    monkeypatch.setattr(folders.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(UserError, match=told):
        folders.folder(given)


def test_what_grows_here_is_there_after_a_copy_and_comes_back(bucket):
    workdir = folders.folder("gs://mine/run")
    files = folders.Files(workdir, fresh=True)
    lines = JsonLines(files.here / "metrics.jsonl")
    lines.write({"step": 1})
    files.copy()
    lines.write({"step": 2})
    lines.close()
    assert (bucket / "run" / "metrics.jsonl").read_text() == '{"step": 1}\n'
    write_json(workdir / "config.json", {"steps": 3})
    assert json.loads((workdir / "config.json").read_text()) == {"steps": 3}

    another_machine = folders.Files(workdir, fresh=False)
    assert (another_machine.here / "metrics.jsonl").read_text() == '{"step": 1}\n'
    assert (another_machine.here / "config.json").exists()
    assert list(folders.Files(workdir, fresh=True).here.iterdir()) == []


def test_folders_are_copied_whole(bucket):
    files = folders.Files(folders.folder("gs://mine/run"), fresh=True)
    (files.here / "profile" / "host").mkdir(parents=True)
    (files.here / "profile" / "host" / "trace.pb").write_bytes(b"\1\2")
    files.copy()
    assert (bucket / "run" / "profile" / "host" / "trace.pb").read_bytes() == b"\1\2"


def test_a_lock_that_is_held_stays_and_goes_nowhere(bucket):
    workdir = folders.folder("gs://mine/run")
    here = folders.files_of(workdir)
    with only_one(here, "--workdir"):
        (here / "metrics.jsonl").write_text("old")
        files = folders.Files(workdir, fresh=True)
        with pytest.raises(UserError, match="another command is at work"), only_one(here, "--workdir"):
            pass
        files.copy()
    assert [file.name for file in here.iterdir()] == ["lock"]
    assert not (bucket / "run").exists()
