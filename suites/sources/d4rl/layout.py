"""Opens, reads and checks HDF5 files in D4RL's layout; types and shapes are checked before any value is read.

The layout (github.com/Farama-Foundation/D4RL, `d4rl/offline_env.py`): `observations` (N, o), `actions` (N, a),
`rewards` (N,) and `terminals` (N,), with `timeouts` (N,) and `next_observations` (N, o) in the later versions.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from suites.errors import DataError, shorten
from suites.sources.transitions import ACTION_TOLERANCE
from suites.task import ControlTask

REQUIRED = ("observations", "actions", "rewards", "terminals")
OPTIONAL = ("timeouts", "next_observations")
MATRICES = ("observations", "actions", "next_observations")
FLAGS = ("terminals", "timeouts")


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
        raise DataError(f"{what}: there is no file {path}")
    try:
        with h5py.File(path, "r") as file:
            yield file
    except (OSError, RuntimeError) as error:  # what h5py raises for files that are cut short or damaged
        raise DataError(
            f"{what}: {path} cannot be read as HDF5 ({shorten(error)}); it is damaged or only partly there, "
            f"get it again"
        ) from error


def find_layout_faults(file: h5py.File) -> Iterator[str]:
    """The faults of names, types, shapes and storage, one sentence each; no value is read."""
    for name in REQUIRED:
        if name not in file:
            yield f"{name} is missing (it holds {', '.join(sorted(file)) or 'nothing'})"
    columns = {name: file[name] for name in (*REQUIRED, *OPTIONAL) if name in file}
    for name, column in columns.items():
        yield from _find_column_faults(name, column)
    sound = {name: c for name, c in columns.items() if isinstance(c, h5py.Dataset) and c.ndim >= 1}
    lengths = {name: int(column.shape[0]) for name, column in sound.items()}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        yield f"the columns differ in their number of rows ({listed})"
    elif lengths and next(iter(lengths.values())) < 2:
        yield f"it has {next(iter(lengths.values()))} rows, and a transition needs 2"
    widths = {name: c.shape[1:] for name, c in sound.items() if name.endswith("observations")}
    if len(set(widths.values())) > 1:
        yield f"next_observations are {widths['next_observations']} wide and observations {widths['observations']}"
    needed = sum(int(np.prod(column.shape, dtype=object)) * 4 for column in sound.values())
    if needed > (memory := measure_memory()):
        yield f"its columns take {needed / 1e6:,.0f} MB, and this machine has {memory / 1e6:,.0f} MB of memory"


def _find_column_faults(name: str, column: Any) -> Iterator[str]:
    if not isinstance(column, h5py.Dataset):
        yield f"{name} is a group and should be an array"
        return
    shape, kind = column.shape, "" if column.dtype.names or column.dtype.subdtype else column.dtype.kind
    if name in MATRICES:
        if len(shape) != 2 or shape[1] < 1:
            yield f"{name} has shape {shape} and should have (rows, size)"
        if kind != "f":
            yield f"{name} has type {column.dtype} and should be floating point"
    else:
        if len(shape) != 1 and (len(shape) != 2 or shape[1] != 1):
            yield f"{name} has shape {shape} and should have (rows,)"
        if kind not in ("f", "i", "u", "b"):
            yield f"{name} has type {column.dtype} and should be {'0 and 1' if name in FLAGS else 'a number'}"
    yield from _find_storage_faults(name, column)


def _find_storage_faults(name: str, column: h5py.Dataset) -> Iterator[str]:
    """An array that claims rows which were never written reads as zeros: it is refused."""
    if not column.size:
        return
    if column.chunks is None:
        if not column.id.get_storage_size() and not column.external:
            yield f"{name} claims shape {column.shape}, and none of it was ever written"
        return
    pairs = zip(column.shape, column.chunks, strict=True)
    chunks = int(np.prod([-(-size // chunk) for size, chunk in pairs], dtype=object))
    written = column.id.get_num_chunks()
    if written < chunks:
        lost = f"{chunks - written} of its {chunks} parts were never written"
        yield f"{name} claims shape {column.shape}, and {lost}"


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
        bad = ~np.isin(values, (0, 1)) if values.dtype != np.bool_ else np.zeros(len(values), bool)
        return _describe_rows(name, bad, values, "should be 0 or 1") if bad.any() else None
    bad = ~np.isfinite(values)
    if bad.any():
        return _describe_rows(name, bad, values, "should be a finite number")
    return None


def find_bounds_fault(actions: np.ndarray) -> str | None:
    """Where actions leave [-1, 1] by more than rounding, or None."""
    bad = np.abs(actions) > 1.0 + ACTION_TOLERANCE
    return _describe_rows("actions", bad, actions, "should lie in [-1, 1]") if bad.any() else None


def find_flag_faults(columns: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Contradictions between terminals, timeouts and next observations; such a file can still be read.

    Args:
        columns: by name; `timeouts` and `next_observations` may be absent.
    """
    terminals = columns["terminals"]
    timeouts = columns.get("timeouts", np.zeros_like(terminals))
    both = np.flatnonzero(terminals & timeouts)
    if len(both):
        yield f"terminals and timeouts are both set in {len(both)} rows, first in row {both[0]}"
    if not (terminals.any() or timeouts.any()):
        yield "no row ends an episode: neither terminals nor timeouts is ever set"
    if "next_observations" in columns:
        moved = np.abs(columns["observations"][1:] - columns["next_observations"][:-1]).max(axis=1) > 1e-6
        ends = (terminals | timeouts)[:-1]
        silent = np.flatnonzero(moved & ~ends)
        if len(silent):
            yield (
                f"the next row does not go on from next_observations, and neither terminals nor timeouts says so, "
                f"in {len(silent)} rows, first in row {silent[0]}"
            )
        going = np.flatnonzero(timeouts[:-1] & ~moved)
        if len(going):
            yield f"timeouts is set although the next row goes on in {len(going)} rows, first in row {going[0]}"


