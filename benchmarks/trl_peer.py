"""TRL's GRPOTrainer, doing whole steps when told to: the `peer` extra."""

import json
import sys
import tempfile
import time
from pathlib import Path

import torch
from datasets import Dataset
from transformers import AutoModelForCausalLM, TrainerCallback
from trl import GRPOConfig, GRPOTrainer

from benchmarks import torch_peers
from benchmarks.turns import Turns

ROWS = 16
"""Paths whose gradient is made at a time."""


def write_plain(model: Path, folder: Path) -> Path:
    """Writes a .gguf file's weights as f32: TRL takes none that were quantised."""
    read = torch_peers.load(model, "float32")
    weights = read.state_dict()
    del read.config.quantization_config
    plain = AutoModelForCausalLM.from_config(read.config, dtype=torch.float32)
    plain.load_state_dict(weights)
    plain.save_pretrained(folder)
    return folder


class _TakesTurns(TrainerCallback):
    def __init__(self, turns: Turns):
        self._turns, self._began = turns, 0.0

    def on_step_begin(self, *_, **__):
        if not self._turns.wait():
            sys.exit()
        self._began = time.perf_counter()

    def on_step_end(self, *_, **__):
        self._turns.tell(time.perf_counter() - self._began)


def steps(
    turns: Turns, model: Path, data: Path, prompts: int, group: int, new: int, dtype: str,
    checkpointing: bool, most: int,
) -> None:  # fmt: skip
    """A step a turn, `most` in all; f32 weights, autocast where asked, and a reward that costs nothing."""
    questions = [json.loads(line)["question"] for line in (data / "train.jsonl").read_text().splitlines()]
    with tempfile.TemporaryDirectory() as folder:
        plain = model if model.is_dir() else write_plain(model, Path(folder))
        tokenizer = torch_peers.load_tokenizer(model)
        tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
        settings = GRPOConfig(
            output_dir=folder, per_device_train_batch_size=ROWS,
            gradient_accumulation_steps=prompts * group // ROWS, num_generations=group,
            max_completion_length=new, max_steps=most, learning_rate=1e-6, beta=0.0, temperature=1.0,
            bf16=dtype == "bfloat16", use_cpu=True, gradient_checkpointing=checkpointing, report_to=[],
            save_strategy="no", logging_strategy="no", disable_tqdm=True,
        )  # fmt: skip
        GRPOTrainer(
            model=AutoModelForCausalLM.from_pretrained(plain, dtype=torch.float32),
            processing_class=tokenizer, args=settings, callbacks=[_TakesTurns(turns)],
            reward_funcs=lambda completions, **_: [float(len(str(text)) % 7) for text in completions],
            train_dataset=Dataset.from_list(
                [{"prompt": [{"role": "user", "content": question}]} for question in questions]
            ),
        ).train()  # fmt: skip
