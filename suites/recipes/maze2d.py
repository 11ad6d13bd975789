"""Generates maze2d's data: one noisy walk between random goals, rewarded afterwards for the evaluation's goal.

D4RL's recipe (arXiv 2004.07219; its published generation and relabelling scripts): a waypoint controller
walks to a random cell, with noise of standard deviation 0.5 on every action, clipped to [-1, 1]; when the
cell is reached, or after the evaluation's horizon, another is drawn and the walk goes on from where it is.
Nothing ever terminates. An episode here is the walk to one goal (D4RL marks its end as a timeout), so the
last observation of an episode is the first of the next.

The controller plans on the grid of free cells and aims at one cell after the other: action = 10 (waypoint -
position) - velocity, clipped to [-1, 1]; a waypoint is reached within 0.1. Intermediate waypoints are moved at
random within a square of side 0.2, so that no two passes are the same; the last one is the goal cell's centre.

Deviation: D4RL's walls are shifted by 0.2 against its coordinates and its waypoints by U(0, 0.2) to make up for
it; PointMaze's are not shifted, so the square is centred: U(-0.1, 0.1).
Deviation: the reward of a transition looks at the observation it leads to, as the environment does; D4RL's
looks at the one it starts from (D4RL issue 194).
Deviation: D4RL's script repeats an observation after each goal; this one steps on.
Deviation: the next goal is another cell than the last; D4RL may draw the same and walk one step.
"""

from collections.abc import Iterator
from itertools import pairwise

import mujoco
import numpy as np

from suites.simulators.point_maze import GOAL_RADIUS, SPEED_LIMIT, Cell, Grid, Point, PointMaze
from suites.task import Episode, Progress

POSITION_GAIN = 10.0
VELOCITY_GAIN = -1.0
REACHED = 0.1
WAYPOINT_NOISE = 0.1
ACTION_NOISE = 0.5
BLOCK = 10_000  # noise is drawn, and progress called, this many transitions at a time


class WaypointController:
    """Drives a point mass to one goal cell after another.

    Args:
        grid: the maze.
        generator: draws the waypoints' offsets; None for waypoints at the cells' centres.
    """

    def __init__(self, grid: Grid, generator: np.random.Generator | None = None):
        self.grid = grid
        self.generator = generator
        self._waypoints: list[Point] = []
        self._goal: Point = (0.0, 0.0)

    def aim(self, x: float, y: float, goal: Cell) -> None:
        """Plan from the position (x, y) to a goal cell."""
        centres = [self.grid.centre(cell) for cell in self.grid.path(self.grid.cell(x, y), goal)]
        self._goal = centres[-1]
        self._waypoints = [self._move_waypoint(point) for point in centres[:-1]] + [self._goal]
        self._waypoints.reverse()  # the next one is the last of the list

    def act(self, x: float, y: float, vx: float, vy: float) -> tuple[float, float, bool]:
        """The action (ax, ay) in [-1, 1], and whether the goal's centre is within 0.1.

        D4RL also asks that the last step was shorter than 0.1, which the velocity limit of 5 always grants.
        """
        tx, ty = self._waypoints[-1]
        reached = _is_near(x, y, self._goal)
        if len(self._waypoints) > 1 and _is_near(x, y, (tx, ty)):
            self._waypoints.pop()
        ax = POSITION_GAIN * (tx - x) + VELOCITY_GAIN * vx
        ay = POSITION_GAIN * (ty - y) + VELOCITY_GAIN * vy
        return min(1.0, max(-1.0, ax)), min(1.0, max(-1.0, ay)), reached

    def _move_waypoint(self, point: Point) -> Point:
        if self.generator is None:
            return point
        dx, dy = self.generator.uniform(-WAYPOINT_NOISE, WAYPOINT_NOISE, size=2).tolist()
        return point[0] + dx, point[1] + dy


def _is_near(x: float, y: float, point: Point) -> bool:
    return (x - point[0]) ** 2 + (y - point[1]) ** 2 < REACHED**2


