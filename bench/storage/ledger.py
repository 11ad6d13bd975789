"""The ledger of every evaluation, for tuning or reported, in the results folder and beside the artifacts.

It is append-only: each line of `ledger.jsonl` holds the hash of the line before. An evaluation is entered in both
files before anything is made of its score; what one knows of a method on a task's data is copied to the other.
"""

import contextlib
import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from bench.config.spec import join_items
from bench.storage.ledger_file import LedgerFile, Subject, open_ledger_file
from foundation.errors import UserError
from foundation.locks import hold_lock
from reports.load.ledger import LEDGER, strip_chain
from reports.load.tuning_schema import LedgerEntry

Kind: TypeAlias = Literal["tuning", "reported"]
FIRST_SEED = {"tuning": 100, "reported": 0}  # the least of the seeds that are suggested


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
        for file in self.files:
            refuse_known(kind, subject, seeds, open_ledger_file(file), file)

    def find_seeds(self, kind: Kind, subject: Subject) -> set[int]:
        """The seeds of the evaluations of that kind that either file holds.

        Raises:
            ReportError: a damaged ledger.
        """
        lines = [line for file in self.files for line in open_ledger_file(file).lines]
        return {seed for line in lines if (line.kind, line.subject) == (kind, subject) for seed in line.seeds}

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
            held = {file: open_ledger_file(file) for file in self.files}
            for file, known in held.items():
                refuse_known(entry.kind, subject, entry.seeds, known, file)
            there = [known.find_entries(subject) for known in held.values()]
            wanted = {name: one for entries in there for name, one in entries.items()}
            wanted.setdefault(strip_chain(entry), entry)
            lacking = [[one for name, one in wanted.items() if name not in entries] for entries in there]
            for known, entries in zip(held.values(), lacking, strict=True):
                known.append(entries)

    @contextlib.contextmanager
    def _lock(self) -> Iterator[None]:
        """Held while entries are added; several processes take the files in one order."""
        with contextlib.ExitStack() as stack:
            for file in sorted(self.files, key=lambda file: str(file.resolve())):
                stack.enter_context(hold_lock(file.with_name(".ledger.lock"), f"ledger {str(file)!r}"))
            yield


def refuse_known(kind: Kind, subject: Subject, seeds: Sequence[int], known: LedgerFile, file: Path) -> None:
    """A UserError if the lines of a ledger say that a seed was used for the other kind; see `refuse_seeds`."""
    other = "reported" if kind == "tuning" else "tuning"
    taken = {seed for line in known.lines if (line.kind, line.subject) == (other, subject) for seed in line.seeds}
    refuse_seeds(kind, subject, seeds, taken, file)


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
