"""Opens and reads HDF5 files in D4RL's layout.

The layout (github.com/Farama-Foundation/D4RL, `d4rl/offline_env.py`): `observations` (N, o), `actions` (N, a),
`rewards` (N,) and `terminals` (N,), with `timeouts` (N,) and `next_observations` (N, o) in the later versions.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from foundation.errors import UserError
from suites.errors import DataError, shorten

REQUIRED = ("observations", "actions", "rewards", "terminals")
OPTIONAL = ("timeouts", "next_observations")
MATRICES = ("observations", "actions", "next_observations")
FLAGS = ("terminals", "timeouts")
BROKEN = (OSError, RuntimeError, KeyError, TypeError, AttributeError, ValueError, OverflowError, MemoryError)
"""What h5py raises for files that are cut short, damaged or made to mislead."""


@contextmanager
def open_hdf5(path: Path, what: str) -> Iterator[h5py.File]:
    """The file, open for reading.

    Args:
        path: of the file.
        what: what to call it in an error.

    Raises:
        DataError: it is not there, is not HDF5, is cut short, or breaks while the block reads it.
    """
    if not path.is_file():
        raise DataError(f"{what}: there is no file {path}; give the path of one that is there.")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except UserError:
        raise
    except BROKEN as error:
        raise DataError(
            f"{what}: {path} cannot be read as HDF5 ({shorten(error)}); it is damaged or only partly there, "
            f"get it again"
        ) from error


def find_link_fault(file: h5py.Group, name: str) -> str | None:
    """Why what a name leads to is not read: it lies in another file, or elsewhere in this one; else None.

    Nothing is opened to see that.
    """
    if not isinstance(file.get(name, getlink=True), h5py.HardLink):
        return f"{name} is a link, and a column must be in the file itself"
    return None


def read_column(file: h5py.File, name: str) -> np.ndarray:
    """A column as float32, or as bool for the flags, straight into its final type; (rows, 1) becomes (rows,).

    Raises:
        DataError: (through `open_hdf5`) it cannot be read.
        ValueError: `find_fault` finds something in it; the text is that fault.
    """
    column: Any = file[name]
    if name in FLAGS:
        values = np.asarray(column[...]).reshape(-1)
        fault = find_fault(name, values)
        values = values if values.dtype == np.bool_ else values != 0
    else:
        values = np.empty(column.shape, np.float32)
        column.read_direct(values)  # HDF5 converts block by block: no second copy of the whole
        fault = find_fault(name, values)
        values = values if name in MATRICES else values.reshape(-1)
    if fault is not None:
        raise ValueError(fault)
    return values


def find_fault(name: str, values: np.ndarray) -> str | None:
    """What is wrong with a column's values and in which row first, or None."""
    if name in FLAGS:
        return describe_rows(name, ~np.isin(values, (0, 1)), values, "should be 0 or 1")
    return describe_rows(name, ~np.isfinite(values), values, "should be a finite number")


def describe_rows(name: str, bad: np.ndarray, values: np.ndarray, should: str) -> str | None:
    """The first bad value of a column, its row, and how many rows have one; None if no value is bad."""
    if not bad.any():
        return None
    rows = np.unique(np.nonzero(bad)[0])
    first = values[tuple(np.argwhere(bad)[0])]
    return f"{name} holds {first} in row {rows[0]} and {should} ({len(rows)} such rows)"
