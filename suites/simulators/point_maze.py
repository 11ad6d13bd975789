"""maze2d is PointMaze's MuJoCo model under D4RL's protocol of evaluation.

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
from typing import Any, cast

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TimeLimit

from suites.environments import robotics
from suites.recipes.waypoints import Cell, Grid

GOAL_RADIUS = 0.5
START_NOISE = 0.1
START_SPEED = 0.1
SPEED_LIMIT = 5.0


class PointMaze(gym.Env[np.ndarray, np.ndarray]):
    """A point mass that is rewarded near one goal cell.

    Observations are float32 (x, y, vx, vy) in metres and metres a second, actions float32 (2,) in [-1, 1].

    Args:
        identifier: Gymnasium-Robotics' environment with the maze, such as `PointMaze_UMaze-v3`.
        goal_cell: (row, column) of the goal.
    """

    metadata: dict[str, Any] = {"render_modes": []}  # noqa: RUF012 (Gymnasium's own declaration)

    def __init__(self, identifier: str, goal_cell: Cell):
        base: Any = robotics(identifier)
        self._point = base.point_env
        self.model, self.data = base.model, base.data
        self.grid = Grid(base.maze.maze_map)
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
        self._point.reset()
        self._point.set_state(position, self.np_random.normal(0.0, START_SPEED, 2))
        return self._observation(), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        """One step of 0.01 s; never terminated, never truncated (the horizon is `TimeLimit`'s)."""
        self._point.step(action)
        x, y = self.data.qpos
        reward = float(math.hypot(x - self.goal[0], y - self.goal[1]) <= GOAL_RADIUS)
        return self._observation(), reward, False, False, {}

    def close(self) -> None:
        """Release the simulator."""
        self._point.close()

    def _observation(self) -> np.ndarray:
        return np.concatenate([self.data.qpos, self.data.qvel]).astype(np.float32)


def make_point_maze(identifier: str, goal_cell: Cell, horizon: int) -> gym.Env:
    """The evaluation environment: `PointMaze` cut after `horizon` steps."""
    return TimeLimit(PointMaze(identifier, goal_cell), horizon)
