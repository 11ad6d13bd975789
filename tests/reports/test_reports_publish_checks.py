"""A results folder is contributed whole or not at all, once, and a site that was changed is found out."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from contributed_folders import TASKS, draw, fill, publish, read_rows, scored, snapshot, write_little
from synthetic_results import ResultsFolder, evaluation, tuned

import bench
import bench.storage.publish as publishing
from bench.cli.main import main
from foundation.errors import UserError
from reports.analysis.suite import Options
from reports.load.files import MOST_BYTES
from reports.report import write_report

ROOT = Path(bench.__file__).parents[1]
RESULT = f"runs/{TASKS[0]}/swg-0/seed-1.json"


@pytest.fixture(autouse=True)
def little_report(monkeypatch):
    """A report of one file, in the place of one that takes seconds."""
    monkeypatch.setattr(publishing, "write_report", write_little)


def test_the_hash_is_that_of_sha256sum_and_the_files_are_as_they_were(tmp_path, monkeypatch):
    monkeypatch.setattr(publishing, "write_report", partial(write_report, options=Options(replicates=100)))
    folder, _ = fill(tmp_path / "mine")
    folder.write("plan.json", {"not": "a record"})
    (folder.path / "logs").mkdir()
    (folder.path / "logs" / "x").write_text("x")
    place = publish(folder, tmp_path / "site")
    command = "find FORMAT ledger.jsonl plans.jsonl runs -type f | LC_ALL=C sort | xargs sha256sum | sha256sum"
    summed = subprocess.run(command, shell=True, cwd=folder.path, capture_output=True, text=True, check=True)
    said = json.loads((place / "run.json").read_text())
    assert said["content"] == summed.stdout.split()[0]
    assert place.name == said["content"][:16]
    kept = snapshot(place / "results")
    assert kept.pop("looks.jsonl")
    assert not list((place / "results").glob(".*")), "no lock of the report is left"
    assert bench.check_site(tmp_path / "site", progress=False) == []
    mine = snapshot(folder.path)
    assert kept == {name: mine[name] for name in mine if name not in ("plan.json", "logs/x")}
    assert {"report.md", "index.html", "scores.csv"} <= set(snapshot(place / "report"))
    assert {path.name for path in (tmp_path / "site" / "runs").iterdir()} == {place.name}


def test_records_of_components_methods_and_commands_are_copied(tmp_path):
    folder, _ = fill(tmp_path / "mine", (0, 1))
    wanted = add_origins(folder)
    (folder.path / "renders").mkdir()
    (folder.path / "renders" / "x.json").write_text("{}")
    kept = snapshot(publish(folder, tmp_path / "site") / "results")
    assert {name: kept.get(name) for name in wanted} == wanted
    assert not [name for name in kept if "renders" in name]
    assert bench.check_site(tmp_path / "site", progress=False) == []


def add_origins(folder: ResultsFolder) -> dict[str, bytes]:
    """A record of a component, of a method and of a command, and what they hold."""
    about = {"format": 4, "title": "SWG", "paper": "a paper", "departures": []}
    line = {"created": "2026-11-21T05:00:00+00:00", "command": "run --suite maze2d", "version": "0.3.0"}
    component = {
        "format": 4, "label": "critic-a", "kind": "critic", "seed": 0, "steps": 30, "made_with": [0],
        "settings": {}, "upstream": {}, "parameters": 7, "seconds_per_seed": 1.0, "peak_memory": None,
        "machine": None, "created": None, "weights_sha256": "0" * 64, "curve": None, "failure": None,
    }  # fmt: skip
    contents = {
        "components/critic-a/seed-0.json": json.dumps(component),
        "methods/swg.json": json.dumps({**about, "method": "swg", "created": line["created"]}),
        "commands.jsonl": json.dumps(line) + "\n",
    }
    for name, content in contents.items():
        (folder.path / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.path / name).write_text(content)
    return {name: content.encode() for name, content in contents.items()}


def test_publishing_once_more_changes_nothing_and_says_so(tmp_path, capsys):
    folder, _ = fill(tmp_path / "mine")
    place = publish(folder, tmp_path / "site", name="first")
    before = snapshot(tmp_path / "site")
    shutil.copytree(folder.path, tmp_path / "copy")
    (tmp_path / "copy" / "looks.jsonl").write_text("")  # a report of it was made meanwhile
    main(["publish", str(tmp_path / "copy"), "--to", str(tmp_path / "site"), "--name", "second"])
    told = capsys.readouterr()
    assert f"Nothing to add: these results are run {place.name} (first)" in told.out + told.err
    assert "its name and note stay as they are" in told.out + told.err
    assert snapshot(tmp_path / "site") == before


def test_a_file_of_trajectories_that_is_gone_is_not_missed_on_entry_and_one_lost_on_the_site_is(tmp_path):
    folder, _ = fill(tmp_path / "mine")
    for seed in (0, 1):
        file = folder.path / f"runs/{TASKS[0]}/swg-0/seed-{seed}.json"
        trajectories = file.with_suffix(".npz")
        np.savez(trajectories, radius=np.float32(1.0))
        digest = hashlib.sha256(trajectories.read_bytes()).hexdigest()
        folder.add({**json.loads(file.read_text()), "trajectories_file": trajectories.name,
                    "trajectories_sha256": digest})  # fmt: skip
    trajectories.unlink()
    place = publish(folder, tmp_path / "site")
    assert [name for name in snapshot(place / "results") if name.endswith(".npz")] == [
        f"runs/{TASKS[0]}/swg-0/seed-0.npz"
    ]
    assert bench.check_site(tmp_path / "site", progress=False) == []
    (place / "results" / "runs" / TASKS[0] / "swg-0" / "seed-0.npz").unlink()
    (fault,) = bench.check_site(tmp_path / "site", progress=False)
    assert "seed-0.npz" in fault
    assert "is missing since the run was added" in fault


def edit(folder: ResultsFolder, name: str, *changes: tuple[str, str]) -> None:
    file = folder.path / name
    text = file.read_text()
    for old, new in changes:
        assert old in text
        text = text.replace(old, new, 1)
    file.write_text(text)


def change_score(folder, results):
    folder.add({**results[-1], "score": 99.0})
    return ("seed-2.json", "has 99.0 for `score`, but the mean of its episodes is")


def change_return(folder, results):
    result = json.loads((folder.path / RESULT).read_text())
    result["episodes"][3]["return"] += 1.0
    folder.add(result)
    return (RESULT, "for the score of episode 3, whose return of")


def change_both(folder, results):
    folder.add(scored(TASKS[0], "swg", 1, [90.0] * 5))
    return (RESULT, "differ from what the ledger in the folder recorded")


def cut_ledger(folder, results):
    file = folder.path / "ledger.jsonl"
    file.write_text("".join(file.read_text().splitlines(keepends=True)[1:]))
    return ("ledger.jsonl", "is damaged: line 1")


def lose_result(folder, results):
    (folder.path / RESULT).unlink()
    return ("1 result(s) are missing", f"{TASKS[0]}, swg, seed 1, ρ = 5; what is published has every result")


def tune_on_reported(folder, results):
    folder.write_ledger([evaluation("tuning", [1], 5.0, task=TASKS[0])])
    return (RESULT, f"reports swg on {TASKS[0]}, seed 1, on which it was tuned, as ledger.jsonl says")


def choose_on_reported(folder, results):
    folder.write("tuned.json", {"format": 4, "choices": [tuned([1], task=TASKS[0])]})
    return (RESULT, "on which it was tuned, as tuned.json says")


def copy_seed(folder, results):
    folder.write_ledger([])
    folder.add({**json.loads((folder.path / RESULT).read_text()), "seed": 2})
    return ("seed-2.json", "has the episodes of", "one is a copy")


def lead_out(folder, results):
    (folder.path / "runs" / "maze2d-large").symlink_to(folder.path.parent)
    return ("leads out of the results folder",)


def be_huge(folder, results):
    with (folder.path / RESULT).open("r+b") as stream:
        stream.truncate(MOST_BYTES + 1)
    return (RESULT, "at most 268,435,456 are read")


def be_a_path(folder, results):
    edit(folder, RESULT, ('"suite": "maze2d"', '"suite": "../x<script>"'))
    return (RESULT, "for `suite`, which should be a name")


def be_unequal(folder, results):
    other = {"critic.steps": 5, "critic.expectile": 0.7}
    folder.write_ledger([])
    for task in TASKS:
        for seed in range(3):
            folder.add(scored(task, "swg", seed, draw(task, "swg", seed), config=other))
    return ("are not on equal terms: critic.steps is", "10000 (unguided)", "5 (swg)")


def damage_timing(folder, results):
    folder.write("timing.json", {"format": 4})
    return ("timing.json", "lacks the field `rows`")


def be_older(folder, results):
    (folder.path / "FORMAT").write_text("3\n")
    return ("is from another version",)


def damage_component(folder, results):
    add_origins(folder)
    edit(folder, "components/critic-a/seed-0.json", ('"kind": "critic"', '"kind": "energy"'))
    return ("components/critic-a/seed-0.json", "which is no component of kind")


def misname_component(folder, results):
    add_origins(folder)
    (folder.path / "components" / "critic-a").rename(folder.path / "components" / "a b")
    return ("components/a b/seed-0.json", "belongs elsewhere")


def damage_method(folder, results):
    add_origins(folder)
    edit(folder, "methods/swg.json", ('"method": "swg"', '"method": "cep"'))
    return ("methods/swg.json", "holds the record of method cep")


def damage_commands(folder, results):
    add_origins(folder)
    edit(folder, "commands.jsonl", ('"version"', '"vision"'))
    return ("line 1 of", "commands.jsonl", "is not a command")


def change_trajectories(folder, results):
    result = json.loads((folder.path / RESULT).read_text())
    digest = hashlib.sha256(b"another").hexdigest()
    file = folder.add({**result, "trajectories_file": "seed-1.npz", "trajectories_sha256": digest})
    np.savez(file.with_suffix(".npz"), radius=np.float32(1.0))
    return ("seed-1.npz", "is not the one that was written")


BAD = (
    damage_component, misname_component, damage_method, damage_commands, change_trajectories,
    change_score, change_return, change_both, cut_ledger, lose_result, tune_on_reported, choose_on_reported,
    copy_seed, lead_out, be_huge, be_a_path, be_unequal, damage_timing, be_older,
)  # fmt: skip


@pytest.mark.parametrize("change", BAD)
def test_what_fails_a_check_is_one_sentence_and_nothing_is_left(tmp_path, capsys, change):
    folder, results = fill(tmp_path / "mine")
    wanted = change(folder, results)
    with pytest.raises(SystemExit) as left:
        main(["publish", str(folder.path), "--to", str(tmp_path / "site")])
    said = capsys.readouterr().err
    assert (left.value.code, said.count("\n")) == (2, 1), said
    assert all(word in said for word in wanted), said
    assert {path.name for path in tmp_path.iterdir()} == {"mine"}


def test_a_copy_of_another_run_under_other_seeds_is_refused(tmp_path):
    folder, results = fill(tmp_path / "mine")
    publish(folder, tmp_path / "site")
    before = snapshot(tmp_path / "site")
    copied = ResultsFolder(tmp_path / "copied")
    for result in results:
        copied.add({**result, "seed": result["seed"] + 10})
    with pytest.raises(UserError, match=r"copied/.* has the episodes of .*site/.*, resets and returns"):
        publish(copied, tmp_path / "site")
    assert snapshot(tmp_path / "site") == before


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ({"name": "x" * 81}, "name has 81 letters, and at most 80 are kept"),
        ({"name": " \n"}, "is empty: give the run a name"),
        ({"note": "x" * 501}, "note has 501 letters, and at most 500 are kept"),
    ],
)
def test_words_have_bounds(tmp_path, words, sentence):
    with pytest.raises(UserError, match=sentence):
        publish(fill(tmp_path / "mine")[0], tmp_path / "site", **words)
    assert not (tmp_path / "site").exists()


def test_places_that_cannot_be_are_refused(tmp_path):
    folder, _ = fill(tmp_path / "mine")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.tex").write_text("x")
    (tmp_path / "newer").mkdir()
    (tmp_path / "newer" / "SITE").write_text("2\n")
    (tmp_path / "file").write_text("x")
    before = snapshot(tmp_path)
    for results, site, words in (
        (tmp_path / "none", tmp_path / "site", "no results folder"),
        (folder.path, folder.path / "site", "site' lies in the results folder"),
        (folder.path, tmp_path, "holds the results folder"),
        (folder.path, folder.path, "mine' is the results folder"),
        (folder.path, tmp_path / "full", "is no site of contributed runs"),
        (folder.path, tmp_path / "newer", "has the layout '2'"),
        (folder.path, tmp_path / "file", "is a file"),
    ):
        with pytest.raises(UserError, match=words):
            bench.publish(results, to=site, progress=False)
    assert snapshot(tmp_path) == before


def change_file(place: Path, name: str) -> None:
    (place / name).write_bytes((place / name).read_bytes() + b" ")


FAULTS = {
    "a result": (lambda s, run: change_file(run, f"results/{RESULT}"), "seed-1.json' was changed since"),
    "the report": (lambda s, run: change_file(run, "report/index.html"), "report/index.html' was changed since"),
    "a lost file": (lambda s, run: (run / "results" / "ledger.jsonl").unlink(), "ledger.jsonl' is missing since"),
    "one more": (lambda s, run: (run / "results" / "x").write_text(""), "results/x' was put there since"),
    "a link": (lambda s, run: (run / "results" / "x").symlink_to(run), "results/x' is no part of a run"),
    "a folder": (lambda s, run: (run / "more").mkdir(), "more' is no part of a run"),
    "the words": (lambda s, run: edit_run(run), "run.json' is not as it was written"),
    "the index": (lambda s, run: change_file(s, "index.html"), "index.html' is not what the runs give"),
    "the rows": (lambda s, run: change_file(s, "leaderboard.csv"), "leaderboard.csv' is not what the runs give"),
    "another name": (lambda s, run: run.rename(run.with_name("0" * 16)), "which belongs elsewhere"),
}  # fmt: skip


def edit_run(run: Path) -> None:
    (run / "run.json").write_text((run / "run.json").read_text().replace('"note": ""', '"note": "best"'))


@pytest.mark.parametrize("what", FAULTS)
def test_a_site_that_was_changed_is_said_with_exit_code_1(tmp_path, capsys, what):
    folder, _ = fill(tmp_path / "mine", (0, 1))
    place = publish(folder, tmp_path / "site")
    words = ["publish", "--check", str(tmp_path / "site")]
    before = snapshot(tmp_path / "site")
    main(words)
    assert snapshot(tmp_path / "site") == before
    act, sentence = FAULTS[what]
    act(tmp_path / "site", place)
    capsys.readouterr()
    with pytest.raises(SystemExit) as left:
        main(words)
    told = capsys.readouterr()
    assert left.value.code == 1
    assert sentence in told.out
    assert "1 of the checks failed" in told.err


def test_a_damaged_index_is_made_anew_by_the_next(tmp_path):
    folder, _ = fill(tmp_path / "mine", (0, 1))
    publish(folder, tmp_path / "site")
    before = snapshot(tmp_path / "site")
    change_file(tmp_path / "site", "index.html")
    (tmp_path / "site" / "leaderboard.json").unlink()
    publish(folder, tmp_path / "site")
    assert snapshot(tmp_path / "site") == before


PUBLISH = (
    "import pathlib, sys, time; import bench.storage.publish as p; write = p.write_report\n"
    "def quick(results, out):\n"
    "    from reports.analysis.suite import Options\n"
    "    made = write(results, out, options=Options(replicates=100)); print('reported', flush=True)\n"
    "    time.sleep(float(sys.argv[3])); return made\n"
    "p.write_report = quick\n"
    "p.publish_folder(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]), 'name', '', print)\n"
)


def start(folder: ResultsFolder, site: Path, seconds: float) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", PUBLISH, str(folder.path), str(site), str(seconds)]
    return subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, env=os.environ | {"PYTHONPATH": str(ROOT)})


@pytest.mark.slow
def test_two_publishers_at_once_are_both_in_the_index(tmp_path):
    folders = [fill(tmp_path / name, seeds)[0] for name, seeds in (("a", (0, 1)), ("b", (5, 6)))]
    started = [start(folder, tmp_path / "site", 1.0) for folder in folders]
    assert [process.communicate()[0] and process.returncode for process in started] == [0, 0]
    assert len({row["run"] for row in read_rows(tmp_path / "site")}) == 2
    assert bench.check_site(tmp_path / "site", progress=False) == []


@pytest.mark.slow
def test_a_publisher_that_is_killed_leaves_no_half_of_a_run(tmp_path):
    folder, _ = fill(tmp_path / "mine", (0, 1))
    process = start(folder, tmp_path / "site", 60.0)
    assert process.stdout is not None
    while b"reported" not in process.stdout.readline():
        assert process.poll() is None
    process.kill()
    process.wait()
    process.stdout.close()
    assert not (tmp_path / "site" / "index.html").exists()
    assert [path for path in (tmp_path / "site" / "runs").iterdir() if path.name[0] != "."] == []
    publish(folder, tmp_path / "site")
    assert len({row["run"] for row in read_rows(tmp_path / "site")}) == 1
