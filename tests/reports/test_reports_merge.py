"""A merged folder reports what one run of everything reports, keeps what its sources said, or is not made."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from synthetic_results import ResultsFolder, control, evaluation, timing_row, tuned

import bench
from bench.cli.main import main
from foundation.errors import UserError
from reports.analysis.suite import Options
from reports.load.frozen_plan import FrozenPlan, hash_plan
from reports.report import write_report

TASKS = ("maze2d-medium", "maze2d-umaze")
SEEDS = {"a": (0, 1, 2), "b": (3, 4), "all": (0, 1, 2, 3, 4)}


def reported(seed: int, method: str, task: str, score: float) -> dict:
    """The ledger's entry of a result that `control` makes."""
    values, settings = [[score - 2.0, score + 2.0]], control(task, method, seed, score)["config"]
    return evaluation(
        "reported", [seed], None, task=task, method=method, episodes=2, values=values, settings=settings
    )


def planned(seed: int, method: str, task: str) -> dict:
    path = f"runs/{task}/{method}-0/seed-{seed}.json"
    return {"suite": "maze2d", "task": task, "method": method, "rho": None, "seed": seed, "path": path}


def fill(place: Path, seeds: tuple[int, ...]) -> ResultsFolder:
    """What a run of these seeds leaves; a seed's scores are the same in any folder."""
    folder = ResultsFolder(place)
    entries, cells = [], []
    for method in ("unguided", "swg"):
        for task in TASKS:
            for seed in seeds:
                score = float(np.random.default_rng([seed, len(method), len(task)]).normal(50, 5))
                folder.add(control(task, method, seed, score))
                entries.append(reported(seed, method, task, score))
                cells.append(planned(seed, method, task))
    folder.write_ledger(entries)
    folder.write_plans(cells)
    return folder


@pytest.fixture
def made(tmp_path: Path) -> dict[str, ResultsFolder]:
    return {name: fill(tmp_path / name, seeds) for name, seeds in SEEDS.items()}


def snapshot(place: Path) -> dict[str, bytes]:
    return {str(p.relative_to(place)): p.read_bytes() for p in sorted(place.rglob("*")) if p.is_file()}


def merge(made: dict[str, ResultsFolder], *names: str) -> Path:
    place = made["a"].path.parent / "merged"
    assert bench.merge([made[name].path for name in names], to=place, progress=False) == place
    return place


def lines_of(place: Path, name: str) -> list[dict]:
    """The lines of a chain, of which every hash is computed anew."""
    previous, lines = "0" * 64, (place / name).read_bytes().split(b"\n")
    assert lines.pop() == b""
    for line in lines:
        before, _, rest = line.rpartition(b',"sha256":"')
        assert hashlib.sha256(before).hexdigest().encode() == rest.removesuffix(b'"}')
        assert json.loads(line)["previous"] == previous
        previous = hashlib.sha256(line).hexdigest()
    return [json.loads(line) for line in lines]


def without_chain(entry: dict) -> dict:
    return {name: value for name, value in entry.items() if name not in ("previous", "sha256")}


def test_two_folders_of_other_seeds_report_what_one_run_reports(made):
    before = {name: snapshot(made[name].path) for name in ("a", "b")}
    merged = merge(made, "a", "b")
    assert {name: snapshot(made[name].path) for name in ("a", "b")} == before
    for place in (merged, made["all"].path):
        write_report(place, place / "report", options=Options(replicates=100))
    for name in ("scores.csv", "aggregates.csv", "pairs.csv", "variance.csv", "maze2d-scores-table.tex"):
        assert (merged / "report" / name).read_bytes() == (made["all"].path / "report" / name).read_bytes(), name
    assert "none missing" in (merged / "report" / "report.md").read_text()
    for name in ("a", "b"):
        for file in (made[name].path / "runs").rglob("*.json"):
            assert (merged / file.relative_to(made[name].path)).read_bytes() == file.read_bytes()


def test_the_ledger_is_a_chain_that_keeps_every_line_and_the_old_chains_stand_beside(made):
    merged = merge(made, "a", "b")
    own = [json.loads(line) for n in "ab" for line in (made[n].path / "ledger.jsonl").read_text().splitlines()]
    assert list(map(without_chain, lines_of(merged, "ledger.jsonl"))) == list(map(without_chain, own))
    said = json.loads((merged / "merged.json").read_text())
    assert [source["name"] for source in said["sources"]] == ["a", "b"]
    assert [source["results"] for source in said["sources"]] == [12, 8]
    assert [source["ledger"]["lines"] for source in said["sources"]] == [12, 8]
    for number, name in enumerate("ab", 1):
        for record in ("ledger.jsonl", "plans.jsonl"):
            kept = (merged / "sources" / str(number) / record).read_bytes()
            assert kept == (made[name].path / record).read_bytes()
        last = (made[name].path / "ledger.jsonl").read_bytes().splitlines()[-1]
        assert said["sources"][number - 1]["ledger"]["last"] == hashlib.sha256(last).hexdigest()


