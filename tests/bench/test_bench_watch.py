"""What `watch` shows of a run, and the report that is written again while it goes on."""

import dataclasses
import json
import os
import time
from pathlib import Path

import pandas as pd
import pytest
import torch
from command_line import TOY, Call

import bench as package
from bench import watching
from bench.runner import units
from bench.runner.announced import announce_evaluations
from bench.storage.leftovers import find_leftovers
from foundation.leases import Lease, describe_self
from foundation.stopping import Stopped
from reports.errors import NoScores
from reports.load.progress import Held, ProgressReader, locate_lease, read_held
from training.saved_state import Owner, SavedState, pack_state

ENTRY = {"suite": "maze2d", "task": "a", "method": "swg", "rho": None}
REFRESH = '<meta http-equiv="refresh" content="1">\n'


def plan(results: Path, seeds: int, components: tuple[str, ...] = ()) -> list[Path]:
    """A folder with a plan of so many seeds; the paths of their results."""
    paths = [f"runs/a/swg-0/seed-{seed}.json" for seed in range(seeds)]
    cells = [{**ENTRY, "seed": seed, "path": path, "components": components} for seed, path in enumerate(paths)]
    results.mkdir()
    (results / "FORMAT").write_text("4\n")
    line = json.dumps({"previous": "0" * 64, "created": "2026-11-21T02:00:00+00:00", "cells": cells})
    (results / "plans.jsonl").write_text(f"{line}\n")
    (results / "runs" / "a" / "swg-0").mkdir(parents=True)
    return [results / path for path in paths]


def finish(path: Path, status: str = "done") -> None:
    """What is read of a result."""
    header = {"status": status, "created": "2026-11-21T03:00:00+00:00", "seconds": {"train": 1.0, "evaluate": 2.0}}
    path.write_text(json.dumps({**header, "task": "a", "method": "swg"}))


def test_a_run_is_shown_once_where_there_is_no_terminal(bench, tmp_path):
    paths = plan(tmp_path / "results", 3)
    finish(paths[0])
    finish(paths[1], "failed")
    lease = Lease(locate_lease(paths[2]))
    assert not list(lease.take(describe_self(has_flock=False)))
    told = bench("watch", "--results", tmp_path / "results", "--artifacts", tmp_path / "artifacts")
    assert told.code == 0, told
    assert "2 of 3 planned results are there, 1 of them failed" in told.out
    row = next(line.split() for line in told.out.splitlines() if line.split()[:2] == ["a", "swg"])
    assert row == ["a", "swg", "1", "1", "1", "·", "3"]
    who = next(line.split() for line in told.out.splitlines() if "evaluation a, swg, seed 2" in line)
    assert str(os.getpid()) in who
    assert who[-2:] == ["at", "work"]
    lease.release()
    found = package.watch(results=tmp_path / "results", artifacts=tmp_path, progress=False)
    expected = {"suite": "maze2d", "task": "a", "method": "swg", "variant": "swg", "done": 1, "failed": 1}
    pd.testing.assert_frame_equal(found, pd.DataFrame([{**expected, "running": 0, "stopped": 0, "waiting": 1}]))


def test_a_finished_run_and_an_unplanned_one_say_so(bench, tmp_path):
    for path in plan(tmp_path / "results", 2):
        finish(path)
    assert "Finished: every planned result is there." in bench("watch", "--results", tmp_path / "results").out
    (tmp_path / "empty").mkdir()
    assert "Nothing is planned in" in bench("watch", "--results", tmp_path / "empty").out


def test_a_mistake_is_one_sentence(bench, tmp_path):
    assert "there is no results folder at" in bench("watch", "--results", tmp_path / "nothing").mistake
    assert "every=0" in bench("watch", "--once", "--every", 0).mistake
    assert "add watch" in bench("report", "--every", 5).mistake
    told = bench("report", "--partial", "--export", "json")
    assert "partial is for a report, and export writes none" in told.mistake


def test_names_of_files_are_text(bench, tmp_path):
    paths = plan(tmp_path / "results", 1)
    holder = dataclasses.replace(describe_self(has_flock=False), host="[red]\x1b[2Jhost")
    locate_lease(paths[0]).mkdir()
    (locate_lease(paths[0]) / "1").write_text(json.dumps(dataclasses.asdict(holder)))
    assert r"[red]\x1b[2Jhost" in bench("watch", "--results", tmp_path / "results").out