def measure_memory() -> int:
    """This machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def _describe_rows(name: str, bad: np.ndarray, values: np.ndarray, should: str) -> str:
    rows = np.unique(np.nonzero(bad)[0])
    first = values[tuple(np.argwhere(bad)[0])]
    return f"{name} holds {first} in row {rows[0]} and {should} ({len(rows)} such rows)"


def find_jumps(observations: np.ndarray, longest: float) -> np.ndarray:
    """After which rows the first two numbers, a position, move farther than `longest`; bool (N,), last False."""
    found = np.zeros(len(observations), bool)
    found[:-1] = np.linalg.norm(np.diff(observations[:, :2], axis=0), axis=1) > longest
    return found


@dataclass(frozen=True)
class Inspection:
    """What a file holds and what is wrong with it.

    Attributes:
        columns: name, shape and type of every array of the layout that is there.
        faults: one sentence each, in the order of the columns.
    """

    columns: tuple[tuple[str, str, str], ...]
    faults: tuple[str, ...]


def inspect(path: Path, task: ControlTask | None) -> Inspection:
    """Look through a file: names, shapes, types, values, actions' bounds, flags against observations.

    Args:
        path: the HDF5 file.
        task: what it is for, if that is to be checked too.

    Raises:
        DataError: it is not there or is no HDF5 file.
    """
    with open_hdf5(path, "the file to check") as file:
        found = {name: file[name] for name in (*REQUIRED, *OPTIONAL) if name in file}
        columns = tuple(
            (name, str(column.shape), str(column.dtype))
            for name, column in found.items()
            if isinstance(column, h5py.Dataset)
        )
        faults = list(find_layout_faults(file)) + _find_size_faults(file, task)
        if not faults:  # with sound shapes, the values can be read
            faults = _find_value_faults(file, task)
    return Inspection(columns, tuple(faults))


def _find_size_faults(file: h5py.File, task: ControlTask | None) -> list[str]:
    sizes = {} if task is None else {"observations": task.observation_dim, "actions": task.action_dim}
    faults = []
    for name, size in sizes.items():
        column = file.get(name)
        if isinstance(column, h5py.Dataset) and column.ndim == 2 and column.shape[1] != size:
            faults.append(f"{name} are {column.shape[1]} wide, and the task's are {size}")
    return faults


def _find_value_faults(file: h5py.File, task: ControlTask | None) -> list[str]:
    values: dict[str, np.ndarray] = {}
    faults = []
    for name in (*REQUIRED, *OPTIONAL):
        if name in file:
            try:
                values[name] = read_column(file, name)
            except ValueError as fault:
                faults.append(str(fault))
    bounds = find_bounds_fault(values["actions"]) if "actions" in values else None
    faults += [bounds] if bounds else []
    if {"terminals", "observations"} <= values.keys():
        faults += find_flag_faults(values)
        faults += _find_jump_faults(values, task)
    return faults


def _find_jump_faults(values: dict[str, np.ndarray], task: ControlTask | None) -> list[str]:
    if task is None or task.longest_step is None:
        return []
    ends = values["terminals"] | values.get("timeouts", np.zeros_like(values["terminals"]))
    silent = np.flatnonzero(find_jumps(values["observations"], task.longest_step) & ~ends)
    if not len(silent):
        return []
    return [
        f"the position jumps by more than {task.longest_step:g} after {len(silent)} rows that neither terminals "
        f"nor timeouts marks, first after row {silent[0]} (reading the file cuts the episodes there)"
    ]
