"""A seed that ρ was tuned on is never reported, whatever the folder; the ledger that says so cannot be edited."""

import hashlib
import json
import multiprocessing
from pathlib import Path

import pytest
from command_line import MAZE, results_in

from bench.storage.ledger import Ledger, Subject
from bench.storage.ledger_file import LedgerFile
from foundation.errors import UserError
from reports.errors import ReportError
from reports.load.ledger import check_line, read_ledger
from reports.load.tuning_schema import LedgerEntry

SWG = (*MAZE, "--methods", "swg", "--data-set.transitions", "600")
LOCAL = ("local", "ab12")


def entry(kind="tuning", seeds=(100,), rho=1.0, **changes) -> LedgerEntry:
    """An evaluation of SWG on maze2d-umaze."""
    fields = {
        "previous": "",
        "kind": kind,
        "suite": "maze2d",
        "task": "maze2d-umaze",
        "method": "swg",
        "preset": "smoke",
        "terms": "shared",
        "data": LOCAL,
        "policy": "p0",
        "settings": {"sampler.steps": 2, "evaluation.inverse_temperatures": (0.0, 1.0)},
        "rho": rho,
        "seeds": seeds,
        "first_episode": 0,
        "episodes": 2,
        "purpose": kind,
        "study": "s" if kind == "tuning" else None,
        "trial": 0 if kind == "tuning" else None,
        "values": tuple((float(seed), float(seed)) for seed in seeds),
        "seconds": 1.0,
        "created": "2026-01-01T00:00:00+00:00",
        **changes,
    }
    return LedgerEntry(**fields)


def lines_of(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "ledger.jsonl").read_text().splitlines()]


@pytest.mark.usefixtures("short_episodes")
def test_a_seed_that_was_tuned_on_is_not_reported_after_another_tuning(bench, fresh, tmp_path):
    assert bench("tune-rho", *SWG, *fresh, "--seeds", "100,101", "--grid", "1,5").code == 0
    assert bench("tune-rho", *SWG, *fresh, "--seeds", "102,103", "--grid", "1,5").code == 0
    refused = bench("run", *SWG, *fresh, "--seeds", "100,101").mistake
    assert "swg on maze2d-umaze was tuned on seeds 100, 101" in refused
    assert "ledger.jsonl" in refused
    assert "--seeds 0,1" in refused
    assert not results_in(tmp_path / "results")

    # Other settings of the method are the same method: the seed is refused all the same, and others are not.
    other = ("--swg.weight", "exponential")
    assert "seeds 103" in bench("run", *SWG, *other, *fresh, "--seeds", "1,103").mistake
    assert "seeds 103" in bench("run", *SWG, *fresh, "--seeds", "2,103", "--rho", "5").mistake
    assert bench("run", *SWG, *fresh, "--seeds", "7,8").code == 0
    assert bench("run", *SWG, *fresh, "--methods", "unguided", "--seeds", "100,101").code == 0

    # Ledger against what the two tunings and two runs were: 2 scales, a line for each of their seeds.
    found = [(e["kind"], e["method"], e["rho"], e["seeds"]) for e in lines_of(tmp_path / "results")]
    tuning = [("tuning", "swg", rho, [seed]) for seed in (100, 101, 102, 103) for rho in (1.0, 5.0)]
    assert sorted(found[:8]) == sorted(tuning)
    made = [r for key, r in results_in(tmp_path / "results").items() if key[0] == "swg"]
    result = made[0]
    assert found[8:] == [
        *(("reported", "swg", result["rho"], [seed]) for seed in (7, 8)),
        *(("reported", "unguided", None, [seed]) for seed in (100, 101)),
    ]
    reported = lines_of(tmp_path / "results")[8]
    assert reported["values"] == [[episode["normalized"] for episode in result["episodes"]]]
    assert reported["settings"] == result["config"]
    assert reported["data"] == [result["data"]["source"], result["data"]["fingerprint"]]
    (choice,) = json.loads((tmp_path / "results" / "tuned.json").read_text())["choices"]
    assert {e["policy"] for e in lines_of(tmp_path / "results") if e["method"] == "swg"} == {choice["policy"]}


