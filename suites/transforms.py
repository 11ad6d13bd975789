"""Transforms that a task applies to its data before learning: of the rewards, and of D4RL's maze2d frame.

IQL and everything that follows it (arXiv 2110.06169; github.com/ikostrikov/implicit_q_learning) scale locomotion
to a range of returns of 1000, take 1 from antmaze's rewards so that every step costs, and leave the rest alone.

D4RL's maze2d files are turned into PointMaze's frame. In D4RL (github.com/Farama-Foundation/D4RL,
`d4rl/pointmaze/maze_model.py`) the centre of the cell in row i and column j is the point (i, j): x grows with the
row and y with the column. In PointMaze x grows with the column, y falls with the row, and the origin is the middle
of the maze. Velocities and forces turn with the positions.
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
        return rewards


@dataclass(frozen=True)
class MinusOne:
    """Rewards less 1: every step costs 1, and the step that reaches the goal nothing."""

    name: str = "r - 1"

    def __call__(self, rewards: np.ndarray, ends: np.ndarray) -> np.ndarray:
        return rewards - np.float32(1)


@dataclass(frozen=True)
class ReturnRange:
    """Rewards scaled so that the best and the worst episode's returns differ by a width.

    Attributes:
        width: 1000 in IQL's code and that of all that follow it; 1 divides by the range alone.
    """

    width: float = 1000.0

    @property
    def name(self) -> str:
        """Such as `r × 1000 / (max return - min return)`."""
        factor = "" if self.width == 1 else f" × {self.width:.17g}"
        return f"r{factor} / (max return - min return)"

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
        return (rewards * (self.width / spread)).astype(np.float32)


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


@dataclass(frozen=True)
class QuarterTurn:
    """D4RL's frame to PointMaze's, for a maze of so many cells.

    Attributes:
        rows, columns: cells of the maze, walls included.
    """

    rows: int
    columns: int

    def turn_observations(self, states: np.ndarray) -> None:
        """Turn states (N, 4) of x, y, vx, vy in place."""
        self.turn_actions(states[:, :2])
        states[:, 0] -= (self.columns - 1) / 2
        states[:, 1] += (self.rows - 1) / 2
        self.turn_actions(states[:, 2:])

    def turn_actions(self, forces: np.ndarray) -> None:
        """Turn vectors (N, 2) in place: (a, b) becomes (b, -a)."""
        first = forces[:, 0].copy()
        forces[:, 0] = forces[:, 1]
        np.negative(first, out=forces[:, 1])
