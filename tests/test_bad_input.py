"""Bad input of every kind, typed at the real commands: one line, exit code 2, within five seconds.

Each case is a command in a folder that holds good things (`good`) and the bad ones that the case prepares.
Most are processes forked from one that has done the imports (`forked.py`), and the five seconds are wall
clock, from there to the end. Those with an environment of their own are started anew, and the five seconds
are of their processor time, imports included: what a loaded machine takes from them says nothing of them.
"""

import dataclasses
import fcntl
import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import forked
import numpy as np
import pytest
from gguf import GGMLQuantizationType
from models.model_files import golden, write_gguf, write_hf
from safetensors.numpy import save_file

from configs import quickstart
from sept_jax.checkpoint import Checkpoints
from sept_jax.methods import complete

ROOT = Path(__file__).parents[1]
SECONDS = 5.0
ROW = '{"question": "1+1", "answer": "#### 2"}\n'
QWEN3, LLAMA = golden("qwen3"), golden("llama_tied")
WEIGHTS, INDEX = "model.safetensors", "model.safetensors.index.json"

WORDS = """
from configs import base

def get_config():
    config = base.get_config()
    config.steps, config.batch = 2, 8
    config.data.source, config.data.path, config.model.path = "jsonl", "data", "model"
    config.prompt.plain, config.prompt.buckets = "{question}={solution}", (16, 32)
    config.sampling.max_new_tokens = 16
    return config
"""

Prepare = Callable[[Path], object]


@dataclasses.dataclass(frozen=True)
class Case:
    """`said` is the whole line; "..." stands for any text."""

    command: str
    said: str
    prepare: tuple[Prepare, ...] = ()
    environment: Mapping[str, str | None] | None = None


def text(name: str, content: str | bytes) -> Prepare:
    """A file."""

    def prepare(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return prepare


def config(*lines: str) -> Prepare:
    """A config file that changes the quickstart's."""
    body = "\n    ".join(("config = quickstart.get_config()", *lines, "return config"))
    return text("bad.py", f"from configs import quickstart\n\ndef get_config():\n    {body}\n")


def train_rows(rows: str | bytes) -> tuple[Prepare, ...]:
    """Data whose training split has these rows."""
    return text("bad/train.jsonl", rows), text("bad/test.jsonl", ROW)


def copied(source: str, *changes: Prepare) -> Prepare:
    """A copy of a folder, `bad`, with changes made in it."""

    def prepare(folder: Path) -> None:
        shutil.copytree(folder / source, folder / "bad")
        for change in changes:
            change(folder / "bad")

    return prepare


def fields(file: str, **changes: object) -> Prepare:
    """A JSON file of a model with other fields; None takes one away."""

    def prepare(folder: Path) -> None:
        path = folder / file
        found = json.loads(path.read_text()) | changes
        path.write_text(json.dumps({name: value for name, value in found.items() if value is not None}))

    return prepare


def tensors(**changes: np.ndarray | None) -> Prepare:
    """Other tensors in a model's file, by name with "__" for dots; None takes one away."""

    def prepare(folder: Path) -> None:
        changed = QWEN3["weights"] | {name.replace("__", "."): array for name, array in changes.items()}
        kept = {name: array for name, array in changed.items() if array is not None}
        save_file(kept, folder / WEIGHTS)

    return prepare


def index(**shards: str) -> Prepare:
    """An index of shards in place of the one file."""

    def prepare(folder: Path) -> None:
        (folder / WEIGHTS).unlink()
        (folder / INDEX).write_text(json.dumps({"weight_map": shards}))

    return prepare


def without(*names: str) -> Prepare:
    """Files taken away."""
    return lambda folder: [(folder / name).unlink() for name in names if (folder / name).exists()]


def cut(name: str, keep: int) -> Prepare:
    """A file of which the beginning is left."""
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes()[:keep])


def gguf(keep: int | None = None, **options: object) -> Prepare:
    """bad.gguf: a llama, of which the beginning is left."""

    def prepare(folder: Path) -> None:
        weights = LLAMA["weights"] | {"model.embed_tokens.weight": np.zeros((300, 16), np.float32)}
        path = write_gguf(folder / "bad.gguf", LLAMA["config"], weights, **options)
        path.write_bytes(path.read_bytes()[:keep])

    return prepare


def closed(name: str, mode: int) -> Prepare:
    """A folder without some permissions."""

    def prepare(folder: Path) -> None:
        (folder / name).mkdir()
        (folder / name).chmod(mode)

    return prepare


def normalizer(folder: Path) -> None:
    """A tokenizer that strips white space."""
    path = folder / "tokenizer.json"
    strip = {"type": "Strip", "strip_left": True, "strip_right": True}
    path.write_text(json.dumps(json.loads(path.read_text()) | {"normalizer": strip}))


TINY = "train --config=configs/quickstart.py "
CHAIN = "ablate --config=configs/ablations/chain.py "
NO_TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "special_tokens_map.json")


def setting(given: str, said: str) -> Case:
    """A flag of the quickstart's config; the line begins with its key."""
    key = given.split("=")[0]
    return Case(f"{TINY}--config.{given}", f"config.{key} is {said}")


