"""maze2d's data are one noisy walk between random goals, rewarded afterwards for the goal of the evaluation.

D4RL's recipe (arXiv 2004.07219; its published generation and relabelling scripts): a waypoint controller
walks to a random cell, with noise of standard deviation 0.5 on every action, clipped to [-1, 1]; when the
cell is reached, or after the evaluation's horizon, another is drawn and the walk goes on from where it is.
Nothing ever terminates. An episode here is the walk to one goal (D4RL marks its end as a timeout), so the
last observation of an episode is the first of the next.

Deviation: the reward of a transition looks at the observation it leads to, as the environment does; D4RL's
looks at the one it starts from (D4RL issue 194).
Deviation: D4RL's script repeats an observation after each goal; this one steps on.
Deviation: the next goal is another cell than the last; D4RL may draw the same and walk one step.
"""

from collections.abc import Iterator
from itertools import pairwise

import mujoco
import numpy as np

from suites.episode import Episode
from suites.recipes.waypoints import Cell, WaypointController
from suites.simulators.point_maze import GOAL_RADIUS, SPEED_LIMIT, PointMaze
from suites.task import Progress

ACTION_NOISE = 0.5
BLOCK = 10_000  # noise is drawn, and progress told, this many transitions at a time


def walk(
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
        progress: told (done, total) transitions.

    Returns:
        The episodes in order; observations (T + 1, 4), actions (T, 2), float32.
    """
    environment = PointMaze(identifier, goal_cell)
    observations, actions, ends = _simulate(environment, limit, count, seed, progress)
    environment.close()
    rewards = goal_rewards(observations[1:], environment.goal)
    return tuple(_episode(observations, actions, rewards, *bounds) for bounds in pairwise([0, *ends]))


def goal_rewards(next_observations: np.ndarray, goal: np.ndarray) -> np.ndarray:
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
    for t, (dx, dy) in zip(range(count), _pairs(noise), strict=False):
        if t == started:
            goal = _another(free, goal, goals)
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


def _pairs(generator: np.random.Generator) -> Iterator[list[float]]:
    """Noise for one action after the other, without end."""
    while True:
        yield from generator.normal(0.0, ACTION_NOISE, (BLOCK, 2)).tolist()


def _another(free: tuple[Cell, ...], last: Cell | None, generator: np.random.Generator) -> Cell:
    choices = [cell for cell in free if cell != last]
    return choices[int(generator.integers(len(choices)))]


def _clip(value: float, bound: float) -> float:
    return min(bound, max(-bound, value))


def _episode(observations: np.ndarray, actions: np.ndarray, rewards: np.ndarray, start: int, end: int) -> Episode:
    truncations = np.zeros(end - start, bool)
    truncations[-1] = True
    return Episode(
        observations=observations[start : end + 1],
        actions=actions[start:end],
        rewards=rewards[start:end],
        terminations=np.zeros(end - start, bool),
        truncations=truncations,
    )
