"""Problems from a JSON Lines file."""

import json
from pathlib import Path

import numpy as np
from absl import logging

from sept_jax.data.rows import problem_from_row
from sept_jax.errors import UserError
from sept_jax.records import Problem

_WARNINGS = 10


class JsonlSource:
    """The problems of `path`, a `.jsonl` file, or a folder with `<split>.jsonl`, in the file's order.

    A malformed line is skipped with a warning that names file and line; `skipped` counts them. A
    problem's id ends with its line number, so ids do not move when a line is bad.

    Raises:
        UserError: the file is missing, empty or unreadable, or more than half of its lines are malformed.
    """

    def __init__(self, path: str | Path, split: str):
        file = _file_of(Path(path), split)
        self._problems: list[Problem] = []
        self.skipped = 0
        errors: list[tuple[int, Exception]] = []
        for number, line in _lines(file):
            try:
                row = json.loads(line.decode("utf-8"))
                if not isinstance(row, dict):
                    raise ValueError(f"a JSON object was expected, not {type(row).__name__}")
                problem = problem_from_row(row, f"{file.parent.name}/{file.stem}:{number}")
            except (ValueError, RecursionError) as error:
                self.skipped += 1
                if self.skipped <= _WARNINGS:
                    errors.append((number, error))
                continue
            self._problems.append(problem)
        if self.skipped > len(self._problems):
            number, error = errors[0]
            raise UserError(
                f"config.data.path: {self.skipped} of {self.skipped + len(self)} lines of {file} are "
                f"malformed (line {number}: {error}): give one JSON object a line with `question` or "
                "`problem`, in UTF-8"
            )
        for number, error in errors:
            logging.warning("%s line %d is skipped: %s", file, number, error)
        if self.skipped > _WARNINGS:
            logging.warning("%s: %d malformed lines are skipped in all", file, self.skipped)
        if not self._problems:
            raise UserError(f"config.data.path: {file} is empty: give one JSON object a line")
        self.levels = np.array([problem.level for problem in self._problems], np.float32)

    def __len__(self) -> int:
        return len(self._problems)

    def __getitem__(self, index: int) -> Problem:
        return self._problems[index]


def _file_of(path: Path, split: str) -> Path:
    file = path / f"{split}.jsonl" if path.is_dir() else path
    if file.is_file():
        return file
    if path.is_dir():
        there = sorted(found.stem for found in path.glob("*.jsonl"))
        expected = f"it holds the splits {', '.join(there)}" if there else "it holds no .jsonl file"
        raise UserError(f"config.data.path: {path} has no {split}.jsonl: {expected}")
    raise UserError(
        f"config.data.path: {path} does not exist: give a .jsonl file or a folder with {split}.jsonl, "
        "e.g. --config.data.path=PATH/gsm8k"
    )


def _lines(file: Path):
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UserError(f"config.data.path: {file} cannot be read: {error.strerror}") from error
    for number, line in enumerate(data.removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        if line.strip():
            yield number, line
