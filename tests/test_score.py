import subprocess
import sys

import numpy as np
import pytest

from sept_jax import score
from sept_jax.errors import UserError
from sept_jax.scoring import GroupScores, ScoredStep

QUESTION = "Tom picks 4 apples a day for 7 days and eats 3. How many are left?"
WRONG = "4 apples a day for 7 days is 4*7=28.\nHe eats 3, so 28-3=26.\nThe answer is 26."


@pytest.fixture
def solution(tmp_path):
    path = tmp_path / "wrong.txt"
    path.write_text(WRONG)
    return path


def test_a_false_step_is_shown_with_its_reason(solution, capsys):
    score.main(["--question", QUESTION, "--solution", str(solution)])
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if "28-3=26." in line)
    assert float(lines[at].split()[0]) < 0.35
    assert "arithmetic: 28-3=26, but 28-3 is 25" in lines[at + 1]
    assert "\x1b" not in "".join(lines)


def test_colour_and_terminal_codes_of_the_text_itself():
    scores = score.score_group(QUESTION, ["4*7=28 \x1b[2J apples.", "4*7=27."])
    shown = score.shown(scores, ["a", "b"], color=True)
    assert "\x1b[2J" not in shown
    assert "\x1b[31m4*7=27." in shown
    assert "\x1b[32m4*7=28" in shown


def test_terminal_codes_of_reasons_and_names():
    step = ScoredStep("a", 0.5, {"arithmetic": -1.0}, {"arithmetic": "\x1b[2J \ud800 is false"})
    scores = GroupScores(np.array([0.5]), ((step,),))
    shown = score.shown(scores, ["\x1b]0;name\x07"], color=False)
    assert shown.splitlines() == [
        "\ufffd]0;name\ufffd: quality 0.50",
        "  0.50  a",
        "          arithmetic: \ufffd[2J \ufffd is false",
    ]


def test_a_missing_file_is_one_line(tmp_path):
    with pytest.raises(UserError, match="cannot be read as UTF-8"):
        score.main(["--question", QUESTION, "--solution", str(tmp_path / "none.txt")])
    ended = subprocess.run(
        [sys.executable, "-m", "sept_jax.score", "--question", "q", "--solution", str(tmp_path / "none.txt")],
        capture_output=True, text=True,
    )  # fmt: skip
    assert ended.returncode == 2
    assert ended.stderr.startswith("error: --solution=")
    assert len(ended.stderr.splitlines()) == 1
