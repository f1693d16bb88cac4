"""Hostile text: no rule raises, hangs, or reaches anything outside the checks."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.hostile import attack
from sept_jax import checks
from sept_jax.checks.reading import read_path

SIGNS = st.sampled_from(list("0123456789+-*/^=()[]{}\\$%!|<>≡√²xynfABCaei_.,:;&~ \n'\""))


def test_nothing_raises_or_reaches_out():
    result = attack(inputs=400, seed=1)
    assert result["first_exceptions"] == []
    assert result["forbidden_events"] == []


@pytest.mark.slow
def test_many_inputs_within_time_and_memory():
    root = Path(__file__).parents[2]  # a process of its own: here every call's types are checked
    command = [sys.executable, "benchmarks/hostile.py", "--inputs", "20000", "--seed", "2"]
    result = json.loads(subprocess.run(command, cwd=root, capture_output=True, check=True).stdout)
    assert result["first_exceptions"] == []
    assert result["forbidden_events"] == []
    assert result["peak_memory_mb"] < 512
    assert result["slowest_step_s"] < 0.1


@settings(max_examples=300, deadline=None)
@given(st.text(SIGNS, max_size=120), st.text(max_size=40))
def test_any_text_is_read(formula, text):
    reading = read_path(text, (formula, text, formula + text), False)
    for verdicts in reading.verdicts.values():
        assert len(verdicts) == 3
        assert all(-1 <= verdict.value <= 1 for verdict in verdicts)
        assert all(verdict.reason for verdict in verdicts if verdict.known)


def test_the_checks_name_no_interpreter():
    forbidden = {
        "eval",
        "exec",
        "compile",
        "__import__",
        "getattr",
        "setattr",
        "globals",
        "sympify",
        "parse_expr",
    }
    for path in Path(checks.__file__).parent.rglob("*.py"):
        names = {node.id for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Name)}
        assert not names & forbidden, path.name