@pytest.mark.usefixtures("short_episodes")
def test_another_results_folder_does_not_forget(bench, fresh, tmp_path):
    artifacts = fresh[2:]
    one, two = ("--results", tmp_path / "one", *artifacts), ("--results", tmp_path / "two", *artifacts)
    assert bench("tune-rho", *SWG, *one, "--grid", "1").code == 0
    assert "was tuned on seeds 100" in bench("run", *SWG, *two, "--seeds", "100,9").mistake
    assert bench("run", *SWG, *two, "--seeds", "3,4").code == 0
    # The other way round, and the second folder now knows what was tuned in the first.
    assert "has reported results of seeds 3" in bench("tune-rho", *SWG, *one, "--seeds", "3,102").mistake
    assert [(e["kind"], e["seeds"]) for e in lines_of(tmp_path / "two")] == [
        ("tuning", [100]),
        ("tuning", [101]),
        ("reported", [3]),
        ("reported", [4]),
    ]
    # A ledger that is lost on one side is known by the other.
    (tmp_path / "artifacts" / "ledger.jsonl").unlink()
    assert "was tuned on seeds 101" in bench("run", *SWG, *two, "--seeds", "5,101").mistake
    assert bench("run", *SWG, *two, "--seeds", "5,6").code == 0
    assert {seed for e in lines_of(tmp_path / "artifacts") for seed in e["seeds"]} == {100, 101, 3, 4, 5, 6}


def test_lines_are_chained_and_copied_to_the_other_file(tmp_path):
    ledger = Ledger(tmp_path / "a", tmp_path / "r")
    for seed in (100, 101, 102):
        ledger.record(entry(seeds=(seed,)))
    Ledger(tmp_path / "a", tmp_path / "s").record(entry("reported", (0,)))
    Ledger(tmp_path / "a", tmp_path / "t").record(entry("reported", (0,), method="cep"))
    raw = (tmp_path / "a" / "ledger.jsonl").read_bytes().splitlines()
    before = ["0" * 64, *(hashlib.sha256(line).hexdigest() for line in raw)]
    assert [json.loads(line)["previous"] for line in raw] == before[:-1]
    assert [[e["seeds"] for e in lines_of(tmp_path / name)] for name in "arst"] == [
        [[100], [101], [102], [0], [0]],
        [[100], [101], [102]],
        [[100], [101], [102], [0]],
        [[0]],
    ]
    assert read_ledger(tmp_path / "s" / "ledger.jsonl")[-1].settings["evaluation.inverse_temperatures"] == [0, 1]
    both = Ledger(tmp_path / "b", tmp_path / "b")
    both.record(entry())
    both.record(entry(values=((float("nan"),),)))
    both.record(entry("reported", (1,)))
    assert len(lines_of(tmp_path / "b")) == 3, "one folder has one ledger, and a score that is NaN one entry"


def test_a_ledger_that_version_0_2_0_wrote_is_read_and_continued(tmp_path):
    """It had the mean of each seed in the place of the episodes, and results of then are refused; it is not."""
    new = json.loads(entry(seeds=(100, 101)).model_copy(update={"previous": "0" * 64}).model_dump_json())
    old = {name: value for name, value in new.items() if name not in ("study", "trial", "values", "seconds")}
    line = json.dumps({**old, "scores": [1.5, 2.5]})
    (tmp_path / "ledger.jsonl").write_text(line + "\n")
    (read,) = read_ledger(tmp_path / "ledger.jsonl")
    assert read.scores == (1.5, 2.5)
    assert read.seconds is None
    both = Ledger(tmp_path, tmp_path / "r")
    with pytest.raises(UserError, match="was tuned on seeds 100"):
        both.record(entry("reported", (100,)))
    both.record(entry("reported", (0,)))
    assert (tmp_path / "ledger.jsonl").read_text().splitlines()[0] == line, "what was written stays as it is"
    assert [e["seeds"] for e in lines_of(tmp_path / "r")] == [[100, 101], [0]]
    both.record(entry("reported", (1,)))
    assert len(lines_of(tmp_path)) == len(lines_of(tmp_path / "r")) == 3


@pytest.mark.parametrize(("kind", "other"), [("reported", "tuning"), ("tuning", "reported")])
def test_a_seed_is_for_one_of_tuning_and_reporting(tmp_path, kind, other):
    ledger = Ledger(tmp_path / "a", tmp_path / "r")
    ledger.record(entry(other, (5, 6)))
    swg = Subject("maze2d-umaze", "swg", LOCAL)
    with pytest.raises(UserError, match=r"seeds 6, as '.*a/ledger.jsonl' says"):
        ledger.refuse(kind, swg, (6, 7))
    with pytest.raises(UserError, match="seeds 5"):
        ledger.record(entry(kind, (5,)))
    assert len(lines_of(tmp_path / "a")) == 1
    for free in (
        Subject("maze2d-large", "swg", LOCAL),
        Subject("maze2d-umaze", "cep", LOCAL),
        Subject("maze2d-umaze", "swg", ("local", "cd34")),
    ):
        ledger.refuse(kind, free, (5, 6))
    ledger.refuse(kind, swg, (7, 8))
    ledger.record(entry(other, (5, 9), rho=2.0))


