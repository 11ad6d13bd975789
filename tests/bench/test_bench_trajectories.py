"""Paths of the first episodes of a seed are kept, thinned, and change nothing else of an evaluation."""

import io
from collections.abc import Sequence
from dataclasses import replace

import gymnasium as gym
import numpy as np
import pytest
import torch
from drifting import TASK, Drift, make_policy
from gymnasium.utils.seeding import np_random

from bench.conformance.subject import OBSERVATIONS
from bench.runner.blocks import TUNING, Evaluation
from bench.runner.rollout import Played, roll_out
from bench.runner.trajectories import choose_steps, pack_trajectories
from reports.load.unfinished_schema import Trajectory
from suites import TopView

WALLS = np.array([[-1.0, -1.0, 1.0, -0.5], [0.0, 0.0, 1.0, 1.0]])


def view(environment: gym.Env) -> TopView:
    return TopView(WALLS, (2.0, -3.0), 0.25)


MAZE = replace(TASK, top_view=view)


def play(task, episodes: range, purpose: str = "evaluation") -> Played:
    evaluation = Evaluation(3, 5.0, episodes, (), torch.device("cpu"), purpose)
    with torch.no_grad():
        (found,) = roll_out(make_policy("swg"), task, [evaluation], lambda done, total: None)
    return found


def test_the_first_twenty_are_kept_and_nothing_else_changes():
    plain, found = play(TASK, range(22)), play(MAZE, range(22))
    assert plain.trajectories == {}
    assert found.episodes == plain.episodes
    assert sorted(found.trajectories) == list(range(20))
    for number, path in found.trajectories.items():
        episode = found.episodes[number]
        assert path.steps == tuple(range(episode.length + 1)), "of so few steps all are kept"
        assert path.goal == (2.0, -3.0)
        start = np_random(episode.seed)[0].normal(0, 0.3, OBSERVATIONS)  # what Drift's reset draws
        assert path.points[0] == pytest.approx(tuple(start[:2]), rel=1e-6)
    assert len({path.points for path in found.trajectories.values()}) == 20


def test_tuning_keeps_none():
    assert play(MAZE, range(3), TUNING).trajectories == {}


@pytest.mark.parametrize(
    ("positions", "most", "steps"),
    [(4, 100, (0, 1, 2, 3)), (11, 6, (0, 2, 4, 6, 8, 10)), (301, 4, (0, 100, 200, 300)), (1, 100, (0,))],
)
def test_thinning_keeps_the_first_and_the_last(positions: int, most: int, steps: Sequence[int]):
    assert choose_steps(positions, most) == steps
    assert len(choose_steps(1001)) == 100


def test_the_file_has_the_episodes_one_after_the_other():
    paths = {
        7: Trajectory(steps=(0, 2), points=((0.5, 1.0), (2.0, 4.0)), goal=(2.0, -3.0)),
        2: Trajectory(steps=(0,), points=((-1.0, 0.25),), goal=(1.0, 1.0)),
    }
    arrays = np.load(io.BytesIO(pack_trajectories(paths, MAZE)))
    assert arrays["episodes"].tolist() == [2, 7]
    assert arrays["lengths"].tolist() == [1, 2]
    assert arrays["steps"].tolist() == [0, 0, 2]
    assert arrays["points"].tolist() == [[-1.0, 0.25], [0.5, 1.0], [2.0, 4.0]]
    assert arrays["goals"].tolist() == [[1.0, 1.0], [2.0, -3.0]]
    assert arrays["walls"].tolist() == WALLS.tolist()
    assert float(arrays["radius"]) == 0.25
    assert pack_trajectories(paths, MAZE) == pack_trajectories(paths, MAZE)


def test_a_path_that_is_not_finite_is_not_kept():
    class Lost(Drift):
        def step(self, action):
            observation, reward, terminated, truncated, info = super().step(action)
            return np.full_like(observation, np.nan), reward, terminated, truncated, info

    found = play(replace(MAZE, make_environment=Lost, horizon=1), range(2))
    assert len(found.episodes) == 2
    assert found.trajectories == {}
