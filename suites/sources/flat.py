"""The first reading of a data set leaves a flat copy, and the next one takes a fraction of a second.

A copy carries a stamp of what it was made from; with another stamp, or damaged, it is made again.
"""

import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from suites.errors import DataError
from suites.sources.transitions import ARRAYS, Transitions


def flat_or(
    path: Path, stamp: str, make: Callable[[], Transitions], *, source: str, name: str
) -> tuple[Transitions, bool]:
    """The flat copy's transitions, else those that `make` gives, of which a copy is then left.

    Args:
        path: of the copy.
        stamp: what the copy must have been made from.
        make: reads the data set itself, checked.
        source, name: for the record.

    Returns:
        The transitions, and whether they came from the copy.

    Raises:
        DataError: the copy cannot be written, or what `make` raises.
    """
    found = _read(path, stamp, source=source, name=name)
    if found is not None:
        return found, True
    made = make()
    _write(path, stamp, made)
    return made, False


def flat_path(directory: Path, source: str, name: str, width: int) -> Path:
    """Where the flat copy of a data set lies, for observations of that width."""
    return directory / "flat" / f"{source}-{name.replace('/', '--')}-{width}.npz"


def rows_in(path: Path) -> int | None:
    """The number of transitions in a flat copy, read from its first bytes; None if there is no readable copy."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("rewards.npy") as member:
            np.lib.format.read_magic(member)
            return int(np.lib.format.read_array_header_1_0(member)[0][0])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def _read(path: Path, stamp: str, *, source: str, name: str) -> Transitions | None:
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["stamp"]) != stamp:
                return None
            return Transitions(*(stored[array] for array in ARRAYS), source=source, name=name)
    except (OSError, KeyError, ValueError, EOFError, RuntimeError, zipfile.BadZipFile):
        return None


def _write(path: Path, stamp: str, transitions: Transitions) -> None:
    """Leave a copy, whole or not at all."""
    partial = path.with_suffix(f".{os.getpid()}.partial.npz")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        np.savez(partial, allow_pickle=False, stamp=np.array(stamp), **transitions.arrays())
        os.replace(partial, path)
    except OSError as error:
        raise DataError(
            f"the flat copy {path} cannot be written ({error}); free space there or choose another folder"
        ) from error
    finally:
        partial.unlink(missing_ok=True)