def generate(
    identifier: str, goal_cell: Cell, limit: int, count: int, seed: int, progress: Progress | None = None
) -> tuple[Episode, ...]:
    """Generate `count` transitions.

    A shorter walk with the same seed is the beginning of a longer one (but for the last episode's cut).

    Args:
        identifier: Gymnasium-Robotics' environment with the maze, such as `PointMaze_UMaze-v3`.
        goal_cell: (row, column) of the evaluation's goal, for the rewards.
        limit: steps after which a new goal is drawn though the last was not reached.
        count: number of transitions.
        seed: of every draw.
        progress: called with (done, total) transitions.

    Returns:
        The episodes in order; observations (T + 1, 4), actions (T, 2), float32.
    """
    environment = PointMaze(identifier, goal_cell)
    observations, actions, ends = _simulate(environment, limit, count, seed, progress)
    environment.close()
    rewards = compute_goal_rewards(observations[1:], environment.goal)
    return tuple(_cut_episode(observations, actions, rewards, *bounds) for bounds in pairwise([0, *ends]))


def compute_goal_rewards(next_observations: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """1 where the position in next_observations (n, 4) is within 0.5 of the goal (2,), else 0; float32 (n,)."""
    distance = np.linalg.norm(next_observations[:, :2].astype(np.float64) - goal, axis=1)
    return (distance <= GOAL_RADIUS).astype(np.float32)


def _simulate(
    environment: PointMaze, limit: int, count: int, seed: int, progress: Progress | None
) -> tuple[np.ndarray, np.ndarray, list[int]]:
    """Observations (count + 1, 4), actions (count, 2) and the transition after which each episode ends.

    Steps MuJoCo without the environment's wrappers: the same model and velocity limit, several times faster.
    """
    goals, noise = (np.random.default_rng(child) for child in np.random.SeedSequence(seed).spawn(2))
    model, data, free = environment.model, environment.data, environment.grid.free
    controller = WaypointController(environment.grid, goals)
    environment.reset(seed=seed)
    observations = np.empty((count + 1, 4), np.float32)
    actions = np.empty((count, 2), np.float32)
    ends, started, goal = [], 0, None
    x, y, vx, vy = *data.qpos.tolist(), *data.qvel.tolist()
    for t, (dx, dy) in zip(range(count), _iterate_noise(noise), strict=False):
        if t == started:
            goal = _draw_goal(free, goal, goals)
            controller.aim(x, y, goal)
        ax, ay, reached = controller.act(x, y, vx, vy)
        action = _clip(ax + dx, 1.0), _clip(ay + dy, 1.0)
        observations[t], actions[t] = (x, y, vx, vy), action
        data.qvel[:] = _clip(vx, SPEED_LIMIT), _clip(vy, SPEED_LIMIT)
        data.ctrl[:] = action
        mujoco.mj_step(model, data)  # pyright: ignore[reportAttributeAccessIssue]
        (x, y), (vx, vy) = data.qpos.tolist(), data.qvel.tolist()
        if reached or t + 1 - started == limit or t + 1 == count:
            ends.append(started := t + 1)
        if progress is not None and (t + 1 == count or (t + 1) % BLOCK == 0):
            progress(t + 1, count)
    observations[count] = x, y, vx, vy
    return observations, actions, ends


def _iterate_noise(generator: np.random.Generator) -> Iterator[list[float]]:
    """Noise for one action after the other, without end."""
    while True:
        yield from generator.normal(0.0, ACTION_NOISE, (BLOCK, 2)).tolist()


def _draw_goal(free: tuple[Cell, ...], last: Cell | None, generator: np.random.Generator) -> Cell:
    choices = [cell for cell in free if cell != last]
    return choices[int(generator.integers(len(choices)))]


def _clip(value: float, bound: float) -> float:
    return min(bound, max(-bound, value))


def _cut_episode(
    observations: np.ndarray, actions: np.ndarray, rewards: np.ndarray, start: int, end: int
) -> Episode:
    truncations = np.zeros(end - start, bool)
    truncations[-1] = True
    return Episode(
        observations=observations[start : end + 1],
        actions=actions[start:end],
        rewards=rewards[start:end],
        terminations=np.zeros(end - start, bool),
        truncations=truncations,
    )
