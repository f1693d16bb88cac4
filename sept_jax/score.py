"""Scores solutions in the terminal: each step with its score and what was found.

python -m sept_jax.score --question Q --solution FILE [FILE ...]
"""

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from sept_jax import command
from sept_jax.errors import UserError
from sept_jax.machine import device_count
from sept_jax.scoring.group import GroupScores, score_group

_RED, _YELLOW, _GREEN, _PLAIN = "\x1b[31m", "\x1b[33m", "\x1b[32m", "\x1b[0m"
_BAD, _GOOD = 0.35, 0.65


def shown(scores: GroupScores, names: Sequence[str], color: bool) -> str:
    """The scored paths as text: a step a block, red below 0.35, green above 0.65, yellow between."""
    lines = []
    for name, quality, path in zip(names, scores.quality, scores.paths, strict=True):
        lines.append(f"{command.one_line(name)}: quality {quality:.2f}")
        for step in path:
            paint = _RED if step.score < _BAD else _GREEN if step.score > _GOOD else _YELLOW
            text = command.one_line(step.text)
            lines.append(
                f"  {step.score:4.2f}  {paint}{text}{_PLAIN}" if color else f"  {step.score:4.2f}  {text}"
            )
            lines += [
                f"          {channel}: {command.one_line(why)}" for channel, why in step.reasons.items()
            ]
    return "\n".join(lines)


def main(argv: Sequence[str] | None = None) -> None:
    parser = command.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--question", required=True, metavar="Q", help="the question, as text")
    parser.add_argument(
        "--solution",
        nargs="+",
        required=True,
        metavar="FILE",
        help="text files; several are scored as a group",
    )
    arguments = parser.parse_args(argv)
    paths = []
    for name in arguments.solution:
        try:
            paths.append(Path(name).read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(f"--solution={name} cannot be read as UTF-8 text: {error}") from error
    device_count()
    color = sys.stdout.isatty() and "NO_COLOR" not in os.environ
    print(shown(score_group(arguments.question, paths), arguments.solution, color))


if __name__ == "__main__":
    with command.one_line_errors():
        main()
