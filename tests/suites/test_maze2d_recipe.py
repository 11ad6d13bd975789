"""The generated data are MuJoCo's, replayed in Gymnasium-Robotics' own environment, and fixed by the seed."""

import contextlib
import io
import itertools
import os

import gymnasium as gym
import numpy as np
import pytest
from control_tasks import simulator
from scipy.stats import norm

from suites.recipes.maze2d import compute_goal_rewards, generate
from suites.registry import get_tasks
from suites.simulators.point_maze import Grid

COUNT = 12_000


@pytest.fixture(scope="module")
def episodes():
    return generate("PointMaze_UMaze-v3", (1, 1), 300, COUNT, seed=7)


def joined(episodes, field):
    return np.concatenate([getattr(episode, field) for episode in episodes])


def original(identifier):
    with contextlib.redirect_stderr(io.StringIO()):
        import gymnasium_robotics
    gym.register_envs(gymnasium_robotics)
    environment = simulator(gym.make(identifier))
    os.unlink(environment.tmp_xml_file_path)
    environment.reset(seed=0)
    return environment


@pytest.mark.parametrize("task", get_tasks("maze2d"), ids=lambda task: task.name)
def test_stored_steps_replay_in_gymnasium_robotics(task):
    size = task.name.split("-")[1]
    identifier = {"umaze": "PointMaze_UMaze-v3", "medium": "PointMaze_Medium-v3", "large": "PointMaze_Large-v3"}
    environment = original(identifier[size])
    data = task.generate(2_500, 3, None)
    error = 0.0
    for episode in data:
        for t, action in enumerate(episode.actions):
            state = episode.observations[t].astype(np.float64)
            environment.point_env.set_state(state[:2], state[2:])
            reached, *_ = environment.step(action.astype(np.float64))
            error = max(error, np.abs(reached["observation"] - episode.observations[t + 1]).max())
    assert error < 1e-5


def test_an_episode_replays_as_a_whole(episodes):
    environment = original("PointMaze_UMaze-v3")
    episode = max(episodes, key=len)
    first = episode.observations[0].astype(np.float64)
    environment.point_env.set_state(first[:2], first[2:])
    states = [environment.step(action.astype(np.float64))[0]["observation"] for action in episode.actions]
    assert np.abs(np.array(states) - episode.observations[1:]).max() < 1e-3


def test_the_same_seed_gives_the_same_data_and_another_seed_does_not(episodes):
    again = generate("PointMaze_UMaze-v3", (1, 1), 300, COUNT, seed=7)
    other = generate("PointMaze_UMaze-v3", (1, 1), 300, COUNT, seed=8)
    for field in ("observations", "actions", "rewards", "truncations"):
        assert np.array_equal(joined(episodes, field), joined(again, field))
    assert not np.array_equal(joined(episodes, "actions"), joined(other, "actions"))


def test_a_short_walk_is_the_beginning_of_a_long_one(episodes):
    short = generate("PointMaze_UMaze-v3", (1, 1), 300, 1_234, seed=7)
    assert np.array_equal(joined(short, "actions"), joined(episodes, "actions")[:1_234])
    assert sum(len(episode) for episode in short) == 1_234


def test_the_walk_is_continuous_and_never_terminates(episodes):
    assert sum(len(episode) for episode in episodes) == COUNT
    for one, two in itertools.pairwise(episodes):
        assert np.array_equal(one.observations[-1], two.observations[0])
    assert not joined(episodes, "terminations").any()
    for episode in episodes:
        assert episode.truncations.tolist() == [False] * (len(episode) - 1) + [True]


def test_every_walk_reaches_another_cell(episodes):
    grid = Grid([[1, 1, 1, 1, 1], [1, 0, 0, 0, 1], [1, 1, 1, 0, 1], [1, 0, 0, 0, 1], [1, 1, 1, 1, 1]])
    centres = np.array([grid.centre(cell) for cell in grid.free])
    ends = []
    for episode in episodes[:-1]:
        assert len(episode) < 300
        distance = np.linalg.norm(centres - episode.observations[-2, :2], axis=1)
        assert distance.min() < 0.1
        ends.append(int(distance.argmin()))
    assert all(a != b for a, b in itertools.pairwise(ends))
    assert set(ends) == set(range(7))


