"""Says whether the observations and actions of a Minari data set can be learned from, and how they are joined.

Observations must be a row of numbers, or a dictionary of such rows; actions a row of numbers in the range that the
task declares. Anything else is refused in one sentence with what to do.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import gymnasium as gym
import numpy as np

from suites.errors import DataError, shorten
from suites.sources.transitions import action_range
from suites.task import ControlTask, Task

SAME = 1e-6  # of a bound, relative to its size


def check_spaces(
    observations: gym.Space, actions: gym.Space, name: str, task: Task, source: str
) -> tuple[str, ...]:
    """Refuse a data set whose observations or actions cannot be used.

    Args:
        observations, actions: the data set's spaces.
        name, source: of the data set.
        task: that it is for.

    Returns:
        The entries of a dictionary of observations to join, in order; none where they are no dictionary.

    Raises:
        DataError: what they are, and what to do.
    """
    what = f"data set {name} ({source}) does not fit task {task.name}"
    _check_actions(actions, what, task, source)
    if isinstance(observations, gym.spaces.Dict):
        return choose_entries(observations, what, task)
    if not _is_row(observations):
        raise DataError(
            f"{what}: its observations are {_describe(observations)}, and the networks take a row of numbers; "
            "record it through a wrapper that gives one, such as gymnasium.wrappers.FlattenObservation"
        )
    return ()


def _check_actions(space: gym.Space, what: str, task: Task, source: str) -> None:
    if not (isinstance(space, gym.spaces.Box) and len(space.shape) == 1):
        raise DataError(
            f"{what}: its actions are {_describe(space)}, and diffusion policies need a row of continuous numbers"
        )
    if space.shape != (task.action_dim,):
        raise DataError(
            f"{what}: its actions have {space.shape[0]} numbers, and the task's have {task.action_dim}"
        )
    if source == "local" or not space.is_bounded():
        return
    low, high = action_range(task)
    if not (np.allclose(space.low, low, rtol=SAME, atol=SAME) and np.allclose(space.high, high, SAME, SAME)):
        found = f"({_format_bound(space.low)}, {_format_bound(space.high)})"
        raise DataError(
            f"{what}: its actions are recorded in the range {found}, and the task says ({_format_bound(low)}, "
            f"{_format_bound(high)}); declare action_range={found} in the task, and evaluate in an environment "
            "whose [-1, 1] is that range, as make_gymnasium gives"
        )


def choose_entries(space: gym.spaces.Dict, what: str, task: Task) -> tuple[str, ...]:
    """The entries of a dictionary of observations that make up the task's.

    Without the task's own `observation_keys`: `observation` if it has the width; if `achieved_goal` makes up the
    difference it comes first, which is D4RL's layout of antmaze (x, y, then the rest). The desired goal is left
    out.

    Raises:
        DataError: an entry that is not there or no row of numbers, or entries of another width than the task's.
    """
    widths = {key: entry.shape[0] for key, entry in space.spaces.items() if _is_row(entry) and entry.shape}
    keys = task.observation_keys if isinstance(task, ControlTask) else ()
    if not keys:
        fitting = (("observation",), ("achieved_goal", "observation"))
        keys = next((each for each in fitting if _width(each, widths) == task.observation_dim), ())
    if not keys or _width(keys, widths) != task.observation_dim:
        entries = ", ".join(f"{key} ({widths.get(key, _describe(space[key]))})" for key in space.spaces)
        joined = f", of which it joins {', '.join(keys)}" if keys else ""
        raise DataError(
            f"{what}: its observations are a dictionary of {entries}{joined}, and the task's have "
            f"{task.observation_dim} numbers; name the entries to join in the task's observation_keys"
        )
    return tuple(keys)


def join_entries(observations: Any, keys: Sequence[str]) -> np.ndarray:
    """The observations of an episode, (T + 1, width); of a dictionary the entries of these keys, joined."""
    if not keys:
        return np.asarray(observations)
    return np.concatenate([np.asarray(observations[key]) for key in keys], axis=1)


def describe_range(task: Task) -> str:
    """What a flat copy's stamp says of the task's range of recorded actions; nothing where it is [-1, 1]."""
    low, high = action_range(task)
    return "" if (low == -1.0).all() and (high == 1.0).all() else f" actions {low.tolist()} {high.tolist()}"


def describe_reading(task: Task) -> str:
    """What a flat copy's stamp says of how the task reads a Minari data set; nothing for what is usual."""
    keys = task.observation_keys if isinstance(task, ControlTask) else ()
    return describe_range(task) + (f" of {' '.join(keys)}" if keys else "")


def _is_row(space: gym.Space) -> bool:
    return isinstance(space, gym.spaces.Box) and len(space.shape) == 1


def _width(keys: Sequence[str], widths: Mapping[str, int]) -> int | None:
    return sum(widths[key] for key in keys) if all(key in widths for key in keys) else None


def _describe(space: gym.Space) -> str:
    if isinstance(space, gym.spaces.Box):
        return f"arrays of shape {space.shape}"
    return shorten(ValueError(space))


def _format_bound(bound: np.ndarray) -> str:
    """One number where all are the same, else the row of them."""
    numbers = [f"{float(number):.7g}" for number in bound]
    return numbers[0] if len(set(numbers)) == 1 else f"({', '.join(numbers)})"
