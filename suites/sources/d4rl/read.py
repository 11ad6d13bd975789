"""Reads a file in D4RL's layout as transitions in D4RL's own q-learning view.

The view is that of `d4rl.qlearning_dataset` (github.com/Farama-Foundation/D4RL, `d4rl/__init__.py`): the next
observation is the file's, if it has one, else the next row's; the last row, and the last row of every episode
that was cut, is left out, because no observation follows it; `terminals` are true ends only. Where the file has
no timeouts, an episode counts as cut when it has lasted the task's horizon. Rows that are kept end an episode
where they are terminal, where rows after them were left out, and where the next row's observation lies farther
than 1e-6 from their next observation. Actions are clipped to ±(1 - 1e-5).

Known faults of D4RL's files, and what is done about each:

- antmaze version 0, timeouts out of step with the episodes' ends (issue 77): a row after which the position
  jumps farther than the task's `longest_step` counts as cut as well. What the flags cut stays cut.
- antmaze-umaze-diverse, versions 0 and 2, a single reward where the other sets have one for every step at the
  goal (issue 199): kept as it is, since every published score uses it.
- maze2d version 1, the reward in row t is that of arriving at observation t and not at t + 1 (issue 194): not
  shifted, for the same reason.

Deviation: for files without timeouts D4RL's own counter starts at 1 after a terminal and so cuts one step early.
"""

from itertools import pairwise
from pathlib import Path

import h5py
import numpy as np

from foundation.program import program_name
from suites.errors import DataError
from suites.sources.d4rl.check import find_bounds_fault, find_jumps, find_layout_faults
from suites.sources.d4rl.hdf5 import open_hdf5, read_column
from suites.sources.transitions import ACTION_LIMIT, Transitions, rescale_actions
from suites.task import ControlTask

VERSION = 1  # of the view; flat copies of another version are made again
SAME = 1e-6
BLOCK = 65_536  # rows compared at a time, so that no second copy of the observations is made


def read_d4rl(path: Path, task: ControlTask, *, source: str, name: str, bounded: bool) -> Transitions:
    """The file's transitions in the q-learning view.

    Args:
        path: the HDF5 file.
        task: gives the sizes, the range of actions, the horizon, the longest step and the frame.
        source, name: for the record.
        bounded: refuse actions beyond ±1.001 instead of clipping them. D4RL's users clip, so its own files are.

    Raises:
        DataError: the file is not there, damaged, not in the layout, or does not fit the task.
    """
    what = f"data set {name} ({source}) of task {task.name}"
    with open_hdf5(path, what) as file:
        try:
            for fault in find_layout_faults(file):
                raise ValueError(fault)
            _require_sizes(file, task)
            return _read(file, task, source, name, bounded)
        except ValueError as fault:
            raise DataError(
                f"{what} is damaged or not in D4RL's layout: in {path}, {fault}; "
                f"`{program_name()} data check {path}` shows everything that is wrong"
            ) from fault


def _require_sizes(file: h5py.File, task: ControlTask) -> None:
    sizes = {"observations": task.observation_dim, "actions": task.action_dim}
    for name, size in sizes.items():
        shape = file[name].shape  # pyright: ignore[reportAttributeAccessIssue] (the layout was checked)
        if shape[1] != size:
            raise ValueError(f"{name} has shape {shape} and should have ({shape[0]}, {size}) for this task")


def _read(file: h5py.File, task: ControlTask, source: str, name: str, bounded: bool) -> Transitions:
    terminals = read_column(file, "terminals")
    observations = read_column(file, "observations")
    cut = read_column(file, "timeouts") if "timeouts" in file else find_horizon_cuts(terminals, task.horizon)
    if task.longest_step is not None:
        cut = cut | find_jumps(observations, task.longest_step)
    keep = ~cut
    keep[-1] = False
    if "next_observations" in file:
        next_observations = read_column(file, "next_observations")[keep]
    else:
        next_observations = observations[1:][keep[:-1]]
    observations = observations[keep]
    actions = rescale_actions(read_column(file, "actions"), task)
    fault = find_bounds_fault(actions) if bounded else None
    if fault is not None:
        raise ValueError(fault)
    actions = np.clip(actions, -ACTION_LIMIT, ACTION_LIMIT, out=actions)[keep]
    rewards = read_column(file, "rewards")[keep]
    terminals = terminals[keep]
    ends = terminals | find_breaks(observations, next_observations)
    ends[:-1] |= np.diff(np.flatnonzero(keep)) > 1
    if task.frame is not None:
        task.frame.turn_observations(observations)
        task.frame.turn_observations(next_observations)
        task.frame.turn_actions(actions)
    return Transitions(
        observations=observations,
        actions=actions,
        rewards=rewards,
        next_observations=next_observations,
        terminals=terminals,
        timeouts=ends & ~terminals,
        source=source,
        name=name,
    )


def find_horizon_cuts(terminals: np.ndarray, horizon: int) -> np.ndarray:
    """Where episodes are cut if no timeouts were recorded: every `horizon` rows since the last end; bool (N,)."""
    cut = np.zeros(len(terminals), bool)
    starts = np.concatenate([[0], np.flatnonzero(terminals) + 1, [len(terminals)]])
    for start, end in pairwise(starts.tolist()):
        cut[start + horizon - 1 : end : horizon] = True
    return cut


def find_breaks(observations: np.ndarray, next_observations: np.ndarray) -> np.ndarray:
    """After which rows the next row's observation is not the next observation; bool (N,), the last True."""
    found = np.ones(len(observations), bool)
    for start in range(0, len(observations) - 1, BLOCK):
        end = min(start + BLOCK, len(observations) - 1)
        difference = observations[start + 1 : end + 1] - next_observations[start:end]
        found[start:end] = np.linalg.norm(difference, axis=1) > SAME
    return found
