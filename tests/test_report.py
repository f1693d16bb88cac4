import json

import numpy as np

from sept_jax.checks.reading import read_path
from sept_jax.records import CHANNELS, PathText, Problem, StepScores
from sept_jax.report import evaluation, sample_record, solution, table

PROBLEM = Problem("3+4=", "gold that is never shown", 1.0, "chain-0-0")
PATHS = (PathText("3+4=8\n#### 8", ((0, 6), (6, 12))), PathText("", ()))


def record():
    shape = (2, 2, 2, len(CHANNELS))
    channel = np.zeros(shape, np.float32)
    channel[1, 0, 0, CHANNELS.index("arithmetic")] = -3.0
    channel[1, 0, 0, CHANNELS.index("provenance")] = 1.25
    score = np.zeros(shape[:3], np.float32)
    score[1, 0] = 0.123456, 0.5
    quality = np.array([[9, 9], [0.311728, 0]], np.float32)
    readings = [read_path(PROBLEM.question, path.steps, True) for path in PATHS]
    return sample_record(7, PROBLEM, "3+4=\n", PATHS, readings, StepScores(score, channel, quality), 1)


def test_a_line_of_samples():
    line = json.loads(json.dumps(record()))
    assert line["paths"][1] == {"text": "", "quality": 0.0, "steps": []}
    first, second = line["paths"][0]["steps"]
    assert first == {
        "text": "3+4=8\n",
        "score": 0.1235,
        "channels": {"arithmetic": -3.0, "provenance": 1.25},
        "reasons": {
            "arithmetic": "3+4=8, but 3+4 is 7",
            "provenance": "each number and operator is at hand",
        },
    }
    assert (second["text"], second["score"], second["channels"]) == ("#### 8", 0.5, {})
    assert second["reasons"] == {"provenance": "8 is the one value left"}
    rest = {name: line[name] for name in ("step", "id", "prompt")}
    assert rest == {"step": 7, "id": "chain-0-0", "prompt": "3+4=\n"}
    assert line["paths"][0]["quality"] == 0.3117
    assert "gold" not in json.dumps(line)


def test_a_solution_as_text():
    assert solution("after", record()).split("\n") == [
        "after: 3+4=   (path quality 0.31)",
        "  0.12  3+4=8                     3+4=8, but 3+4 is 7; each number and operator is at hand",
        "  0.50  #### 8                    8 is the one value left",
    ]
    assert solution("after", record(), path=1) == "after: 3+4=   (path quality 0.00)"


def test_table_in_percent_with_gains():
    def results(one, greedy):
        return {
            "pass@1": one, "pass@1_interval": [one - 0.05, one + 0.05],
            "greedy": greedy, "greedy_interval": [0.0, 1.0],
        }  # fmt: skip

    assert table(results(0.25, 1.0), results(0.625, 0.5)).split("\n") == [
        "                              base               trained    gain",
        "pass@1         25.0 [ 20.0,  30.0]   62.5 [ 57.5,  67.5]   +37.5",
        "greedy        100.0 [  0.0, 100.0]   50.0 [  0.0, 100.0]   -50.0",
    ]


def test_an_evaluation_as_tables():
    def model(one, levels, temperature):
        by_level = {
            level: {"problems": 2, "pass@1": each, "pass@1_interval": [0, 1]}
            for level, each in levels.items()
        }
        about = {"pass@1": one, "pass@1_interval": [one - 0.1, one + 0.1]}
        about |= {"problems": 4, "levels": by_level}
        swept = {temperature: {"pass@1": one, "pass@1_interval": [0, 1]}}
        best = {"best_temperature": float(temperature), "temperatures": swept, "tokens_per_s": 1234.5}
        return {"step": 3, "sources": {"held_out": about}} | best

    result = {
        "base": model(0.25, {"2": 0.5, "3": 0.0}, "0.6"),
        "samples": 8,
        "temperature_chosen_on": "validation",
    }
    alone = [
        "held_out: 4 problems, 8 paths each",
        "                              base",
        "pass@1         25.0 [ 15.0,  35.0]",
        "level 2        50.0 [  0.0, 100.0]",
        "level 3         0.0 [  0.0, 100.0]",
        "",
        "pass@1 on validation, to choose the best temperature",
        "                                  base",
        "temperature 0.6    25.0 [  0.0, 100.0]",
        "",
        "base, step 3: temperature 0.6 is best; 1,234 tokens/s sampled",
    ]
    assert evaluation(result).split("\n") == alone
    trained = model(0.5, {"2": 1.0, "3": 0.0}, "0.6") | {"tokens_per_s": None}
    gain = {"held_out": {"pass@1": 0.25, "pass@1_interval": [0.125, 0.375]}}
    lines = evaluation(result | {"trained": trained, "gain": gain}).split("\n")
    assert lines[1:4] == [
        "                              base               trained    gain",
        "pass@1         25.0 [ 15.0,  35.0]   50.0 [ 40.0,  60.0]   +25.0 [+12.5, +37.5]",
        "level 2        50.0 [  0.0, 100.0]  100.0 [  0.0, 100.0]   +50.0",
    ]
    assert lines[-1] == "trained, step 3: temperature 0.6 is best"
