import subprocess
import sys
import time

import pytest
from ml_collections import ConfigDict

from sept_jax import command
from sept_jax.command import apply_debug
from sept_jax.errors import UserError

CONFIG = """
from ml_collections import ConfigDict
from ml_collections.config_dict import placeholder

def get_config():
    return ConfigDict({
        "debug": False,
        "model": {"path": placeholder(str), "width": 8},
        "train": {"steps": 100, "rate": 0.5, "log": True, "buckets": (1, 2)},
        "debug_overrides": {"train": {"steps": 2}, "model": {"width": 4}},
    })
"""

PROGRAM = """
import sys
from absl import flags
from sept_jax import command
from sept_jax.errors import UserError

WORKDIR = flags.DEFINE_string("workdir", None, "where")
RESUME = flags.DEFINE_bool("resume", False, "go on")

def main(config):
    assert "jax" not in sys.modules
    if config.model.path == "interrupt":
        raise KeyboardInterrupt
    if config.model.path == "bad":
        raise UserError("config.model.path is 'bad':\\nexpected good")
    if config.model.path == "bug":
        raise RuntimeError("a bug")
    model, train = config.model, config.train
    print(model.path, model.width, train.steps, train.buckets, WORKDIR.value, RESUME.value)
    return 3

command.run(main)
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "config.py").write_text(CONFIG)
    (tmp_path / "program.py").write_text(PROGRAM)

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "program.py", *arguments], cwd=tmp_path, capture_output=True, text=True
        )

    return run


def test_config_overrides_and_the_callers_flags(run):
    done = run(
        "--config=config.py",
        "--config.model.path=x",
        "--config.train.buckets=(4,8)",
        "--workdir=w",
        "--resume",
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "x 8 100 (4, 8) w True\n"
    assert run("--config", "config.py", "--config.train.steps", "7").stdout == "None 8 7 (1, 2) None False\n"


def test_debug_gives_way_to_what_is_typed(run):
    done = run("--config=config.py", "--config.debug=True", "--config.train.steps=9")
    assert done.stdout == "None 4 9 (1, 2) None False\n"
    assert run("--config=config.py", "--config.debug").stdout == "None 4 2 (1, 2) None False\n"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ([], "--config is missing: pass a config file, e.g. --config=configs/quickstart.py"),
        (["--config=nowhere.py"], "--config=nowhere.py: there is no such file"),
        (
            ["--config=config.py", "--config.modle.path=x"],
            "--config.modle.path is no key of the config: did you mean --config.model.path?",
        ),
        (["--config=config.py", "--config.model.pth=x"], "did you mean --config.model.path?"),
        (["--config=config.py", "--config.steps=x"], "did you mean --config.train.steps?"),
        (["--config=config.py", "--config.qqq"], "--config.qqq is no key of the config: see the config file"),
        (["--config.modle.path=x", "--config=config.py"], "did you mean --config.model.path?"),
        (["--config.train.steps=1", "--config=config.py"], "before a value for --config"),
        (["--config=config.py", "--config.train.steps=many"], "--config.train.steps is 'many': expected int"),
        (["--config=config.py", "--config.train.steps=1.5"], "--config.train.steps is '1.5': expected int"),
        (["--config=config.py", "--config.train.rate=fast"], "--config.train.rate is 'fast': expected float"),
        (["--config=config.py", "--config.train.log=7"], "--config.train.log is '7': expected bool"),
        (
            ["--config=config.py", "--config.train.buckets=(a"],
            "--config.train.buckets is ('(a',): expected a tuple of int",
        ),
        (["--config=config.py", "--config.train=7"], "--config.train is '7': expected"),
        (["--config=config.py", "--config.model.path"], "--config.model.path"),
        (["--config=config.py", "--wrkdir=x"], "Did you mean: workdir"),
        (["--config=config.py", "extra"], "extra is no flag"),
        (["--config=config.py", "--config.model.path=bad"], "config.model.path is 'bad': expected good"),
    ],
)
def test_bad_input_is_one_line_and_exit_code_2(run, arguments, told):
    done = run(*arguments)
    assert done.returncode == 2, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
    assert told in done.stderr


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("def get_config(:", "broken.py cannot be loaded: line 1: SyntaxError"),
        (
            "def get_config():\n    return missing_name",
            "line 2: NameError: name 'missing_name' is not defined",
        ),
        ("def get_config():\n    return int('x')", "line 2: ValueError: invalid literal"),
        ("import no_such_module", "line 1: ModuleNotFoundError"),
        ("x = 1", "get_config"),
        ("def get_config():\n    pass", "get_config() returns None, not a ConfigDict"),
        ("def get_config():\n    open('/nowhere/at/all')", "No such file"),
        ("\\0", "broken.py cannot be loaded"),
    ],
)
def test_an_unreadable_config_file(run, tmp_path, text, told):
    (tmp_path / "broken.py").write_text(text)
    done = run("--config=broken.py", "--config.a=1")
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: --config=broken.py")
    assert told in done.stderr


def test_ctrl_c(run):
    done = run("--config=config.py", "--config.model.path=interrupt")
    assert (done.returncode, done.stderr) == (130, "interrupted\n")


def test_a_bug_keeps_its_traceback(run):
    done = run("--config=config.py", "--config.model.path=bug")
    assert done.returncode == 1
    assert "Traceback" in done.stderr
    assert "RuntimeError: a bug" in done.stderr


def test_bad_input_fails_at_once(run):
    began = time.monotonic()
    run("--config=config.py", "--config.modle.path=x")
    assert time.monotonic() - began < 5


def make_config(**overrides):
    return ConfigDict({"debug": True, "a": {"b": 1, "c": 2}, "d": 3, "debug_overrides": overrides}).lock()


@pytest.mark.peer
@pytest.mark.parametrize("name", ["train", "evaluate", "score", "ablate", "export"])
def test_a_command_does_not_import_torch_where_it_is_installed(name):
    pytest.importorskip("torch")
    code = f"import sys, sept_jax.{name}; raise SystemExit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_apply_debug_lays_over_what_is_not_explicit():
    overrides = {"a": {"b": 10, "c": 20}, "d": 30}
    assert apply_debug(make_config(**overrides), explicit=("a.c",)).to_dict()["a"] == {"b": 10, "c": 2}
    assert apply_debug(make_config(**overrides), explicit=("a",)).to_dict()["a"] == {"b": 1, "c": 2}
    assert apply_debug(make_config(**overrides), explicit=()).d == 30
    dotted = make_config()
    dotted.debug_overrides = ConfigDict({"a.b": 10}, allow_dotted_keys=True)
    assert apply_debug(dotted, explicit=()).a.b == 10


def test_apply_debug_without_debug():
    config = make_config(d=30)
    config.debug = False
    assert apply_debug(config).d == 3
    assert apply_debug(ConfigDict({"d": 3})).d == 3


@pytest.mark.parametrize("overrides", [{"x": 1}, {"a": {"x": 1}}, {"d": "three"}, {"a": {"b": {"c": 1}}}])
def test_apply_debug_refuses_what_the_config_lacks(overrides):
    with pytest.raises(UserError, match=r"^config\.debug_overrides\."):
        apply_debug(make_config(**overrides), explicit=())


@pytest.mark.parametrize(
    ("plugin", "given", "then"),
    [
        (None, None, None),
        (object(), None, "--xla_gpu_enable_latency_hiding_scheduler=true"),
        (object(), "--xla_a=1", "--xla_a=1 --xla_gpu_enable_latency_hiding_scheduler=true"),
        (object(), "--xla_gpu_enable_latency_hiding_scheduler=false",
         "--xla_gpu_enable_latency_hiding_scheduler=false"),
    ],
)  # fmt: skip
def test_flags_for_gpus_where_there_are_any(monkeypatch, plugin, given, then):
    monkeypatch.setattr(command.importlib.util, "find_spec", lambda name: plugin)
    if given is None:
        monkeypatch.delenv("XLA_FLAGS", raising=False)
    else:
        monkeypatch.setenv("XLA_FLAGS", given)
    command.overlap_transfers()
    assert command.os.environ.get("XLA_FLAGS") == then
