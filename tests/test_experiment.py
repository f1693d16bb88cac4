"""A bad config fails with one clear line, before anything is loaded or compiled."""

import subprocess
import sys
import time

import jax
import pytest

from configs import base, gsm8k, gym, quickstart, story
from sept_jax.errors import UserError
from sept_jax.experiment import build
from sept_jax.records import CHANNELS
from sept_jax.sharding import make_mesh
from sept_jax.validation import validate, validate_mesh

STEPS = quickstart.get_config().steps


def changed(**changes):
    config = quickstart.get_config()
    config.update_from_flattened_dict(changes)
    return config


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("sampling.group_size", 1, "need at least 2; type --config.sampling.group_size=8"),
        ("method", "sep", "expected one of sept, sept_path, self_evolve"),
        ("sampling.policy", "first", "expected current or start"),
        ("sampling.policy", "start", "the policy gradient of sept needs the current policy's paths"),
        ("sampling.temperature", 0.0, "all paths of a group would be the same"),
        ("sampling.temperature", -1.0, "must not be negative"),
        ("sampling.top_p", 0.0, "must be in (0, 1]"),
        ("sampling.top_p", 1.5, "must be in (0, 1]"),
        ("sampling.top_k", -2, "must not be negative"),
        ("sampling.max_new_tokens", 0, "must be above 0"),
        ("batch", 0, "must be above 0"),
        ("steps", -1, "must not be negative"),
        ("advantage", "togo", "expected one of first_low, to_go, gain, path, min, grpo"),
        ("model.dtype", "float16", "expected one of bfloat16, float32"),
        ("data.source", "json", "expected tfds, jsonl, gym or procedural"),
        ("data.source", "jsonl", "type --config.data.path=PATH/gsm8k"),
        ("data.source", "tfds", "only the procedural task starts from nothing"),
        ("memory.micro_batches", 5, "it must divide config.batch, 32"),
        ("sampling.chunks", 0, "must be above 0"),
        ("sampling.chunks", 5, "it must divide config.batch, 32"),
        ("scoring.workers", -1, "must not be negative"),
        ("memory.logit_chunk", 0, "must be above 0"),
        ("sampling.compactions", -1, "must not be negative"),
        ("sampling.growths", -1, "must not be negative"),
        ("loss.importance_cap", 0.5, "it must be at least 1"),
        ("profile.steps", "3", f"expected FIRST:LAST within 1 and config.steps, {STEPS}"),
        ("profile.steps", "5:3", "expected FIRST:LAST"),
        ("profile.steps", f"3:{STEPS + 1}", "expected FIRST:LAST"),
        ("checkpoint.on_error", "wait", "expected stop or go_on"),
        ("guard.max_skipped", 0, "must be above 0"),
        ("lora.rank", -1, "it must be 0 (all parameters are trained) or more"),
        ("lora.projections", ("q_proj",), "expected some of query, key, value, output, gate, up, down"),
        ("prompt.buckets", (), "expected ascending lengths"),
        ("prompt.buckets", (64, 32), "expected ascending lengths"),
        ("scoring.weighting", "best", "expected one of fixed, reliability"),
        ("scoring.questions.consensus_share", 1.0, "in (0, 1)"),
        ("scoring.reliability_memory", 1.0, "in [0, 1)"),
        ("scoring.weights.algebra", -1.0, "must be 0 (not asked) or more"),
        ("scoring.weights.code", 1.0, "this channel has no implementation; type 0"),
        ("curriculum.start", 0.0, "must be in (0, 1]"),
        ("curriculum.width", 0.0, "below 0.01 no problem has weight left"),
        ("loss.clip_low", 1.0, "must be in [0, 1)"),
        ("data.procedural.size", 0, "must be above 0"),
        ("optimizer.b2", 1.0, "must be in [0, 1)"),
        ("optimizer.learning_rate", 0.0, "must be above 0"),
        ("optimizer.learning_rate", float("nan"), "must be above 0"),
        ("loss.kl_weight", -0.1, "must not be negative"),
        ("checkpoint.keep", 0, "must be above 0"),
        ("evaluation.samples", 0, "must be above 0"),
        ("guard.baseline_steps", 0, "must be above 0"),
        ("seed", -1, "must not be negative"),
    ],
)
def test_a_bad_value_is_named(key, value, said):
    with pytest.raises(UserError) as caught:
        validate(changed(**{key: value}))
    assert said in str(caught.value)
    assert str(caught.value).startswith(("config.", f"config.{key}"))
    assert "\n" not in str(caught.value)


