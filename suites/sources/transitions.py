"""Transitions in the q-learning view, with their checks and their fingerprint: what every source gives.

The view is that of D4RL's `qlearning_dataset` (see `suites/sources/d4rl/read.py`). D4RL's files hold N
observations for N actions, so the last transition of a cut episode has no successor and is dropped.
Episodes made here or stored by Minari have one observation more than actions, so none of theirs is dropped.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from functools import cached_property

import numpy as np

from suites.errors import DataError
from suites.task import ControlTask, DensityTask, Episode, Task

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
        source: `local`, `minari`, `d4rl` or `file`.
        name: the data set's name at its source.
        reward_transform: what was done to the rewards, such as `r - 1`; `r` for nothing.
        raw_rewards: (N,) float32, the rewards before that; None where nothing was done.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    next_observations: np.ndarray
    terminals: np.ndarray
    timeouts: np.ndarray
    source: str
    name: str
    reward_transform: str = "r"
    raw_rewards: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.observations)

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256, in hex, of every array's name, type, shape and bytes, with the rewards as the source has them.

        Source, name and reward transform do not enter: the same data have one fingerprint.
        """
        digest = hashlib.sha256()
        raw = {} if self.raw_rewards is None else {"rewards": self.raw_rewards}
        for name, array in (self.arrays() | raw).items():
            digest.update(f"{name} {array.dtype.str} {array.shape};".encode())
            digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @property
    def key(self) -> str:
        """The fingerprint, and the reward transform if there is one."""
        return make_data_key(self.fingerprint, self.reward_transform if self.raw_rewards is not None else "r")

    @property
    def ends(self) -> np.ndarray:
        """(N,) bool, true at the last row of every episode."""
        found = self.terminals | self.timeouts
        found[-1] = True
        return found

    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays by name, in the order of their declaration."""
        return {name: getattr(self, name) for name in ARRAYS}


ARRAYS = tuple(field.name for field in fields(Transitions) if field.type is np.ndarray)


def transform_rewards(transitions: Transitions, task: Task) -> Transitions:
    """The transitions with the rewards used in training; the fingerprint stays that of the data.

    Raises:
        DataError: the task's transform cannot be applied to these rewards, or gives not one for each.
    """
    rewards = task.reward(transitions.rewards, transitions.ends)
    if rewards is transitions.rewards:
        return transitions
    if np.shape(rewards) != transitions.rewards.shape:
        raise DataError(
            f"the reward transform {task.reward.name!r} of task {task.name} gives rewards of shape "
            f"{np.shape(rewards)} for {transitions.rewards.shape}; it must give one for each transition"
        )
    transformed = replace(
        transitions, rewards=rewards, reward_transform=task.reward.name, raw_rewards=transitions.rewards
    )
    vars(transformed)["fingerprint"] = transitions.fingerprint  # of the raw rewards, so the same: computed once
    return transformed


def join_episodes(episodes: Iterable[Episode], *, source: str, name: str) -> Transitions:
    """Join episodes, in order, into transitions; all of them are kept (see the module's first lines).

    Actions are clipped to ±(1 - 1e-5); those beyond ±1.001 are left for `check` to report. An episode whose
    last step neither terminated nor was cut is marked as cut, since the next row does not follow from it.

    Args:
        episodes: with as many actions, rewards and flags as steps, and one observation more.
        source, name: where the episodes come from.

    Raises:
        DataError: an episode's arrays do not fit together, or there is none.
    """
    parts = [_to_columns(episode, index, name) for index, episode in enumerate(episodes)]
    if not parts:
        raise DataError(f"data set {name} holds no episode; generate or download it again")
    for index, part in enumerate(parts):
        if [column.shape[1:] for column in part] != [column.shape[1:] for column in parts[0]]:
            raise DataError(
                f"data set {name} is damaged: episode {index} has observations or actions of another size "
                f"than episode 0; generate or download it again"
            )
    pieces = dict(zip(ARRAYS, map(list, zip(*parts, strict=True)), strict=True))
    del parts
    joined: dict[str, np.ndarray] = {}
    for array in ("observations", "next_observations", *ARRAYS):
        if array in pieces:  # each column's pieces are let go as soon as they are joined
            joined[array] = np.concatenate(pieces.pop(array))
    return Transitions(*(joined[array] for array in ARRAYS), source=source, name=name)


def check(transitions: Transitions, task: Task) -> None:
    """Refuse data that do not fit a task.

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
            raise DataError(f"{where}: {name} is not finite in row {_find_first_row(~np.isfinite(array))}")
    outside = np.abs(transitions.actions) > 1.0 + ACTION_TOLERANCE
    if outside.any() and not isinstance(task, DensityTask):
        row = _find_first_row(outside)
        raise DataError(
            f"{where}: actions lie outside [-1, 1] in row {row}: {transitions.actions[row]}; declare the range "
            "that they are recorded in as the task's action_range, as in action_range=(-2.0, 2.0)"
        )


def rescale_actions(actions: np.ndarray, task: Task) -> np.ndarray:
    """Actions (N, action_dim) as recorded, of the task's `action_range`, moved to [-1, 1]; others as they are."""
    low, high = action_range(task)
    if (low == -1.0).all() and (high == 1.0).all():
        return actions
    return ((actions - low) * (2.0 / (high - low)) - 1.0).astype(np.float32)


def action_range(task: Task) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest action of recorded data, two float64 arrays (action_dim,); ±1 for a density."""
    declared = task.action_range if isinstance(task, ControlTask) else (-1.0, 1.0)
    low, high = (np.broadcast_to(np.asarray(bound, float), (task.action_dim,)) for bound in declared)
    return low, high


def action_bounds(task: Task, transitions: Transitions) -> tuple[np.ndarray, np.ndarray]:
    """The lowest and highest action in each dimension, two float32 arrays (action_dim,).

    -1 and 1 for control; for a density, whose actions are points of the plane, the data's own extremes.
    """
    if isinstance(task, DensityTask):
        return transitions.actions.min(axis=0), transitions.actions.max(axis=0)
    high = np.ones(task.action_dim, np.float32)
    return -high, high


def _to_columns(episode: Episode, index: int, name: str) -> tuple[np.ndarray, ...]:
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
        _clip_actions(np.asarray(episode.actions, np.float32)),
        np.asarray(episode.rewards, np.float32),
        observations[1:],
        np.asarray(episode.terminations, bool),
        timeouts,
    )


def _clip_actions(actions: np.ndarray) -> np.ndarray:
    valid = np.abs(actions) <= 1.0 + ACTION_TOLERANCE
    return np.where(valid, np.clip(actions, -ACTION_LIMIT, ACTION_LIMIT), actions)


def _find_first_row(bad: np.ndarray) -> int:
    return int(np.argwhere(bad)[0, 0])


def make_data_key(fingerprint: str, reward_transform: str) -> str:
    """What data and their rewards are known by in the keys of components: `r` is no transform."""
    return fingerprint if reward_transform == "r" else f"{fingerprint} {reward_transform}"
