"""A downloaded file must be the one that everybody else has: its size and SHA-256 stand in a lock file.

`d4rl.lock.json` ships with the package. Its figures are those that TensorFlow Datasets checks its own downloads
of D4RL against (github.com/tensorflow/datasets, `tensorflow_datasets/d4rl/*/checksums.tsv`). Four of our files
are not among them (antmaze-medium-play-v2 and the three of maze2d): what their first download or import brings is
believed, and written to `learned.lock.json` beside the files, which every later download is then held to. Delete
an entry there to learn it anew.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from suites.errors import DataError

SHIPPED = Path(__file__).with_name("d4rl.lock.json")
LEARNED = "learned.lock.json"


@dataclass(frozen=True)
class Locked:
    """What a file must be.

    Attributes:
        size: bytes.
        sha256: in hex.
    """

    size: int
    sha256: str


def locked(name: str, folder: Path) -> tuple[Locked, str] | None:
    """What the data set's file must be and the lock file that says so; None if no lock file knows it.

    Raises:
        DataError: a lock file is damaged.
    """
    for path in (SHIPPED, folder / LEARNED):
        entry = _entries(path).get(name)
        if entry is not None:
            return entry, path.name
    return None


def learn(name: str, found: Locked, folder: Path) -> None:
    """Write down what a file of that name was when it was first seen, unless a lock file knows it.

    Raises:
        DataError: a lock file is damaged, or this one cannot be written.
    """
    if locked(name, folder) is not None:
        return
    path = folder / LEARNED
    entries = _entries(path) | {name: found}
    partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
    try:
        partial.write_text(json.dumps({key: asdict(value) for key, value in sorted(entries.items())}, indent=1))
        os.replace(partial, path)
    except OSError as error:
        raise DataError(f"lock file {path} cannot be written ({error}); free space there") from error


def measured(path: Path) -> Locked:
    """A file's size and SHA-256."""
    with path.open("rb") as file:
        return Locked(path.stat().st_size, hashlib.file_digest(file, "sha256").hexdigest())


def mismatch(found: Locked, expected: Locked) -> str | None:
    """In words how a file differs from what it must be, or None."""
    if found.size != expected.size:
        return f"it has {found.size:,} bytes and should have {expected.size:,}"
    if found.sha256 != expected.sha256:
        return f"its SHA-256 is {found.sha256[:12]}… and should be {expected.sha256[:12]}…"
    return None


def _entries(path: Path) -> dict[str, Locked]:
    try:
        stored = json.loads(path.read_text())
        return {name: Locked(int(entry["size"]), str(entry["sha256"])) for name, entry in stored.items()}
    except FileNotFoundError:
        return {}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DataError(f"lock file {path} is damaged ({error!r}); delete it and fetch again") from error