CONFIGS = {
    "a string for an integer": Case(f"{TINY}--config.steps=ten", "--config.steps is 'ten': expected int"),
    "a float for an integer": Case(f"{TINY}--config.batch=8.5", "--config.batch is '8.5': expected int"),
    "a string for a float": Case(
        f"{TINY}--config.optimizer.learning_rate=fast",
        "--config.optimizer.learning_rate is 'fast': expected float",
    ),
    "a word for a bool": Case(f"{TINY}--config.debug=maybe", "--config.debug is 'maybe': expected bool"),
    "nothing for an integer": Case(f"{TINY}--config.steps=", "--config.steps is '': expected int"),
    "strings in a tuple of integers": Case(
        f"{TINY}--config.prompt.buckets=('a',)", "--config.prompt.buckets is ('a',): expected a tuple of int"
    ),
    "an unknown key": Case(
        f"{TINY}--config.zzzz=1", "--config.zzzz is no key of the config: see the config file for its keys"
    ),
    "a misspelt key": Case(
        f"{TINY}--config.samplng.group_size=4",
        "--config.samplng.group_size is no key of the config: did you mean --config.sampling.group_size?",
    ),
    "an unknown method": setting("method=sep", "'sep': expected one of sept, sept_path, self_evolve, ..."),
    "an unknown estimator": setting(
        "advantage=togo", "'togo': expected one of first_low, to_go, gain, path, min, grpo"
    ),
    "an unknown source": setting("data.source=csv", "'csv': expected tfds, jsonl, gym or procedural"),
    "an unknown task": setting(
        "data.procedural.task=sudoku", "'sudoku': expected one of chain, quotient, story"
    ),
    "an unknown type": setting("model.dtype=float16", "'float16': expected one of bfloat16, float32"),
    "nan": setting("optimizer.learning_rate=nan", "nan: it must be above 0"),
    "nan where 0 is fine": setting("loss.kl_weight=nan", "nan: it must be a finite number"),
    "infinity": setting("optimizer.clip_norm=inf", "inf: it must be a finite number"),
    "an infinite temperature": setting("sampling.temperature=inf", "inf: it must be a finite number"),
    "a bias that is no number": setting("scoring.bias=nan", "nan: it must be a finite number"),
    "a negative rate": setting("warm_start.learning_rate=-0.1", "-0.1: it must be above 0"),
    "a negative weight": setting("scoring.weights.arithmetic=-1", "-1.0: it must be 0 (not asked) or more"),
    "negative steps": setting("steps=-1", "-1: it must not be negative"),
    "a negative decay of weights": setting("warm_start.weight_decay=-1", "-1.0: it must not be negative"),
    "a share above 1": setting("curriculum.target=7", "7.0: it must be in [0, 1]"),
    "a probability above 1": setting("warm_start.mistakes.digit=1.5", "1.5: it must be in [0, 1]"),
    "a ratio below 1": setting("guard.length_ratio=0.5", "0.5: it must be at least 1"),
    "alarms below 0": setting("guard.max_alarms=-1", "-1: it must not be negative"),
    "a seed of 67 bits": setting("seed=99999999999999999999", "99999999999999999999: it must be below 2**32"),
    "a group of one": setting(
        "sampling.group_size=1",
        "1: step advantages are centred within the group and need at least 2; "
        "type --config.sampling.group_size=8",
    ),
    "a mesh of other devices": setting(
        "mesh=(3,1,1)",
        "(3, 1, 1): its product must be the number of devices, ...; type --config.mesh='(-1, 1, 1)' to "
        "spread the batch over all of them",
    ),
    "a mesh with two open axes": setting("mesh=(-1,-1,1)", "(-1, -1, 1): its product must be the number..."),
    "a mesh with an empty axis": setting("mesh=(0,-1,1)", "(0, -1, 1): its product must be the number..."),
    "a mesh of two axes": setting(
        "mesh=(1,1)",
        "(1, 1): expected the numbers of devices along data, fsdp and tensor; "
        "type --config.mesh='(-1, 1, 1)'",
    ),
    "a mesh of strings": Case(
        "train --config=bad.py",
        "config.mesh is ('a', 'b', 'c'): expected the numbers of devices along data, fsdp and tensor; ...",
        (config("config.mesh = ('a', 'b', 'c')"),),
    ),
    "a batch that the mesh does not divide": setting(
        "batch=12", "12: it must be divisible by the mesh's data x fsdp, 8"
    ),
    "micro-batches that do not divide": setting(
        "memory.micro_batches=5", "5: it must divide config.batch, 32"
    ),
    "micro-batches smaller than the mesh": setting(
        "memory.micro_batches=32", "32: a micro-batch has 1 problems...type --config.memory.micro_batches=4"
    ),
    "buckets that do not ascend": setting(
        "prompt.buckets=(24,16)",
        "(24, 16): expected ascending lengths in tokens, such as (64, 128, 256)",
    ),
    "buckets too short for another task's problems": Case(
        f"{TINY}--config.data.procedural.others=('story',)",
        "config.prompt.buckets: problem story-1-0 is 40 tokens long and the largest bucket holds 24: pass "
        "--config.prompt.buckets=(24,64) or leave it out",
    ),
    "no buckets": setting("prompt.buckets=()", "(): expected ascending lengths in tokens, ..."),
    "more tokens than the model takes": Case(
        "train --config=words.py --config.sampling.max_new_tokens=9999",
        "config.sampling.max_new_tokens is 9999: with the largest prompt bucket it makes 10031 tokens, the "
        "model takes 128",
    ),
    "a bucket longer than the model takes": Case(
        "train --config=words.py --config.prompt.buckets=(16,5000)",
        "config.sampling.max_new_tokens is 16: with the largest prompt bucket it makes 5016 tokens, the "
        "model takes 128",
    ),
    "heads that do not divide": Case(
        f"{TINY}--config.model.shape.num_heads=3",
        "model num_heads is 3: expected a multiple of num_kv_heads, which is 4",
    ),
    "a template without its question": setting("prompt.plain=Answer!", "'Answer!': it needs {question}"),
    "an example that is no pair": Case(
        f"{TINY}--config.prompt.few_shot=('ab',)",
        "config.prompt.few_shot has 'ab': expected pairs of question and solution",
    ),
    "a stop that is no string": setting(
        "sampling.stop=(3,)", "(3,): expected strings, such as ('Question:',)"
    ),
    "no channel": Case(
        f"{TINY}--config.scoring.weights.arithmetic=0 --config.scoring.weights.provenance=0",
        "config.scoring.weights is '0 for every channel': at least one must count",
    ),
    "the training split for evaluation": setting(
        "data.eval_split=train", "'train': it is the training split; type validation or test"
    ),
    "no model for real data": Case(
        f"{TINY}--config.data.source=gym",
        "config.model.path is None: only the procedural task starts from nothing; type "
        "--config.model.path=DIR, FILE.gguf or hub id",
    ),
    "a schedule that ends before the run": setting(
        "optimizer.decay_steps=40",
        "40: the learning rate is 0 from that step on, and there are 64; type --config.steps=40, or, for a "
        "new run, --config.optimizer.decay_steps=64",
    ),
    "a divergence that likelihood has no term for": Case(
        f"{TINY}--config.method=self_evolve --config.loss.kl_weight=0.1",
        "config.loss.kl_weight is 0.1: self_evolve trains on likelihood alone; type "
        "--config.loss.kl_weight=0",
    ),
    "steps to trace beyond the last": setting(
        "profile.steps=80:90", "'80:90': expected FIRST:LAST within 1 and config.steps, 64"
    ),
    "chains that cannot be": Case(
        f"{TINY}--config.data.procedural.max_value=0",
        "config.data.procedural: no chain of 2 operations stays within max_value 0 with operands up to 19; "
        "type --config.data.procedural.max_value=99",
    ),
}  # fmt: skip