def test_a_walk_is_cut_at_the_limit():
    lengths = [len(episode) for episode in generate("PointMaze_Large-v3", (7, 9), 40, 1_000, seed=0)]
    assert max(lengths) == 40
    assert lengths.count(40) > 10


GOALS = {"maze2d-umaze": (-1.0, 1.0), "maze2d-medium": (2.5, -2.5), "maze2d-large": (3.5, -3.0)}


@pytest.mark.parametrize("task", get_tasks("maze2d"), ids=lambda task: task.name)
def test_data_and_environment_reward_d4rls_goal(task):
    # Cells (1, 1) of 5 by 5, (6, 6) of 8 by 8 and (7, 9) of 9 by 12, as (x, y) from the maze's middle.
    goal = np.array(GOALS[task.name])
    assert task.make_environment().unwrapped.goal == pytest.approx(goal)
    data = task.generate(30_000, 0, None)
    distance = np.linalg.norm(np.concatenate([e.observations[1:, :2] for e in data]) - goal, axis=1)
    rewards = joined(data, "rewards")
    assert rewards.sum() > 30
    assert np.array_equal(rewards == 1.0, distance <= 0.5)


def test_rewards_by_hand():
    rows = np.array([[1.0, 2.0, 9, 9], [1.5, 2.0, 0, 0], [1.51, 2.0, 0, 0], [0.65, 1.65, 0, 0]], np.float32)
    assert compute_goal_rewards(rows, np.array([1.0, 2.0])).tolist() == [1.0, 1.0, 0.0, 1.0]


def test_rewards_look_at_where_a_step_leads(episodes):
    position = np.concatenate([episode.observations[1:, :2] for episode in episodes])
    inside = (position[:, 0] + 1.0) ** 2 + (position[:, 1] - 1.0) ** 2 <= 0.25  # cell (1, 1) lies at (-1, 1)
    rewards = joined(episodes, "rewards")
    assert 0.02 < rewards.mean() < 0.3
    assert np.array_equal(rewards == 1.0, inside)
    assert np.isin(rewards, (0.0, 1.0)).all()


def test_actions_carry_noise_of_half_a_unit_and_are_clipped():
    # At the step that reaches a goal the push is 10 (centre - position) - velocity; with noise of standard
    # deviation 0.5 on it, the clipped share on either side follows from the normal law.
    data = generate("PointMaze_UMaze-v3", (1, 1), 300, 60_000, seed=1)[:-1]
    last = np.array([episode.observations[-2] for episode in data], np.float64)
    noisy = np.array([episode.actions[-1] for episode in data])
    centre = np.round(last[:, :2])  # a 5 by 5 maze has its cells' centres at whole numbers
    push = np.clip(10 * (centre - last[:, :2]) - last[:, 2:], -1, 1)
    for side in (1.0, -1.0):
        chance = norm.sf((1.0 - side * push) / 0.5)
        spread = np.sqrt((chance * (1 - chance)).sum())
        assert (noisy == side).sum() == pytest.approx(chance.sum(), abs=4 * spread)
    noise = (noisy - push)[np.abs(push) < 0.3]  # the clip lies beyond 1.4 standard deviations: quartiles are whole
    low, middle, high = np.quantile(noise, (0.25, 0.5, 0.75))
    assert middle == pytest.approx(0.0, abs=0.1)
    assert high - low == pytest.approx(0.5 * 2 * norm.ppf(0.75), rel=0.12)
    assert np.abs(noisy).max() == 1.0


def test_progress_is_told_to_the_end():
    told = []
    generate("PointMaze_UMaze-v3", (1, 1), 300, 25_000, 0, lambda done, total: told.append((done, total)))
    assert told == [(10_000, 25_000), (20_000, 25_000), (25_000, 25_000)]