def test_a_merged_ledger_refuses_what_it_refuses_in_the_folder_of_one_run(made):
    merged = merge(made, "a", "b")
    file = merged / "runs" / TASKS[0] / "swg-0" / "seed-3.json"
    kept = file.read_bytes()
    file.write_text(json.dumps(control(TASKS[0], "swg", 3, 99.0)))
    with pytest.raises(UserError, match="differ from what the ledger"):
        write_report(merged, merged / "report", options=Options(replicates=100))
    file.write_bytes(kept)
    text = (merged / "ledger.jsonl").read_text()
    (merged / "ledger.jsonl").write_text(text.replace('"swg"', '"cep"', 1))
    with pytest.raises(UserError, match=r"ledger .* is damaged"):
        write_report(merged, merged / "report", options=Options(replicates=100))


def test_the_last_plan_is_what_is_due_of_all_folders(made):
    (made["b"].path / "runs" / TASKS[0] / "swg-0" / "seed-4.json").unlink()
    merged = merge(made, "a", "b")
    plans = lines_of(merged, "plans.jsonl")
    assert [len(plan["cells"]) for plan in plans] == [12, 8, 20]
    with pytest.raises(UserError, match=f"1 result.* missing: {TASKS[0]}, swg, seed 4"):
        write_report(merged, merged / "report", options=Options(replicates=100))


def test_what_two_folders_both_have_is_taken_once(made):
    both = ResultsFolder(made["a"].path.parent / "both")
    shutil.copytree(made["a"].path, both.path, dirs_exist_ok=True)
    again = both.path / "runs" / TASKS[0] / "swg-0" / "seed-0.json"
    later = {**json.loads(again.read_text()), "created": "2026-11-25T04:00:00+00:00"}
    again.write_text(json.dumps({**later, "seconds": {"train": 1.0, "evaluate": 2.0}}))
    merged = merge({**made, "both": both}, "a", "both")
    assert len(lines_of(merged, "ledger.jsonl")) == 12
    assert len(lines_of(merged, "plans.jsonl")) == 1
    kept = merged / "runs" / TASKS[0] / "swg-0" / "seed-0.json"
    assert json.loads(kept.read_text())["created"] == "2026-11-21T04:00:00+00:00"


def test_a_merged_folder_merges_again(made, tmp_path):
    merged = merge(made, "a", "b")
    twice = bench.merge([merged, fill(tmp_path / "c", (5,)).path], to=tmp_path / "twice", progress=False)
    assert len(lines_of(twice, "ledger.jsonl")) == 24
    assert (twice / "sources" / "1" / "sources" / "2" / "ledger.jsonl").is_file()


def add_other_score(made):
    made["b"].add(control(TASKS[0], "swg", 0, 1.0))
    return ("runs/maze2d-medium/swg-0/seed-0.json", "different contents", "--compare")


def add_other_version(made):
    made["b"].add(control(TASKS[0], "swg", 0, 1.0), config_hash="1")
    return ("swg-0/seed-0.json", "swg-1/seed-0.json", "the same settings")


def tune_on_reported(made):
    made["b"].write_ledger([evaluation("tuning", [1], 5.0)])
    return ("tuned on seed 1", "a/ledger.jsonl", "b/ledger.jsonl")


def choose_otherwise(made):
    made["a"].write("tuned.json", {"format": 4, "choices": [tuned([100])]})
    made["b"].write("tuned.json", {"format": 4, "choices": [tuned([100], rho=1.0)]})
    return ("different choices for swg on maze2d-umaze", "ρ = 5 and ρ = 1")


def freeze_otherwise(made):
    fields = {
        "format": 4, "created": "2026-11-20", "preset": "quick", "terms": "shared", "protocol": None,
        "experiment": None, "primary": None, "methods": [], "versions": {}, "hash": "",
    }  # fmt: skip
    for name, seeds in (("a", [0]), ("b", [1])):
        plan = {**fields, "seeds": seeds}
        found = hash_plan(FrozenPlan.model_validate_json(json.dumps(plan)))
        made[name].write("frozen_plan.json", {**plan, "hash": found})
    return ("different frozen plans",)


def be_older(made):
    (made["b"].path / "FORMAT").write_text("3\n")
    return ("is from another version", "has format 3")


def break_chain(made):
    file = made["b"].path / "ledger.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    return ("ledger", "is damaged: line 1")


def cut_result(made):
    (made["b"].path / "runs" / TASKS[0] / "swg-0" / "seed-3.json").write_text("{")
    return ("seed-3.json", "is not JSON")