CONFIG_FILES = {
    "no config": Case(
        "train", "--config is missing: pass a config file, e.g. --config=configs/quickstart.py"
    ),
    "no such file": Case(
        "train --config=none.py",
        "--config=none.py: there is no such file: pass e.g. --config=configs/quickstart.py",
    ),
    "a syntax error": Case(
        "train --config=bad.py",
        "--config=bad.py cannot be loaded: line 1: SyntaxError: ...",
        (text("bad.py", "def get_config(:\n"),),
    ),
    "no get_config": Case(
        "train --config=bad.py",
        "--config=bad.py cannot be loaded: AttributeError: ...get_config...",
        (text("bad.py", "x = 1\n"),),
    ),
    "get_config raises": Case(
        "train --config=bad.py",
        "--config=bad.py cannot be loaded: line 5: ZeroDivisionError: division by zero",
        (config("1 / 0"),),
    ),
    "get_config returns nothing": Case(
        "train --config=bad.py",
        "--config=bad.py: get_config() returns None, not a ConfigDict",
        (text("bad.py", "def get_config():\n    pass\n"),),
    ),
    "a module that is not there": Case(
        "train --config=bad.py",
        "--config=bad.py cannot be loaded: line 1: ModuleNotFoundError: No module named 'tensorflow_again'",
        (text("bad.py", "import tensorflow_again\n"),),
    ),
    "a misspelt key in the file": Case(
        "train --config=bad.py",
        '--config=bad.py cannot be loaded: line 6: AttributeError: ...Key "samplng" does not exist...',
        (config("config.steps = 3", "config.samplng = 3"),),
    ),
    "a wrong type in the file": Case(
        "train --config=bad.py",
        "--config=bad.py cannot be loaded: line 5: TypeError: Could not override field 'steps'...",
        (config("config.steps = 'ten'"),),
    ),
    "None for a number": Case(
        "train --config=bad.py", "config.batch is None: expected a number", (config("config.batch = None"),)
    ),
    "strings for buckets": Case(
        "train --config=bad.py",
        "config.prompt.buckets is ('a',): expected ascending lengths in tokens, such as (64, 128, 256)",
        (config("config.prompt.buckets = ('a',)"),),
    ),
    "an override for debugging that is no key": Case(
        "train --config=bad.py --config.debug",
        "config.debug_overrides.stepz is 3: ...",
        (config("config.debug_overrides.stepz = 3"),),
    ),
    "an ablation's config": Case(
        "train --config=configs/ablations/chain.py",
        "config.batch is missing: a config file changes what get_config() of configs/base.py returns",
    ),
    "an experiment's config for an ablation": Case(
        "ablate --config=configs/quickstart.py",
        "config.base is missing: this is no ablation's config; pass e.g. "
        "--config=configs/ablations/chain.py",
    ),
}  # fmt: skip


def data(rows: str | bytes, said: str) -> Case:
    """Training rows that are told of."""
    return Case("train --config=words.py --config.data.path=bad", said, train_rows(rows))