def test_a_checkpoint_of_the_training_loop_is_read(tmp_path):
    plan(tmp_path / "results", 1, ("critic-0",))
    folder = tmp_path / "artifacts" / "components" / "critic-0"
    folder.mkdir(parents=True)
    state = SavedState(70, {"weight": torch.zeros(3)}, {"rows": []})
    (folder / "checkpoint-0.state").write_bytes(pack_state(state, Owner("critic-0", (0,), "key", 900)))
    (component,) = ProgressReader(tmp_path / "results", tmp_path / "artifacts").read().components
    assert [(t.seeds, t.step, t.steps) for t in component.trainings] == [((0,), 70, 900)]


def test_an_evaluation_is_announced_and_another_process_is_left_alone(tmp_path):
    first, second = (tmp_path / f"seed-{seed}.json" for seed in (0, 1))
    other = dataclasses.replace(describe_self(has_flock=False), kernel="of another machine")
    locate_lease(second).mkdir()
    (locate_lease(second) / "1").write_text(json.dumps(dataclasses.asdict(other)))
    with announce_evaluations([first, second]):
        mine, theirs = read_held(locate_lease(first)), read_held(locate_lease(second))
        assert mine is not None
        assert mine.holder is not None
        assert mine.holder.process == os.getpid()
        assert theirs is not None
        assert theirs.holder == other
    assert not locate_lease(first).exists()
    assert locate_lease(second).exists()


def test_a_run_holds_what_it_evaluates_and_leaves_nothing(bench: Call, folders, tmp_path, monkeypatch):
    seen: list[Held | None] = []

    def look(*arguments):
        seen.extend(read_held(path) for path in (tmp_path / "results").rglob("*.holders") if "seed" in path.name)
        return evaluate(*arguments)

    evaluate = units.evaluate
    monkeypatch.setattr(units, "evaluate", look)
    told = bench("run", *TOY, "--methods", "unguided", "--seeds", "1", *folders)
    assert told.code == 0, told
    assert [held.holder.process for held in seen if held is not None and held.holder is not None] == [os.getpid()]
    assert not list((tmp_path / "results" / "runs").rglob("*.holders"))


def test_the_lease_of_a_killed_process_is_a_leftover_once_its_result_is_there(tmp_path):
    (path,) = plan(tmp_path / "results", 1)
    lease = Lease(locate_lease(path))
    assert not list(lease.take(describe_self(has_flock=False)))
    gone = dataclasses.replace(describe_self(has_flock=False), begun="0")
    (locate_lease(path) / "2").write_text(json.dumps(dataclasses.asdict(gone)))
    assert not find_leftovers([tmp_path / "results"], tmp_path / "artifacts")
    finish(path)
    assert [found.path for found in find_leftovers([tmp_path / "results"], tmp_path / "artifacts")] == [
        locate_lease(path)
    ]


def test_a_report_is_written_again_until_all_is_there(tmp_path):
    paths, out, written = plan(tmp_path / "results", 3), tmp_path / "out", list[int | None]()
    told: list[str] = []

    def write(refresh: int | None) -> None:
        written.append(refresh)
        if len(written) <= len(paths):
            finish(paths[len(written) - 1])
        if len(written) == 1:
            raise NoScores("none yet.")

    watching.rewrite_report(tmp_path / "results", out, 0.01, write, told.append)
    # With nothing, one and two results with a refresh of 1 s, rounded up; with all three once more, without.
    assert written == [1, 1, 1, None]
    assert told == ["No report yet: none yet."]


def test_a_page_that_a_signal_leaves_is_read_no_more(tmp_path, monkeypatch):
    def stop(_: float) -> None:
        raise Stopped(2)

    monkeypatch.setattr(time, "sleep", stop)
    plan(tmp_path / "results", 1)
    page = tmp_path / "index.html"
    with pytest.raises(Stopped):
        watching.rewrite_report(
            tmp_path / "results", tmp_path, 1.0, lambda _: page.write_text(f"a\n{REFRESH}b") and None, print
        )
    assert page.read_text() == "a\nb"
