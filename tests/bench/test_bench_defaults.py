"""The commands of the README work with the default folders, which are relative to where the user stands."""

import json

import pytest
from command_line import FEW, NETWORKS

from bench.cli.main import main


@pytest.mark.usefixtures("short_episodes")
def test_a_run_in_an_empty_folder_with_the_default_places(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    which = ["--suite", "maze2d", "--tasks", "maze2d-umaze", "--methods", "unguided", "--preset", "smoke"]
    small = [
        *NETWORKS,
        *FEW,
        "--data-set.transitions",
        "500",
        "--denoiser.steps",
        "2",
        "--evaluation.episodes",
        "1",
    ]
    main(["run", *which, "--seeds", "1", *small])
    main(["report"])
    (result,) = (tmp_path / "results" / "runs").glob("*/*/seed-0.json")
    assert json.loads(result.read_text())["data"]["source"] == "local"
    assert (tmp_path / "results" / "report" / "report.md").is_file()
