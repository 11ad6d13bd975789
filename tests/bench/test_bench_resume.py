"""What is finished is kept: running again does what is missing and nothing else."""

import csv
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from command_line import MAZE, TOY, results_in

from bench.storage.publishing import JOURNAL

ROOT = Path(__file__).parents[2]
TWO = (*TOY, "--methods", "unguided,cep")
TWO_SCALES = (("unguided", None), ("cep", 1.0))


def changes(folder: Path) -> dict[str, int]:
    """When each result and each component was last written."""
    files = [file for pattern in ("seed-*.json", "*.safetensors") for file in folder.rglob(pattern)]
    return {str(file.relative_to(folder)): file.stat().st_mtime_ns for file in files}


def test_a_second_run_does_nothing_and_says_so(bench, fresh, tmp_path):
    first = bench("run", *TWO, *fresh, "--seeds", "1")
    assert first.code == 0
    assert "expected time" in first.out
    assert "to train: behaviour-" in first.out
    before = changes(tmp_path)
    second = bench("run", *TWO, *fresh, "--seeds", "1")
    assert second.code == 0
    assert "2 results (unguided, cep); 2 finished" in second.out
    assert "nothing to do: all results exist" in second.out
    assert "expected time" not in second.out
    assert "to make" not in second.out
    assert changes(tmp_path) == before


def test_every_trained_component_has_its_learning_curve_beside_it(bench, fresh, tmp_path):
    bench("run", *TWO, *fresh, "--seeds", "2")
    components = tmp_path / "artifacts" / "components"
    curves = {file: list(csv.DictReader(file.read_text().splitlines())) for file in components.rglob("*.csv")}
    assert {file.parent.name.rpartition("-")[0] for file in curves} == {"behaviour", "cep-data-energy"}
    assert len(curves) == len(list(components.rglob("*.safetensors"))) == 4
    for rows in curves.values():
        assert list(rows[0]) == ["step", "loss", "learning_rate", "gradient_norm", "seconds"]
        assert [int(row["step"]) for row in rows] == [1, 2, 3, 4, 5]
        assert all(float(value) >= 0 for row in rows for value in row.values())


def test_only_a_deleted_result_is_computed_again(bench, fresh, tmp_path):
    bench("run", *TWO, *fresh, "--seeds", "2")
    before = changes(tmp_path)
    (lost,) = (tmp_path / "results" / "runs" / "moons").glob("unguided-*/seed-1.json")
    content = json.loads(lost.read_text())
    lost.unlink()
    told = bench("run", *TWO, *fresh, "--seeds", "2")
    assert "4 results (unguided, cep); 3 finished" in told.out
    assert "reused: 1 trained component\n" in told.out
    after = changes(tmp_path)
    assert {file for file in after if after[file] != before[file]} == {str(lost.relative_to(tmp_path))}
    assert json.loads(lost.read_text())["score"] == content["score"]


def test_more_seeds_train_only_the_missing_ones(bench, fresh, tmp_path):
    bench("run", *TWO, *fresh, "--seeds", "1")
    before = changes(tmp_path)
    told = bench("run", *TWO, *fresh, "--seeds", "0,2")
    assert ", seeds 2\n" in told.out
    assert "for seed 0" not in told.out
    after = changes(tmp_path)
    assert {file: after[file] for file in before} == before
    assert {Path(file).stem for file in after.keys() - before.keys()} == {"seed-2"}
    assert set(results_in(tmp_path / "results")) == {(m, r, s) for m, r in TWO_SCALES for s in (0, 2)}


def test_a_component_that_two_methods_ask_for_is_made_once(bench, fresh, tmp_path):
    told = bench("run", *MAZE, *fresh, "--methods", "unguided,idql", "--seeds", "1", "--idql.candidates", "2")
    assert told.out.count("to train: behaviour-") == 1
    assert len(list((tmp_path / "artifacts" / "components").glob("behaviour-*"))) == 1
    results = results_in(tmp_path / "results")
    unguided, idql = results["unguided", None, 0], results["idql", None, 0]
    assert unguided["components"]["denoiser"] == idql["components"]["denoiser"]
    assert set(idql["components"]) == {"denoiser", "critic"}
    assert unguided["data"]["name"] == "local/maze2d-umaze-10k-v1"
    assert [episode["length"] for episode in unguided["episodes"]] == [300]


def is_published(components: Path, pattern: str) -> bool:
    """Whether seed 0 is made, and nothing is left to be finished, which the next run would do."""
    made = [file.parent for file in components.glob(f"{pattern}/seed-0.json")]
    return bool(made) and not any((folder / JOURNAL).exists() for folder in made)


@pytest.mark.slow
def test_a_killed_run_goes_on_where_it_was(bench, fresh, tmp_path):
    drawn = ("--cep.support", "behaviour")  # a component more, to be killed after
    arguments = [*TWO, *fresh, *drawn, "--seeds", "1", "--guidance-net.steps", "1500"]
    command = [sys.executable, "-m", "bench", "run", *map(str, arguments)]
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.DEVNULL, env=os.environ | {"OMP_NUM_THREADS": "1"}
    )
    components = tmp_path / "artifacts" / "components"
    deadline = time.monotonic() + 60
    while not is_published(components, "support-*") and time.monotonic() < deadline:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL, "it finished before it could be killed"
    before = changes(tmp_path)
    assert before
    assert not (tmp_path / "results" / "runs").exists()
    # What a write that was cut short leaves behind.
    for folder in (tmp_path / "results", next(components.glob("support-*"))):
        (folder / ".writing-abc").write_bytes(b"half")
    assert "holds no results" in bench("report", *fresh[:2]).mistake

    told = bench("run", *arguments)
    assert told.code == 0
    assert "reused: 2 trained components" in told.out
    after = changes(tmp_path)
    assert {file: after[file] for file in before} == before
    report = bench("report", *fresh[:2])
    assert report.code == 0
    assert "moons" in report.out


@pytest.mark.parametrize("leftover", [True, False])
def test_a_folder_whose_first_write_was_cut_short_is_still_a_results_folder(bench, fresh, tmp_path, leftover):
    results = tmp_path / "results"
    results.mkdir()
    (results / (".writing-abc" if leftover else "thesis.tex")).write_text("half")
    told = bench("run", *TOY, *fresh, "--methods", "unguided", "--seeds", "1")
    if leftover:
        assert told.code == 0
    else:
        assert "is not a results folder" in told.mistake
        assert [file.name for file in results.iterdir()] == ["thesis.tex"]


@pytest.mark.parametrize("damage", ["flipped", "cut", "gone", "description"])
def test_a_damaged_component_is_named(bench, fresh, tmp_path, damage):
    bench("run", *TOY, *fresh, "--methods", "unguided", "--seeds", "1")
    (file,) = (tmp_path / "artifacts").rglob("*.safetensors")
    content = file.read_bytes()
    match damage:
        case "flipped":
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        case "cut":
            file.write_bytes(content[:100])
        case "gone":
            file.unlink()
        case "description":
            file.with_suffix(".json").write_bytes(b"\xff\xfe{")
    (result,) = (tmp_path / "results" / "runs").rglob("seed-0.json")
    result.unlink()
    sentence = bench("run", *TOY, *fresh, "--methods", "unguided", "--seeds", "1").mistake
    assert str(file.parent) in sentence
    assert "delete" in sentence
    assert "run again" in sentence
