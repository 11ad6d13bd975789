"""The study of faults sees the faults that it looks for, and a small part of it has none."""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from study_scripts import load_study

from studies.faulting import compare, damages, edits, names
from studies.faulting.cases import Outcome, Record, number_cases
from studies.faulting.commands import Ended
from studies.faulting.exceptions import find_reason

study = load_study("faults")
ROOT = Path(__file__).parents[2]
CASES = """
import os, signal, sys, time
sys.path.insert(0, "studies")
from pathlib import Path
from faulting.cases import Outcome, number_cases, run_cases

def die(folder):
    os.kill(os.getpid(), signal.SIGKILL)

def hang(folder):
    time.sleep(60)

def leave(folder):
    if os.fork() == 0:
        time.sleep(60)
    return Outcome("equal")

named = [("dies", die), ("hangs", hang), ("breaks", lambda folder: 1 / 0), ("leaves a child", leave)]
for record in run_cases(number_cases("x", named), Path(sys.argv[1]), 2, 1.0):
    print(record.name, record.kind, record.said.strip().splitlines()[-1:])
print(list(Path(sys.argv[1]).iterdir()))
"""
OPERATIONS = """
import os, sys
sys.path.insert(0, "studies")
from pathlib import Path
from faulting import operations

folder, point = Path(sys.argv[1]), int(sys.argv[2])
operations.kill_at(folder, point)()
(folder / "a").write_text("x")
os.replace(folder / "a", folder / "b")
(folder / "b").unlink()
"""


def python(program: str, *given: object) -> subprocess.CompletedProcess[str]:
    """Forks in a process without threads, which pytest's need not be."""
    command = [sys.executable, "-c", program, *map(str, given)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=60)


def test_a_case_that_dies_hangs_or_breaks_is_a_failure_and_the_others_go_on(tmp_path):
    told = python(CASES, tmp_path)
    assert told.returncode == 0, told.stderr
    lines = set(told.stdout.splitlines())
    assert lines == {
        "dies failed ['its process died']",
        "hangs failed ['it took more than 1 s']",
        "breaks failed ['ZeroDivisionError: division by zero']",
        "leaves a child equal []",
        "[]",
    }


@pytest.mark.parametrize(("point", "left"), [(0, ["a"]), (1, ["b"]), (2, ["b"]), (3, []), (4, [])])
def test_a_process_is_killed_before_or_after_an_operation(tmp_path, point, left):
    told = python(OPERATIONS, tmp_path, point)
    assert told.returncode == (-9 if point < 4 else 0)
    assert [file.name for file in tmp_path.iterdir()] == left


@pytest.mark.parametrize(
    ("ended", "fault"),
    [
        (Ended(0, "Done", "", 1), None),
        (Ended(2, "", "error: no such file.\n", 1), None),
        (Ended(1, "", "Traceback (most recent call last)\nKeyError: 'x'\n", 1), "traceback: KeyError: 'x'"),
        (Ended(-11, "", "", 1), "exit status -11: "),
        (Ended(2, "", "usage\n", 1), "exit status 2 without a sentence: usage"),
        (Ended(0, "\x1b[2J", "", 1), "an escape character reaches the terminal"),
    ],
)
def test_what_no_user_may_see_is_a_fault(ended, fault):
    assert ended.fault == fault


def write_result(folder: Path, score: float, seconds: float) -> None:
    file = folder / "runs" / "moons" / "swg-0" / "seed-0.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps({"score": score, "seconds": {"train": seconds}, "created": str(seconds)}))


def test_results_are_compared_without_times(tmp_path):
    for name, score, seconds in (("one", 1.0, 2.0), ("same", 1.0, 3.0), ("other", 1.5, 2.0)):
        write_result(tmp_path / name, score, seconds)
    (tmp_path / "same" / "runs" / "moons" / "swg-0" / ".writing-x.json").write_text("{")
    one, same, other = (compare.describe_results(tmp_path / name) for name in ("one", "same", "other"))
    assert compare.find_differences(same, one) == []
    assert compare.find_differences(other, one) == ["runs/moons/swg-0/seed-0.json differs in score: 1.5 for 1.0"]
    assert compare.list_leftovers(tmp_path) == ["same/runs/moons/swg-0/.writing-x.json"]


@pytest.mark.parametrize("damage", damages.DAMAGES)
def test_every_damage_changes_the_file(tmp_path, damage):
    file, partner = tmp_path / "seed-0.json", tmp_path / "seed-1.json"
    file.write_text('{"a": [1, true], "b": "text"}')
    partner.write_text('{"a": 2}')
    before = file.read_text()
    place = damages.Place(file, partner, tmp_path / "elsewhere")
    assert damages.DAMAGES[damage](place, np.random.default_rng(0))
    if damage == "link":
        assert file.is_symlink()
        assert file.read_text() == before
    else:
        assert not file.is_file() or file.read_bytes() != before.encode()
    if damage == "forge":
        json.loads(file.read_text())


