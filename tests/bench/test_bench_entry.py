"""A package of somebody else's that hides one of ours is named before its import can fail."""

import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from bench.entry import PACKAGES
from bench.progress import format_duration

ROOT = Path(__file__).parents[2]


def test_every_package_is_checked():
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    assert set(PACKAGES) == {name.partition(".")[0] for name in listed}


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
        assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(1, "a few seconds"), (61, "about 61 seconds"), (600, "about 10 minutes"), (9000, "about 2.5 hours")],
)
def test_a_duration_is_told_in_its_own_unit(seconds, words):
    assert format_duration(seconds) == words
