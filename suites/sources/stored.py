"""Holds all stored data against the checksums that were kept of them: files, sets, flat copies and floors."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from suites.errors import DataError
from suites.sources.cache import find_copy_fault
from suites.sources.checksums import RECORD, compute_checksum, describe_mismatch, find_change, has_record
from suites.sources.d4rl.files import FILES, find_checksum
from suites.sources.minari import minari_folder
from suites.toy.references import read_numbers


@dataclass(frozen=True)
class Checked:
    """What was found.

    Attributes:
        kind: what it is, in words.
        path: where.
        fault: how it differs from what it should be, or None.
        remedy: what to do where it does.
        is_known: whether there is anything to hold it against.
    """

    kind: str
    path: Path
    fault: str | None
    remedy: str
    is_known: bool = True


def check_stored(artifacts: Path) -> Iterator[Checked]:
    """Everything that is stored, one after the other.

    Args:
        artifacts: the folder; Minari's downloads are in Minari's own.
    """
    data = artifacts / "data"
    for path in sorted((data / "d4rl").glob("*.hdf5")):
        yield _check_d4rl(path)
    for files in sorted(data.glob("local/**/data")):
        yield _check_set("made here", files.parent, "it is made again when it is next read")
    for record in sorted(minari_folder().glob(f"**/{RECORD}")):
        yield _check_set("minari", record.parent, "delete that folder and fetch it again")
    for path in sorted((data / "flat").glob("[!.]*.npz")):
        fault, is_known = find_copy_fault(path)
        yield Checked("flat copy", path, fault, "it is made again when it is next read", is_known)
    for path in sorted((artifacts / "floors").glob("*/[!.]*.json")):
        fault = None if read_numbers(path) is not None else "it has not the hash of what it holds"
        yield Checked("noise floor", path, fault, "it is computed again when it is next read")


def _check_d4rl(path: Path) -> Checked:
    remedy = "delete it and fetch it again"
    try:
        known = find_checksum(path.stem, path.parent) if path.stem in FILES else None
    except DataError as error:
        return Checked("d4rl", path, str(error), remedy)
    fault = None if known is None else describe_mismatch(compute_checksum(path), known[0])
    return Checked("d4rl", path, fault, remedy, known is not None)


def _check_set(kind: str, folder: Path, remedy: str) -> Checked:
    return Checked(kind, folder, find_change(folder), remedy, has_record(folder))