DATA = {
    "no such folder": Case(
        "train --config=words.py --config.data.path=none",
        "config.data.path: none does not exist: give a .jsonl file or a folder with train.jsonl, e.g. "
        "--config.data.path=PATH/gsm8k",
    ),
    "one file": Case(
        "train --config=words.py --config.data.path=data/train.jsonl",
        "config.data.path is 'data/train.jsonl': one file is no train and test split; give the folder that "
        "holds both",
    ),
    "a folder without the split": Case(
        "train --config=words.py --config.data.path=bad",
        "config.data.path: bad has no test.jsonl: it holds the splits train",
        (text("bad/train.jsonl", ROW),),
    ),
    "a folder without data": Case(
        "train --config=words.py --config.data.path=bad",
        "config.data.path: bad has no train.jsonl: it holds no .jsonl file",
        (text("bad/readme.md", ""),),
    ),
    "a file that may not be read": Case(
        "train --config=words.py --config.data.path=bad",
        "config.data.path: bad/train.jsonl cannot be read: Permission denied",
        (*train_rows(ROW), lambda folder: (folder / "bad/train.jsonl").chmod(0)),
    ),
    "an empty file": data("", "config.data.path: bad/train.jsonl is empty: give one JSON object a line"),
    "a malformed line": data(
        '{"question": "1+1"\n',
        "config.data.path: 1 of 1 lines of bad/train.jsonl are malformed (line 1: Expecting ',' delimiter: "
        "...): give one JSON object a line with `question` or `problem`, in UTF-8",
    ),
    "a line without its field": data(
        '{"text": "1+1"}\n', "...(line 1: no field `question` or `problem`): give one JSON object a line..."
    ),
    "a question that is a number": data(
        '{"question": 5}\n', "...(line 1: the question is empty or no text): give one JSON object a line..."
    ),
    "a line that is a list": data("[1]\n", "...(line 1: a JSON object was expected, not list): give one..."),
    "another encoding": data(
        '{"question": "café"}\n'.encode("latin-1"),
        "...(line 1: 'utf-8' codec can't decode byte 0xe9...): give one JSON object a line...in UTF-8",
    ),
    "UTF-16": data(ROW.encode("utf-16"), "...(line 1: 'utf-8' codec can't decode byte 0xff...in UTF-8"),
    "NUL bytes": data(b"\0" * 512, "config.data.path: 1 of 1 lines of bad/train.jsonl are malformed..."),
    "a NUL in a question": data(
        '{"question": "1\\u0000"}\n', "the tokenizer has no token for '\\x00' (...)"
    ),
    "letters that the tokenizer lacks": data(
        '{"question": "one"}\n', "the tokenizer has no token for 'o' (...)"
    ),
    "a hundred thousand brackets": data("[" * 100_000, "...maximum recursion depth exceeded...in UTF-8"),
    "a prompt longer than the largest bucket": data(
        '{"question": "' + "1+" * 40 + '1"}\n',
        "config.prompt.buckets: problem bad/train:1 is 82 tokens long and the largest bucket holds 32: pass "
        "--config.prompt.buckets=(32,128) or leave it out",
    ),
    "evaluation without gold": Case(
        "train --config=words.py --config.data.path=bad",
        "config.data.eval_split is 'test': its first 1 problems have no answer, and evaluation needs gold "
        "answers: add the field `answer`, or name another split",
        (text("bad/train.jsonl", ROW), text("bad/test.jsonl", '{"question": "1+1"}\n')),
    ),
    "further data that is not there": Case(
        "evaluate --config=words.py --data=none",
        "--data=none: config.data.path: none does not exist: give a .jsonl file or a folder with test.jsonl"
        "...",
    ),
    "further data without gold": Case(
        "evaluate --config=words.py --data=bad.jsonl",
        "--data=bad.jsonl: config.data: no held-out problem has an answer: evaluation needs gold answers",
        (text("bad.jsonl", '{"question": "1+1"}\n'),),
    ),
    "no solution": Case(
        "score --question=Q --solution none",
        "--solution=none cannot be read as UTF-8 text: ...No such file...",
    ),
    "a solution in another encoding": Case(
        "score --question=Q --solution bad.txt",
        "--solution=bad.txt cannot be read as UTF-8 text: ...0xe9...",
        (text("bad.txt", "café".encode("latin-1")),),
    ),
    "no labelled solutions": Case(
        "processbench --data none",
        "--data=none: there is no such file, or none that may be read: pass a JSONL file of ProcessBench's "
        "form",
    ),
    "a label beyond the steps": Case(
        "processbench --data bad.jsonl",
        "--data=bad.jsonl line 2: expected an object with problem (text), steps (texts) and label (index of "
        "the first wrong step, -1 for none)",
        (text("bad.jsonl", "\n" + '{"problem": "p", "steps": ["a"], "label": 1}\n'),),
    ),
}  # fmt: skip


def model(said: str, *changes: Prepare) -> Case:
    """A changed copy of a good model directory."""
    return Case("train --config=words.py --config.model.path=bad", said, (copied("model", *changes),))


def file(said: str, prepare: Prepare) -> Case:
    """A GGUF file."""
    return Case("train --config=words.py --config.model.path=bad.gguf", said, (prepare,))


