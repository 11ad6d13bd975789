"""Reads an `.npz` file of a user's, by whose headers it is checked before anything of it is allocated."""

import hashlib
from pathlib import Path

import numpy as np

from foundation.errors import UserError
from foundation.npz import UNREADABLE, find_npz_fault

HOW = "save it by np.savez(FILE, **arrays), as docs/import.md shows"


def read_arrays(file: Path) -> tuple[dict[str, np.ndarray], str]:
    """The arrays of a file by their names, and its SHA-256; nothing is unpickled.

    Raises:
        UserError: there is no such file, or it is no `.npz` of arrays of numbers.
    """
    if not file.exists():
        raise UserError(f"there is no file {str(file)!r}; {HOW}.")
    fault = find_npz_fault(file)
    if fault is not None:
        raise UserError(f"file {str(file)!r} {fault}; {HOW}.")
    try:
        with np.load(file, allow_pickle=False) as archive:
            arrays = {name: archive[name] for name in archive.files}
    except UNREADABLE as error:
        raise UserError(f"file {str(file)!r} cannot be read ({error}); {HOW}.") from error
    return arrays, hashlib.sha256(file.read_bytes()).hexdigest()
