"""A file in D4RL's layout is looked through once, and everything that is wrong with it is said."""

from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np

from suites.sources.d4rl.hdf5 import (
    OPTIONAL,
    REQUIRED,
    bounds_fault,
    flag_faults,
    layout_faults,
    opened,
    read_column,
)
from suites.sources.d4rl.view import jumps
from suites.task import ControlTask


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
    with opened(path, "the file to check") as file:
        found = {name: file[name] for name in (*REQUIRED, *OPTIONAL) if name in file}
        columns = tuple(
            (name, str(column.shape), str(column.dtype))
            for name, column in found.items()
            if isinstance(column, h5py.Dataset)
        )
        faults = list(layout_faults(file)) + _size_faults(file, task)
        if not faults:  # with sound shapes, the values can be read
            faults = _value_faults(file, task)
    return Inspection(columns, tuple(faults))


def _size_faults(file: h5py.File, task: ControlTask | None) -> list[str]:
    sizes = {} if task is None else {"observations": task.observation_dim, "actions": task.action_dim}
    told = []
    for name, size in sizes.items():
        column = file.get(name)
        if isinstance(column, h5py.Dataset) and column.ndim == 2 and column.shape[1] != size:
            told.append(f"{name} are {column.shape[1]} wide, and the task's are {size}")
    return told


def _value_faults(file: h5py.File, task: ControlTask | None) -> list[str]:
    values: dict[str, np.ndarray] = {}
    faults = []
    for name in (*REQUIRED, *OPTIONAL):
        if name in file:
            try:
                values[name] = read_column(file, name)
            except ValueError as fault:
                faults.append(str(fault))
    bounds = bounds_fault(values["actions"]) if "actions" in values else None
    faults += [bounds] if bounds else []
    if {"terminals", "observations"} <= values.keys():
        faults += flag_faults(values)
        faults += _jump_faults(values, task)
    return faults


def _jump_faults(values: dict[str, np.ndarray], task: ControlTask | None) -> list[str]:
    if task is None or task.longest_step is None:
        return []
    ends = values["terminals"] | values.get("timeouts", np.zeros_like(values["terminals"]))
    silent = np.flatnonzero(jumps(values["observations"], task.longest_step) & ~ends)
    if not len(silent):
        return []
    return [
        f"the position jumps by more than {task.longest_step:g} after {len(silent)} rows that neither terminals "
        f"nor timeouts marks, first after row {silent[0]} (reading the file cuts the episodes there)"
    ]
