"""Sampled tokens a second, ours and Hugging Face's `generate` in turns. Prints a JSON object a row.

python -m benchmarks.sampling --model MODEL.gguf [--data PATH/gsm8k/test.jsonl] [--json OUT] [--turns 5]

`fixed`: 8 prompts of 256 tokens x 16 paths x 64 tokens. `little`: 4 prompts x 1 path. With --data `natural`:
32 real prompts x 8 paths of up to 256 tokens, which end by themselves; tokens up to the ends count. With
--scaling, ours alone, tokens a second and bytes over numbers and lengths of paths.
"""

import itertools
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree

from benchmarks.compare import alternate, parser, per_second, report
from configs import gsm8k
from sept_jax import command
from sept_jax.data.prompts import encode_prompts, render
from sept_jax.models.config import ModelConfig
from sept_jax.models.load import load_model
from sept_jax.records import Problem, Prompts
from sept_jax.sampling import SamplingConfig, _sample, sample_groups


def draw(
    params: PyTree, model: ModelConfig, prompts: Prompts, config: SamplingConfig, dtype: str
) -> Callable[[], int]:
    """Samples and counts the tokens; another key each time."""
    keys = map(jax.random.key, itertools.count())

    def run() -> int:
        rollouts = sample_groups(
            params, prompts, next(keys), model=model, config=config, dtype=getattr(jnp, dtype)
        )
        return int(rollouts.length.sum())

    return run


def made_prompts(count: int, width: int) -> list[list[int]]:
    return np.random.default_rng(0).integers(5, 40_000, (count, width)).tolist()


def padded(rows: list[list[int]]) -> Prompts:
    """Rows of one length."""
    return Prompts(jnp.asarray(rows, jnp.int32), jnp.full(len(rows), len(rows[0]), jnp.int32))


def natural_texts(file: Path, count: int, tokenizer: Any) -> list[str]:
    questions = [json.loads(line)["question"] for line in file.read_text().splitlines()[:count]]
    prompt = gsm8k.get_config().prompt
    return [render(Problem(q, None, 0.0, str(i)), tokenizer, prompt) for i, q in enumerate(questions)]


def scaling(params: PyTree, model: ModelConfig, dtype: str, turns: int) -> Iterator[dict[str, Any]]:
    """Tokens a second, and bytes that the compiled sampler asks for beside its inputs, for G x T."""
    prompts = padded(made_prompts(4, 256))
    for paths, new in itertools.product((1, 4, 16, 64), (64, 256, 1024)):
        config = SamplingConfig(paths, new)
        found = alternate(
            f"scaling: 4 prompts x {paths} paths, P=256, T={new}", "sampled tokens", "1/s",
            per_second(draw(params, model, prompts, config, dtype)), {}, turns,
        )  # fmt: skip
        compiled = _sample.lower(
            params, prompts, jax.random.key(0), 0, None,
            model=model, config=config, dtype=getattr(jnp, dtype),
        ).compile()  # fmt: skip
        yield found[0] | {"temporary_bytes": compiled.memory_analysis().temp_size_in_bytes}


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--data", type=Path, help="GSM8K's test.jsonl, for the natural workload")
    flags.add_argument("--scaling", action="store_true")
    given = flags.parse_args()
    command.cache_compilations()
    command.keep_freed_memory()
    model, params, tokenizer = load_model(str(given.model))
    params = jax.tree.map(jnp.asarray, params)
    if given.scaling:
        report(scaling(params, model, given.dtype, given.turns), given.json)
        return
    theirs = None
    if not given.no_peers:
        from benchmarks import torch_peers

        theirs = torch_peers.load(given.model, given.dtype)

    def compare(workload: str, prompts: Prompts, config: SamplingConfig) -> list[dict[str, Any]]:
        lists = [row[:n].tolist() for row, n in zip(np.asarray(prompts.tokens), prompts.length, strict=True)]
        peers = {}
        if theirs is not None:
            paths, new = config.group_size, config.max_new_tokens
            count = torch_peers.generate(theirs, lists, paths, new, config.eos_ids, tokenizer.pad_id)
            peers["transformers generate"] = per_second(count)
        ours = per_second(draw(params, model, prompts, config, given.dtype))
        return alternate(workload, "useful sampled tokens", "1/s", ours, peers, given.turns)

    def rows() -> Iterator[dict[str, Any]]:
        fixed, little = padded(made_prompts(8, 256)), padded(made_prompts(4, 256))
        yield from compare("fixed: 8 prompts x 16 paths, P=256, T=64", fixed, SamplingConfig(16, 64))
        yield from compare("little: 4 prompts x 1 path, P=256, T=64", little, SamplingConfig(1, 64))
        if given.data is None:
            return
        buckets = tuple(gsm8k.get_config().prompt.buckets)
        prompts = encode_prompts(natural_texts(given.data, 32, tokenizer), tokenizer, buckets)
        config = SamplingConfig(8, 256, eos_ids=tokenizer.eos_ids, pad_id=tokenizer.pad_id, compactions=2)
        yield from compare("natural: 32 GSM8K prompts x 8 paths, T<=256", prompts, config)

    report(rows(), given.json)


if __name__ == "__main__":
    main()
