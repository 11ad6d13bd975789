"""How far a run is, by the files of its folders and by the processes that hold them."""

import hashlib
import json
import os
import subprocess
import time
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from synthetic_results import ResultsFolder, control

from foundation.leases import Lease, describe_self
from reports.analysis.progress import Rate, measure_progress
from reports.errors import ReportError
from reports.load.progress import (
    CellState,
    ComponentState,
    FinishedHeader,
    FolderState,
    Held,
    ProgressReader,
    Training,
    locate_lease,
    read_held,
)
from reports.load.schema import PlanEntry, Seconds

NOW = datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp()
LABEL = "critic-0123456789abcdef"


def write_time(before: float) -> str:
    """So many seconds before now."""
    return datetime.fromtimestamp(NOW - before, UTC).isoformat(timespec="seconds")


def entry(task: str, method: str, seed: int, components: tuple[str, ...] = ()) -> PlanEntry:
    path = f"runs/{task}/{method}-0/seed-{seed}.json"
    return PlanEntry(
        suite="maze2d", task=task, method=method, rho=None, seed=seed, path=path, components=components
    )


def done(task: str, method: str, seed: int, seconds: float, before: float, status: str = "done") -> CellState:
    header = FinishedHeader(
        status=status, created=write_time(before), seconds=Seconds(train=1.0, evaluate=seconds)
    )
    return CellState(entry(task, method, seed), header)


def held_since(before: float, process: int = 7, is_alive: bool = True) -> Held:
    """A lease that was taken so many seconds before now."""
    here = replace(describe_self(has_flock=False), process=process, since=write_time(before))
    return Held(here, NOW, is_alive)


def folder_of(*cells: CellState, components: tuple[ComponentState, ...] = (), before: float = 7200) -> FolderState:
    return FolderState(write_time(before), cells, len(cells), components)


def test_cells_are_counted_by_task_and_method():
    waiting = CellState(entry("a", "swg", 2))
    cells = (
        done("a", "swg", 0, 1, 50),
        done("a", "swg", 1, 1, 40, "failed"),
        waiting,
        CellState(entry("a", "cep", 0), None, held_since(5)),
        CellState(entry("a", "cep", 1), None, held_since(5, is_alive=False)),
        CellState(entry("a", "cep", 2), None, None, is_begun=True),
    )
    found = measure_progress(replace(folder_of(*cells), newest=5), NOW)
    assert [(row.method, dict(row.counts)) for row in found.rows] == [
        ("swg", {"done": 1, "failed": 1, "waiting": 1}),
        ("cep", {"running": 1, "stopped": 2}),
    ]
    assert (found.open, found.earlier, found.is_finished) == (4, 1, False)
    assert [work.held.is_alive for work in found.work] == [False, True]


def test_a_finished_plan_says_so_and_none_does_not():
    found = measure_progress(folder_of(done("a", "swg", 0, 1, 50)), NOW)
    assert found.is_finished
    assert found.forecast is None
    assert not measure_progress(FolderState(None), NOW).is_finished


@pytest.mark.parametrize(
    ("ages", "before", "expected"),
    [
        ((60, 120, 180, 240, 3000), 7200, Rate(5, 3600.0)),  # five within the hour
        ((60, 120, 5000, 6000, 7000), 7200, Rate(5, 7200.0)),  # two within the hour: since the plan, five
        ((60, 30000, 40000, 50000, 60000, 70000), 80000, Rate(6, 80000.0)),
        ((60, 90000), 200000, Rate(1, 86400.0)),  # no longer than a day
        ((10,), 20, Rate(1, 20.0)),
        ((), 600, Rate(0, 600.0)),
    ],
)
def test_the_rate_is_over_the_shortest_window_with_five_results(ages, before, expected):
    cells = [done("a", "swg", seed, 1, age) for seed, age in enumerate(ages)]
    waiting = CellState(entry("a", "cep", 0))
    assert measure_progress(folder_of(*cells, waiting, before=before), NOW).rate == expected


def test_a_rate_is_per_hour():
    assert Rate(5, 1800.0).per_hour == 10.0


