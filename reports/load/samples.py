"""Whether the file of samples or of trajectories that a result names is the one that was written with it."""

import hashlib
import os
from pathlib import Path

from foundation.npz import find_npz_fault
from reports.load.schema import Result


def find_samples_fault(result: Result) -> str | None:
    """What is wrong with a result's file of samples, as the end of a sentence; None where nothing is.

    Args:
        result: as it was read, with its path.
    """
    if result.samples_file is None:
        return None
    return _find_fault(result.path.parent / result.samples_file, result.samples_sha256)


def find_trajectories_fault(result: Result) -> str | None:
    """The same of a result's file of trajectories."""
    if result.trajectories_file is None:
        return None
    return _find_fault(result.path.parent / result.trajectories_file, result.trajectories_sha256)


def are_trajectories_lost(result: Result) -> bool:
    """Whether a result's file of trajectories is gone; no score stands on it, so that the result is complete."""
    name = result.trajectories_file
    return name is not None and not os.path.lexists(result.path.parent / name)


def _find_fault(path: Path, written: str | None) -> str | None:
    fault = find_npz_fault(path)
    if fault is not None or written is None:
        return fault
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return None if found == written else "is not the one that was written, as its SHA-256 says"