MODELS = {
    "no such directory": Case(
        "train --config=words.py --config.model.path=./none/at/all",
        "config.model.path is './none/at/all': no such file or directory; type "
        "--config.model.path=/path/to/dir-or-file.gguf",
    ),
    "a hub id, offline": Case(
        "train --config=words.py --config.model.path=someone/none",
        "config.model.path is 'someone/none': no such file or directory, and the Hugging Face hub does not "
        "give it (...); type --config.model.path=/path/to/dir-or-file.gguf",
    ),
    "no path": Case(
        "train --config=words.py --config.model.path=",
        "config.model.path is empty: type --config.model.path=/path/to/dir-or-file.gguf",
    ),
    "no config.json": model(
        "bad/config.json: No such file or directory: expected a Hugging Face model directory",
        without("config.json"),
    ),
    "a malformed config.json": model(
        "bad/config.json is not JSON (...): fetch the file again", text("config.json", "{")
    ),
    "a binary config.json": model(
        "bad/config.json is not JSON (...): fetch the file again", text("config.json", b"\xff\0")
    ),
    "a list in config.json": model(
        "bad/config.json holds a list: expected a JSON object", text("config.json", "[]")
    ),
    "an unknown architecture": model(
        "bad/config.json: architecture is 'GPT2LMHeadModel': expected one of LlamaForCausalLM, "
        "Qwen2ForCausalLM, Qwen3ForCausalLM",
        fields("config.json", architectures=["GPT2LMHeadModel"]),
    ),
    "an architecture that is a number": model(
        "bad/config.json: architecture is 5: expected one of ...", fields("config.json", architectures=5)
    ),
    "a width that is text": model(
        "bad/config.json: hidden_size is '16': expected a JSON integer",
        fields("config.json", hidden_size="16"),
    ),
    "no number of layers": model(
        "bad/config.json: num_hidden_layers is missing: expected a JSON integer",
        fields("config.json", num_hidden_layers=None),
    ),
    "a billion layers": model(
        "bad/config.json: model num_layers is 1000000000: expected at most 10000",
        fields("config.json", num_hidden_layers=10**9),
    ),
    "an angle that is no number": model(
        "bad/config.json: model rope_theta is nan: expected a positive number",
        fields("config.json", rope_parameters={"rope_type": "default", "rope_theta": float("nan")}),
    ),
    "kinds of layers that are a number": model(
        "bad/config.json: layer_types is 5: expected a list of one kind a layer",
        fields("config.json", layer_types=5),
    ),
    "quantised weights": model(
        "bad/config.json: quantization_config is set: expected plain bf16, f16 or f32 weights, or a .gguf "
        "file",
        fields("config.json", quantization_config={"bits": 4}),
    ),
    "truncated weights": model(
        "bad/model.safetensors is truncated or no safetensors file (...): fetch it again", cut(WEIGHTS, 3000)
    ),
    "an error page for weights": model(
        "bad/model.safetensors is truncated or no safetensors file (...): fetch it again",
        text(WEIGHTS, "<html>404: not found</html>"),
    ),
    "an index outside its directory": model(
        "bad/model.safetensors.index.json: shard '../model/model.safetensors' is not the name of a file in "
        "the directory",
        index(embed="../model/model.safetensors"),
    ),
    "an index without its shards": model(
        "bad/b.safetensors is missing: expected a safetensors file", index(embed="b.safetensors")
    ),
    "a tensor of another shape": model(
        "bad: tensor model.norm.weight has shape (7,): expected (16,) from the config",
        tensors(model__norm__weight=np.zeros(7, np.float32)),
    ),
    "a tensor of another type": model(
        "bad/model.safetensors: tensor model.norm.weight is I8: expected F32, F16 or BF16",
        tensors(model__norm__weight=np.zeros(16, np.int8)),
    ),
    "a missing tensor": model(
        "bad: tensor model.norm.weight is missing (1 in all): expected shape (16,) in a 2-layer qwen3 model",
        tensors(model__norm__weight=None),
    ),
    "a pickle alone": model(
        "bad: no weights: expected model.safetensors, or model.safetensors.index.json and the shards it "
        "names",
        without(WEIGHTS),
        text("pytorch_model.bin", b"\x80\x04."),
    ),
    "a weights file for its directory": Case(
        "train --config=words.py --config.model.path=model/model.safetensors",
        "model/model.safetensors is no .gguf file: a directory of safetensors is given as the directory",
    ),
    "a truncated GGUF": file("bad.gguf is truncated or no GGUF file (...): fetch it again", gguf(5000)),
    "a GGUF without its last bytes": file(
        "bad.gguf is truncated or no GGUF file (...): fetch it again", gguf(-100)
    ),
    "text for a GGUF": file(
        "bad.gguf is truncated or no GGUF file (...): fetch it again", text("bad.gguf", "no model" * 9)
    ),
    "an unknown quantisation": file(
        "bad.gguf: tensor blk.0.ffn_norm.weight has type I8 (...): expected F32, F16, BF16, Q4_0, Q4_1, "
        "Q8_0 or a K-quant",
        gguf(raw={"blk.0.ffn_norm.weight": (np.zeros(16, np.int8), GGMLQuantizationType.I8)}),
    ),
    "a GGUF of another architecture": file(
        "bad.gguf: architecture is 'gpt2': expected one of llama, qwen2, qwen3", gguf(architecture="gpt2")
    ),
    "a model for labelled solutions": Case(
        "processbench --data labelled.jsonl --model bad",
        "bad/model.safetensors is truncated or no safetensors file (...): fetch it again",
        (copied("model", cut(WEIGHTS, 3000)),),
    ),
}  # fmt: skip

