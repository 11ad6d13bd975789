"""Finds the faults of an HDF5 file in D4RL's layout: first of names, types and shapes, then of values."""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from foundation.text import clean_line
from suites.sources.d4rl.hdf5 import (
    FLAGS,
    MATRICES,
    OPTIONAL,
    REQUIRED,
    describe_rows,
    find_link_fault,
    open_hdf5,
    read_column,
)
from suites.sources.transitions import ACTION_TOLERANCE, rescale_actions
from suites.task import ControlTask

SHOWN_NAMES = 20


def find_layout_faults(file: h5py.File) -> Iterator[str]:
    """The faults of names, types, shapes and storage, one sentence each; no value is read."""
    names = set(file)  # without following links, as `in` would
    for name in REQUIRED:
        if name not in names:
            yield f"{name} is missing (it holds {_list_names(names)})"
    columns: dict[str, Any] = {}
    for name in (name for name in (*REQUIRED, *OPTIONAL) if name in names):
        fault = find_link_fault(file, name)
        if fault is not None:
            yield fault
        else:
            columns[name] = file[name]
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


def _list_names(names: Iterable[str]) -> str:
    """The first names of a file, in alphabetical order."""
    shown = sorted(names)[:SHOWN_NAMES]
    more = ", ..." if len(shown) == SHOWN_NAMES else ""
    return f"{', '.join(map(clean_line, shown))}{more}" if shown else "nothing"


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
    """Rows that were not written would be read as zeros, so an array that lacks some is refused."""
    if column.external or column.is_virtual:
        yield f"{name} has its data in another file, and a column must be in the file itself"
    elif not column.size:
        return
    elif column.chunks is None:
        if not column.id.get_storage_size():
            yield f"{name} has shape {column.shape}, but no data were written"
    else:
        yield from _find_chunk_faults(name, column, column.chunks)


def _find_chunk_faults(name: str, column: h5py.Dataset, sizes: Sequence[int]) -> Iterator[str]:
    pairs = zip(column.shape, sizes, strict=True)
    chunks = int(np.prod([-(-size // chunk) for size, chunk in pairs], dtype=object))
    written = column.id.get_num_chunks()
    if written < chunks:
        lost = f"{chunks - written} of its {chunks} chunks were not written"
        yield f"{name} has shape {column.shape}, but {lost}"


def find_bounds_fault(actions: np.ndarray) -> str | None:
    """Where actions leave [-1, 1] by more than rounding, or None."""
    bad = np.abs(actions) > 1.0 + ACTION_TOLERANCE
    return describe_rows("actions", bad, actions, "should lie in [-1, 1]")


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
                f"observations[t + 1] differs from next_observations[t] although neither terminals nor timeouts "
                f"is set, in {len(silent)} rows, first in row {silent[0]}"
            )
        going = np.flatnonzero(timeouts[:-1] & ~moved)
        if len(going):
            yield f"timeouts is set although the next row goes on in {len(going)} rows, first in row {going[0]}"


def measure_memory() -> int:
    """This machine's memory in bytes."""
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


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
    if "actions" in values:
        actions = values["actions"] if task is None else rescale_actions(values["actions"], task)
        bounds = find_bounds_fault(actions)
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
