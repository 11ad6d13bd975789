"""Cases of the study, each in a process of its own: one that hangs or dies is a failure, and the others go on."""

import json
import os
import shutil
import signal
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, TypeAlias, get_args

Kind: TypeAlias = Literal["equal", "remade", "refused", "named", "failed"]
KINDS: tuple[Kind, ...] = get_args(Kind)
POLL = 0.01  # seconds
ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class Outcome:
    """What became of a case.

    Attributes:
        kind: `equal`: nothing differs from what an undisturbed command leaves; `remade`: that too, and the command
            made again what was damaged; `refused`: one sentence and exit status 2; `named`: what differs is
            accepted for the reason that is said; `failed`: a traceback, a hang, or a difference in silence.
        said: the sentence, the reason or the failure.
        count: examples that were tried.
    """

    kind: Kind
    said: str = ""
    count: int = 1


@dataclass(frozen=True)
class Case:
    """One thing that is done to the program.

    Attributes:
        part: of the study.
        number: within the part; with the same seed it is the same case.
        name: what is done.
        run: does it in an empty folder.
    """

    part: str
    number: int
    name: str
    run: Callable[[Path], Outcome]


@dataclass(frozen=True)
class Record:
    """A case that was tried."""

    number: int
    name: str
    kind: Kind
    said: str
    seconds: float
    count: int = 1


def number_cases(part: str, named: Sequence[tuple[str, Callable[[Path], Outcome]]]) -> list[Case]:
    """The cases of a part in their order."""
    return [Case(part, number, name, run) for number, (name, run) in enumerate(named)]


def run_cases(
    cases: Sequence[Case], scratch: Path, processes: int, limit: float, *, keep: bool = False
) -> Iterator[Record]:
    """Try cases, some at a time; what they leave is deleted.

    Args:
        cases: in the order in which they are begun.
        scratch: a folder for theirs.
        processes: how many at a time.
        limit: seconds after which a case has failed.
        keep: leave the folders of the cases.
    """
    waiting, running = list(cases), dict[int, tuple[Case, float]]()
    try:
        while waiting or running:
            while waiting and len(running) < processes:
                case = waiting.pop(0)
                running[begin(case, find_folder(scratch, case))] = case, time.monotonic()
            ended = [pid for pid, (_, since) in running.items() if has_ended(pid, since, limit)]
            for pid in ended:
                case, since = running.pop(pid)
                end_group(pid)
                yield read_record(case, find_folder(scratch, case), time.monotonic() - since, limit)
                if not keep:
                    shutil.rmtree(find_folder(scratch, case), ignore_errors=True)
            if not ended:
                time.sleep(POLL)
    finally:
        for pid in running:
            end_group(pid)
            os.waitpid(pid, 0)


def find_folder(scratch: Path, case: Case) -> Path:
    """Where a case lies."""
    return scratch / f"{case.part}-{case.number}"


def begin(case: Case, folder: Path) -> int:
    """Start a case in a process and a group of processes of its own."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    pid = os.fork()
    if pid:
        return pid
    try:
        os.setsid()
        place = folder / "work"
        place.mkdir()
        try:
            outcome = case.run(place)
        except Exception:  # whatever it is, the case has failed, and the others go on
            outcome = Outcome("failed", f"the case itself: {traceback.format_exc()}")
        (folder / "outcome.json").write_text(json.dumps(asdict(outcome)), encoding="utf-8")
    finally:
        os._exit(0)


def has_ended(pid: int, since: float, limit: float) -> bool:
    """Whether a case's process has ended; one that takes too long is killed."""
    if os.waitpid(pid, os.WNOHANG)[0]:
        return True
    if time.monotonic() - since > limit:
        os.killpg(pid, signal.SIGKILL)
        os.waitpid(pid, 0)
        return True
    return False


def end_group(pid: int) -> None:
    """Kill what a case has left running."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return


def read_record(case: Case, folder: Path, seconds: float, limit: float) -> Record:
    """What a case wrote before its process ended; nothing is a failure."""
    file = folder / "outcome.json"
    if file.is_file():
        outcome = Outcome(**json.loads(file.read_text(encoding="utf-8")))
    else:
        why = f"it took more than {limit:g} s" if seconds > limit else "its process died"
        outcome = Outcome("failed", why)
    said = outcome.said.replace(f"{folder / 'work'}{os.sep}", "").replace(f"{ROOT}{os.sep}", "")
    return Record(case.number, case.name, outcome.kind, said, round(seconds, 2), outcome.count)