TOKENIZERS = {
    "no tokenizer": model("bad: unreadable tokenizer (...): expected tokenizer.json", without(*NO_TOKENIZER)),
    "a malformed tokenizer": model(
        "bad: unreadable tokenizer (...): expected tokenizer.json", text("tokenizer.json", "{")
    ),
    "an unknown kind of tokenizer": model(
        "bad: unreadable tokenizer (...): expected tokenizer.json",
        fields("tokenizer.json", model={"type": "Magic"}),
    ),
    "malformed settings": model(
        "bad: unreadable tokenizer (...): expected tokenizer.json", text("tokenizer_config.json", "{")
    ),
    "no end token": model(
        "bad: no end token: expected eos_token in tokenizer_config.json, or eos_token_id in "
        "generation_config.json",
        without("tokenizer_config.json", "special_tokens_map.json"),
    ),
    "an end that is no token": model(
        "bad/generation_config.json: eos_token_id 9999 is no token: expected ids below the vocabulary's "
        "size, 17",
        text("generation_config.json", '{"eos_token_id": 9999}'),
    ),
    "an end that is text": model(
        "bad/generation_config.json: eos_token_id is ['two']: expected token ids",
        text("generation_config.json", '{"eos_token_id": "two"}'),
    ),
    "a vocabulary larger than the embedding": model(
        "bad: the tokenizer has 17 tokens, the model embeds only 5: expected files of one model",
        fields("config.json", vocab_size=5),
    ),
    "an unknown cut of GGUF's words": file(
        "bad.gguf: tokenizer.ggml.pre is 'morse': expected one of gpt-2, smollm, llama-bpe, qwen2, default",
        gguf(vocabulary={"pre": "morse"}),
    ),
    "a template that does not parse": model(
        "the chat template refuses messages with roles user: ...", text("chat_template.jinja", "{% for %}")
    ),
    "a template that divides by zero": model(
        "the chat template refuses messages with roles user: division by zero",
        text("chat_template.jinja", "{{ 1 / 0 }}"),
    ),
    "a template that writes nothing": model(
        "config.prompt: problem data/test:1 has an empty prompt: give a template with {question}",
        text("chat_template.jinja", "{{ '' }}"),
    ),
    "an empty stop": Case(
        "train --config=words.py --config.sampling.stop=('',)",
        "config.sampling.stop is ('',): a stop string must encode to a token",
    ),
    "a stop without tokens": Case(
        "train --config=words.py --config.model.path=bad --config.sampling.stop=('\\n',)",
        "config.sampling.stop is ('\\n',): a stop string must encode to a token",
        (copied("model", normalizer),),
    ),
    "a stop that the tokenizer lacks": Case(
        "train --config=words.py --config.sampling.stop=('Q',)", "the tokenizer has no token for 'Q' (...)"
    ),
}  # fmt: skip

