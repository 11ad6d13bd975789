"""A full disk, a damaged file or a folder of something else is named, and nothing that was there is touched."""

import contextlib
import errno
import json
import os
import re
import shutil
import subprocess
import sys
from collections import namedtuple
from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
from command_line import MAZE, TOY

from foundation.errors import UserError
from foundation.files import write_atomically

ROOT = Path(__file__).parents[2]
ONE = (*TOY, "--methods", "unguided", "--seeds", "1")
Usage = namedtuple("Usage", "total used free")


def full(*_: object) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def contents(folder: Path) -> dict[str, bytes]:
    files = [file for file in folder.rglob("*") if file.is_file() and ".lock" not in str(file)]
    return {str(file.relative_to(folder)): file.read_bytes() for file in files}


def test_no_free_space_is_said_before_the_start(bench, fresh, tmp_path, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(2**40, 2**40 - 2**20, 2**20))
    for command in (("run", *ONE), ("tune-rho", *MAZE, "--methods", "swg")):
        sentence = bench(*command, *fresh).mistake
        assert "only 1 MiB are free" in sentence
        assert "--results" in sentence
    assert list(tmp_path.iterdir()) == []


def test_a_disk_that_fills_up_loses_nothing(bench, fresh, tmp_path):
    bench("run", *ONE, *fresh)
    before = contents(tmp_path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("os.fsync", full)
        sentence = bench("run", *ONE, *fresh, "--denoiser.steps", "6").mistake
    assert "No space left on device" in sentence
    assert "what is finished is kept" in sentence
    after = contents(tmp_path)
    assert {name: after[name] for name in before} == before
    assert not [
        name for name in after if ".writing-" in name or (name.endswith(".safetensors") and name not in before)
    ]
    assert bench("run", *ONE, *fresh, "--denoiser.steps", "6").code == 0


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "result.json"
    write_atomically(file, b"old")
    monkeypatch.setattr("os.replace", full)
    with pytest.raises(UserError, match="No space left"):
        write_atomically(file, b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["result.json"]
    assert file.read_bytes() == b"old"


def test_a_report_on_a_full_disk_is_one_sentence(bench, folders, monkeypatch):
    assert bench("run", *ONE, *folders).code == 0
    monkeypatch.setattr("os.replace", full)
    assert "No space left on device" in bench("report", *folders[:2]).mistake


@pytest.mark.parametrize("command", ["run", "tune-rho", "time", "report"])
def test_a_results_folder_of_another_version_is_left_alone(bench, folders, tmp_path, command):
    results = tmp_path / "results"
    results.mkdir()
    (results / "FORMAT").write_text("99\n")
    (results / "plans.jsonl").write_text('{"format": 99}')
    before = contents(results)
    places = folders if command in ("run", "tune-rho") else folders[:2]
    arguments = places if command == "report" else (*TOY, "--methods", "swg", *places)
    sentence = bench(command, *arguments).mistake
    assert "99" in sentence
    assert "--results" in sentence
    assert contents(results) == before


@pytest.mark.parametrize("flag", ["--results", "--artifacts"])
def test_a_file_where_a_folder_should_be(bench, fresh, tmp_path, flag):
    (tmp_path / "file").write_text("mine")
    sentence = bench("run", *ONE, *fresh, flag, tmp_path / "file").mistake
    assert f"{str(tmp_path / 'file')!r} cannot be a folder" in sentence
    assert (tmp_path / "file").read_text() == "mine"


def test_a_foreign_folder_is_left_alone(bench, fresh, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "thesis.tex").write_text("mine")
    assert "is not a results folder" in bench("run", *ONE, *fresh).mistake
    assert contents(tmp_path) == {"results/thesis.tex": b"mine"}


def test_a_folder_closed_to_writing(bench, fresh, monkeypatch):
    def closed(path, *_, **__):
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr("pathlib.Path.mkdir", closed)
    assert "Permission denied" in bench("run", *ONE, *fresh).mistake


@pytest.mark.usefixtures("short_episodes")
def test_data_with_a_nan_are_refused(bench, fresh, original):
    with h5py.File(original, "a") as file:
        file["observations"][7, 1] = np.nan  # pyright: ignore[reportIndexIssue]
    one = (*MAZE, "--methods", "unguided", "--seeds", "1", "--data", f"file:{original}")
    sentence = bench("run", *one, *fresh).mistake
    assert "observations holds nan in row 7" in sentence
    assert "maze2d-umaze" in sentence


def test_a_file_that_is_no_json_is_named(bench, folders, tmp_path):
    bench("run", *ONE, *folders)
    (tmp_path / "results" / "tuned.json").write_text("{")
    sentence = bench("run", *ONE, *folders).mistake
    assert "tuned.json' is not JSON" in sentence


def test_results_say_how_they_were_made(bench, folders, tmp_path):
    bench("run", *ONE, *folders)
    (file,) = (tmp_path / "results" / "runs").rglob("seed-0.json")
    result = json.loads(file.read_text())
    assert result["format"] == 4
    assert result["config"]["denoiser.steps"] == 5
    assert result["config"]["evaluation.episodes"] == 20
    assert result["data"]["source"] == "local"
    assert result["versions"]["torch"]
    plan = json.loads((tmp_path / "results" / "plans.jsonl").read_text().splitlines()[-1])
    assert [cell["path"] for cell in plan["cells"]] == [str(file.relative_to(tmp_path / "results"))]


@contextlib.contextmanager
def largest_file(size: int) -> Iterator[None]:
    """Files of this process may have so many bytes, as by `ulimit -f`."""
    resource = pytest.importorskip("resource")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_data_that_a_limit_of_files_cuts_are_a_sentence(bench, tmp_path):
    """HDF5 itself ends the process with a segmentation fault where it cannot write."""
    make = ("data", "make", "maze2d-umaze", "--transitions", "2000", "--artifacts", tmp_path)
    with largest_file(50_000):
        sentence = bench(*make).mistake
        assert "2000 transitions need a file of 0.1 MB or more, and this shell allows 0.1 MB" in sentence
    with largest_file(80_000):
        sentence = bench(*make).mistake
    assert "local/maze2d-umaze-2k-v1 cannot be written" in sentence
    assert "(File too large); it needs 0.6 MB: allow larger files, as by `ulimit -f unlimited`" in sentence
    left = [path for path in tmp_path.rglob("*") if path.is_file() and ".lock" not in str(path)]
    assert not left, "nothing unfinished is left"
    assert bench(*make).code == 0


def test_a_limit_of_files_in_training_and_in_the_report_is_a_sentence(bench, folders, fresh):
    with largest_file(4000):
        sentence = bench("run", *ONE, *fresh).mistake
    assert re.search(r"\(File too large, it has 0\.\d MB\); allow larger files", sentence)
    assert "what is finished is kept" in sentence
    assert bench("run", *ONE, *folders).code == 0
    with largest_file(4000):
        assert "(File too large" in bench("report", *folders[:2]).mistake
    assert bench("report", *folders[:2]).code == 0


def test_a_journal_of_tuning_that_cannot_be_written_is_a_sentence(bench, fresh, monkeypatch):
    def append(*_: object) -> None:
        raise OSError(errno.EFBIG, os.strerror(errno.EFBIG))

    monkeypatch.setattr("bench.runner.journal.JournalFile.append_logs", append)
    short = ("--methods", "swg", "--data-set.transitions", "600", "--seeds", "100,", "--processes", "1")
    sentence = bench("tune-rho", *MAZE, *short, *fresh).mistake
    assert "cannot write a file of this command (File too large)" in sentence


def as_ordinary_user(*arguments: object) -> subprocess.CompletedProcess[str]:
    """A command of a process for which the rights of files hold, which they do not for root."""
    command = [sys.executable, "-m", "bench", *map(str, arguments)]
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("the tests run as root, for whom no folder is closed, and setpriv is not there")
        command = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", *command]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (("run", *ONE, "--results", "CLOSED/r", "--artifacts", "OPEN/a"), "cannot be written by this user"),
        (("run", *ONE, "--results", "OPEN/r", "--artifacts", "CLOSED/a"), "--results and --artifacts"),
        (("data", "make", "maze2d-umaze", "--transitions", "500", "--artifacts", "CLOSED"), "cannot be made"),
    ],
)
def test_folders_closed_to_an_ordinary_user(tmp_path, command, words):
    closed, opened = tmp_path / "closed", tmp_path / "open"
    closed.mkdir(mode=0o555)
    opened.mkdir()
    places = (word.replace("CLOSED", str(closed)).replace("OPEN", str(opened)) for word in command)
    done = as_ordinary_user(*places)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert done.stderr.count("\n") == 1
    assert list(closed.iterdir()) == []


def test_a_folder_in_the_place_of_a_lock_is_a_sentence(bench, fresh, tmp_path):
    (tmp_path / "results").mkdir()
    (tmp_path / "results" / "FORMAT").write_text("4\n")
    (tmp_path / "results" / ".ledger.lock").mkdir()
    assert (
        ".ledger.lock' is a folder where a file should be, or the reverse; remove it"
        in bench("run", *ONE, *fresh).mistake
    )
