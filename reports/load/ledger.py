"""Reads a ledger, `ledger.jsonl`: one line for each evaluation, which holds the hash of the line before.

A line that was changed, taken out or put elsewhere breaks the chain and is refused. Lines that are cut off at the
end do not show in a chain; a torn last line, left by a process that was killed while it wrote, is passed over.
"""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import from_json

from reports.errors import ReportError
from reports.load.files import read_choices, read_lines
from reports.load.seals import find_chain_fault
from reports.load.tuning_schema import Choice, LedgerEntry

LEDGER = "ledger.jsonl"
FIRST = "0" * 64
"""What the first line has for the hash of the line before."""


def hash_line(line: bytes) -> str:
    """SHA-256 of a line without its end."""
    return hashlib.sha256(line).hexdigest()


def split_lines(content: bytes) -> tuple[list[bytes], bytes]:
    """The whole lines of a ledger, and what stands after the last line's end: nothing, or a torn line."""
    *lines, torn = content.split(b"\n")
    return lines, torn


def read_ledger(file: Path) -> tuple[LedgerEntry, ...]:
    """The entries of a ledger, its chain checked; none where there is no file.

    Raises:
        ReportError: a line that is no entry, or whose `previous` is not the hash of the line before.
    """
    lines, _ = split_lines(read_lines(file))
    entries: list[LedgerEntry] = []
    previous = FIRST
    for number, line in enumerate(lines, 1):
        entries.append(check_line(file, number, line, previous))
        previous = hash_line(line)
    return tuple(entries)


def read_entry(line: bytes) -> LedgerEntry:
    """The entry of a line.

    A line of version 0.2.0 has `scores`, the mean of each seed, in the place of values, study, trial and seconds.

    Raises:
        ValidationError: it is no entry.
    """
    try:
        return LedgerEntry.model_validate_json(line)
    except ValidationError:
        known = _read_object(line)
        if "scores" not in known:
            raise
        means = [[mean] for mean in known.pop("scores")]
        added = {"study": None, "trial": None, "values": means, "seconds": None}
        return LedgerEntry.model_validate_json(json.dumps({**known, **added}))


def _read_object(line: bytes) -> dict[str, Any]:
    """The line's JSON object; empty where it is none, or its scores are no list."""
    try:
        found = from_json(line)  # which has a limit of depth
    except ValueError:
        return {}
    return found if isinstance(found, dict) and isinstance(found.get("scores"), list) else {}


def check_line(file: Path, number: int, line: bytes, previous: str) -> LedgerEntry:
    """The entry of one line of a ledger.

    Args:
        file, number: where it stands, from 1.
        line: without its end.
        previous: hash of the line before.

    Raises:
        ReportError: it is no entry, does not hold that hash, or its own hash is another.
    """
    try:
        entry = read_entry(line)
    except ValidationError as error:
        raise _report_damage(file, number, "is not an entry of a ledger") from error
    fault = find_chain_fault(line, entry.sha256, entry.previous, previous)
    if fault is not None:
        raise _report_damage(file, number, fault)
    return entry.model_copy(update={"sha256": None})


def _report_damage(file: Path, number: int, what: str) -> ReportError:
    return ReportError(
        f"ledger {str(file)!r} is damaged: line {number} {what}, so that lines were edited, removed or reordered; "
        "restore the file from a copy, or start anew with other folders (--results and --artifacts): what was "
        "tuned on which seeds is not known without it."
    )


@dataclass(frozen=True)
class TuningRecords:
    """What a results folder knows of how ρ was chosen.

    Attributes:
        choices: of `tune-rho`.
        ledger: every evaluation that its ledger holds; none where it has no ledger.
    """

    choices: tuple[Choice, ...]
    ledger: tuple[LedgerEntry, ...]


def read_tuning_records(folder: Path) -> TuningRecords:
    """The choices and the ledger of a results folder.

    Raises:
        ReportError: one of them is damaged.
    """
    return TuningRecords(read_choices(folder), read_ledger(folder / LEDGER))


def strip_chain(entry: LedgerEntry) -> str:
    """What tells an entry from others, whatever its place in a chain: all fields but hashes and settings."""
    return repr([value for name, value in entry if name not in ("previous", "settings", "sha256")])