FLAGS = {
    "an unknown flag": Case(
        f"{TINY}--nosuch=1", "Unknown command line flag 'nosuch': type --help for those that there are"
    ),
    "a misspelt flag": Case(
        f"{TINY}--wrkdir=x", "Unknown command line flag 'wrkdir'. Did you mean: workdir ?"
    ),
    "a word that is no flag": Case(
        f"{TINY}extra", "extra is no flag: flags begin with --, values are given as --name=value"
    ),
    "resume without workdir": Case(
        f"{TINY}--resume", "--resume needs the run to continue: type --workdir=runs/NAME --resume"
    ),
    "an empty workdir": Case(
        f"{TINY}--workdir=", "--workdir is empty: type --workdir=runs/NAME, or leave it out"
    ),
    "a workdir in a bucket of another kind": Case(
        f"{TINY}--workdir=s3://bucket/run",
        "--workdir=s3://bucket/run: expected a path, or gs://BUCKET/NAME",
    ),
    "a run whose config is cut": Case(
        f"{TINY}--workdir=bad --resume",
        "bad/config.json is no run's config (...): start another run, without --resume",
        (copied("run", cut("config.json", 20)),),
    ),
    "a start that is not there": Case(
        f"{TINY}--config.warm_start.start=none",
        "config.warm_start.start: none holds no run: give a run's work directory, such as runs/NAME",
    ),
    "several processes without a workdir": Case(
        f"{TINY}--distributed --coordinator=localhost:1 --processes=2 --process=0",
        "--workdir is missing: several processes share one; type --workdir=runs/NAME",
    ),
    "a process without a coordinator": Case(
        f"{TINY}--workdir=new --distributed --processes=1",
        "the processes cannot join (...): on a TPU pod, Slurm or Kubernetes type --distributed alone; ...",
    ),
    "nothing to resume": Case(
        f"{TINY}--workdir=none --resume",
        "--workdir=none holds no run to resume: leave out --resume to start one there",
    ),
    "a workdir that holds a run": Case(
        f"{TINY}--workdir=run", "--workdir=run holds a run: type --resume to continue it, or pass another"
    ),
    "a run of another config": Case(
        f"{TINY}--workdir=run --resume --config.batch=64",
        "--workdir=run was made with config.batch = 32, now it is 64: type --config.batch=32, or start "
        "another run without --resume",
    ),
    "a workdir that is a file": Case(
        "train --config=words.py --workdir=words.py",
        "--workdir: ...words.py is no folder that can be written to: pass another path",
    ),
    "a workdir below a file": Case(
        "train --config=words.py --workdir=words.py/x",
        "--workdir: ...words.py is no folder that can be written to: pass another path",
    ),
    "evaluation of nothing": Case(
        "evaluate --config=configs/quickstart.py",
        "--workdir is missing: type --workdir=runs/NAME, or --config.model.path=MODEL alone",
    ),
    "evaluation of no run": Case(
        "evaluate --config=configs/quickstart.py --workdir=none",
        "--workdir=none holds no run: type --workdir=runs/NAME",
    ),
    "evaluation of a run without checkpoints": Case(
        "evaluate --config=configs/quickstart.py --workdir=bad",
        "--workdir=bad has no checkpoint: train first, or type --workdir=runs/NAME",
        (copied("run", lambda folder: [shutil.rmtree(step) for step in (folder / "checkpoints").iterdir()]),),
    ),
    "a step without a checkpoint": Case(
        "evaluate --config=configs/quickstart.py --workdir=run --step=7",
        "--step=7: --workdir=run has no checkpoint of step 7: it has steps 0, 2; type --step=2",
    ),
    "a step that is no number": Case(
        "evaluate --config=configs/quickstart.py --workdir=run --step=last", "flag --step=last: ...'last'"
    ),
    "a run without its start": Case(
        "evaluate --config=configs/quickstart.py --workdir=bad",
        "--workdir=bad has no checkpoint of the start: type --nocompare_base",
        (copied("run", lambda folder: shutil.rmtree(folder / "checkpoints/0")),),
    ),
    "a checkpoint of another model": Case(
        "evaluate --config=words.py --workdir=run --step=0",
        "checkpoint ...run/checkpoints/0 is of another model: model.family is other there and qwen3 here; ..."
        ": pass the config that it was made with, or another --workdir",
    ),
    "a corrupt checkpoint": Case(
        "evaluate --config=words.py --workdir=bad --step=0",
        "checkpoint ...bad/checkpoints/0 is truncated or corrupt (about/metadata is not what was saved): "
        "there is none before it",
        (copied("run", cut("checkpoints/0/about/metadata", 9)),),
    ),
    "temperatures that are words": Case(
        "evaluate --config=configs/quickstart.py --workdir=run --temperatures=warm",
        "--temperatures=warm: expected numbers above 0; type --temperatures=0.4,0.6,0.8,1.0",
    ),
    "a temperature of zero": Case(
        "evaluate --config=configs/quickstart.py --workdir=run --temperatures=0,1",
        "--temperatures=0,1: expected numbers above 0; type --temperatures=0.4,0.6,0.8,1.0",
    ),
    "no samples": Case(
        "evaluate --config=configs/quickstart.py --workdir=run --samples=0",
        "flag --samples=0: 0 is not a positive integer",
    ),
    "an unknown split": Case(
        "evaluate --config=configs/quickstart.py --workdir=run --split=dev",
        "config.data.eval_split is 'dev': a made problem is in one of train, validation, test",
    ),
    "figures into a read-only folder": Case(
        "evaluate --config=configs/quickstart.py --workdir=run --json=closed/out.json",
        "--json: ...closed is no folder that can be written to: pass another path",
        (closed("closed", 0o555),),
    ),
    "figures into a folder's place": Case(
        "evaluate --config=configs/quickstart.py --workdir=run --json=data",
        "--json=data is a directory: type --json=data/figures.json",
    ),
    "figures below a file": Case(
        "processbench --data labelled.jsonl --json=words.py/out.json",
        "--json: ...words.py is no folder that can be written to: pass another path",
    ),
    "an unknown channel": Case(
        "processbench --data labelled.jsonl --channels magic",
        "argument --channels: invalid choice: 'magic' (choose from ...); usage: ...",
    ),
    "a channel without its model": Case(
        "processbench --data labelled.jsonl --channels coherence",
        "--channels coherence: these ask a model; type --model=PATH",
    ),
    "a threshold that is no number": Case(
        "processbench --data labelled.jsonl --threshold nan",
        "--threshold=nan: expected a score in [0, 1]; type --threshold 0.2",
    ),
    "no question": Case(
        "score --solution labelled.jsonl", "the following arguments are required: --question; usage: ..."
    ),
    "no output": Case(
        "export --config=configs/quickstart.py --workdir=run",
        "--workdir or --output is missing: type --workdir=runs/NAME --output=DIR",
    ),
    "an output that is full": Case(
        "export --config=configs/quickstart.py --workdir=run --output=data",
        "--output=data exists: expected a new or empty directory; pass another",
    ),
    "a read-only output": Case(
        "export --config=configs/quickstart.py --workdir=run --output=closed/model",
        "--output: ...closed is no folder that can be written to: pass another path",
        (closed("closed", 0o555),),
    ),
    "an adapter that was not trained": Case(
        "export --config=configs/quickstart.py --workdir=run --output=new --adapter",
        "--adapter: config.lora.rank is 0, the run trained all parameters: leave it out",
    ),
    "an export in an unknown type": Case(
        "export --config=configs/quickstart.py --workdir=run --output=new --config.model.dtype=float16",
        "config.model.dtype is 'float16': expected one of bfloat16, float32",
    ),
    "no processes": Case(f"{CHAIN}--processes=0", "--processes=0: expected 1 or more"),
    "an unknown variant": Case(
        f"{CHAIN}--config.order=('nothing',)", "config.order has 'nothing': the variants are ..."
    ),
    "a base that is not there": Case(
        f"{CHAIN}--config.base=none.py",
        "--config=none.py: there is no such file: pass e.g. --config=configs/quickstart.py",
    ),
    "a negative learning rate to try": Case(
        f"{CHAIN}--config.search.learning_rates=(-1.0,)",
        "the learning rates of sept are (-1.0,): expected numbers above 0",
    ),
    "an unknown split to test": Case(
        f"{CHAIN}--config.evaluation.test_split=dev",
        "config.data.eval_split is 'dev': a made problem is in one of train, validation, test",
    ),
    "no points of a curve": Case(
        f"{CHAIN}--config.evaluation.curve_points=0",
        "config.evaluation.curve_points is 0: it must be above 0",
    ),
    "a search that is not there": Case(
        f"{CHAIN}--config.search.taken_from=none.csv",
        "config.search.taken_from is 'none.csv', which cannot be read (No such file or directory): run the "
        "ablation that writes it first, or type --config.search.taken_from=FILE",
    ),
    "a read-only report": Case(
        f"{CHAIN}--output=closed/report",
        "--output: ...closed is no folder that can be written to: pass another path",
        (closed("closed", 0o555),),
    ),
}  # fmt: skip

