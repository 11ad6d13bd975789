"""Each export is read back with the program that it is for, and holds the results and nothing else."""

import json
from pathlib import Path
from typing import get_args

import numpy as np
import pandas as pd
import pytest
from rliable import library, metrics
from synthetic_results import control, density

import bench
from bench.cli.main import main
from foundation.errors import UserError
from reports.export import Form

TASKS = ("maze2d-medium", "maze2d-umaze")


@pytest.fixture
def scores(folder) -> dict[str, np.ndarray]:
    """Seeds × tasks in percent, in a folder that has densities and an own setting too."""
    generator = np.random.default_rng(1)
    made = {method: generator.normal(50, 5, (4, 2)) for method in ("unguided", "swg")}
    folder.add_matrix(made, TASKS)
    folder.add(density("rings", "swg", 0, {1.0: 0.1, 3.0: 0.25}))
    return made


FORMS: tuple[Form, ...] = get_args(Form)


def load_matrices(file: Path) -> dict[str, np.ndarray]:
    with np.load(file, allow_pickle=False) as archive:
        return dict(archive)


def files_in(place) -> set[str]:
    return {path.name for path in place.iterdir()}


def test_rliable_takes_the_matrices_as_they_are(folder, scores):
    place = bench.report(results=folder.path, export="rliable", progress=False)
    assert place == folder.path / "export"
    assert files_in(place) == {"rliable-maze2d.npz", "rliable-maze2d.json"}
    matrices = load_matrices(place / "rliable-maze2d.npz")
    names = json.loads((place / "rliable-maze2d.json").read_text())
    assert names == {
        "suite": "maze2d",
        "data": "local",
        "variants": ["unguided", "swg"],
        "seeds": [0, 1, 2, 3],
        "tasks": list(TASKS),
    }
    for method, matrix in scores.items():
        np.testing.assert_array_equal(matrices[method], matrix / 100)
    found, intervals = library.get_interval_estimates(
        matrices, lambda runs: np.array([metrics.aggregate_iqm(runs)]), reps=50
    )
    for method, matrix in scores.items():  # of 8 runs the middle 4
        assert found[method][0] == pytest.approx(np.sort(matrix.ravel())[2:6].mean() / 100)
        assert intervals[method].shape == (2, 1)


def test_rliable_takes_variants_that_are_no_names_of_files(folder):
    for i, weight in enumerate(("../../a", "b\\c%")):
        for seed in range(2):
            config = {"swg.weight": weight}
            folder.add(control("a", "swg", seed, 10.0 * i + seed, config=config), config_hash=str(i))
    place = bench.report(results=folder.path, export="rliable", progress=False)
    matrices = load_matrices(place / "rliable-maze2d.npz")
    assert sorted(matrices) == ["swg swg.weight=..%2F..%2Fa", "swg swg.weight=b%5Cc%25"]
    assert matrices["swg swg.weight=b%5Cc%25"].tolist() == [[0.1], [0.11]]


def test_parquet_has_cells_and_episodes(folder, scores):
    place = bench.report(results=folder.path, export="parquet", progress=False)
    assert files_in(place) == {"scores.parquet", "episodes.parquet"}
    cells, episodes = (pd.read_parquet(place / f"{name}.parquet") for name in ("scores", "episodes"))
    assert len(cells) == 2 * 2 * 4 + 1
    for method, matrix in scores.items():
        own = (
            cells[cells.method == method]
            .query("suite == 'maze2d'")
            .pivot(index="seed", columns="task", values="score")
        )
        np.testing.assert_array_equal(own[list(TASKS)], matrix)
    rebuilt = episodes.dropna(subset=["normalized"]).groupby("path").normalized.mean()
    known = cells.set_index("path").score
    np.testing.assert_allclose(rebuilt, known[rebuilt.index], rtol=1e-12)
    assert list(episodes[episodes.suite == "toy"].distance) == [0.1, 0.25]


def test_json_has_both_in_one_document(folder, scores):
    place = bench.report(results=folder.path, out=folder.path.parent / "out", export="json", progress=False)
    assert files_in(place) == {"results.json"}
    document = json.loads((place / "results.json").read_text())
    assert set(document) == {"cells", "episodes"}
    found = {(c["method"], c["seed"], c["task"]): c["score"] for c in document["cells"] if c["suite"] == "maze2d"}
    for method, matrix in scores.items():
        for seed, row in enumerate(matrix):
            assert [found[method, seed, task] for task in TASKS] == list(row)
    one = [e for e in document["episodes"] if (e["method"], e["seed"], e["task"]) == ("swg", 2, TASKS[1])]
    assert [e["normalized"] for e in one] == [scores["swg"][2, 1] - 2, scores["swg"][2, 1] + 2]
    assert all("distance" not in e for e in one)


@pytest.mark.parametrize("form", FORMS)
def test_names_to_keep_are_kept_and_nothing_else_is_written(folder, scores, form):
    place = bench.report(results=folder.path, export=form, methods="swg", tasks=TASKS[0], progress=False)
    if form == "rliable":
        assert list(load_matrices(place / "rliable-maze2d.npz")) == ["swg"]
    elif form == "parquet":
        assert set(pd.read_parquet(place / "scores.parquet").task) == {TASKS[0]}
    else:
        cells = json.loads((place / "results.json").read_text())["cells"]
        assert {(cell["task"], cell["method"]) for cell in cells} == {(TASKS[0], "swg")}
    assert files_in(folder.path) == {"FORMAT", "runs", "export"}


def refusal(capsys, *words: str) -> str:
    with pytest.raises(SystemExit) as left:
        main(["report", *words])
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    return said


def test_mistakes_are_one_sentence(folder, scores, capsys):
    place = ("--results", str(folder.path))
    assert "margin is for a report, and export writes none" in refusal(
        capsys, *place, "--export", "json", "--margin", "3"
    )
    assert "no method 'cep' among the results" in refusal(capsys, *place, "--export", "json", "--methods", "cep")
    (folder.path / "runs" / TASKS[0] / "swg-0" / "seed-3.json").unlink()
    assert "1 result(s) are missing" in refusal(capsys, *place, "--export", "rliable")
    assert "distances of densities" in refusal(capsys, *place, "--export", "rliable", "--tasks", "rings")
    assert not (folder.path / "export").exists()
    with pytest.raises(UserError, match="export"):
        bench.report(results=folder.path, export="excel", progress=False)  # pyright: ignore


def test_the_command_line_says_where_it_is(folder, scores, capsys):
    main(["report", "--results", str(folder.path), "--export", "json"])
    told = capsys.readouterr()
    assert "export" in told.out + told.err
    assert files_in(folder.path / "export") == {"results.json"}


def test_text_of_a_result_stays_text(folder):
    hostile = "=cmd \x1b[2J \u202e"
    folder.add(control("a", "swg", 0, 1.0, preset=hostile, interventions={hostile: [1]}))
    text = (bench.report(results=folder.path, export="json", progress=False) / "results.json").read_text()
    assert not set("\x1b\u202e") & set(text)
    assert "\\u001b" not in text
    place = bench.report(results=folder.path, export="parquet", progress=False)
    frame = pd.read_parquet(place / "scores.parquet")
    assert frame.preset[0] == "=cmd \\x1b[2J \\u202e"
    assert not any("\x1b" in column for column in frame.columns)
