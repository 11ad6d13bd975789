"""D4RL's maze2d files are recorded in a frame of their own; a quarter turn takes them into PointMaze's.

In D4RL (github.com/Farama-Foundation/D4RL, `d4rl/pointmaze/maze_model.py`) the centre of the cell in row i and
column j is the point (i, j): x grows with the row and y with the column. In PointMaze x grows with the column, y
falls with the row, and the origin is the middle of the maze. Velocities and forces turn with the positions.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class QuarterTurn:
    """D4RL's frame to PointMaze's, for a maze of so many cells.

    Attributes:
        rows, columns: cells of the maze, walls included.
    """

    rows: int
    columns: int

    def observations(self, states: np.ndarray) -> None:
        """Turn states (N, 4) of x, y, vx, vy in place."""
        self.actions(states[:, :2])
        states[:, 0] -= (self.columns - 1) / 2
        states[:, 1] += (self.rows - 1) / 2
        self.actions(states[:, 2:])

    def actions(self, forces: np.ndarray) -> None:
        """Turn vectors (N, 2) in place: (a, b) becomes (b, -a)."""
        first = forces[:, 0].copy()
        forces[:, 0] = forces[:, 1]
        np.negative(first, out=forces[:, 1])