def test_what_was_edited_is_named(tmp_path):
    ledger, file = Ledger(tmp_path / "a", tmp_path / "a"), tmp_path / "a" / "ledger.jsonl"
    for seed in (100, 101, 102, 103):
        ledger.record(entry(seeds=(seed,)))
    lines = file.read_bytes().splitlines(keepends=True)
    edited = {
        "score": [lines[0], lines[1].replace(b"101.0", b"999.0"), *lines[2:]],
        "removed": [*lines[:1], *lines[2:]],
        "reordered": [lines[0], lines[2], lines[1], lines[3]],
        "first removed": lines[1:],
        "not JSON": [lines[0], lines[1][:40] + b"\n", *lines[2:]],
    }
    wrong = {"score": 2, "removed": 2, "reordered": 2, "first removed": 1, "not JSON": 2}
    for what, content in edited.items():
        file.write_bytes(b"".join(content))
        with pytest.raises(ReportError, match=rf"'.*ledger.jsonl' is damaged: line {wrong[what]} ") as found:
            ledger.refuse("reported", Subject("maze2d-umaze", "swg", LOCAL), (0,))
        assert str(found.value).count("\n") == 0
        with pytest.raises(ReportError, match="is damaged"):
            ledger.record(entry("reported", (0,)))
        assert file.read_bytes() == b"".join(content)


@pytest.mark.parametrize("kept", [1, 40, -1])
def test_a_line_that_a_killed_process_left_half_written_is_mended(tmp_path, kept):
    ledger, file = Ledger(tmp_path / "a", tmp_path / "a"), tmp_path / "a" / "ledger.jsonl"
    for seed in (100, 101):
        ledger.record(entry(seeds=(seed,)))
    whole = file.read_bytes().splitlines(keepends=True)
    file.write_bytes(whole[0] + whole[1][:kept])  # -1 lacks the line's end alone
    assert [e.seeds for e in read_ledger(file)] == [(100,)]
    ledger.record(entry(seeds=(101,)))
    assert file.read_bytes() == b"".join(whole)


def record_many(folder: Path, first: int) -> None:
    ledger = Ledger(folder / "a", folder / f"r{first}")
    for seed in range(first, first + 10):
        ledger.record(entry(seeds=(seed,)))


def test_processes_that_write_at_once_lose_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    pair = [context.Process(target=record_many, args=(tmp_path, first)) for first in (100, 200)]
    for process in pair:
        process.start()
    for process in pair:
        process.join(60)
    assert [process.exitcode for process in pair] == [0, 0]
    seeds = [e.seeds[0] for e in read_ledger(tmp_path / "a" / "ledger.jsonl")]
    assert sorted(seeds) == [*range(100, 110), *range(200, 210)]


def test_a_line_is_parsed_once_and_a_file_that_another_wrote_is_read_anew(tmp_path, monkeypatch):
    parsed = []

    def count(file, number, line, previous):
        parsed.append(number)
        return check_line(file, number, line, previous)

    monkeypatch.setattr("bench.storage.ledger_file.check_line", count)
    ledger, file = Ledger(tmp_path / "a", tmp_path / "a"), tmp_path / "a" / "ledger.jsonl"
    for seed in (100, 101, 102, 103):
        ledger.record(entry(seeds=(seed,)))
    assert parsed == [], "what this process wrote it knows"
    whole = file.read_bytes()
    file.write_bytes(b"".join(whole.splitlines(keepends=True)[:2]))  # an older copy was restored
    ledger.record(entry("reported", (103,)))
    assert parsed == [1, 2]
    assert [e.seeds for e in read_ledger(file)] == [(100,), (101,), (103,)]
    file.unlink()
    ledger.record(entry("reported", (100,)))
    assert [e.seeds for e in read_ledger(file)] == [(100,)]
    file.write_bytes(whole)
    with pytest.raises(UserError, match="was tuned on seeds 102"):
        ledger.refuse("reported", Subject("maze2d-umaze", "swg", LOCAL), (102,))
    other = LedgerFile(file)  # another process
    other.refresh()
    other.append([entry("reported", (7,))])
    parsed.clear()
    ledger.record(entry("reported", (8,)))
    assert parsed == [5]
    assert [e.seeds[0] for e in read_ledger(file)] == [100, 101, 102, 103, 7, 8]