def test_an_edited_chain_is_whole(tmp_path):
    file = tmp_path / "ledger.jsonl"
    file.write_text('{"previous": "x", "task": "a"}\n{"previous": "x", "task": "b"}\n')
    edits.edit_lines(file, edits.put(("task",), edits.Raw("9" * 5000)))
    first, second = file.read_text().splitlines()
    assert f'"task": {"9" * 5000}' in first
    assert edits.hash_line(first.encode()) in second


@pytest.mark.parametrize(
    ("name", "text", "harm"),
    [
        ("a.csv", "swg,-1.5\n'=1+1,x\n", None),
        ("a.csv", "swg,=1+1\n", "has the cell '=1+1', a formula"),
        ("a.md", "| &lt;script&gt; |", None),
        ("a.md", "<script>alert(1)</script>", "has markup of a file from elsewhere"),
        ("a.html", "<script>if (a < b) x.onload = 1;\nx.onerror = 2</script>", None),
        ("a.html", "<b><script>alert(1)</script></b>", "has markup of a file from elsewhere"),
        ("a.txt", "\x1b[2J", "has control characters"),
        ("a.png", "\x1b[2J", None),
    ],
)
def test_what_does_harm_where_it_is_opened_is_found(tmp_path, name, text, harm):
    (tmp_path / name).write_text(text)
    assert names.find_harm(tmp_path / name) == harm


def test_the_tables_count_examples_and_give_reasons():
    kills = (Record(0, "a", "equal", "", 1.0), Record(1, "b", "failed", "x", 1.0))
    fuzz = (Record(0, "c", "refused", "", 1.0, 500), Record(1, "d", "named", "a reason (what)", 1.0, 2))
    kept = {"kills": study.Kept(kills, 50), "fuzz": study.Kept(fuzz, 2)}
    counts, reasons = study.make_tables(kept)
    assert [row[1:] for row in counts.rows] == [
        ("2 of 50", "1", "0", "0", "0", "1"),
        ("502", "0", "0", "500", "2", "0"),
        ("504", "1", "0", "500", "2", "1"),
    ]
    assert reasons.rows == ((study.PARTS["fuzz"].title, "2", "a reason"),)


def test_a_reason_is_given_for_what_it_names_and_nothing_else():
    cut = "results/plans.jsonl differs"
    assert find_reason("plans.jsonl", "half", "run", cut) is not None
    assert find_reason("plans.jsonl", "flip 1", "run", cut) is None
    assert find_reason("result", "flip 1", "run", "results/runs/a/seed-0.json differs") is None


def try_small(part: str, folder: Path) -> str:
    command = [sys.executable, "studies/faults.py", "--small", "--only", part, "--out", str(folder)]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=600)
    assert told.returncode == 0, told.stderr
    return told.stdout


@pytest.mark.slow
def test_killed_commands_go_on(tmp_path):
    table = try_small("kills", tmp_path)
    (row,) = re.findall(r"\| killed by time or at an operation, then run again +\|([\d |]+)\|", table)
    cases, went_on, *others = map(int, row.split("|"))
    assert cases == went_on == 4
    assert not any(others)
    assert len(json.loads((tmp_path / "kills.json").read_text())["cases"]) == 4


@pytest.mark.slow
def test_a_few_mutants_are_read_or_refused(tmp_path):
    pytest.importorskip("hypothesis")
    assert "| mutated files and command lines |" in try_small("fuzz", tmp_path)


@pytest.mark.parametrize(
    ("asked", "numbers"),
    [({}, [2, 3]), ({"case": 1}, [1]), ({"share": 2}, [2]), ({"failed": True}, [1])],
)
def test_the_cases_are_those_that_are_asked_for_and_not_tried(asked, numbers):
    options = argparse.Namespace(**{"case": None, "share": 1, "failed": False, **asked})
    cases = number_cases("x", [(name, lambda folder: Outcome("equal")) for name in "abcd"])
    kept = [Record(number, "", "failed" if number % 2 else "equal", "", 0.0) for number in range(2)]
    assert [case.number for case in study.choose_cases(cases, kept, options)] == numbers


def test_a_study_that_was_stopped_goes_on(tmp_path):
    tried = tuple(study.Record(number, "a", "equal", "", 1.0) for number in (0, 2))
    study.keep_records(tmp_path, "disks", 3, study.Kept(tried, 4))
    found = study.read_records(tmp_path, 3)["disks"]
    assert (found.cases, found.planned, found.is_whole) == (tried, 4, False)
    assert study.read_records(tmp_path, 4) == {}, "cases of another seed are other cases"
    again = study.merge(tried, [Record(2, "a", "failed", "", 1.0), Record(1, "b", "equal", "", 1.0)])
    assert [(record.number, record.kind) for record in again] == [(0, "equal"), (1, "equal"), (2, "failed")]
