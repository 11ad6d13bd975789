"""Edited results, copied seeds and what a report leaves out: refused or said."""

import json
from pathlib import Path
from typing import Any

import pytest
from synthetic_results import ResultsFolder, control, evaluation

from reports.errors import ReportError
from reports.report import write_report

TASK, RETURNS = "maze2d-umaze", (10.0, 20.0, 30.0, 40.0, 50.0)
SETTINGS = {"critic.steps": 10000, "critic.expectile": 0.7}


def make_result(method: str, seed: int, shift: float = 0.0, starts: int | None = None) -> dict[str, Any]:
    """A result of five episodes, whose resets are the seed's own, or another's."""
    first = 100 * (seed if starts is None else starts)
    episodes = [
        {"return": value + shift, "length": 300, "seed": first + n, "normalized": value + shift}
        for n, value in enumerate(RETURNS)
    ]
    return control(TASK, method, seed, 30.0 + shift, episodes=episodes)


def record(
    method: str, seed: int, values: tuple[float, ...] = RETURNS, kind: str = "reported", **changes: Any
) -> dict[str, Any]:
    """The line of a ledger for such a result."""
    own = {"method": method, "settings": SETTINGS, "episodes": len(values), "values": [list(values)]}
    return evaluation(kind, [seed], None, **{**own, "purpose": "evaluation", **changes})


@pytest.fixture
def recorded(folder: ResultsFolder) -> ResultsFolder:
    for method, shift in (("unguided", 0.0), ("swg", 1.0)):
        for seed in (0, 1):
            folder.add(make_result(method, seed, shift + 0.1 * seed))
    lines = [
        record(method, seed, tuple(value + shift + 0.1 * seed for value in RETURNS))
        for method, shift in (("unguided", 0.0), ("swg", 1.0))
        for seed in (0, 1)
    ]
    folder.write_ledger(lines)
    return folder


def edit(file: Path, factor: float) -> None:
    """Scale every episode of a result, and the score with them."""
    known = json.loads(file.read_text())
    for episode in known["episodes"]:
        episode["normalized"] *= factor
        episode["return"] *= factor
    known["score"] *= factor
    file.write_text(json.dumps(known))


def test_results_as_they_were_recorded_are_reported(recorded: ResultsFolder, tmp_path: Path):
    assert write_report(recorded.path, tmp_path / "out")


def test_an_edited_result_is_refused_though_its_score_follows(recorded: ResultsFolder, tmp_path: Path):
    file = recorded.path / "runs" / TASK / "swg-0" / "seed-1.json"
    edit(file, 2.0)
    with pytest.raises(ReportError, match=r"swg-0/seed-1.json': scores of episodes differ from what the ledger"):
        write_report(recorded.path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_an_evaluation_that_was_repeated_may_be_either(recorded: ResultsFolder, tmp_path: Path):
    """Deleted and run again on another processor: the ledger has both."""
    lines = [json.loads(line) for line in (recorded.path / "ledger.jsonl").read_text().splitlines()]
    again = record("swg", 1, tuple(2.0 * (value + 1.1) for value in RETURNS))
    recorded.write_ledger([{k: v for k, v in line.items() if k != "previous"} for line in lines] + [again])
    edit(recorded.path / "runs" / TASK / "swg-0" / "seed-1.json", 2.0)
    assert write_report(recorded.path, tmp_path / "out")


def test_what_the_ledger_does_not_know_is_not_refused(recorded: ResultsFolder, tmp_path: Path):
    """Results from another folder, other settings, tuning, and lines of version 0.2.0 with a mean alone."""
    recorded.write_ledger(
        [
            record("swg", 1, (0.0,) * 5, settings={**SETTINGS, "critic.steps": 20}),
            record("swg", 1, (0.0,) * 5, kind="tuning", purpose="tuning/0"),
            record("swg", 1, (0.0,), episodes=5),
        ]
    )
    assert write_report(recorded.path, tmp_path / "out")


def test_a_seed_under_two_numbers_is_refused(folder: ResultsFolder, tmp_path: Path):
    for method in ("unguided", "swg"):
        folder.add(make_result(method, 0))
        folder.add(make_result(method, 1, starts=0))
    with pytest.raises(ReportError, match="seeds are 1 and 0: one is a copy, and would count twice"):
        write_report(folder.path, tmp_path / "out")


def test_seeds_that_end_alike_from_other_starts_are_not_copies(folder: ResultsFolder, tmp_path: Path):
    for method in ("unguided", "swg"):
        folder.add(make_result(method, 0))
        folder.add(make_result(method, 1))
    assert write_report(folder.path, tmp_path / "out")


def test_methods_that_are_left_out_are_named_where_the_conclusion_stands(recorded: ResultsFolder, tmp_path: Path):
    recorded.add(make_result("idql", 0, 2.0))
    recorded.add(make_result("idql", 1, 2.2))
    write_report(recorded.path, tmp_path / "out", methods=["swg", "unguided"])
    said = "Left out on request, though results of it are there: the method `idql`."
    assert said in (tmp_path / "out" / "report.md").read_text()
    assert said in (tmp_path / "out" / "summary.txt").read_text()
    write_report(recorded.path, tmp_path / "all")
    assert "Left out" not in (tmp_path / "all" / "report.md").read_text()
