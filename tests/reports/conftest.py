"""An empty results folder for every test of the reports."""

from pathlib import Path

import pytest
from synthetic_results import ResultsFolder


@pytest.fixture
def folder(tmp_path: Path) -> ResultsFolder:
    return ResultsFolder(tmp_path / "results")
