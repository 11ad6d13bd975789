"""The notebook runs from its first cell to its last, and README's Python snippet as it stands."""

import os
import re
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

import bench

ROOT = Path(__file__).parents[1]
SNIPPET = re.compile(r"^```python\n(import bench\n.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.mark.slow
def test_the_notebook_runs(tmp_path, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    notebook = nbformat.read(ROOT / "examples" / "quickstart.ipynb", as_version=4)
    kept = [cell.get("outputs") for cell in notebook.cells]
    resources = {"metadata": {"path": str(tmp_path)}}
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources=resources).execute()
    made = [cell.get("outputs") for cell in notebook.cells]
    assert [kinds(outputs) for outputs in made] == [kinds(outputs) for outputs in kept], "what is shown is kept"
    rows = bench.load_results(tmp_path / "results")
    assert set(rows["method"]) == {"unguided", "idql", "swg"}
    assert len(rows) == 3 * 3 + 4 * 3
    assert (tmp_path / "results" / "report" / "index.html").is_file()


def kinds(outputs: list | None) -> set[tuple[str, ...]]:
    """The kinds of a cell's results: text, tables, pictures; neither their content nor what a kernel warns of."""
    shown = [output for output in outputs or [] if output.get("name") != "stderr"]
    return {tuple(sorted(output.get("data", {"text": ""}))) for output in shown}


@pytest.mark.slow
@pytest.mark.parametrize("page", ["README.md", "docs/python.md"])
def test_the_snippets_run(page, tmp_path, monkeypatch, capsys):
    """At the size of `smoke`, in the order in which they stand."""
    monkeypatch.chdir(tmp_path)
    text = (ROOT / page).read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    code = "\n".join(block for block in blocks if "@register" not in block)
    assert SNIPPET.search(text), "the snippet begins with `import bench`"
    sizes = 'preset="smoke"'
    small = code.replace('preset="quick", ', "").replace("seeds=3)", f"seeds=3, {sizes}, processes=1)")
    assert small.count(sizes) == 1
    names: dict = {}
    exec(compile(small, page, "exec"), names)
    assert set(names["scores"]["method"]) == {"unguided", "swg"}
    assert "mean" in capsys.readouterr().out
    assert names["policy"].act([[0.0] * 4, [1.0] * 4]).shape == (2, 2)
    assert sorted(os.listdir(tmp_path)) == ["artifacts", "results"]
