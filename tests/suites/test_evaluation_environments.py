"""The simulators beyond what check-suite asks of every suite: spaces, unseeded resets, silence, no litter."""

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
def test_every_observation_is_possible_and_actions_are_in_the_unit_box(name):
    task = TASKS[name]
    environment = task.make_environment()
    assert environment.observation_space == gym.spaces.Box(-np.inf, np.inf, (task.observation_dim,), np.float32)
    assert environment.action_space == gym.spaces.Box(-1.0, 1.0, (task.action_dim,), np.float32)
    environment.close()


@pytest.mark.parametrize("name", ["hopper-medium-v2", "walker2d-medium-v2"])
def test_the_horizon_truncates_robots_that_cannot_fall(name):
    """They fall long before their horizon, so check-suite does not reach it."""
    task = TASKS[name]
    environment = task.make_environment()
    simulator(environment)._terminate_when_unhealthy = False
    environment.reset(seed=1)
    still = np.zeros(task.action_dim, np.float32)
    for step in range(1, task.horizon + 1):
        _, _, terminated, truncated, _ = environment.step(still)
        assert not terminated
        assert truncated == (step == task.horizon)


@pytest.mark.parametrize("name", SIMULATED)
def test_a_reset_without_a_seed_draws_on(name):
    environment = TASKS[name].make_environment()
    environment.reset(seed=5)
    assert not np.array_equal(environment.reset()[0], environment.reset()[0])


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
