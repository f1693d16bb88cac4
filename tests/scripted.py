"""A tiny experiment, and a policy that writes what it is told to in place of the sampler."""

import dataclasses
import functools

import jax
import numpy as np

from configs import quickstart
from sept_jax.experiment import build
from sept_jax.records import Rollouts

ONE_DEVICE = jax.make_mesh(
    (1, 1, 1), ("data", "fsdp", "tensor"), (jax.sharding.AxisType.Auto,) * 3, devices=jax.devices()[:1]
)
SHAPE = {"width": 16, "mlp_width": 24, "num_layers": 2, "num_heads": 4, "num_kv_heads": 2, "head_dim": 4}


def config():
    """Chains of 2, 3 and 4 operations, in turn."""
    made = quickstart.get_config()
    made.update_from_flattened_dict(
        {
            "model.shape": SHAPE,
            "prompt.buckets": (24,),
            "sampling.max_new_tokens": 12,
            "warm_start.steps": 0,
            "evaluation.problems": 6,
            "evaluation.ood_problems": 3,
            "evaluation.batch": 8,
            "evaluation.samples": 2,
        }
    )
    return made


@functools.cache
def experiment():
    return dataclasses.replace(build(config()), mesh=ONE_DEVICE)


class Scripted:
    """`sample_groups` whose path g at temperature t is `write(question, g, t)`; `calls` holds the
    temperature and the group size of each call, `params` the last parameters. A first call of its kind
    compiles."""

    def __init__(self, tokenizer, write):
        self.tokenizer, self.write, self.calls, self.params = tokenizer, write, [], None

    def compilations(self):
        return len(set(self.calls))

    def __call__(self, params, prompts, key, *, model, config, dtype):
        self.params = params
        self.calls.append((config.temperature, config.group_size))
        shape = (len(prompts.length), config.group_size, config.max_new_tokens)
        tokens, length = np.full(shape, config.pad_id, np.int32), np.zeros(shape[:2], np.int32)
        for b, (row, size) in enumerate(zip(np.asarray(prompts.tokens), prompts.length, strict=True)):
            question = self.tokenizer.decode(row[:size].tolist()).strip()
            for g in range(config.group_size):
                path = self.tokenizer.encode(self.write(question, g, config.temperature))
                tokens[b, g, : len(path)], length[b, g] = path, len(path)
        zeros = np.zeros(shape, np.float32)
        return Rollouts(tokens, length, zeros, zeros, zeros, length < shape[2])
