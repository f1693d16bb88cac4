"""A whole training step on GSM8K: ours, ours with a reward model, and TRL's GRPOTrainer's in turns, each in a
process of its own. Prints a JSON object a row: seconds and peak memory, beside each of the other two.

python -m benchmarks.step --model MODEL.gguf --data PATH/gsm8k [--json OUT] [--turns 3]
    [--dtype bfloat16] [--peer-dtype bfloat16] [--no-checkpointing]

8 prompts x 8 paths of up to 64 tokens: sampled, scored, one update. Both read the same few questions, as the
model's chat template puts them; TRL's reward costs nothing. `ours with a reward model` is our step and one
more forward pass over every path, of a model of the policy's size that is held in memory beside it: the row
shows what is saved without one. Bytes are the most that a process had resident over all steps, its workers'
included, and compilation: type it twice, the second finds everything compiled. The first step warms up. TRL
comes with the `peer` extra; --no-checkpointing lets it keep its activations: more memory, less time.
"""

import argparse
import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.compare import alternate, parser, report, with_dtypes
from benchmarks.turns import Side, Turns

PROMPTS, GROUP, NEW = 8, 8, 64
OURS, JUDGED, TRL = "ours", "ours with a reward model", "trl GRPOTrainer"


def child(side: str, given: argparse.Namespace) -> None:
    """What one side's process does."""
    turns = Turns()
    if side == TRL:
        from benchmarks import trl_peer

        trl_peer.steps(
            turns, given.model, given.data, PROMPTS, GROUP, NEW, given.peer_dtype,
            checkpointing=given.checkpointing, most=given.turns + 1,
        )  # fmt: skip
    else:
        sys.modules["torch"] = None  # transformers imports one that it finds; a core install has none
        from benchmarks import our_step

        config = our_step.make_config(given.model, given.data, PROMPTS, GROUP, NEW, given.dtype)
        our_step.steps(turns, config, with_reward_model=side == JUDGED)


def write_questions(data: Path, folder: Path, steps: int) -> None:
    """As many as `steps` read, and as many to hold out."""
    for name in ("train.jsonl", "test.jsonl"):
        lines = (data / name).read_text().splitlines(keepends=True)[: PROMPTS * steps]
        (folder / name).write_text("".join(lines))


def rows(given: argparse.Namespace, data: Path) -> Iterator[dict[str, Any]]:
    shared = [sys.executable, "-m", "benchmarks.step", "--model", str(given.model), "--data", str(data)]
    shared += ["--dtype", given.dtype, "--peer-dtype", given.peer_dtype, "--turns", str(given.turns)]
    shared += ["--checkpointing" if given.checkpointing else "--no-checkpointing"]
    names = [OURS, JUDGED] if given.no_peers else [OURS, JUDGED, TRL]
    with contextlib.ExitStack() as opened:
        sides = {name: Side([*shared, "--child", name]) for name in names}
        for side in sides.values():
            opened.enter_context(contextlib.closing(side))
        ours = sides.pop(OURS)
        workload = f"step: {PROMPTS} GSM8K prompts x {GROUP} paths, T<={NEW}"
        found = alternate(
            workload, "seconds of a step", "s", ours.turn,
            {name: side.turn for name, side in sides.items()}, given.turns, higher_is_better=False,
        )  # fmt: skip
        found += alternate(
            workload, "peak memory", "bytes", lambda: ours.peak_bytes,
            {name: lambda side=side: side.peak_bytes for name, side in sides.items()},
            1, higher_is_better=False, warm_up=False,
        )  # fmt: skip
    for row in found:
        row = with_dtypes(row, given)
        if row["peer_name"] == TRL:
            yield row | {"peer_checkpointing": given.checkpointing}
        else:
            yield row | {"peer_dtype": given.dtype}


def main() -> None:
    flags = parser(__doc__)
    flags.set_defaults(turns=3)
    flags.add_argument("--data", type=Path, required=True, help="GSM8K as train.jsonl and test.jsonl")
    flags.add_argument(
        "--checkpointing", action=argparse.BooleanOptionalAction, default=True, help="of TRL's activations"
    )
    flags.add_argument("--child", choices=(OURS, JUDGED, TRL), help="what a process of its own does")
    given = flags.parse_args()
    if given.child:
        child(given.child, given)
        return
    with tempfile.TemporaryDirectory() as folder:
        write_questions(given.data, Path(folder), given.turns + 1)
        report(rows(given, Path(folder)), given.json)


if __name__ == "__main__":
    main()