def test_training_on_own_samples_takes_single_paths_and_those_of_the_start():
    validate(changed(method="self_evolve", **{"sampling.group_size": 1, "sampling.policy": "start"}))
    with pytest.raises(UserError, match=r"config\.method is 'more_warm_start': only the procedural source"):
        validate(
            changed(
                method="more_warm_start",
                **{"data.source": "jsonl", "data.path": "x", "model.path": "y", "warm_start.steps": 0},
            )
        )


def test_no_channel_at_all():
    with pytest.raises(UserError, match="at least one must count"):
        validate(changed(**{f"scoring.weights.{name}": 0.0 for name in CHANNELS}))


def test_a_batch_that_does_not_divide_over_the_mesh():
    mesh = make_mesh((8, 1, 1))
    for key, value in (("batch", 12), ("evaluation.batch", 20), ("warm_start.batch", 3)):
        with pytest.raises(
            UserError, match=rf"config\.{key} is {value}.*divisible by the mesh's data x fsdp, 8"
        ):
            validate_mesh(changed(**{key: value}), mesh)
    with pytest.raises(
        UserError, match=r"a micro-batch has 4 problems.*type --config.memory.micro_batches=4"
    ):
        validate_mesh(changed(**{"memory.micro_batches": 8}), mesh)
    with pytest.raises(UserError, match=r"a chunk has 2 problems.*type --config.sampling.chunks=4"):
        validate_mesh(changed(**{"sampling.chunks": 16}), mesh)
    with pytest.raises(UserError, match=r"config\.mesh is \(3, 1, 1\).*number of devices, 8"):
        build(changed(mesh=(3, 1, 1)))


@pytest.mark.parametrize("config", [base, gsm8k, gym, quickstart, story])
def test_defaults_set_every_channel_and_quickstart_is_valid(config):
    made = config.get_config()
    assert set(made.scoring.weights) == set(CHANNELS)
    if config is not base:
        validate(made)


def test_few_programs_are_compiled_for_a_real_model():
    for made in (gsm8k.get_config(), gym.get_config()):
        assert len(made.prompt.buckets) * (1 + made.memory.length_buckets) <= 6


def test_splits_of_the_procedural_task_share_no_problem():
    experiment = build(changed(**{"data.procedural.size": 600, "warm_start.steps": 5}))
    sources = experiment.problems, experiment.worked, experiment.held_out, experiment.out_of_distribution
    train, worked, held_out, ood = ({s[i].question for i in range(len(s))} for s in sources)
    assert len(train) > 500
    assert len(worked) > 250
    assert not (train | worked) & (held_out | ood)
    assert set(experiment.out_of_distribution.levels) == {5.0, 6.0}


def test_the_quickstart_decoder_has_half_a_million_to_four_million_parameters():
    experiment = build(changed(**{"warm_start.steps": 0}))
    assert 5e5 <= sum(p.size for p in jax.tree.leaves(experiment.params)) <= 4e6


def test_no_weights_and_no_hub(tmp_path):
    for split in ("train", "test"):
        (tmp_path / f"{split}.jsonl").write_text('{"question": "1+1?", "answer": "#### 2"}\n')
    config = gsm8k.get_config()
    config.update_from_flattened_dict(
        {"memory.micro_batches": 1, "data.source": "jsonl", "data.path": str(tmp_path)}
    )
    for path in ("./nothing.gguf", "HuggingFaceTB/SmolLM2-360M-Instruct"):
        config.model.path = path
        with pytest.raises(UserError, match=r"type --config\.model\.path=/path/to/dir-or-file\.gguf"):
            build(config)
    config.data.path = str(tmp_path / "train.jsonl")
    with pytest.raises(UserError, match="one file is no train and test split"):
        build(config)


ON_EIGHT = ["--config=configs/gsm8k.py", "--config.memory.micro_batches=1"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--config=configs/quickstart.py", "--config.sampling.group_size=1"], "need at least 2"),
        (["--config=configs/quickstart.py", "--config.modle.path=x"], "did you mean --config.model.path?"),
        ([*ON_EIGHT, "--config.data.source=jsonl", "--config.data.path=nowhere"], "nowhere does not exist"),
        (["--config=configs/quickstart.py", "--resume"], "type --workdir=runs/NAME --resume"),
    ],
)
def test_the_command_ends_in_one_line_and_exit_code_2(arguments, said):
    began = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-m", "sept_jax.train", *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.startswith("error: ")
    assert done.stderr.count("\n") == 1
    assert time.monotonic() - began < 60