@pytest.mark.parametrize(
    "change",
    [
        add_other_score,
        add_other_version,
        tune_on_reported,
        choose_otherwise,
        freeze_otherwise,
        be_older,
        break_chain,
        cut_result,
    ],
)
def test_what_does_not_fit_is_one_sentence_and_nothing_is_left(made, change: Callable, capsys):
    wanted = change(made)
    place = made["a"].path.parent
    before = snapshot(place)
    with pytest.raises(SystemExit) as left:
        main(["merge", *(str(made[name].path) for name in "ab"), "--to", str(place / "merged")])
    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n")) == (2, 1)
    assert all(word in said for word in wanted), said
    assert snapshot(place) == before
    assert {path.name for path in place.iterdir()} == set(SEEDS)


def test_places_that_cannot_be_are_refused(made, tmp_path):
    a, b = made["a"].path, made["b"].path
    for folders, to, words in (
        ([a], tmp_path / "c", "two results folders or more"),
        ([a, a / "." / ""], tmp_path / "c", "named twice"),
        ([a, tmp_path / "none"], tmp_path / "c", "no results folder"),
        ([a, b], b, "stays as it is"),
        ([a, b], a / "merged", "stays as it is"),
        ([a, b], made["all"].path, "not an empty folder"),
    ):
        with pytest.raises(UserError, match=words):
            bench.merge(folders, to=to, progress=False)
    (tmp_path / "empty").mkdir()
    assert (bench.merge([a, b], to=tmp_path / "empty", progress=False) / "FORMAT").is_file()


def test_choices_timing_and_journals_come_along(made, capsys):
    made["a"].write("tuned.json", {"format": 4, "choices": [tuned([100])]})
    made["b"].write("tuned.json", {"format": 4, "choices": [tuned([100]), tuned([100], task="maze2d-medium")]})
    rows = [timing_row("swg", True, 2.0), timing_row("cep", True, 4.0)]
    made["a"].write("timing.json", {"format": 4, "rows": rows})
    made["b"].write("timing.json", {"format": 4, "rows": [timing_row("swg", True, 3.0)]})
    for name, journal, text in (("a", "x", "1"), ("b", "x", "2"), ("b", "y", "3")):
        (made[name].path / "tuning").mkdir(exist_ok=True)
        (made[name].path / "tuning" / f"{journal}.log").write_text(text)
    merged = made["a"].path.parent / "merged"
    main(["merge", *(str(made[name].path) for name in "ab"), "--to", str(merged)])
    told = capsys.readouterr()
    assert "tuning/x.log" in told.out + told.err
    choices = json.loads((merged / "tuned.json").read_text())["choices"]
    assert [choice["task"] for choice in choices] == ["maze2d-umaze", "maze2d-medium"]
    timed = json.loads((merged / "timing.json").read_text())["rows"]
    assert {row["method"]: row["milliseconds"]["median"] for row in timed} == {"swg": 3.0, "cep": 4.0}
    assert [path.name for path in (merged / "tuning").iterdir()] == ["y.log"]
    assert (merged / "sources" / "1" / "tuning" / "x.log").read_text() == "1"


def test_looks_at_the_sources_count_in_the_merged_folder(made):
    options = Options(replicates=100)
    write_report(made["a"].path, made["a"].path / "report", options=options)
    merged = merge(made, "a", "b")
    write_report(merged, merged / "report", options=options)
    assert "look" in (merged / "report" / "report.md").read_text().split("##")[0]
    assert len((merged / "looks.jsonl").read_text().splitlines()) == 2


def test_a_merge_that_is_killed_leaves_no_half_of_a_folder(made, tmp_path):
    code = (
        "import pathlib, sys, time; import bench.storage.merge as m; write = m.write_atomically\n"
        "def slow(path, content):\n"
        "    write(path, content); print(path.name, flush=True); time.sleep(0.5)\n"
        "m.write_atomically = slow\n"
        "m.merge_folders([pathlib.Path(p) for p in sys.argv[1:3]], pathlib.Path(sys.argv[3]), print)\n"
    )
    words = [str(made["a"].path), str(made["b"].path), str(tmp_path / "merged")]
    root = Path(bench.__file__).parents[1]
    process = subprocess.Popen([sys.executable, "-c", code, *words], cwd=root, stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "merged").exists()
    merged = merge(made, "a", "b")
    assert len(list((merged / "runs").rglob("*.json"))) == 20


def test_a_result_with_trajectories_is_the_one_without(tmp_path):
    """Version 0.2.0 kept none; the files of the folder that has them are taken."""
    old, new = ResultsFolder(tmp_path / "old"), ResultsFolder(tmp_path / "new")
    record = control("maze2d-umaze", "swg", 0, 50.0)
    old.add(record)
    kept = {"trajectories_file": "seed-0.npz", "trajectories_sha256": hashlib.sha256(b"paths").hexdigest()}
    new.add({**record, **kept}).with_suffix(".npz").write_bytes(b"paths")
    for first, second in ((old, new), (new, old)):
        to = tmp_path / f"merged-{first.path.name}"
        bench.merge([first.path, second.path], to=to, progress=False)
        found = to / "runs" / "maze2d-umaze" / "swg-0" / "seed-0.npz"
        assert found.read_bytes() == b"paths"
