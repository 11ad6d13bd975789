"""Every control task's environment has the task's sizes and horizon, is fixed by its seed, and is silent."""

import pickle
import subprocess
import sys
import tempfile

import gymnasium as gym
import numpy as np
import pytest
from control_tasks import control_tasks, simulator

from suites.environments import as_float32
from suites.registry import suite_names
from suites.simulators import ant_maze, franka_kitchen

TASKS = {name: task for suite in suite_names() for name, task in control_tasks(suite).items()}
# One task for each simulator; the others differ in their data alone.
SIMULATED = (
    "maze2d-large",
    "hopper-medium-v2",
    "halfcheetah-medium-v2",
    "walker2d-medium-v2",
    "antmaze-umaze",
    "antmaze-medium-play",
    "antmaze-large-diverse",
    "kitchen-complete",
    "kitchen-mixed",
    "pen-human",
)


def test_no_task_is_without_an_environment():
    assert len(TASKS) == 23
    assert {repr(TASKS[name].make_environment) for name in SIMULATED[1:]} | {
        repr(task.make_environment) for task in control_tasks("maze2d").values()
    } | {repr(TASKS["kitchen-partial"].make_environment)} == {
        repr(task.make_environment) for task in TASKS.values()
    }


@pytest.mark.parametrize("name", SIMULATED)
def test_sizes_and_types(name):
    task = TASKS[name]
    environment = pickle.loads(pickle.dumps(task)).make_environment()
    box = environment.observation_space
    assert box == gym.spaces.Box(-np.inf, np.inf, (task.observation_dim,), np.float32)
    assert environment.action_space == gym.spaces.Box(-1.0, 1.0, (task.action_dim,), np.float32)
    environment.action_space.seed(0)
    observation, _ = environment.reset(seed=0)
    for _ in range(3):
        assert observation.shape == box.shape
        assert observation.dtype == np.float32
        assert np.isfinite(observation).all()
        observation, reward, terminated, truncated, _ = environment.step(environment.action_space.sample())
        assert isinstance(reward, float)
        assert type(terminated) is bool or isinstance(terminated, np.bool_)
        assert truncated is False
    environment.close()


@pytest.mark.parametrize("name", SIMULATED)
def test_the_horizon_truncates_and_nothing_else_does(name):
    task = TASKS[name]
    environment = task.make_environment()
    if name.startswith(("hopper", "walker2d")):
        simulator(environment)._terminate_when_unhealthy = False  # they fall long before their horizon
    environment.reset(seed=1)
    still = np.zeros(task.action_dim, np.float32)
    for step in range(1, task.horizon + 1):
        _, _, terminated, truncated, _ = environment.step(still)
        assert not terminated
        assert truncated == (step == task.horizon)


@pytest.mark.parametrize("name", SIMULATED)
def test_an_episode_is_fixed_by_its_seed(name):
    task = TASKS[name]
    actions = np.random.default_rng(0).uniform(-1, 1, (5, task.action_dim)).astype(np.float32)

    def episode(environment, seed):
        rows = [environment.reset(seed=seed)[0]]
        return np.array(rows + [environment.step(action)[0] for action in actions])

    one, two = task.make_environment(), task.make_environment()
    first = episode(one, 5)
    assert np.array_equal(first, episode(two, 5))
    assert not np.array_equal(first, episode(two, 6))
    assert np.array_equal(first, episode(two, 5))
    assert not np.array_equal(episode(one, None), episode(one, None))


@pytest.mark.parametrize("name", SIMULATED)
def test_environments_side_by_side_do_not_touch_each_other(name):
    task = TASKS[name]
    actions = np.random.default_rng(1).uniform(-1, 1, (6, task.action_dim)).astype(np.float32)
    alone, one, other = (task.make_environment() for _ in range(3))
    alone.reset(seed=3)
    expected = [alone.step(action)[0] for action in actions]
    one.reset(seed=3)
    other.reset(seed=4)
    for step, action in enumerate(actions):
        other.step(-action)
        assert np.array_equal(one.step(action)[0], expected[step])
        if step == 3:
            other.reset(seed=5)


def test_nothing_is_left_in_the_temporary_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    ant_maze.build_ant_model.cache_clear()
    franka_kitchen._load_original.cache_clear()
    for name in ("maze2d-umaze", "hopper-medium-v2", "antmaze-umaze", "kitchen-complete", "pen-human"):
        environment = TASKS[name].make_environment()
        environment.reset(seed=0)
        environment.close()
    assert list(tmp_path.iterdir()) == []


def test_building_says_and_warns_nothing():
    code = (
        "from suites.environments import make\n"
        "for names in (('locomotion', 'hopper-medium-v2'), ('antmaze', 'antmaze-umaze'),"
        " ('kitchen', 'kitchen-mixed'), ('adroit-pen', 'pen-human')):\n"
        "    environment = make(*names); environment.reset(seed=0); environment.close()"
    )
    run = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=True)
    assert (run.stdout, run.stderr) == ("", "")


def test_actions_of_another_range_are_refused():
    class Strong(gym.Env):
        observation_space = gym.spaces.Box(-1, 1, (1,))
        action_space = gym.spaces.Box(-2, 2, (1,))

    with pytest.raises(ValueError, match=r"actions must lie in \[-1, 1\]"):
        as_float32(Strong())
