"""Whether the file of samples that a result names is the one that was written with it."""

import hashlib

from foundation.npz import find_npz_fault
from reports.load.schema import Result


def find_samples_fault(result: Result) -> str | None:
    """What is wrong with a result's file of samples, as the end of a sentence; None where nothing is.

    Args:
        result: as it was read, with its path.
    """
    if result.samples_file is None:
        return None
    path = result.path.parent / result.samples_file
    fault = find_npz_fault(path)
    if fault is not None or result.samples_sha256 is None:
        return fault
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    return None if found == result.samples_sha256 else "is not the one that was written, as its SHA-256 says"
