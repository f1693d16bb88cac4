import ast
import html
import json
import re
from pathlib import Path

import nbclient
import nbformat
import pytest

FOLDER = Path(__file__).parents[1] / "notebooks"
NAMES = ("01_quickstart.ipynb", "02_ablations.ipynb", "03_gsm8k_colab.ipynb")


@pytest.fixture(params=NAMES)
def notebook(request):
    return nbformat.read(FOLDER / request.param, nbformat.NO_CONVERT)


def sources(notebook, kind):
    return [cell.source for cell in notebook.cells if cell.cell_type == kind]


def test_there_are_no_others():
    assert tuple(sorted(path.name for path in FOLDER.glob("*.ipynb"))) == NAMES


def test_is_valid_and_carries_no_results(notebook):
    nbformat.validate(notebook)
    assert (notebook.nbformat, notebook.metadata.kernelspec.name) == (4, "python3")
    for cell in notebook.cells:
        if cell.cell_type == "code":
            assert cell.outputs == []
            assert cell.execution_count is None


def test_every_code_cell_is_plain_python(notebook):
    for source in sources(notebook, "code"):
        ast.parse(source)
    assert sources(notebook, "markdown")[0].startswith("# ")


def test_names_no_place_of_one_machine_and_asks_for_no_edit(notebook):
    text = "\n".join(cell.source for cell in notebook.cells)
    without_devices = text.replace("/dev/", "")
    assert not re.search(r"""["'`(\s](/[a-z]|~/|[A-Z]:\\)""", without_devices)
    assert not re.search(r"<[\w -]+>/|YOUR|input\(", text)


@pytest.mark.parametrize("name", [NAMES[0], NAMES[2]])
def test_text_of_a_model_is_escaped_before_it_is_html(name, tmp_path):
    evil = "<script>alert(1)</script>"
    step = {"text": evil, "score": 0.5, "reasons": {"arithmetic": evil}}
    record = {"step": 1, "question": evil, "paths": [{"quality": 0.5, "steps": [step]}]}
    (tmp_path / "samples.jsonl").write_text(json.dumps(record) + "\n")
    pages = []
    names = {"json": json, "escape": html.escape, "HTML": str, "display": pages.append}
    names |= {"workdir": tmp_path, "summary": {"before": record, "after": record}}
    cells = sources(nbformat.read(FOLDER / name, nbformat.NO_CONVERT), "code")
    (cell,) = [source for source in cells if "quality {path['quality']" in source]
    exec(cell, names)
    assert pages
    for page in pages:
        assert page.count("&lt;script&gt;") == 3
        assert "<script>" not in page


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES[:2])
def test_runs_top_to_bottom(name, monkeypatch):
    monkeypatch.setenv("SEPT_DEBUG", "1")
    monkeypatch.delenv("XLA_FLAGS", raising=False)  # the suite's eight devices are not the reader's
    before = set(FOLDER.parent.iterdir())
    notebook = nbformat.read(FOLDER / name, nbformat.NO_CONVERT)
    nbclient.NotebookClient(
        notebook, timeout=900, kernel_name="python3", resources={"metadata": {"path": str(FOLDER)}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", ())]
    pictures = [output for output in outputs if "image/png" in output.get("data", {})]
    assert len(pictures) == {NAMES[0]: 1, NAMES[1]: 5}[name]
    assert set(FOLDER.parent.iterdir()) - before <= {FOLDER.parent / ".ipynb_checkpoints"}
