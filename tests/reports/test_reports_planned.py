"""Plans know the settings of their cells, so that a missing one has the label that its result would have."""

import itertools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from synthetic_results import ResultsFolder, control

from bench.storage.manifest import record_plan
from bench.storage.merge import merge_folders
from reports.analysis.declared import review_sweeps
from reports.analysis.progress import measure_progress
from reports.analysis.suite import Options
from reports.errors import ReportError
from reports.load.plans import read_plans
from reports.load.progress import ProgressReader
from reports.load.schema import PlanEntry
from reports.load.scores import load_scores
from reports.load.sweeps import find_sweeps
from reports.report import write_report

TASKS, SEEDS = ("maze2d-umaze", "maze2d-medium"), (0, 1, 2)


def write(folder: ResultsFolder) -> Path:
    write_report(folder.path, folder.path / "out", options=Options(replicates=100, partial=True))
    return folder.path / "out"


def plan_settings(folder: ResultsFolder, counts: Sequence[int], there: Sequence[int]) -> None:
    """A plan of idql with so many candidates on two tasks, beside swg, and results of some of them."""
    base = {"critic.steps": 10000, "critic.expectile": 0.7}
    settings = [base, *({**base, "idql.candidates": count} for count in counts)]
    entries = []
    for task, seed in itertools.product(TASKS, SEEDS):
        for place, config in enumerate(settings):
            method, key = ("swg", "0") if place == 0 else ("idql", str(place))
            record = control(task, method, seed, 10.0 * place + seed, config=config)
            path = folder.add(record, key)
            about = {"suite": "maze2d", "task": task, "method": method, "rho": None, "seed": seed}
            place_in_folder = str(path.relative_to(folder.path))
            entries.append({**about, "path": place_in_folder, "terms": "shared", "settings": place})
            if place and config["idql.candidates"] not in there:
                path.unlink()
    folder.write_plans(entries, settings=settings)


def test_missing_cells_have_the_labels_that_their_results_would_have(folder):
    """Of 4 and 16 candidates only the first is there: with both, they are two columns, and so they are now."""
    plan_settings(folder, (4, 16), ())
    with pytest.raises(
        ReportError, match=r"are missing: maze2d-umaze, idql idql.candidates=4, seed 0; .*and 7 more"
    ):
        load_scores(folder.path)
    plan_settings(folder, (4, 16), (4,))
    (scores,) = load_scores(folder.path, partial=True)
    assert scores.partial is not None
    assert scores.partial.whole.variants == ("swg", "idql idql.candidates=4", "idql idql.candidates=16")
    out = write(folder)
    page = (out / "report.md").read_text()
    assert "by method, `idql idql.candidates=16` 6" in page
    (header, *_) = [line for line in page.splitlines() if line.startswith("| task")]
    assert [cell.strip() for cell in header.strip("|").split("|")][1:] == list(scores.partial.whole.variants)
    rows = [line.split(",") for line in (out / "partial.csv").read_text().splitlines()]
    assert {row[2] for row in rows if row[4] == "missing"} == {"idql idql.candidates=16"}


def test_one_value_of_a_planned_sweep_is_no_method_to_compare(folder):
    """Of 4, 16 and 64 candidates one is there; the plan says that it is a value of a sweep."""
    plan_settings(folder, (4, 16, 64), (16,))
    (scores,) = load_scores(folder.path, partial=True)
    (sweep,) = find_sweeps(scores)
    assert (sweep.setting, list(sweep.variants)) == ("idql.candidates", [16])
    assert sweep.missing == ("idql idql.candidates=4", "idql idql.candidates=64")
    compared = review_sweeps(scores, ()).compared
    assert compared is not None
    assert compared.variants == ("swg",)
    page = (write(folder) / "report.md").read_text()
    assert "over idql.candidates (1 value: 16)" in page


def test_settings_stand_once_in_a_plan_and_come_back_with_its_cells(tmp_path):
    """Written and read: two settings of six cells; a place beyond them is damage."""
    paths = [f"runs/a/swg-{key}/seed-{seed}.json" for key in (0, 1) for seed in range(3)]
    configs: list[dict[str, Any]] = [{"swg.weight": "linex", "critic.steps": steps} for steps in (1, 2)]
    cells = [
        PlanEntry(
            suite="s", task="a", method="swg", rho=None, seed=n % 3, path=path, terms="own", config=configs[n // 3]
        )
        for n, path in enumerate(paths)
    ]
    record_plan(cells, tmp_path)
    record_plan(cells, tmp_path)
    (line,) = (tmp_path / "plans.jsonl").read_text().splitlines()
    written = json.loads(line)
    assert written["settings"] == configs
    assert [cell["settings"] for cell in written["cells"]] == [0, 0, 0, 1, 1, 1]
    assert not any("config" in cell for cell in written["cells"])
    found = read_plans(tmp_path)
    assert [cell.config for cell in found.newest] == [cell.config for cell in cells]
    assert found.labels[paths[4]] == "swg critic.steps=2"
    spoilt = line.replace('"settings":1', '"settings":2')
    (tmp_path / "plans.jsonl").write_text(re.sub(r',"sha256":"\w+"', "", spoilt) + "\n")
    with pytest.raises(ReportError, match="line 1 is not a plan"):
        read_plans(tmp_path)


def test_a_merged_folder_knows_the_settings_of_both(tmp_path):
    folders = []
    for name, count in (("one", 4), ("two", 16)):
        folders.append(ResultsFolder(tmp_path / name))
        plan_settings(folders[-1], (count,), (count,))
        for path in (folders[-1].path / "runs").glob("*/*/*.json"):  # each folder has its own keys
            kept = path.parent.with_name(f"{path.parent.name}-{name}") if path.parent.name == "idql-1" else None
            if kept is not None:
                kept.mkdir(exist_ok=True)
                path.rename(kept / path.name)
        plans = folders[-1].path / "plans.jsonl"
        plans.write_text(plans.read_text().replace("idql-1/", f"idql-1-{name}/"))
    merge_folders([folder.path for folder in folders], tmp_path / "both", print)
    found = read_plans(tmp_path / "both")
    labels = {found.labels[cell.path] for cell in found.newest}
    assert labels == {"swg", "idql idql.candidates=4", "idql idql.candidates=16"}


def test_watch_counts_the_cells_of_each_variant(folder, tmp_path):
    """Two of three numbers of candidates have results; ρ tells no rows apart."""
    plan_settings(folder, (4, 16, 64), (4, 64))
    rows = measure_progress(ProgressReader(folder.path, tmp_path / "artifacts").read(), 1.8e9).rows
    found = {(row.task, row.method, row.variant): dict(row.counts) for row in rows}
    assert found == {
        (task, method, variant): {status: 3}
        for task in TASKS
        for method, variant, status in (
            ("swg", "swg", "done"),
            ("idql", "idql idql.candidates=4", "done"),
            ("idql", "idql idql.candidates=16", "waiting"),
            ("idql", "idql idql.candidates=64", "done"),
        )
    }
