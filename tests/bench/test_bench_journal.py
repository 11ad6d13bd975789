"""A study's journal outlives a process killed in the midst of a write, and a damaged line is refused in words."""

import json
import signal
import subprocess
import sys
import time
import warnings
from dataclasses import replace
from pathlib import Path

import optuna
import pytest
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from bench.runner.journal import CHECKSUM, format_line, open_storage, parse_line
from bench.runner.taking import TRIES, TrialLease, TrialTaker
from foundation.errors import UserError
from foundation.leases import describe_self

ROOT = Path(__file__).parents[2]
STUDY = "kind/key"


def open_study(path: Path, storage: JournalStorage | None = None) -> optuna.Study:
    return optuna.create_study(storage=storage or open_storage(path), study_name=STUDY, load_if_exists=True)


def finish_trial(study: optuna.Study, value: float) -> None:
    trial = study.ask()
    trial.suggest_float("rho", 0.0, 1.0)
    trial.set_user_attr("note", 'a "quoted" ,"crc32":1} and ünïcode')
    trial.report(value, 0)
    study.tell(trial, value)


def read(path: Path) -> list[tuple[float | None, float]]:
    """The value and ρ of every complete trial."""
    trials = open_study(path).get_trials(states=(TrialState.COMPLETE,))
    return [(trial.value, trial.params["rho"]) for trial in trials]


def test_what_is_no_file_is_refused(tmp_path):
    (tmp_path / "task-method.log").mkdir()
    with pytest.raises(UserError, match="should be a file and is none; remove it"):
        open_storage(tmp_path / "task-method.log")


@pytest.fixture
def journal(tmp_path) -> Path:
    """A journal with two finished trials."""
    path = tmp_path / "task-method.log"
    for value in (1.0, 2.0):
        finish_trial(open_study(path), value)
    return path


def test_what_is_written_is_read_again(journal):
    assert [value for value, _ in read(journal)] == [1.0, 2.0]
    logs = [{"op_code": 8, "user_attr": {"a": [float("inf"), 0.1, None, "\n"]}}, {"op_code": 0}]
    assert [parse_line(format_line(log)[:-1]) for log in logs] == logs


def test_every_torn_tail_is_dropped_and_the_study_goes_on(journal):
    whole = journal.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    before = read(journal)
    for cut in range(1, last, 9):
        journal.write_bytes(whole[:-cut])
        states = [trial.state for trial in open_study(journal).trials]
        assert states == [TrialState.COMPLETE, TrialState.RUNNING], "only the last operation is lost"
    for torn in (whole[-last:-1], b'{"op_code":4,"worker', b"\0" * 5000):
        journal.write_bytes(whole + torn)
        assert read(journal) == before
        finish_trial(open_study(journal), 3.0)
        assert read(journal)[:2] == before
        assert len(read(journal)) == 3


def test_a_line_that_another_program_joined_to_a_torn_one_is_read(journal):
    """As Optuna's own files have it, whose every later reading fails."""
    before = read(journal)
    with journal.open("ab") as file:
        file.write(b'{"op_code":4,"worker_id":"1","stu')
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)  # of earlier versions
        joined = JournalStorage(JournalFileBackend(str(journal)))
        with pytest.raises(json.JSONDecodeError):
            finish_trial(open_study(journal, joined), 3.0)
    assert read(journal) == before


def test_no_flipped_byte_is_believed(journal):
    whole, before = journal.read_bytes(), read(journal)
    ends = [place for place, byte in enumerate(whole) if byte == ord("\n")]
    for place in sorted({*range(0, len(whole) - 1, 5), *ends[:-1]}):
        flipped = bytearray(whole)
        flipped[place] ^= 1
        journal.write_bytes(flipped)
        near = whole[place - len(CHECKSUM) : place + len(CHECKSUM)]
        read_again = read_or_refuse(journal)  # as it was where the name of the checksum alone is another
        assert read_again is None or (CHECKSUM[1:] in near and read_again == before), place


def read_or_refuse(path: Path) -> list[tuple[float | None, float]] | None:
    """What is in a journal, None where it is said to be damaged."""
    try:
        return read(path)
    except UserError as error:
        if f"{str(path)!r} is damaged, line " not in str(error):
            raise
        return None


@pytest.mark.parametrize("line", [b"", b"[]", b"{}", b'{"op_code":5,"worker_id":"1","trial_id":99}', b"\xff"])
def test_a_damaged_line_is_one_sentence_with_a_remedy(journal, line):
    journal.write_bytes(journal.read_bytes() + line + b'\n{"op_code":99}\n')
    with pytest.raises(UserError, match="move it away: then the same command tunes again from the start"):
        open_study(journal)