ENVIRONMENTS = {
    "a read-only workdir": Case(
        "train --config=words.py --workdir=closed/run",
        "--workdir: ...closed is no folder that can be written to: pass another path",
        (closed("closed", 0o555),),
    ),
    "a workdir in use": Case(
        "train --config=words.py --workdir=used",
        "--workdir=used: another command is at work there: wait for it, or pass another",
    ),
    "an ablation in use": Case(
        f"{CHAIN}--config.workdir=used",
        "--config.workdir=used: another command is at work there: wait for it, or pass another",
    ),
    "an unknown platform": Case(
        "score --question=Q --solution words.py",
        "jax finds no device, JAX_PLATFORMS is 'abacus' (Unable to initialize backend 'abacus': ...): type "
        "JAX_PLATFORMS=cpu before the command",
        environment={"JAX_PLATFORMS": "abacus"},
    ),
    "no home and no cache": Case(
        "train --config=words.py --workdir=words.py",
        "--workdir: ...words.py is no folder that can be written to: pass another path",
        environment={"HOME": "/dev/null", "XDG_CACHE_HOME": None, "HF_HOME": "/dev/null/hub"},
    ),
    "a terminal that knows ASCII alone": Case(
        "ablate --config=süß.py",
        "--config=s\\xfc\\xdf.py: there is no such file: pass e.g. --config=configs/quickstart.py",
        environment={"PYTHONIOENCODING": "ascii"},
    ),
}  # fmt: skip

AREAS = {
    "config": CONFIGS, "config file": CONFIG_FILES, "data": DATA, "model": MODELS, "tokenizer": TOKENIZERS,
    "flag": FLAGS, "environment": ENVIRONMENTS,
}  # fmt: skip
CASES = {f"{area}: {name}": case for area, cases in AREAS.items() for name, case in cases.items()}


@pytest.fixture(scope="module")
def environment():
    return os.environ | {"PYTHONPATH": str(ROOT), "HF_HUB_OFFLINE": "1"}


@pytest.fixture(scope="module")
def commands(environment):
    commands = forked.Commands(2 * SECONDS, environment)
    yield commands
    commands.close()


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """Configs, data, a model, and a run with checkpoints of another."""
    folder = tmp_path_factory.mktemp("good")
    (folder / "configs").symlink_to(ROOT / "configs")
    (folder / "words.py").write_text(WORDS)
    (folder / "labelled.jsonl").write_text('{"problem": "p", "steps": ["1+1=2"], "label": -1}\n')
    for split in ("train", "test"):
        text(f"data/{split}.jsonl", ROW)(folder)
    write_hf(folder / "model", QWEN3["config"], QWEN3["weights"])
    checkpoints = Checkpoints(folder / "run" / "checkpoints", 2, {"family": "other"})
    for step in (0, 2):
        checkpoints.save(step, {"trainable": {"embed": np.zeros(3, np.float32)}}, {})
    checkpoints.close()
    (folder / "run" / "config.json").write_text(json.dumps(complete(quickstart.get_config()).to_dict()))
    return folder


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_bad_input(case, commands, environment, good, tmp_path):
    for thing in good.iterdir():
        (tmp_path / thing.name).symlink_to(thing)
    for prepare in case.prepare:
        prepare(tmp_path)
    module, *arguments = case.command.split()
    (tmp_path / "used").mkdir()
    with (tmp_path / "used" / "lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if case.environment is None:
            ended = commands.run(tmp_path, f"sept_jax.{module}", arguments)
        else:
            ended = run_anew(tmp_path, module, arguments, environment, case.environment)
            if ended.seconds >= SECONDS:  # what shares the core adds to CPU time, too
                ended = run_anew(tmp_path, module, arguments, environment, case.environment)
    assert ended.code == 2, ended.stderr
    assert ended.stdout == ""
    assert ended.stderr.count("\n") == 1, ended.stderr
    expected = ".*".join(map(re.escape, f"error: {case.said}\n".split("...")))
    assert re.fullmatch(expected, ended.stderr), ended.stderr
    assert ended.seconds < SECONDS
    assert not (tmp_path / "runs").exists()


def run_anew(
    folder: Path,
    module: str,
    arguments: list[str],
    environment: Mapping[str, str],
    changes: Mapping[str, str | None],
) -> forked.Ended:
    """The command as it is typed; its seconds are of processor time."""
    merged = {name: value for name, value in (environment | changes).items() if value is not None}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", f"sept_jax.{module}", *arguments],
        cwd=folder, env=merged, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    seconds = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return forked.Ended(done.returncode, done.stdout, done.stderr, seconds)
