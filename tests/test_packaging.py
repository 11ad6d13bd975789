"""What `pip install .` brings, what the workflow runs, and that the version is said once."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
import yaml

from bench.entry import OLDEST, PACKAGES

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
GITHUB = ROOT / ".github"
FORMS = [path for path in sorted((GITHUB / "ISSUE_TEMPLATE").glob("*.yml")) if path.stem != "config"]
PYTHONS = [
    version
    for classifier in PYPROJECT["project"]["classifiers"]
    if (version := classifier.removeprefix("Programming Language :: Python :: ")).startswith("3.")
]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel that pip builds of a copy of this checkout, in which nothing is left behind."""
    clone = tmp_path_factory.mktemp("clone")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, clone / name)
    for name in PACKAGES:
        shutil.copytree(ROOT / name, clone / name, ignore=shutil.ignore_patterns("__pycache__"))
    offline = ("--no-deps", "--no-build-isolation", "--disable-pip-version-check", "--quiet")
    subprocess.run([sys.executable, "-m", "pip", "wheel", *offline, "-w", "dist", "."], cwd=clone, check=True)
    (built,) = (clone / "dist").glob("*.whl")
    return built


@pytest.mark.slow
def test_every_file_of_the_packages_is_in_the_wheel(wheel):
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    here = {
        path.relative_to(ROOT).as_posix()
        for name in PACKAGES
        for path in (ROOT / name).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == here
    assert {Path(name).suffix for name in here} >= {".py", ".csv", ".json", ".safetensors"}


@pytest.mark.slow
def test_what_reads_source_and_data_works_from_the_wheel(wheel, tmp_path):
    site, folder = tmp_path / "site", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(site)
    folder.mkdir()
    for arguments, found in (
        (["list", "method", "swg"], "methods/swg.py"),
        (["data", "list", "locomotion"], "d4rl"),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "bench", *arguments],
            cwd=folder,
            env=os.environ | {"PYTHONPATH": str(site), "COLUMNS": "200"},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")
        assert found in done.stdout


def test_the_workflow_calls_the_gate_on_every_python_that_is_declared():
    assert PYTHONS[0] == ".".join(map(str, OLDEST))
    (job,) = yaml.safe_load((GITHUB / "workflows" / "ci.yml").read_text())["jobs"].values()
    assert job["strategy"]["matrix"]["python"] == PYTHONS
    (gate,) = [step for step in job["steps"] if "run" in step]
    assert gate["run"] == ".ci/run"
    assert gate["env"] == {"PYTHON": "python${{ matrix.python }}"}
    assert re.search(r"^PYTHON \?= ", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_an_issue_form_has_what_forms_need(path):
    form = yaml.safe_load(path.read_text())
    assert form["name"]
    assert form["description"]
    names = [field["id"] for field in form["body"]]
    assert len(names) == len(set(names))
    for field in form["body"]:
        assert field["type"] in {"input", "textarea", "dropdown", "checkboxes"}
        assert field["attributes"]["label"]
        assert ("options" in field["attributes"]) == (field["type"] in {"dropdown", "checkboxes"})


def test_the_changelog_begins_with_this_version():
    released = re.findall(r"^## \[(.+?)\] - (\d{4}-\d\d-\d\d)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert released[0][0] == PYPROJECT["project"]["version"]
    assert [date for _, date in released] == sorted((date for _, date in released), reverse=True)