def test_the_end_is_what_is_left_over_the_processes_at_work():
    made = ComponentState("critic-a", (0, 1), {0: 90.0, 1: 110.0})
    open_one = ComponentState("critic-b", (0, 1), {0: 100.0})  # its task has a seed of 100 s: 100 s are left
    cells = (
        done("a", "swg", 0, 20.0, 50),
        done("a", "swg", 1, 40.0, 40),
        replace(CellState(entry("a", "swg", 2, ("critic-a",))), held=held_since(10, process=7)),  # 30 - 10
        replace(CellState(entry("b", "swg", 0, ("critic-b",))), held=held_since(6, process=8)),  # 30 - 6
    )
    found = measure_progress(folder_of(*cells, components=(made, open_one)), NOW).forecast
    assert found is not None
    assert (found.processes, found.results, found.components, found.unknown) == (2, 2, 3, ())
    assert found.seconds == pytest.approx(100.0)  # 20 + 24 + 100 over two processes, but the longest is 100
    alone = measure_progress(folder_of(*cells[:3], components=(made,)), NOW).forecast
    assert alone is not None
    assert alone.seconds == pytest.approx(20.0)


def test_what_was_never_measured_is_named_and_nobody_at_work_gives_no_end():
    cell = replace(CellState(entry("a", "cep", 0, (LABEL,))), held=held_since(10))
    component = ComponentState(LABEL, (0,))
    found = measure_progress(folder_of(cell, components=(component,)), NOW).forecast
    assert found is not None
    assert found.unknown == ("cep", "critic")
    gone = replace(cell, held=held_since(10, is_alive=False))
    assert measure_progress(folder_of(gone, components=(component,)), NOW).forecast is None


@pytest.mark.parametrize(
    ("before", "since", "seconds"),
    [
        ((100, NOW - 120), 500, 330.0),  # 200 steps in 100 s: 700 left take 350 s, of which 20 are over
        (None, 320, 680.0),  # 300 steps in 300 s: 700 s, of which 20 are over
        ((100, NOW - 120), 60, None),  # the one before is another process's: nothing is measured
    ],
)
def test_a_training_is_measured_by_its_own_steps(before, since, seconds):
    training = Training((0, 1), 300, 1000, NOW - 20, before)
    component = ComponentState(LABEL, (0, 1), held=held_since(since), trainings=(training,))
    state = folder_of(CellState(entry("a", "cep", 0, (LABEL,))), components=(component,))
    found = measure_progress(state, NOW).forecast
    assert found is not None
    assert found.seconds == (0.0 if seconds is None else pytest.approx(seconds))
    assert found.unknown == (("cep", "critic") if seconds is None else ("cep",))


def fill(tmp_path: Path) -> tuple[ResultsFolder, Path]:
    """A plan of three cells that need one component; a result and a seed of the component are there."""
    folder = ResultsFolder(tmp_path / "results")
    folder.add(control("a", "swg", 0, 1.0, seconds={"train": 1.0, "evaluate": 25.0}))
    cells = [json.loads(entry("a", "swg", seed, (LABEL,)).model_dump_json()) for seed in range(3)]
    folder.write_plans(cells)
    place = tmp_path / "artifacts" / "components" / LABEL
    place.mkdir(parents=True)
    (place / "seed-0.json").write_text(json.dumps({"seconds_per_seed": 12.5}))
    (place / "seed-1.failed.json").write_text(json.dumps({"step": "critic, step 5 of 9", "reason": "NaN"}))
    return folder, place


def write_checkpoint(path: Path, step: int, touched: float, **changes: Any) -> None:
    """The first lines of a checkpoint as `training.saved_state` writes them."""
    owner = {"component": LABEL, "seeds": [1, 2], "data": "d", "steps": 900}
    about = json.dumps(
        {"version": 1, "owner": owner, "step": step, "curve": {}, "diverged": {}, **changes}
    ).encode()
    sealed = about + b"\ntensors\n"
    path.write_bytes(hashlib.sha256(sealed).hexdigest().encode() + b"\n" + sealed)
    os.utime(path, (touched, touched))


