"""The evaluation follows D4RL's protocol, and its physics are MuJoCo's: checked in closed form."""

import math
import pickle
import tempfile
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from control_tasks import control_tasks, simulator
from gymnasium.utils.env_checker import check_env

from suites.environments import make, make_robotics, make_specification
from suites.errors import DataError
from suites.recipes.maze2d import WaypointController
from suites.simulators.point_maze import PointMaze, build_maze

TASKS = control_tasks("maze2d")


def episode_return(environment, seed, act):
    observation, _ = environment.reset(seed=seed)
    start, total, length, truncated = observation, 0.0, 0, False
    while not truncated:
        observation, reward, terminated, truncated, _ = environment.step(act(observation))
        assert not terminated
        total += reward
        length += 1
    return start, total, length


@pytest.mark.parametrize("name", TASKS)
def test_a_scripted_controller_scores_above_90(name):
    task = TASKS[name]
    environment = task.make_environment()
    grid = simulator(environment).grid
    goal = grid.cell(*simulator(environment).goal)
    scores = []
    for seed in range(20):
        controller = WaypointController(grid)
        start, _ = environment.reset(seed=seed)
        controller.aim(float(start[0]), float(start[1]), goal)
        act = lambda s, c=controller: np.array(c.act(*map(float, s))[:2], np.float32)  # noqa: E731
        _, total, length = episode_return(environment, seed, act)
        assert length == task.horizon
        scores.append(task.normalized_score(total))
    assert np.mean(scores) > 90


def test_doing_nothing_earns_only_in_the_goals_cell():
    environment = TASKS["maze2d-umaze"].make_environment()
    zero = np.zeros(2, np.float32)
    episodes = [episode_return(environment, seed, lambda _: zero) for seed in range(84)]
    for start, total, _ in episodes:
        if math.dist(start[:2], (-1.0, 1.0)) > 0.8:  # coasting at 0.1 m/s for 3 s hardly gets there
            assert total < 150
    home = np.mean([math.dist(start[:2], (-1.0, 1.0)) <= 0.15 for start, _, _ in episodes])
    assert home == pytest.approx(1 / 7, abs=0.12)
    mean = np.mean([total for _, total, _ in episodes])
    assert 300 * home * 0.6 < mean < 300 * home + 15


def test_coasting_and_pushing_agree_with_newton():
    # A ball of radius 0.1 and density 1000 under linear damping 1; the force is 100 times the action.
    mass = 4 / 3 * math.pi * 0.1**3 * 1000
    environment = PointMaze("PointMaze_UMaze-v3", (1, 1))
    for action, steps in ((0.0, 40), (0.02, 40)):
        environment.reset(seed=3, options={"cell": (3, 2)})
        x0, y0, vx0, vy0 = environment.data.qpos.tolist() + environment.data.qvel.tolist()
        states = [environment.step(np.array([action, 0.0]))[0] for _ in range(steps)]
        t, limit = 0.01 * steps, 100 * action  # the velocity tends to force / damping
        decay = math.exp(-t / mass)
        vx = limit + (vx0 - limit) * decay
        x = x0 + limit * t + (vx0 - limit) * mass * (1 - decay)
        y = y0 + vy0 * mass * (1 - decay)
        assert states[-1] == pytest.approx((x, y, vx, vy0 * decay), abs=3e-3)


def test_the_reward_is_one_within_half_a_cell_of_the_fixed_goal():
    environment = PointMaze("PointMaze_Medium-v3", (6, 6))
    assert environment.goal == pytest.approx([2.5, -2.5])  # 8 by 8: column 6 is 2.5 right, row 6 is 2.5 down
    environment.reset(seed=0)
    for x, expected in ((2.5, 1.0), (2.02, 1.0), (1.98, 0.0)):
        environment.set_state(np.array([x, -2.5]), np.zeros(2))
        assert environment.step(np.zeros(2))[1] == expected


@pytest.mark.parametrize(("name", "cells"), [("maze2d-umaze", 7), ("maze2d-medium", 26), ("maze2d-large", 46)])
def test_starts_cover_every_free_cell_evenly(name, cells):
    environment = TASKS[name].make_environment()
    grid = simulator(environment).grid
    assert len(grid.free) == cells
    starts = np.array([environment.reset(seed=seed)[0] for seed in range(40 * cells)])
    found = [grid.cell(*map(float, start[:2])) for start in starts]
    counts = np.array([found.count(cell) for cell in grid.free])
    chi_squared = ((counts - 40) ** 2 / 40).sum()
    assert chi_squared < cells - 1 + 5 * math.sqrt(2 * (cells - 1))
    offsets = starts[:, :2] - np.array([grid.centre(cell) for cell in found])
    assert np.abs(offsets).max() <= 0.1 + 1e-6
    assert offsets.std() == pytest.approx(0.2 / math.sqrt(12), rel=0.1)
    assert starts[:, 2:].std() == pytest.approx(0.1, rel=0.15)


def test_environments_that_share_a_model_step_as_gymnasium_robotics_does_and_touch_none_beside_them():
    """To the digit, with walls in the way: its own point, put where each of ours is after the reset."""
    ours = [PointMaze("PointMaze_Medium-v3", (6, 6)) for _ in range(2)]
    assert ours[0].model is ours[1].model
    points = [make_robotics("PointMaze_Medium-v3").point_env for _ in ours]  # pyright: ignore[reportAttributeAccessIssue]
    for seed, (environment, point) in enumerate(zip(ours, points, strict=True)):
        environment.reset(seed=seed)
        point.reset()
        point.set_state(environment.data.qpos, environment.data.qvel)
    generator = np.random.default_rng(0)
    for _ in range(300):
        for environment, point, push in zip(ours, points, (1.0, -1.0), strict=True):
            action = (push + generator.normal(0, 1, 2)).astype(np.float32)
            observation, *_ = environment.step(action)
            assert np.array_equal(observation, point.step(action)[0].astype(np.float32))


def test_resets_are_fixed_by_the_seed():
    one, two = TASKS["maze2d-large"].make_environment(), TASKS["maze2d-large"].make_environment()
    first = [one.reset(seed=5)[0], one.reset()[0]]
    one.step(np.ones(2, np.float32))
    second = [two.reset(seed=5)[0], two.reset()[0]]
    assert np.array_equal(first, second)
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], one.reset(seed=6)[0])


def test_the_constructor_can_be_pickled_and_observations_are_flat_floats():
    task = pickle.loads(pickle.dumps(TASKS["maze2d-umaze"]))
    environment = task.make_environment()
    observation, _ = environment.reset(seed=0)
    assert observation.shape == (task.observation_dim,)
    assert observation.dtype == np.float32
    assert environment.action_space == gym.spaces.Box(-1.0, 1.0, (2,), np.float32)


@pytest.mark.filterwarnings("ignore:.*A Box observation space m.*:UserWarning")
def test_gymnasiums_own_check():
    check_env(PointMaze("PointMaze_UMaze-v3", (1, 1)), skip_render_check=True)


def test_no_model_file_is_left_behind(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    build_maze.cache_clear()
    PointMaze("PointMaze_UMaze-v3", (1, 1)).close()
    assert list(Path(tmp_path).iterdir()) == []


def test_gymnasium_makes_a_task_from_its_specification():
    environment = gym.make(make_specification(TASKS["maze2d-umaze"]))
    assert isinstance(environment.unwrapped, PointMaze)
    with pytest.raises(DataError, match="task moons of suite toy is scored without a simulator"):
        make("toy", "moons")
