"""Builds the maze2d environments: PointMaze's MuJoCo model, one a maze, under D4RL's protocol of evaluation.

D4RL's protocol (github.com/Farama-Foundation/D4RL, `maze2d-*-v1`, sparse): one fixed goal without noise; the
reward is 1 for every step that ends within 0.5 of it; nothing terminates; an episode starts at rest but for a
velocity of standard deviation 0.1, within ±0.1 of the centre of a free cell drawn uniformly (the goal's cell
among them), and is cut at its horizon. Gymnasium-Robotics' own PointMaze-v3 differs: radius 0.45, goal noise,
no start near the goal.

The model is D4RL's: a ball of radius 0.1 and mass 4.19 pushed by a force of at most 100 along each axis,
0.01 s a step, velocity limited to 5 before each step.

Deviation: the maze is D4RL's turned by a quarter (x grows with the column, y falls with the row), and walls
lie at the cells' edges, where D4RL's lie 0.2 beside them.
"""

import math
from collections import deque
from collections.abc import Sequence
from functools import cache
from typing import Any, cast

import gymnasium as gym
import mujoco as untyped
import numpy as np
from gymnasium.wrappers import TimeLimit

from suites.environments import make_robotics
from suites.top_view import TopView

mujoco: Any = untyped  # its compiled modules come without types

Cell = tuple[int, int]
Point = tuple[float, float]

GOAL_RADIUS = 0.5
START_NOISE = 0.1
START_SPEED = 0.1
SPEED_LIMIT = 5.0


class Grid:
    """The cells of a maze, in rows from the top and columns from the left; cells are 1 wide.

    Args:
        maze_map: rows of cells, 1 for a wall and anything else for a free cell.
    """

    def __init__(self, maze_map: Sequence[Sequence[object]]):
        self.rows, self.columns = len(maze_map), len(maze_map[0])
        self.free: tuple[Cell, ...] = tuple(
            (i, j) for i, row in enumerate(maze_map) for j, cell in enumerate(row) if cell != 1
        )
        self._free = frozenset(self.free)
        every = ((i, j) for i in range(self.rows) for j in range(self.columns))
        self.walls: tuple[Cell, ...] = tuple(cell for cell in every if cell not in self._free)
        self._distances: dict[Cell, dict[Cell, int]] = {}

    def centre(self, cell: Cell) -> Point:
        """The (x, y) of a cell's centre; the origin is the maze's middle, y points up."""
        return cell[1] + 0.5 - self.columns / 2, self.rows / 2 - cell[0] - 0.5

    def cell(self, x: float, y: float) -> Cell:
        return int(self.rows / 2 - y), int(x + self.columns / 2)

    def distances(self, goal: Cell) -> dict[Cell, int]:
        """The number of steps from every cell that can reach the goal, by breadth-first search."""
        if goal not in self._distances:
            found, queue = {goal: 0}, deque([goal])
            while queue:
                here = queue.popleft()
                for cell in self._neighbours(here):
                    if cell not in found:
                        found[cell] = found[here] + 1
                        queue.append(cell)
            self._distances[goal] = found
        return self._distances[goal]

    def path(self, start: Cell, goal: Cell) -> tuple[Cell, ...]:
        """A shortest path without its start: the cells to visit in order, the goal last.

        Ties go to the first of up, down, left, right. From the goal itself the path is the goal alone.

        Raises:
            ValueError: the start or the goal is a wall, or no path joins them.
        """
        steps = self.distances(goal)
        if goal not in self._free or start not in steps:
            raise ValueError(f"no path of free cells leads from cell {start} to cell {goal}")
        path = []
        while start != goal:
            start = min(self._neighbours(start), key=lambda cell: steps[cell])
            path.append(start)
        return tuple(path) or (goal,)

    def _neighbours(self, cell: Cell) -> list[Cell]:
        i, j = cell
        return [near for near in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)) if near in self._free]


@cache
def build_maze(identifier: str) -> tuple[Any, Grid]:
    """The compiled `MjModel` and the cells of a maze; neither changes, so the process's environments share them.

    Args:
        identifier: Gymnasium-Robotics' environment with the maze, such as `PointMaze_UMaze-v3`.
    """
    base: Any = make_robotics(identifier)
    base.close()
    return base.model, Grid(base.maze.maze_map)


class PointMaze(gym.Env[np.ndarray, np.ndarray]):
    """A point mass that is rewarded near one goal cell.

    Observations are float32 (x, y, vx, vy) in metres and metres a second, actions float32 (2,) in [-1, 1].

    Args:
        identifier: Gymnasium-Robotics' environment with the maze, such as `PointMaze_UMaze-v3`.
        goal_cell: (row, column) of the goal.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own declaration)

    def __init__(self, identifier: str, goal_cell: Cell):
        self.model, self.grid = build_maze(identifier)
        self.data = mujoco.MjData(self.model)
        self.goal = np.array(self.grid.centre(goal_cell))
        self.observation_space = gym.spaces.Box(-np.inf, np.inf, (4,), np.float32)
        self.action_space = gym.spaces.Box(-1.0, 1.0, (2,), np.float32)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.ndarray, dict[str, Any]]:
        """Put the point near the centre of a free cell; a seed fixes this and all later draws.

        `options` may hold `cell`, the (row, column) to start in instead of a random one.
        """
        super().reset(seed=seed)
        chosen = cast(Cell, self.grid.free[int(self.np_random.integers(len(self.grid.free)))])
        cell = (options or {}).get("cell", chosen)
        position = np.array(self.grid.centre(cell)) + self.np_random.uniform(-START_NOISE, START_NOISE, 2)
        mujoco.mj_resetData(self.model, self.data)
        mujoco.mj_forward(self.model, self.data)  # as PointMaze does: the solver starts from the last solution
        self.set_state(position, self.np_random.normal(0.0, START_SPEED, 2))
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step of 0.01 s; never terminated, never truncated (the horizon is `TimeLimit`'s)."""
        self.set_state(self.data.qpos, np.clip(self.data.qvel, -SPEED_LIMIT, SPEED_LIMIT))
        self.data.ctrl[:] = np.clip(action, -1.0, 1.0)
        mujoco.mj_step(self.model, self.data)
        x, y = self.data.qpos
        reward = float(math.hypot(x - self.goal[0], y - self.goal[1]) <= GOAL_RADIUS)
        return self._observation(), reward, False, False, {}

    def set_state(self, position: np.ndarray, velocity: np.ndarray) -> None:
        """Put the point at a position (x, y) in metres, with a velocity in metres a second."""
        self.data.qpos[:], self.data.qvel[:] = position, velocity
        mujoco.mj_forward(self.model, self.data)

    def _observation(self) -> np.ndarray:
        return np.concatenate([self.data.qpos, self.data.qvel]).astype(np.float32)


def make_point_maze(identifier: str, goal_cell: Cell, horizon: int) -> gym.Env:
    """The evaluation environment: `PointMaze` cut after `horizon` steps."""
    return TimeLimit(PointMaze(identifier, goal_cell), horizon)


def view_point_maze(environment: gym.Env) -> TopView:
    """The maze of a `PointMaze` from above; walls are cells, 1 wide."""
    maze = cast(PointMaze, environment.unwrapped)
    centres = np.array([maze.grid.centre(cell) for cell in maze.grid.walls])
    edges = np.hstack([centres - 0.5, centres + 0.5])
    return TopView(edges, (float(maze.goal[0]), float(maze.goal[1])), GOAL_RADIUS)