def test_a_folder_is_read(tmp_path):
    folder, place = fill(tmp_path)
    write_checkpoint(place / "checkpoint-ab.state", 400, 2000.0)
    write_checkpoint(place / "checkpoint-ab.earlier", 150, 1900.0)
    write_checkpoint(place / "checkpoint-cd.state", 1000, 2000.0)  # more steps than it has: not read
    kept = folder.path / "runs" / "a" / "swg-0" / ".unfinished-seed-2.state"
    kept.touch()
    state = ProgressReader(folder.path, tmp_path / "artifacts").read()
    assert [cell.finished is not None for cell in state.cells] == [True, False, False]
    assert [cell.is_begun for cell in state.cells] == [False, False, True]
    assert state.cells[0].finished is not None
    assert state.cells[0].finished.seconds.evaluate == 25.0
    (component,) = state.components
    assert (component.kind, component.done, component.failed, component.missing) == (
        "critic",
        {0: 12.5},
        (1,),
        (2,),
    )
    assert component.trainings == (Training((1, 2), 400, 900, 2000.0, (150, 1900.0)),)


def test_a_second_look_sees_what_is_new(tmp_path):
    folder, _ = fill(tmp_path)
    reader = ProgressReader(folder.path, tmp_path / "artifacts")
    assert measure_progress(reader.read(), time.time()).open == 2
    folder.add(control("a", "swg", 1, 1.0))
    folder.add(control("a", "swg", 2, 1.0))
    assert measure_progress(reader.read(), time.time()).is_finished


def test_who_holds_a_component_is_alive_gone_or_silent(tmp_path):
    folder, place = fill(tmp_path)
    reader = ProgressReader(folder.path, tmp_path / "artifacts")

    def held() -> Held | None:
        return reader.read().components[0].held

    assert held() is None
    lease = Lease(place / ".lock.holders")
    assert not list(lease.take(describe_self(has_flock=True)))
    found = held()
    assert found is not None
    assert found.holder is not None
    assert (found.holder.process, found.is_alive) == (os.getpid(), True)
    lease.release()
    assert held() is None
    child = subprocess.Popen(["true"])
    child.wait()
    dead = replace(describe_self(has_flock=True), process=child.pid)
    (place / ".lock.holders" / "2").write_text(json.dumps(asdict(dead)))
    found = held()
    assert found is not None
    assert not found.is_alive
    far, file = replace(dead, kernel="of another machine"), place / ".lock.holders" / "3"
    file.write_text(json.dumps(asdict(far)))
    found = held()
    assert found is not None
    assert found.is_alive
    os.utime(file, (time.time() - 61, time.time() - 61))
    found = held()
    assert found is not None
    assert not found.is_alive


def test_looking_changes_nothing(tmp_path):
    folder, place = fill(tmp_path)
    lease = Lease(locate_lease(folder.path / "runs" / "a" / "swg-0" / "seed-1.json"))
    list(lease.take(describe_self(has_flock=False)))
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    state = ProgressReader(folder.path, tmp_path / "artifacts").read()
    assert state.cells[1].held is not None
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert read_held(place / "nothing") is None
    lease.release()


def test_what_cannot_be_watched_is_one_sentence(tmp_path):
    with pytest.raises(ReportError, match=r"there is no results folder at .*bench run.*--results"):
        ProgressReader(tmp_path / "nothing", tmp_path).read()
    folder, _ = fill(tmp_path)
    (folder.path / "runs" / "a" / "swg-0" / "seed-0.json").write_text("{")
    with pytest.raises(ReportError, match="is not JSON"):
        ProgressReader(folder.path, tmp_path / "artifacts").read()
    line = json.dumps({"previous": "0" * 64, "created": "yesterday", "cells": []})
    (folder.path / "plans.jsonl").write_text(f"{line}\n")
    with pytest.raises(ReportError, match="has 'yesterday' for when the last plan was made"):
        ProgressReader(folder.path, tmp_path / "artifacts").read()
    (folder.path / "plans.jsonl").unlink()
    assert ProgressReader(folder.path, tmp_path / "artifacts").read().planned is None
