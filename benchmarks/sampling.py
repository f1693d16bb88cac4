"""Sampled tokens a second: ours, Hugging Face's `generate` and Tunix's sampler in turns. Prints a JSON object
a row.

python -m benchmarks.sampling --model MODEL.gguf [--data PATH/gsm8k/test.jsonl] [--json OUT] [--turns 5]
    [--dtype bfloat16] [--peer-dtype float32]
python -m benchmarks.sampling --model MODEL.gguf --scaling [--prompts 4] [--plot FILE.png] [--turns 1]
python -m benchmarks.sampling --model MODEL.gguf --data PATH/gsm8k/test.jsonl --startup [--turns 3]

`fixed`: 8 prompts of 256 tokens x 16 paths x 64 tokens; Tunix, where it is installed (`tunix_peer.py` says
how), has random weights of the same shape. `little`: 4 prompts x 1 path. With --data `natural`: 32 real
prompts x 8 paths of up to 256 tokens, which end by themselves; tokens up to the ends count. --scaling and
--startup measure ours alone: see `scaling.py` and `startup.py`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks import scaling, startup
from benchmarks.compare import alternate, parser, per_second, report, with_dtypes
from benchmarks.our_sampling import draw, natural_prompts, padded
from benchmarks.workloads import made_prompts
from sept_jax import command
from sept_jax.models.load import load_model
from sept_jax.records import Prompts
from sept_jax.sampling import SamplingConfig


def import_tunix() -> Any | None:
    """The peer's module, or None and a line on stderr that says what to type."""
    try:
        from benchmarks import tunix_peer
    except ImportError as error:
        file = Path(__file__).with_name("tunix_peer.py")
        [line] = [line for line in file.read_text().splitlines() if line.startswith("pip install")]
        print(f"Tunix's row is left out ({error}): type {line}", file=sys.stderr)
        return None
    return tunix_peer


def main() -> None:
    flags = parser(__doc__)
    flags.add_argument("--data", type=Path, help="GSM8K's test.jsonl, for `natural` and --startup")
    mode = flags.add_mutually_exclusive_group()
    mode.add_argument("--scaling", action="store_true", help="ours over numbers and lengths of paths")
    mode.add_argument("--startup", action="store_true", help="ours in a fresh process")
    flags.add_argument("--prompts", type=int, help="of --scaling (by default 4) and --startup (32)")
    flags.add_argument("--paths", type=int, nargs="+", default=scaling.PATHS, help="of --scaling")
    flags.add_argument("--tokens", type=int, nargs="+", default=scaling.TOKENS, help="of --scaling")
    flags.add_argument("--plot", type=Path, metavar="FILE.png", help="of --scaling")
    given = flags.parse_args()
    if given.startup:
        if given.data is None:
            flags.error("--startup samples real prompts: add --data PATH/gsm8k/test.jsonl")
        report(
            startup.rows(given.model, given.data, given.prompts or 32, given.dtype, given.turns), given.json
        )
        return
    command.cache_compilations()
    command.keep_freed_memory()
    model, params, tokenizer = load_model(str(given.model))
    params = jax.tree.map(jnp.asarray, params)
    if given.scaling:
        grid = given.prompts or 4, given.paths, given.tokens
        found = report(scaling.rows(params, model, *grid, given.dtype, given.turns), given.json)
        print("\n" + scaling.table(found))
        if given.plot:
            scaling.plot(found, given.plot)
        return
    theirs = tunix = None
    if not given.no_peers:
        from benchmarks import torch_peers

        theirs, tunix = torch_peers.load(given.model, given.peer_dtype), import_tunix()

    def compare(workload: str, prompts: Prompts, config: SamplingConfig, with_tunix: bool = False):
        lists = [row[:n].tolist() for row, n in zip(np.asarray(prompts.tokens), prompts.length, strict=True)]
        paths, new, pad = config.group_size, config.max_new_tokens, tokenizer.pad_id
        peers = {}
        if theirs is not None:
            peers["transformers generate"] = per_second(
                torch_peers.generate(theirs, lists, paths, new, config.eos_ids, pad)
            )
        if with_tunix and tunix is not None:
            llama = tunix.random(model, given.peer_dtype)
            peers["tunix sampler"] = per_second(tunix.generate(llama, lists, paths, new, pad))
        ours = per_second(draw(params, model, prompts, config, given.dtype))
        return alternate(workload, "useful sampled tokens", "1/s", ours, peers, given.turns)

    def rows() -> Iterator[dict[str, Any]]:
        fixed, little = padded(made_prompts(8, 256)), padded(made_prompts(4, 256))
        yield from compare("fixed: 8 prompts x 16 paths, P=256, T=64", fixed, SamplingConfig(16, 64), True)
        yield from compare("little: 4 prompts x 1 path, P=256, T=64", little, SamplingConfig(1, 64))
        if given.data is None:
            return
        prompts = natural_prompts(given.data, 32, tokenizer)
        config = SamplingConfig(
            8, 256, eos_ids=tokenizer.eos_ids, pad_id=tokenizer.pad_id, compactions=2, growths=2
        )
        yield from compare("natural: 32 GSM8K prompts x 8 paths, T<=256", prompts, config)

    report((with_dtypes(row, given) for row in rows()), given.json)


if __name__ == "__main__":
    main()