def test_a_full_disk_leaves_the_journal_whole(journal, monkeypatch):
    study = open_study(journal)
    whole = journal.read_bytes()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("bench.runner.journal.os.fsync", full)
    with pytest.raises(UserError, match="No space left on device"):
        study.ask()
    assert journal.read_bytes() == whole


def test_a_lock_that_a_dead_process_left_delays_nothing(journal):
    (journal.parent / f"{journal.name}.lock").touch()  # Optuna's own, which it waits for
    holder = f"""
import os, signal, sys
lock = FileLock({str(journal.parent / f".{journal.name}.lock")!r})
lock.acquire()
print("held", flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""
    subprocess.run([sys.executable, "-c", holder], check=False, capture_output=True)
    started = time.monotonic()
    finish_trial(open_study(journal), 3.0)
    assert time.monotonic() - started < 15


DYING = """
import os, signal, sys
from pathlib import Path
sys.path[:0] = [sys.argv[2]]
from test_bench_journal import TrialTaker, open_study
path = Path(sys.argv[1])
with TrialTaker(open_study(path), path.parent, print).take() as trial:
    trial.suggest_float("rho", 0.0, 1.0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def die_in_a_trial(journal: Path) -> None:
    command = [sys.executable, "-c", DYING, str(journal), str(Path(__file__).parent)]
    assert subprocess.run(command, cwd=ROOT, check=False).returncode == -signal.SIGKILL


def test_the_trial_of_a_dead_process_goes_on_and_is_given_up_in_the_end(journal):
    study, said = open_study(journal), list[str]()
    taker = TrialTaker(study, journal.parent, said.append)
    with taker.take() as own:
        for _ in range(TRIES):
            die_in_a_trial(journal)
        dead = study.trials[3]
        assert (dead.state, dead.params.keys()) == (TrialState.RUNNING, {"rho"})
        assert len(study.trials) == 4, "each took up what the one before it left, and none that which runs here"
        with taker.take() as new:
            assert new.number == 4
        study.tell(own, 1.0)
    assert study.trials[3].state == TrialState.FAIL
    assert said == ["trial 3 is given up: 3 processes died of it"]


def test_a_stopped_trial_goes_on_however_often(journal):
    study, said, values = open_study(journal), list[str](), set[float]()

    def stop() -> None:
        with TrialTaker(study, journal.parent, said.append).take() as trial:
            assert trial.number == 2
            values.add(trial.suggest_float("rho", 0.0, 1.0))
            raise KeyboardInterrupt

    for _ in range(2 * TRIES):
        with pytest.raises(KeyboardInterrupt):
            stop()
    with TrialTaker(study, journal.parent, said.append).take() as trial:
        assert {trial.suggest_float("rho", 0.0, 1.0)} == values
        study.tell(trial, 3.0)
    assert said == ["trial 2, whose process is gone, goes on"] * 2 * TRIES
    assert [trial.value for trial in study.trials] == [1.0, 2.0, 3.0]
    assert not list(journal.parent.glob(".key-*")), "no lease is left behind"


def test_a_process_elsewhere_is_given_up_once_it_is_silent_for_long(journal, monkeypatch):
    study, said = open_study(journal), list[str]()
    elsewhere = replace(describe_self(has_flock=False), kernel="of another machine")
    monkeypatch.setattr("bench.runner.taking.describe_self", lambda has_flock: elsewhere)
    die_in_a_trial(journal)
    taker = TrialTaker(study, journal.parent, said.append)
    for number in (3, 4):
        with taker.take() as trial:
            assert trial.number == number, "it may be alive"
            study.tell(trial, 1.0)
    monkeypatch.setattr("foundation.leases.EXPIRY", 0.0)
    with taker.take() as trial:
        assert trial.number == 2


def test_a_trial_that_ended_meanwhile_is_not_taken(journal, monkeypatch):
    study = open_study(journal)
    left, take = study.ask(), TrialLease.take

    def end_it_first(lease: TrialLease) -> bool:
        if not study.trials[left.number].state.is_finished():
            study.tell(left, 5.0)
        return take(lease)

    monkeypatch.setattr(TrialLease, "take", end_it_first)
    with TrialTaker(study, journal.parent, print).take() as trial:
        assert trial.number == 3
    assert study.trials[2].value == 5.0


def test_a_trial_that_nobody_needs_any_more_does_not_stay_running(journal):
    study, said = open_study(journal), list[str]()
    taker = TrialTaker(study, journal.parent, said.append)
    with taker.take() as own:
        die_in_a_trial(journal)
        taker.end_left()
        assert [trial.state for trial in study.trials[2:]] == [TrialState.RUNNING, TrialState.FAIL], (
            "one runs here"
        )
        study.tell(own, 1.0)
    assert said == ["trial 3, whose process is gone, is left: the study has all its trials"]
    assert not list(journal.parent.glob(".key-*")), "no lease is left behind"
