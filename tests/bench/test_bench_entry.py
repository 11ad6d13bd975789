"""A Python without our packages, or with somebody else's in their place, gets one sentence and exit code 2."""

import ast
import os
import shutil
import subprocess
import sys
import tomllib
from collections import namedtuple
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bench import entry
from bench.progress import format_duration

ROOT = Path(__file__).parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
READ_FIRST = ("bench/__init__.py", "bench/__main__.py", "bench/entry.py")  # by a Python of any age
Version = namedtuple("Version", "major minor micro")


def test_every_package_is_checked():
    listed = PYPROJECT["tool"]["setuptools"]["packages"]
    assert set(entry.PACKAGES) == {name.partition(".")[0] for name in listed}


def test_every_dependency_is_checked():
    declared = [Requirement(line) for line in PYPROJECT["project"]["dependencies"]]
    names = {canonicalize_name(each.name) for each in declared}
    (minari,) = [each for each in declared if each.name == "minari"]
    assert minari.extras == {"hdf5", "hf"}
    providers = packages_distributions()
    checked = {canonicalize_name(name) for package in entry.REQUIRED for name in providers[package]}
    assert checked == names | {"huggingface-hub"}


@pytest.mark.parametrize("kind", ["package", "namespace"])
def test_a_foreign_package_is_named(tmp_path, kind):
    (tmp_path / "methods").mkdir()
    (tmp_path / "methods" / ("__init__.py" if kind == "package" else "notes.py")).touch()
    done = subprocess.run(
        [sys.executable, "-m", "bench", "list"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    if kind == "namespace":  # a folder without __init__.py never hides a real package
        assert done.returncode == 0
        assert "swg" in done.stdout
    else:
        assert done.returncode == 2
        assert done.stderr.startswith("error: package 'methods' comes from " + str(tmp_path.resolve()))
        assert "run `dgbench`" in done.stderr
        assert done.stderr.count("\n") == 1


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A copy of our packages, as in a clone that has no environment yet."""
    folder = tmp_path / "clone"
    for name in entry.PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    return folder


def ask_bare_python(project: Path, folder: Path) -> str:
    """What `python -m bench list` says where no package is installed; it must be one sentence."""
    done = subprocess.run(
        [sys.executable, "-S", "-m", "bench", "list"],
        cwd=folder,
        env={name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        | {"PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.count("\n") == 1
    version = ".".join(str(number) for number in sys.version_info[:3])
    missing = f"error: Python {version} ({sys.executable}) lacks the packages torch, numpy, pandas and 19 more: "
    assert done.stderr.startswith(missing)
    return done.stderr.removeprefix(missing).strip()


def test_a_bare_python_is_told_to_make_an_environment(project, tmp_path):
    installed = ask_bare_python(project, project)
    assert installed == (
        "in the project's folder, type `python3 -m pip install .` with the Python of your environment."
    )
    (project / "Makefile").touch()
    here = ask_bare_python(project, project)
    assert here == "type `make .venv`, which makes an environment, then use .venv/bin/python."
    elsewhere = ask_bare_python(project, tmp_path)
    assert elsewhere == here.replace("make .venv", f"make -C {project} .venv").replace(
        "use .venv", f"use {project}/.venv"
    )


def test_a_bare_python_is_told_of_the_environment_that_is_there(project, tmp_path):
    (project / "Makefile").touch()
    (project / ".venv" / "bin").mkdir(parents=True)
    (project / ".venv" / "bin" / "python").touch()
    here = ask_bare_python(project, project)
    assert here == "type `source .venv/bin/activate`, or use .venv/bin/python."
    assert ask_bare_python(project, tmp_path) == here.replace(".venv", f"{project}/.venv")


def test_an_environment_that_lacks_one_package_is_told_to_complete_itself(project, monkeypatch, capsys):
    monkeypatch.chdir(project)
    monkeypatch.setattr(entry, "REQUIRED", ("numpy", "not_a_package"))
    monkeypatch.setattr(sys, "prefix", str(project / ".venv"))
    with pytest.raises(SystemExit) as stopped:
        entry.check_required(project)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert "lacks the package not_a_package: type `.venv/bin/python -m pip install -r requirements.lock`" in said


@pytest.mark.parametrize("version", [Version(3, 8, 18), Version(3, 10, 13)])
def test_an_old_python_is_told_its_version(project, version, monkeypatch, capsys):
    (project / "Makefile").touch()
    monkeypatch.chdir(project)
    monkeypatch.setattr(sys, "version_info", version)
    with pytest.raises(SystemExit) as stopped:
        entry.check_python(project)
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith(
        f"error: Python {'.'.join(map(str, version))} ({sys.executable}) is too old, 3.11 or newer"
    )
    assert "type `make PYTHON=python3.12 .venv`" in said


def test_the_oldest_python_is_the_declared_one():
    assert PYPROJECT["project"]["requires-python"] == ">=" + ".".join(map(str, entry.OLDEST))


@pytest.mark.parametrize("file", READ_FIRST)
def test_an_old_python_can_read_what_comes_before_the_check(file):
    tree = ast.parse((ROOT / file).read_text(), feature_version=(3, 8))
    functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
    hints = [hint for each in functions for hint in (each.returns, *(arg.annotation for arg in each.args.args))]
    if any(isinstance(hint, ast.Subscript | ast.BinOp) for hint in hints):  # `list[str]`, `X | None`
        assert "from __future__ import annotations\n" in (ROOT / file).read_text()
    at_start = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    names = {
        name.partition(".")[0]
        for node in at_start
        for name in (
            [node.module or "."] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        )
    }
    assert names <= sys.stdlib_module_names | {"bench"}


@pytest.mark.parametrize("version", ["3.8", "3.9", "3.10"])
def test_a_real_old_python_gets_the_sentence(version):
    python = shutil.which(f"python{version}")
    if python is None or subprocess.run([python, "--version"], capture_output=True).returncode:
        pytest.skip(f"there is no Python {version}")
    done = subprocess.run([python, "-m", "bench", "list"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: Python {version}.")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "a few seconds"), (61, "about 61 seconds"), (600, "about 10 minutes"), (9000, "about 2.5 hours")],
)
def test_a_duration_is_told_in_its_own_unit(seconds, words):
    assert format_duration(seconds) == words
