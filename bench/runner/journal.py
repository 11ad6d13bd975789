"""The journal of Optuna's studies: a line per operation, each with its checksum; what was torn off is dropped.

A process that is killed in the midst of a write leaves half a line at the end, to which the next write would be
joined. Here that is cut off first. A line that is damaged elsewhere is refused, for later ones build on it. Lines
without a checksum, as Optuna writes them, are read too.
"""

import contextlib
import errno
import io
import json
import os
import warnings
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import BaseJournalBackend

from foundation.errors import UserError
from foundation.locks import hold_lock

CHECKSUM = b',"crc32":'  # before the checksum of all that stands before it in the line
FIRST = b'{"op_code":'  # how every operation begins
BLOCK = 4096  # bytes


def open_storage(path: Path) -> JournalStorage:
    """The studies of a journal file, which is made if it is not there.

    Raises:
        UserError: a damaged file.
    """
    optuna.logging.set_verbosity(optuna.logging.ERROR)  # its warnings are tracebacks of what is raised here anyway
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.is_file():
        raise UserError(f"{str(path)!r} should be a file and is none; remove it and run again.")
    path.touch()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        try:
            return JournalStorage(JournalFile(path))
        except UserError:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, AssertionError) as error:
            # Lines that are JSON, have no checksum and make no sense to Optuna.
            raise UserError(describe_damage(path, "an operation makes no sense")) from error


class JournalFile(BaseJournalBackend):
    """A journal in one file, which several processes may read and extend.

    Args:
        path: the file.
    """

    def __init__(self, path: Path):
        self._path = path
        self._lock = path.with_name(f".{path.name}.lock")
        self._starts = [0]  # of the lines that are known, and of the next

    def read_logs(self, log_number_from: int) -> Iterator[dict[str, Any]]:
        """The operations from that number on; half a line at the end is none yet.

        Raises:
            UserError: a damaged line.
        """
        first = min(log_number_from, len(self._starts) - 1)
        with self._path.open("rb") as file:
            file.seek(self._starts[first])
            *lines, _ = file.read().split(b"\n")
        for number, line in enumerate(lines, start=first):
            if number + 1 == len(self._starts):
                self._starts.append(self._starts[number] + len(line) + 1)
            if number >= log_number_from:
                yield self._read_line(line, number)

    def append_logs(self, logs: Iterable[dict[str, Any]]) -> None:
        """Add operations, in one write, after the last whole line.

        Raises:
            UserError: they cannot be written.
        """
        content = b"".join(map(format_line, logs))
        try:
            with hold_lock(self._lock, self._path.name), self._path.open("rb+", buffering=0) as file:
                end = find_end(file)
                file.truncate(end)
                file.seek(end)
                try:
                    if file.write(content) != len(content):
                        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                    os.fsync(file.fileno())
                except OSError:
                    with contextlib.suppress(OSError):
                        file.truncate(end)
                    raise
        except OSError as error:
            raise UserError(
                f"cannot write {str(self._path)!r} ({error.strerror or error}); free some space, then run the "
                "same command again: what is finished is kept."
            ) from error

    def _read_line(self, line: bytes, number: int) -> dict[str, Any]:
        """One operation; before it in the line may be half of another, from a journal that Optuna wrote alone."""
        start = line.rfind(FIRST)
        try:
            return parse_line(line[start:] if start > 0 and is_half(line[:start]) else line)
        except ValueError:
            raise UserError(describe_damage(self._path, f"line {number + 1} is not what was written")) from None


def is_half(line: bytes) -> bool:
    """Whether a line is the beginning of an operation, without its end."""
    try:
        json.JSONDecoder().raw_decode(line.decode(errors="replace"))
    except ValueError:
        return CHECKSUM not in line
    return False


def format_line(log: dict[str, Any]) -> bytes:
    """An operation as a line with its checksum."""
    body = json.dumps(log, separators=(",", ":")).encode()[:-1]
    return body + CHECKSUM + str(zlib.crc32(body)).encode() + b"}\n"


def parse_line(line: bytes) -> dict[str, Any]:
    """The operation of a line.

    Raises:
        ValueError: the line is not what was written.
    """
    body, marker, checksum = line.rpartition(CHECKSUM)
    if marker:
        if checksum != str(zlib.crc32(body)).encode() + b"}":
            raise ValueError("another checksum")
        line = body + b"}"
    log = json.loads(line)
    if not isinstance(log, dict) or not isinstance(log.get("op_code"), int):
        raise ValueError("not an operation")
    return log


def find_end(file: io.FileIO) -> int:
    """Where the last whole line of a file ends."""
    end = file.seek(0, os.SEEK_END)
    while end:
        start = max(end - BLOCK, 0)
        file.seek(start)
        newline = file.read(end - start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        end = start
    return 0


def describe_damage(path: Path, what: str) -> str:
    """What is wrong with a journal, and the remedy."""
    return (
        f"{str(path)!r} is damaged, {what}, and the trials after it cannot be known; put a copy of the file in "
        "its place, or move it away: then the same command tunes again from the start."
    )
