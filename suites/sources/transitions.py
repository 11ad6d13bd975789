"""Every source gives the same thing: transitions in the q-learning view, checked and fingerprinted.

The view follows D4RL's `qlearning_dataset` with one difference. D4RL's files hold N observations for N
actions, so the last transition of a cut episode has no successor and is dropped there. Episodes here keep
the observation after their last action (as Minari stores them), so every transition has its successor and
none is dropped.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np

from suites.episode import Episode
from suites.errors import DataError
from suites.task import DensityTask, Task

ACTION_LIMIT = 1.0 - 1e-5  # as in IQL, IDQL and SWG: a squashed policy never has to reach ±1
ACTION_TOLERANCE = 1e-3  # how far beyond ±1 an action may lie and still count as rounding


@dataclass(frozen=True)
class Transitions:
    """N transitions.

    Attributes:
        observations, next_observations: (N, observation_dim) float32.
        actions: (N, action_dim) float32.
        rewards: (N,) float32.
        terminals: (N,) bool, true where the task itself ended: no value follows.
        timeouts: (N,) bool, true where an episode was cut: the next row is not the next step.
        source: `local`, `minari` or `d4rl`.
        name: the data set's name at its source.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    next_observations: np.ndarray
    terminals: np.ndarray
    timeouts: np.ndarray
    source: str
    name: str

    def __len__(self) -> int:
        """The number of transitions, N."""
        return len(self.observations)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of every array's name, type, shape and bytes; source and name do not enter."""
        digest = hashlib.sha256()
        for name, array in self.arrays().items():
            digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, in the order of their declaration."""
        return {name: getattr(self, name) for name in ARRAYS}


ARRAYS = tuple(field.name for field in fields(Transitions) if field.name not in ("source", "name"))


def from_episodes(episodes: Iterable[Episode], *, source: str, name: str) -> Transitions:
    """Join episodes, in order, into transitions; all of them are kept (see the module's first lines).

    Actions are clipped to ±(1 - 1e-5); those beyond ±1.001 are left for `check` to report. An episode whose
    last step neither terminated nor was cut is marked as cut, since the next row does not follow from it.

    Args:
        episodes: with as many actions, rewards and flags as steps, and one observation more.
        source, name: where the episodes come from.

    Raises:
        DataError: an episode's arrays do not fit together, or there is none.
    """
    parts = [_rows(episode, index, name) for index, episode in enumerate(episodes)]
    if not parts:
        raise DataError(f"data set {name} holds no episode; generate or download it again")
    for index, part in enumerate(parts):
        if [column.shape[1:] for column in part] != [column.shape[1:] for column in parts[0]]:
            raise DataError(
                f"data set {name} is damaged: episode {index} has observations or actions of another size "
                f"than episode 0; generate or download it again"
            )
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Transitions(*columns, source=source, name=name)


def check(transitions: Transitions, task: Task) -> None:
    """Refuse data that a task cannot be learned from.

    Raises:
        DataError: names the first array at fault and its first bad row: a wrong shape or length, a flag that
            is not boolean, a value that is not finite, or (for control) an action outside [-1, 1] by more
            than 0.001.
    """
    where = f"data set {transitions.name} ({transitions.source}) does not fit task {task.name}"
    count = len(transitions)
    if count == 0:
        raise DataError(f"{where}: it holds no transition; generate or download it again")
    shapes = {
        "observations": (count, task.observation_dim),
        "actions": (count, task.action_dim),
        "next_observations": (count, task.observation_dim),
    }
    for name, array in transitions.arrays().items():
        expected = shapes.get(name, (count,))
        if array.shape != expected:
            raise DataError(f"{where}: {name} has shape {array.shape} and should have {expected}")
        if name in ("terminals", "timeouts"):
            if array.dtype != np.bool_:
                raise DataError(f"{where}: {name} has type {array.dtype} and should be boolean")
        elif not np.isfinite(array).all():
            raise DataError(f"{where}: {name} is not finite in row {_first_row(~np.isfinite(array))}")
    outside = np.abs(transitions.actions) > 1.0 + ACTION_TOLERANCE
    if outside.any() and not isinstance(task, DensityTask):
        row = _first_row(outside)
        raise DataError(f"{where}: actions lie outside [-1, 1] in row {row}: {transitions.actions[row]}")


def action_bounds(task: Task, transitions: Transitions) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest action in each dimension, two float32 arrays (action_dim,).

    -1 and 1 for control; for a density, whose actions are points of the plane, the data's own extremes.
    """
    if isinstance(task, DensityTask):
        return transitions.actions.min(axis=0), transitions.actions.max(axis=0)
    high = np.ones(task.action_dim, np.float32)
    return -high, high


def _rows(episode: Episode, index: int, name: str) -> tuple[np.ndarray, ...]:
    """The six columns of one episode, in the order of `ARRAYS`."""
    steps = len(episode)
    expected = {"observations": steps + 1, "rewards": steps, "terminations": steps, "truncations": steps}
    for field, length in expected.items():
        found = len(getattr(episode, field))
        if found != length or steps == 0:
            raise DataError(
                f"data set {name} is damaged: episode {index} has {steps} actions and {found} {field} "
                f"where {length} are due; generate or download it again"
            )
    observations = np.asarray(episode.observations, np.float32)
    timeouts = np.array(episode.truncations, bool)
    timeouts[-1] |= not episode.terminations[-1]
    return (
        observations[:-1],
        _clipped(np.asarray(episode.actions, np.float32)),
        np.asarray(episode.rewards, np.float32),
        observations[1:],
        np.asarray(episode.terminations, bool),
        timeouts,
    )


def _clipped(actions: np.ndarray) -> np.ndarray:
    valid = np.abs(actions) <= 1.0 + ACTION_TOLERANCE
    return np.where(valid, np.clip(actions, -ACTION_LIMIT, ACTION_LIMIT), actions)


def _first_row(bad: np.ndarray) -> int:
    return int(np.argwhere(bad)[0, 0])
