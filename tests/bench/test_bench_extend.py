"""Episodes that are added to a finished result make it what it would have been at once."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from command_line import MAZE

import bench.runner.units
from bench.runner.blocks import Evaluation

CELL = (*MAZE, "--methods", "swg", "--rho", "5", "--seeds", "2")


def read(folder: Path, episodes: int) -> dict[int, dict]:
    """The results of that many episodes by seed."""
    found = [json.loads(file.read_text()) for file in (folder / "runs").glob("*/*/seed-*.json")]
    return {result["seed"]: result for result in found if len(result["episodes"]) == episodes}


@pytest.fixture
def rolled(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, range]]:
    """Seed and episodes of everything that is evaluated."""
    asked: list[tuple[int, range]] = []
    evaluate = bench.runner.units.evaluate

    def told(policy: object, task: object, evaluations: Sequence[Evaluation], progress: object) -> object:
        asked.extend((evaluation.seed, evaluation.episodes) for evaluation in evaluations)
        return evaluate(policy, task, evaluations, progress)  # pyright: ignore[reportArgumentType]

    monkeypatch.setattr(bench.runner.units, "evaluate", told)
    return asked


@pytest.mark.usefixtures("short_episodes")
def test_episodes_are_added_to_those_that_are_there(bench, tmp_path, artifacts, rolled):
    def run(folder: str, episodes: int, *more: object) -> str:
        places = ("--results", tmp_path / folder, "--artifacts", artifacts)
        told = bench("run", *CELL, *places, "--evaluation.episodes", episodes, *more)
        assert told.code == 0
        return told.out

    run("added", 2)
    before = read(tmp_path / "added", 2)
    assert len(re.findall("seed [01]: 2 finished episodes kept", run("added", 5))) == 2
    assert rolled == [(0, range(2)), (1, range(2)), (0, range(2, 5)), (1, range(2, 5))]
    assert read(tmp_path / "added", 2) == before, "the shorter result stays as it is"
    assert "kept" not in run("at once", 5)
    added, whole = read(tmp_path / "added", 5), read(tmp_path / "at once", 5)
    assert set(added) == set(whole) == {0, 1}
    for seed, result in added.items():
        assert result["episodes"][:2] == before[seed]["episodes"]
        assert result["seconds"]["evaluate"] > before[seed]["seconds"]["evaluate"]
        for field in ("episodes", "score", "interventions", "evaluations", "config", "components"):
            assert result[field] == whole[seed][field], field
    rolled.clear()
    run("added", 6, "--seeds", "1")
    assert "kept" not in run("added", 6, "--seeds", "1", "--sampler.temperature", "0.5")
    assert rolled == [(0, range(5, 6)), (0, range(6))], (
        "the longest one is added to; other settings are another cell"
    )


@pytest.mark.usefixtures("short_episodes")
def test_scales_together_are_those_alone_also_where_one_has_episodes_already(bench, tmp_path, artifacts):
    """With ρ = 0 among them, which is evaluated by itself."""
    cell = [*MAZE, "--methods", "swg", "--seeds", "2", "--artifacts", artifacts]

    def run(folder: str, rho: str, episodes: int) -> str:
        told = bench("run", *cell, "--results", tmp_path / folder, "--rho", rho, "--evaluation.episodes", episodes)
        assert told.code == 0, told
        return told.out

    run("together", "1", 2)
    assert "swg ρ=0, 1, 5 (2 seeds)" in run("together", "0,1,5", 4)
    for rho in ("0", "1", "5"):
        run("alone", rho, 4)
    together, alone = (by_scale(tmp_path / folder, 4) for folder in ("together", "alone"))
    assert set(together) == set(alone) == {(rho, seed) for rho in (0.0, 1.0, 5.0) for seed in (0, 1)}
    for key, result in together.items():
        for field in ("episodes", "score", "interventions", "evaluations"):
            assert result[field] == alone[key][field], (key, field)


def by_scale(folder: Path, episodes: int) -> dict[tuple[float, int], dict]:
    """The results of that many episodes by scale and seed."""
    found = [json.loads(file.read_text()) for file in (folder / "runs").glob("*/*/seed-*.json")]
    return {(r["rho"], r["seed"]): r for r in found if len(r["episodes"]) == episodes}


@pytest.mark.usefixtures("short_episodes")
@pytest.mark.parametrize("changed", ["versions", "machine", "seed"])
def test_episodes_of_another_machine_are_not_added_to(bench, folders, tmp_path, rolled, changed):
    """Nor those of other versions, whose digits may differ, nor those from other starts."""
    one = (*CELL[:-1], "1")
    bench("run", *one, *folders, "--evaluation.episodes", "2")
    (file,) = (tmp_path / "results" / "runs").glob("*/*/seed-0.json")
    result = json.loads(file.read_text())
    match changed:
        case "versions":
            result["versions"]["mujoco"] = "0.1"
        case "machine":
            result["machine"]["processor"] = "another"
        case "seed":
            result["episodes"][1]["seed"] += 1
    del result["sha256"]
    file.write_text(json.dumps(result))
    assert "kept" not in bench("run", *one, *folders, "--evaluation.episodes", "3").out
    assert rolled == [(0, range(2)), (0, range(3))]
