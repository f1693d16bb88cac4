"""Seconds of a whole training step on GSM8K: ours, TRL's GRPOTrainer's, and ours with a reward model. Prints
a JSON object a row.

python -m benchmarks.step --model MODEL.gguf --data PATH/gsm8k [--json OUT] [--turns 3]

8 prompts x 8 paths of up to 64 tokens: sampled, scored, one update. The peer gets the same prompts, and a
reward that costs nothing. `reward model`: our step and one more forward pass of a model of the policy's size
over every path, which is what scoring without a reward model saves. TRL is not in the `peer` extra: `pip
install trl datasets`.
"""

import dataclasses
import itertools
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jaxtyping import PyTree

from benchmarks.compare import Turn, alternate, parser, report
from configs import gsm8k
from sept_jax import command
from sept_jax.experiment import Experiment, build, place_params
from sept_jax.run import start_loop
from sept_jax.scoring.pool import ReaderPool
from sept_jax.train import train_step
from sept_jax.update import jitted_path_logprobs

PROMPTS, GROUP, NEW = 8, 8, 64


def our_step(experiment: Experiment, readers: ReaderPool, reward_model: PyTree | None = None) -> Turn:
    """A step a call, each from the loop that the one before left."""
    loops = [start_loop(experiment, experiment.params)]

    def turn() -> float:
        began = time.perf_counter()
        loops[0], scored, _, _ = train_step(experiment, readers, loops[0], None)
        if reward_model is not None:
            logprob, _ = jitted_path_logprobs(
                reward_model, model=experiment.model, prompts=scored.prompts, rollouts=scored.rollouts,
                dtype=experiment.dtype, logit_chunk=experiment.update.logit_chunk,
            )  # fmt: skip
            np.asarray(logprob)
        return time.perf_counter() - began

    return turn


def trl_steps(model: Path, questions: list[str], dtype: str, steps: int) -> list[float]:
    """Seconds of each step."""
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import GRPOConfig, GRPOTrainer

    folder = tempfile.mkdtemp()  # weights that were quantised are refused: written out, and read again
    read = AutoModelForCausalLM.from_pretrained(model.parent, gguf_file=model.name, dtype=torch.float32)
    weights = read.state_dict()
    del read.config.quantization_config
    plain = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)
    plain.load_state_dict(weights)
    plain.save_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(model.parent, gguf_file=model.name)
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    seconds: list[float] = []

    class Clock(TrainerCallback):
        def on_step_begin(self, *_, **__):
            seconds.append(-time.perf_counter())

        def on_step_end(self, *_, **__):
            seconds[-1] += time.perf_counter()

    settings = GRPOConfig(
        output_dir=folder, per_device_train_batch_size=16, gradient_accumulation_steps=PROMPTS * GROUP // 16,
        num_generations=GROUP, max_completion_length=NEW, max_steps=steps, learning_rate=1e-6, beta=0.0,
        temperature=1.0, bf16=dtype == "bfloat16", use_cpu=True, report_to=[], save_strategy="no",
        gradient_checkpointing=True,
    )  # fmt: skip
    prompts = [{"prompt": [{"role": "user", "content": question}]} for question in questions]
    GRPOTrainer(
        model=AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32),
        processing_class=tokenizer, args=settings, callbacks=[Clock()],
        reward_funcs=lambda completions, **_: [float(len(str(text)) % 7) for text in completions],
        train_dataset=Dataset.from_list(prompts),
    ).train()  # fmt: skip
    return seconds


def make_config(model: Path, data: Path, dtype: str) -> Any:
    config = gsm8k.get_config()
    config.update_from_flattened_dict(
        {
            "batch": PROMPTS,
            "model.path": str(model),
            "model.dtype": dtype,
            "data.source": "jsonl",
            "data.path": str(data),
            "sampling.group_size": GROUP,
            "sampling.max_new_tokens": NEW,
            "sampling.compactions": 0,  # 64 tokens are too few for any path to leave early
            "mesh": (1, 1, 1),
        }
    )
    return config


def main() -> None:
    flags = parser(__doc__)
    flags.set_defaults(turns=3)
    flags.add_argument("--data", type=Path, required=True, help="GSM8K as train.jsonl and test.jsonl")
    given = flags.parse_args()
    command.cache_compilations()
    command.keep_freed_memory()
    experiment = build(make_config(given.model, given.data, given.dtype))
    experiment = dataclasses.replace(
        experiment, curriculum=dataclasses.replace(experiment.curriculum, start=1.0)
    )
    peers: dict[str, Turn] = {}
    if not given.no_peers:
        lines = (given.data / "train.jsonl").read_text().splitlines()[: PROMPTS * (given.turns + 1)]
        questions = [json.loads(line)["question"] for line in lines]
        timed = itertools.cycle(trl_steps(given.model, questions, given.dtype, given.turns + 1))
        peers["trl GRPOTrainer"] = lambda: next(timed)
    readers = ReaderPool(0)
    with jax.set_mesh(experiment.mesh):
        judge = place_params(experiment, experiment.params)
        peers["ours with a reward model"] = our_step(experiment, readers, judge)
        rows = alternate(
            f"step: {PROMPTS} prompts x {GROUP} paths, T<={NEW}", "seconds", "s",
            our_step(experiment, readers), peers, given.turns, higher_is_better=False,
        )  # fmt: skip
    readers.close()
    report(rows, given.json)


if __name__ == "__main__":
    main()
