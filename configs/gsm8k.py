"""SePT on GSM8K with a small instruct model. Gold answers are read in evaluation only.

  python -m sept_jax.train --config=configs/gsm8k.py
  python -m sept_jax.train --config=configs/gsm8k.py --config.model.path=MODEL.gguf \\
      --config.data.source=jsonl --config.data.path=PATH/gsm8k

The first form fetches model and data; the second reads local files and needs no network.
"""

from configs import base

EXAMPLE = (
    "A baker fills 6 trays with 12 rolls each. She sells 50 rolls and gives 4 to a neighbour. "
    "How many rolls are left?",
    "The baker makes 6*12=72 rolls.\nShe parts with 50+4=54 rolls.\nSo 72-54=18 rolls are left.\n#### 18",
)


def get_config():
    config = base.get_config()
    config.steps = 200
    config.batch = 8
    config.model.path = "HuggingFaceTB/SmolLM2-360M-Instruct"
    config.prompt.instruction = (
        "{question}\nWork step by step, one short line a step. End with a line '#### ' and the answer."
    )
    config.prompt.few_shot = (EXAMPLE,)
    config.prompt.buckets = (288, 416)  # nine batches of ten, and the longest of its prompts
    config.sampling.max_new_tokens = 256
    config.memory.length_buckets = 2  # two prompt buckets: two programs sample, four update
    config.memory.micro_batches = 4
    config.debug_overrides = {
        "steps": 2,
        "batch": 2,
        "sampling": {"group_size": 2, "max_new_tokens": 16},
        "memory": {"micro_batches": 1},
        "evaluation": {"problems": 2, "samples": 2, "batch": 2},
        "checkpoint": {"every": 1},
        "log": {"samples_every": 1},
    }
    return config
