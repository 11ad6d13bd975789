"""`dgbench` is `python -m bench` under another name, and imports nothing from the folder that it is called in."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.entry import PACKAGES
from foundation.program import program_name

ROOT = Path(__file__).parents[2]
DGBENCH = Path(sys.executable).with_name("dgbench")


@pytest.fixture
def crowded(tmp_path: Path) -> Path:
    """A user's folder with packages of our names, which fail when they are imported."""
    for name in PACKAGES:
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"raise RuntimeError('{name} of the working folder')\n")
    return tmp_path


def dgbench(folder: Path, *arguments: str, path: str = str(ROOT)) -> "subprocess.CompletedProcess[str]":
    """Call the installed command in a folder, with the packages of this checkout."""
    environment = os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "COLUMNS": "200"}
    return subprocess.run([DGBENCH, *arguments], cwd=folder, env=environment, capture_output=True, text=True)


def test_dgbench_lists_methods_among_packages_of_the_same_names(crowded):
    done = dgbench(crowded, "list", "methods")
    assert (done.returncode, done.stderr) == (0, "")
    assert "swg" in done.stdout


def test_results_in_a_folder_called_reports_hide_nothing(tmp_path):
    (tmp_path / "reports").mkdir()
    (tmp_path / "bench").mkdir()
    done = dgbench(tmp_path, "report", "--results", "reports")
    assert done.returncode == 2
    assert done.stderr == "error: the results folder 'reports' is empty: run `dgbench run` first.\n"


def test_help_and_messages_name_the_command_that_was_typed(tmp_path):
    told = dgbench(tmp_path, "--help").stdout
    assert "dgbench run --suite" in told
    assert "python -m bench" not in told
    lost = dgbench(tmp_path, "report").stderr
    assert "run `dgbench run` first" in lost


def test_a_foreign_package_that_comes_before_ours_is_named(crowded, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    (other / "reports").mkdir()
    (other / "reports" / "__init__.py").touch()
    done = dgbench(crowded, "list", path=f"{other}{os.pathsep}{ROOT}")
    assert done.returncode == 2
    assert done.stderr == (
        f"error: package 'reports' comes from {other} and bench from {ROOT}; "
        "run from the project's folder or take the other package off the path.\n"
    )


@pytest.mark.slow
def test_worker_processes_of_dgbench_import_our_packages(crowded):
    what = ("--suite", "toy", "--tasks", "moons", "--methods", "unguided,idql", "--seeds", "1")
    sizes = ("--preset", "smoke", "--denoiser.steps", "5", "--device", "cpu")
    done = dgbench(crowded, "run", *what, *sizes, "--processes", "2")
    assert done.returncode == 0, done.stderr
    assert "of the working folder" not in done.stderr
    assert "Next: dgbench report" in done.stdout + done.stderr
    assert len(list(crowded.glob("results/runs/*/*/seed-0.json"))) == 2


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("/home/me/.venv/bin/dgbench", "dgbench"),
        ("dgbench.exe", "dgbench"),
        ("/clone/bench/__main__.py", "python -m bench"),
        ("", "python -m bench"),
    ],
)
def test_the_program_is_called_as_it_was_typed(typed, name, monkeypatch):
    monkeypatch.setattr(sys, "argv", [typed, "run"])
    assert program_name() == name


def test_messages_take_the_name_of_the_program_from_one_place():
    """Docstrings and the texts below fields may say `python -m bench`; a string that is printed may not."""
    spelled = []
    for file in (file for name in PACKAGES for file in sorted((ROOT / name).rglob("*.py"))):
        tree = ast.parse(file.read_text())
        texts = {node.value for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        spelled += [
            f"{file.relative_to(ROOT)}:{node.lineno}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and node not in texts and "python -m bench" in str(node.value)
        ]
    assert [place.partition(":")[0] for place in spelled] == ["foundation/program.py"], spelled
