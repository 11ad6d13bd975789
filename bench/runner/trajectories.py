"""The paths that episodes in a maze take, seen from above: kept of the first ones of a seed, thinned.

They are of what evaluation observes anyway, so that nothing of it changes.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field

import gymnasium as gym
import numpy as np

from reports.errors import ReportError
from reports.load.schema import Result
from reports.load.trajectories import MOST_EPISODES, MOST_POINTS, read_trajectories
from reports.load.unfinished_schema import Trajectory
from suites.task import ControlTask

Point = tuple[float, float]


@dataclass
class EpisodePath:
    """The path of an episode that is under way.

    Attributes:
        goal: (x, y).
        positions: (x, y) after the reset and after every step.
    """

    goal: Point
    positions: list[Point] = field(default_factory=list)

    @classmethod
    def begin(
        cls, task: ControlTask, number: int, environment: gym.Env, observation: np.ndarray
    ) -> "EpisodePath | None":
        """That of a reset environment; None for an episode of which none is kept.

        Args:
            task: which may be no maze.
            number: of the episode.
            environment: just reset.
            observation: what it returned.
        """
        if task.top_view is None or number >= MOST_EPISODES:
            return None
        path = cls(task.top_view(environment).goal)
        path.add(observation)
        return path

    def add(self, observation: np.ndarray) -> None:
        """Go on to a state's position."""
        self.positions.append((float(observation[0]), float(observation[1])))

    def describe(self) -> Trajectory | None:
        """The thinned path; None where a position is not finite."""
        if not np.isfinite(self.positions).all():
            return None
        steps = choose_steps(len(self.positions))
        points = tuple(self.positions[step] for step in steps)
        return Trajectory(steps=steps, points=points, goal=self.goal)


def choose_steps(positions: int, most: int = MOST_POINTS) -> tuple[int, ...]:
    """Which of so many positions are kept: all, or `most` evenly spaced ones with the first and the last."""
    if positions <= most:
        return tuple(range(positions))
    return tuple(int(step) for step in np.linspace(0, positions - 1, most).round())


def pack_trajectories(found: Mapping[int, Trajectory], task: ControlTask) -> bytes:
    """The trajectories of a seed as an `.npz` file, with the maze; see `reports.load.trajectories`.

    Args:
        found: by the episode's number, at least one.
        task: whose maze it is.
    """
    assert task.top_view is not None, "without it there are none"
    environment = task.make_environment()
    environment.reset(seed=0)
    view = task.top_view(environment)
    environment.close()
    each = [found[number] for number in sorted(found)]
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        allow_pickle=False,
        episodes=np.array(sorted(found), np.int64),
        lengths=np.array([len(one.points) for one in each], np.int64),
        steps=np.concatenate([np.array(one.steps, np.int64) for one in each]),
        points=np.concatenate([np.array(one.points, np.float32) for one in each]),
        goals=np.array([one.goal for one in each], np.float32),
        walls=np.asarray(view.walls, np.float32).reshape(-1, 4),
        radius=np.float32(view.radius),
    )
    return buffer.getvalue()


def read_kept(result: Result) -> dict[int, Trajectory]:
    """The trajectories of a result that is there, by the episode's number; none where they cannot be read."""
    try:
        kept = read_trajectories(result)
    except ReportError:
        return {}
    return {} if kept is None else {
        number: Trajectory(
            steps=tuple(one.steps.tolist()),
            points=tuple((float(x), float(y)) for x, y in one.points),
            goal=(float(one.goal[0]), float(one.goal[1])),
        )
        for number, one in kept.episodes.items()
    }  # fmt: skip
