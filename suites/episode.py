"""An episode is a stretch of one trajectory, with the observation after its last action kept."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Episode:
    """One episode, laid out as Minari stores it.

    Attributes:
        observations: (T + 1, observation_dim); row t + 1 is what followed action t.
        actions: (T, action_dim).
        rewards: (T,), for arriving at row t + 1.
        terminations: (T,) bool, true only where the task itself ended.
        truncations: (T,) bool, true where the trajectory was cut for another reason.
    """

    observations: np.ndarray
    actions: np.ndarray
    rewards: np.ndarray
    terminations: np.ndarray
    truncations: np.ndarray

    def __len__(self) -> int:
        """The number of actions, T."""
        return len(self.actions)
