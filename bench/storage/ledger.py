"""The ledger of every evaluation, for tuning or reported, in the results folder and beside the artifacts.

It is append-only: each line of `ledger.jsonl` holds the hash of the line before. An evaluation is entered in both
files before anything is made of its score; what one knows of a method on a task's data is copied to the other.
"""

import contextlib
import itertools
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from filelock import FileLock

from bench.config.spec import join_items
from foundation.errors import UserError
from reports.load.ledger import FIRST, LEDGER, hash_line, merge_entries, read_ledger, split_lines, strip_chain
from reports.load.tuning_schema import LedgerEntry

Kind: TypeAlias = Literal["tuning", "reported"]
FIRST_SEED = {"tuning": 100, "reported": 0}  # the least of the seeds that are suggested


@dataclass(frozen=True)
class Subject:
    """What a seed is either tuned on or reported for: a method on a task's data, whatever its settings.

    Attributes:
        task, method: names.
        data: source and fingerprint.
    """

    task: str
    method: str
    data: tuple[str, str]

    def is_of(self, entry: LedgerEntry) -> bool:
        """Whether an entry is of this method on these data."""
        return (entry.task, entry.method, entry.data) == (self.task, self.method, self.data)


@dataclass(frozen=True)
class Ledger:
    """The two files of one command.

    Attributes:
        artifacts, results: the folders that they are in.
    """

    artifacts: Path
    results: Path

    @property
    def files(self) -> tuple[Path, ...]:
        """Where the ledgers lie: two files, or one where both folders are the same."""
        found = {(folder / LEDGER).resolve(): folder / LEDGER for folder in (self.artifacts, self.results)}
        return tuple(found.values())

    def refuse(self, kind: Kind, subject: Subject, seeds: Sequence[int]) -> None:
        """Refuse to tune on seeds that were reported, or to report seeds that were tuned on.

        Raises:
            UserError: the seeds, the ledger that knows of them and others to take.
            ReportError: a damaged ledger.
        """
        other = "reported" if kind == "tuning" else "tuning"
        for file in self.files:
            known = [entry for entry in read_ledger(file) if entry.kind == other and subject.is_of(entry)]
            refuse_seeds(kind, subject, seeds, {seed for entry in known for seed in entry.seeds}, file)

    def record(self, entry: LedgerEntry) -> None:
        """Enter an evaluation, and what either file lacks of its method, task and data.

        Args:
            entry: its `previous` is found here.

        Raises:
            UserError: its seeds were meanwhile used for the other kind, or a file cannot be written.
            ReportError: a damaged ledger.
        """
        subject = Subject(entry.task, entry.method, entry.data)
        with self._lock():
            self.refuse(entry.kind, subject, entry.seeds)
            held = {file: read_ledger(file) for file in self.files}
            wanted = [known for known in merge_entries(*held.values(), [entry]) if subject.is_of(known)]
            for file, entries in held.items():
                there = {strip_chain(known) for known in entries if subject.is_of(known)}
                append_entries(file, [known for known in wanted if strip_chain(known) not in there])

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Held while entries are added; several processes take the files in one order."""
        with contextlib.ExitStack() as stack:
            for file in sorted(self.files, key=lambda file: str(file.resolve())):
                file.parent.mkdir(parents=True, exist_ok=True)
                stack.enter_context(FileLock(file.with_name(".ledger.lock")))
            yield


def refuse_seeds(kind: Kind, subject: Subject, seeds: Sequence[int], known: Iterable[int], file: Path) -> None:
    """A UserError if seeds to tune on were reported, or seeds to report were tuned on.

    Args:
        kind: what the seeds are wanted for.
        subject: the method on the task's data.
        seeds: that are wanted.
        known: those of the other kind.
        file: what says so.
    """
    taken = set(known)
    both = sorted(taken & set(seeds))
    if not both:
        return
    free = (seed for seed in itertools.count(FIRST_SEED[kind]) if seed not in taken)
    others = "--seeds " + ",".join(map(str, itertools.islice(free, max(len(seeds), 2))))  # one is a count
    said = f"{subject.method} on {subject.task} was tuned on seeds {join_items(both)}"
    if kind == "tuning":
        said = f"{subject.method} on {subject.task} has reported results of seeds {join_items(both)}"
    remedy = "tune on" if kind == "tuning" else "report"
    raise UserError(
        f"{said}, as {str(file)!r} says: what ρ is tuned on is not reported, in any folder and with any settings; "
        f"{remedy} others, as in {others}."
    )


def append_entries(file: Path, entries: Sequence[LedgerEntry]) -> None:
    """Add lines to a ledger in one write; the file is locked by the caller.

    A torn last line goes: whoever was killed while writing it made nothing of its score.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    if not entries:
        return
    try:
        lines, torn = split_lines(file.read_bytes() if file.is_file() else b"")
        if torn:
            os.truncate(file, file.stat().st_size - len(torn))
        previous, added = hash_line(lines[-1]) if lines else FIRST, b""
        for entry in entries:
            line = entry.model_copy(update={"previous": previous}).model_dump_json(by_alias=True).encode()
            previous, added = hash_line(line), added + line + b"\n"
        with file.open("ab") as ledger:
            ledger.write(added)
            ledger.flush()
            os.fsync(ledger.fileno())
    except OSError as error:
        raise UserError(
            f"cannot write {str(file)!r} ({error.strerror or error}); free some space or choose another folder, "
            "then run the same command again: what is finished is kept."
        ) from error
