"""One `ledger.jsonl` as this process knows it, so that an entry does not cost reading every line again.

What was read and checked once is remembered by its length and its SHA-256. Before every use these bytes are hashed
again, so that a line that was edited meanwhile is found; only what stands behind them is parsed and chained.
"""

import contextlib
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import NamedTuple

from foundation.errors import UserError
from reports.errors import ReportError
from reports.load.ledger import FIRST, check_line, hash_line, read_entry, split_lines, strip_chain
from reports.load.seals import seal_line
from reports.load.tuning_schema import LedgerEntry

_PIECE = 2**20  # bytes


class Subject(NamedTuple):
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
        return (entry.task, entry.method, entry.data) == self


@dataclass(frozen=True)
class Line:
    """A line that was checked.

    Attributes:
        subject, kind, seeds: what it says an evaluation was of.
        start, end: its bytes in the file, without its end.
    """

    subject: Subject
    kind: str
    seeds: tuple[int, ...]
    start: int
    end: int


class LedgerFile:
    """The whole lines of a file, up to where they were checked.

    Attributes:
        path: the file.
        lines: those that were checked, in their order.
    """

    def __init__(self, path: Path):
        self.path = path
        self._forget()

    def _forget(self) -> None:
        self.lines: list[Line] = []
        self._length = 0
        self._digest = hashlib.sha256()
        self._last = FIRST
        self._entries: dict[Subject, dict[str, LedgerEntry]] = {}

    def refresh(self) -> None:
        """Check what the file holds now.

        Raises:
            ReportError: a line that is no entry, or whose `previous` is not the hash of the line before.
        """
        if self._hash_start() != self._digest.digest():
            self._forget()
        whole, _ = split_lines(self._read_rest())
        for line in whole:
            self._take(line, check_line(self.path, len(self.lines) + 1, line, self._last))

    def _hash_start(self) -> bytes:
        """SHA-256 of as many bytes of the file as were checked, or of those that are left of them."""
        found, left = hashlib.sha256(), self._length
        if left and self.path.is_file():
            with self.path.open("rb") as file:
                while left and (piece := file.read(min(left, _PIECE))):
                    found.update(piece)
                    left -= len(piece)
        return found.digest()

    def _read_rest(self) -> bytes:
        if not os.path.lexists(self.path):
            return b""
        if not self.path.is_file():
            raise ReportError(f"{str(self.path)!r} should be a file and is none; remove it and run again.")
        with self.path.open("rb") as file:
            file.seek(self._length)
            return file.read()

    def _take(self, line: bytes, entry: LedgerEntry) -> None:
        """Remember a line that stands behind the others."""
        subject, end = Subject(entry.task, entry.method, entry.data), self._length + len(line)
        self.lines.append(Line(subject, entry.kind, entry.seeds, self._length, end))
        self._length = end + 1
        self._digest.update(line + b"\n")
        self._last = hash_line(line)
        if subject in self._entries:
            self._entries[subject][strip_chain(entry)] = entry

    def find_entries(self, subject: Subject) -> dict[str, LedgerEntry]:
        """The entries of a method on a task's data by what tells them apart, see `strip_chain`; read once."""
        if subject not in self._entries:
            wanted, found = [line for line in self.lines if line.subject == subject], dict[str, LedgerEntry]()
            if wanted:
                with self.path.open("rb") as file:
                    for line in wanted:
                        file.seek(line.start)
                        entry = read_entry(file.read(line.end - line.start))
                        found[strip_chain(entry)] = entry
            self._entries[subject] = found
        return self._entries[subject]

    def append(self, entries: Sequence[LedgerEntry]) -> None:
        """Add lines in one write; the file is locked by the caller, and was refreshed since.

        A torn last line goes: whoever was killed while writing it made nothing of its score.

        Raises:
            UserError: the disk is full or the folder cannot be written.
        """
        if not entries:
            return
        previous, added = self._last, list[tuple[bytes, LedgerEntry]]()
        for entry in entries:
            chained = entry.model_copy(update={"previous": previous})
            line = seal_line(chained.model_dump_json(by_alias=True))
            previous = hash_line(line)
            added.append((line, chained))
        append_lines(self.path, [line for line, _ in added], self._length)
        for line, entry in added:
            self._take(line, entry)


def append_lines(path: Path, lines: Sequence[bytes], length: int) -> None:
    """Add lines to a file in one write, in the place of whatever stands behind its first `length` bytes.

    Raises:
        UserError: the disk is full or the folder cannot be written.
    """
    try:
        if path.is_file() and path.stat().st_size > length:
            os.truncate(path, length)
        with path.open("ab") as file:
            file.write(b"".join(line + b"\n" for line in lines))
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        with contextlib.suppress(OSError):
            os.truncate(path, length)
        raise UserError(
            f"cannot write {str(path)!r} ({error.strerror or error}); free some space or choose another folder, "
            "then run the same command again: what is finished is kept."
        ) from error


@cache
def _know_file(path: Path) -> LedgerFile:
    return LedgerFile(path)


def open_ledger_file(path: Path) -> LedgerFile:
    """What this process knows of a file, checked against what the file holds now.

    Raises:
        ReportError: see `LedgerFile.refresh`.
    """
    file = _know_file(path)
    file.refresh()
    return file
