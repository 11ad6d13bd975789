"""When an episode counts as a success, for tasks that define it.

The measure is the task's own, not one of the return: reaching the goal, finishing all sub-tasks, or the flag that
Gymnasium-Robotics puts into `info`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np

from suites.errors import DataError


class StepResult(NamedTuple):
    """What one step of an environment returned."""

    observation: np.ndarray
    reward: float
    terminated: bool
    truncated: bool
    info: Mapping[str, Any]


def take_step(environment: gym.Env, action: np.ndarray) -> StepResult:
    """Step an environment once."""
    observation, reward, terminated, truncated, info = environment.step(action)
    return StepResult(observation, float(reward), terminated, truncated, info)


@dataclass(frozen=True)
class Success:
    """An episode succeeds if a condition holds in enough of its steps.

    Attributes:
        holds: whether the condition holds in a step; a function at the top level of its file, or an `InfoFlag`.
        steps: in how many steps of an episode it must hold.
        at_end: whether only the episode's last step counts.
    """

    holds: Callable[[StepResult], bool]
    steps: int = 1
    at_end: bool = False

    def judge(self, held: Sequence[bool]) -> bool:
        """Whether an episode succeeded.

        Args:
            held: for each of its steps, whether the condition held.
        """
        return sum(map(bool, held[-1:] if self.at_end else held)) >= self.steps


@dataclass(frozen=True)
class InfoFlag:
    """Whether an entry of a step's `info` is true, such as `success` or `is_success` of Gymnasium-Robotics."""

    key: str

    def __call__(self, step: StepResult) -> bool:
        """The entry as a bool.

        Raises:
            DataError: `info` has no such entry.
        """
        if self.key not in step.info:
            there = ", ".join(sorted(map(str, step.info))) or "nothing"
            raise DataError(f"a step's info has no {self.key!r} for the success measure; it has {there}")
        return bool(step.info[self.key])
