"""SHA-256 and size of files: what one must be, and what those of a data set were when they were made or got."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from foundation.files import write_atomically
from suites.errors import DataError

RECORD = "files.sha256.json"
"""Kept in a data set's folder, beside the folder of its files."""


@dataclass(frozen=True)
class Checksum:
    """What a file must be.

    Attributes:
        size: bytes.
        sha256: in hex.
    """

    size: int
    sha256: str


class FilesChanged(DataError):
    """Files of a data set are not those that were made or fetched."""


def compute_checksum(path: Path) -> Checksum:
    """A file's size and SHA-256."""
    with path.open("rb") as file:
        return Checksum(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def describe_mismatch(found: Checksum, expected: Checksum) -> str | None:
    """In words how a file differs from what it must be, or None."""
    if found.size != expected.size:
        return f"it has {found.size:,} bytes and should have {expected.size:,}"
    if found.sha256 != expected.sha256:
        return f"its SHA-256 is {found.sha256[:12]}… and should be {expected.sha256[:12]}…"
    return None


def read_checksums(path: Path) -> dict[str, Checksum] | None:
    """The checksums by name that a file has; None where there is none.

    Raises:
        ValueError: it is damaged.
    """
    try:
        stored = json.loads(path.read_bytes())
        return {name: Checksum(int(entry["size"]), str(entry["sha256"])) for name, entry in stored.items()}
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise ValueError(repr(error)) from error


def format_checksums(checksums: Mapping[str, Checksum]) -> bytes:
    """The content of such a file."""
    return json.dumps({name: asdict(each) for name, each in sorted(checksums.items())}, indent=1).encode()


def record_files(folder: Path) -> None:
    """Write down the checksums of a data set's files.

    Args:
        folder: of the data set; its files are in `data`.

    Raises:
        FileNotFoundError: it has no files.
        UserError: the disk is full or the folder cannot be written.
    """
    files = [path for path in (folder / "data").rglob("*") if path.is_file()]
    if not files:
        raise FileNotFoundError(f"there are no files in {folder / 'data'}")
    found = {path.relative_to(folder).as_posix(): compute_checksum(path) for path in files}
    write_atomically(folder / RECORD, format_checksums(found))


def has_record(folder: Path) -> bool:
    """Whether the checksums of a data set's files are known."""
    return (folder / RECORD).exists()


def find_change(folder: Path) -> str | None:
    """What of a data set is not as its checksums say, such as `main_data.hdf5: it is gone`; else None.

    Args:
        folder: of the data set, whose checksums may not be known.
    """
    try:
        known: Mapping[str, Any] = read_checksums(folder / RECORD) or {}
    except ValueError as error:
        return f"{RECORD} is damaged ({error})"
    for name, expected in known.items():
        path = folder / name
        wrong = describe_mismatch(compute_checksum(path), expected) if path.is_file() else "it is gone"
        if wrong is not None:
            return f"{Path(name).name}: {wrong}"
    return None
