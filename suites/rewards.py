"""What a critic learns from is the data's reward after its group's transform, which a task declares as data.

IQL and everything that follows it (arXiv 2110.06169; github.com/ikostrikov/implicit_q_learning) scale locomotion
to a range of returns of 1000, take 1 from antmaze's rewards so that every step costs, and leave the rest alone.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from suites.errors import DataError


class RewardTransform(Protocol):
    """Gives the rewards to learn from.

    Attributes:
        name: as it is written into every result, such as `r - 1`.
    """

    @property
    def name(self) -> str: ...

    def __call__(self, rewards: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """From the data's rewards (N,), and where episodes end (N,) bool, those to learn from (N,) float32."""
        ...


@dataclass(frozen=True)
class Unchanged:
    """The data's own rewards."""

    name: str = "r"

    def __call__(self, rewards: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """The same array."""
        return rewards


@dataclass(frozen=True)
class MinusOne:
    """Every step costs 1, and the step that reaches the goal nothing."""

    name: str = "r - 1"

    def __call__(self, rewards: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Rewards less 1."""
        return rewards - np.float32(1)


@dataclass(frozen=True)
class ReturnRange:
    """The best and the worst episode's returns come to lie 1000 apart."""

    name: str = "r × 1000 / (max return - min return)"

    def __call__(self, rewards: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Scaled rewards.

        Raises:
            DataError: all episodes have the same return, so that there is no range.
        """
        returns = episode_returns(rewards, ends)
        spread = returns.max() - returns.min()
        if not spread > 0:
            raise DataError(
                f"rewards cannot be scaled by their range of returns: every one of the {len(returns)} episodes "
                f"returns {returns[0]:g}; use data with better and worse episodes"
            )
        return (rewards * (1000.0 / spread)).astype(np.float32)


def episode_returns(rewards: np.ndarray, ends: np.ndarray) -> np.ndarray:
    """The sum of rewards of each episode, float64.

    Args:
        rewards: (N,) with N of 1 or more.
        ends: (N,) bool, true at the last row of an episode; the last row of all ends one in any case.
    """
    starts = np.concatenate([[0], np.flatnonzero(ends[:-1]) + 1])
    return np.add.reduceat(rewards.astype(np.float64), starts)


def episode_lengths(ends: np.ndarray) -> np.ndarray:
    """The number of rows of each episode, int64, from `ends` as above."""
    return np.diff(np.concatenate([[0], np.flatnonzero(ends[:-1]) + 1, [len(ends)]]))
