"""Keeps a flat copy of every data set that was read, which loads in a fraction of the time.

A copy carries a stamp of what it was made from and the fingerprint of its arrays. With another stamp, damaged, or
with arrays of another fingerprint, it is made again.
"""

import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from foundation.files import replace_atomically
from foundation.npz import UNREADABLE, find_npz_fault
from foundation.program import say_aside
from suites.errors import shorten
from suites.sources.transitions import ARRAYS, Transitions, check
from suites.task import Task

BROKEN_COPY = (*UNREADABLE, KeyError)
"""What NumPy raises for a file that is damaged."""


def read_through_cache(
    path: Path, stamp: str, read: Callable[[], Transitions], task: Task, *, source: str, name: str
) -> Transitions:
    """The flat copy's transitions, else those that `read` gives, of which a copy is then kept; checked.

    Args:
        path: of the copy.
        stamp: what the copy must have been made from.
        read: reads the data set itself.
        task: that the transitions must fit.
        source, name: for the record.

    Raises:
        UserError: the copy cannot be written.
        DataError: the transitions do not fit the task, or what `read` raises.
    """
    found = _read(path, stamp, source=source, name=name)
    transitions = read() if found is None else found
    check(transitions, task)
    if found is None:
        with replace_atomically(path) as partial:
            about = {"stamp": np.array(stamp), "fingerprint": np.array(transitions.fingerprint)}
            np.savez(partial, allow_pickle=False, **about, **transitions.arrays())
    return transitions


def cache_path(directory: Path, source: str, name: str, width: int) -> Path:
    """The path of a data set's flat copy, for observations of that width."""
    return directory / "flat" / f"{source}-{name.replace('/', '--')}-{width}.npz"


def count_rows(path: Path) -> int | None:
    """The number of transitions in a flat copy, read from its first bytes; None if there is no readable copy."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("rewards.npy") as member:
            np.lib.format.read_magic(member)
            return int(np.lib.format.read_array_header_1_0(member)[0][0])
    except BROKEN_COPY:
        return None


def find_copy_fault(path: Path) -> tuple[str | None, bool]:
    """What is wrong with a flat copy, or None, and whether it has a fingerprint to hold its arrays against."""
    fault = find_npz_fault(path)
    if fault is not None:
        return f"it {fault}", True
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if "fingerprint" not in stored:
                return None, False
            found = Transitions(*(stored[array] for array in ARRAYS), source="", name="")
            same = found.fingerprint == str(stored["fingerprint"])
    except BROKEN_COPY as error:
        return f"it cannot be read ({shorten(error)})", True
    return None if same else "its arrays are not those of its fingerprint", True


def _read(path: Path, stamp: str, *, source: str, name: str) -> Transitions | None:
    if find_npz_fault(path) is not None:
        return None
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as stored:
            if str(stored["stamp"]) != stamp or "fingerprint" not in stored:  # version 0.2.0 kept none
                return None
            found = Transitions(*(stored[array] for array in ARRAYS), source=source, name=name)
            kept = str(stored["fingerprint"])
    except BROKEN_COPY:
        return None
    if found.fingerprint != kept:
        say_aside(f"  flat copy {str(path)!r} has not the arrays that its fingerprint says; it is made again")
        return None
    return found
