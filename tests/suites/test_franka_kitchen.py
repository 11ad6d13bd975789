"""Kitchen pays each of a task's four sub-tasks once, and its shared model changes nothing."""

import contextlib
import io

import gymnasium as gym
import numpy as np
import pytest
from control_tasks import control_tasks, simulator

from suites.simulators.franka_kitchen import make_kitchen
from suites.success import StepResult

TASKS = control_tasks("kitchen")
STILL = np.zeros(9, np.float32)
# Where the simulator's positions have each object, and its goal there (D4RL's figures, typed by hand).
GOALS = {
    "microwave": (slice(22, 23), (-0.75,)),
    "kettle": (slice(23, 30), (-0.23, 0.75, 1.62, 0.99, 0.0, 0.0, -0.06)),
    "bottom burner": (slice(11, 13), (-0.88, -0.01)),
    "light switch": (slice(17, 19), (-0.69, -0.05)),
    "slide cabinet": (slice(19, 20), (0.37,)),
}
EXPECTED = {
    "kitchen-complete": ("microwave", "kettle", "light switch", "slide cabinet"),
    "kitchen-partial": ("microwave", "kettle", "light switch", "slide cabinet"),
    "kitchen-mixed": ("microwave", "kettle", "bottom burner", "light switch"),
}


def finish(environment, name):
    data = simulator(environment).data
    joints, goal = GOALS[name]
    data.qpos[joints] = goal
    data.qvel[:] = 0
    return environment.step(STILL)


@pytest.mark.parametrize("task", TASKS.values(), ids=lambda task: task.name)
def test_every_sub_task_is_paid_once_and_the_fourth_ends(task):
    environment = task.make_environment()
    for _ in range(2):  # the second time after a reset
        environment.reset(seed=0)
        total = sum(environment.step(STILL)[1] for _ in range(3))
        assert total == 0.0
        done = []
        for name in GOALS:
            observation, reward, terminated, truncated, info = finish(environment, name)
            assert task.success is not None
            step = StepResult(observation, reward, terminated, truncated, info)
            assert task.success.holds(step) == (len(info["episode_task_completions"]) == 4)
            assert reward == float(name in EXPECTED[task.name])
            done += [name] if reward else []
            total += reward
            assert terminated == (len(done) == 4)
            if terminated:
                break
            assert environment.step(STILL)[1] == 0.0
        assert tuple(done) == EXPECTED[task.name]
        assert task.normalized_score(total) == 100.0


def test_scores_are_quarters():
    task = TASKS["kitchen-partial"]
    environment = task.make_environment()
    environment.reset(seed=1)
    returns = [float(finish(environment, name)[1]) for name in ("light switch", "bottom burner", "microwave")]
    assert task.normalized_score(sum(returns)) == 50.0


def test_doing_nothing_or_anything_at_random_finishes_little():
    task = TASKS["kitchen-mixed"]
    environment, generator = task.make_environment(), np.random.default_rng(0)
    environment.reset(seed=0)
    total = sum(float(environment.step(generator.uniform(-1, 1, 9).astype(np.float32))[1]) for _ in range(150))
    assert task.normalized_score(total) in (0.0, 25.0)


def test_it_moves_exactly_as_gymnasium_robotics_own():
    with contextlib.redirect_stderr(io.StringIO()):
        import gymnasium_robotics
    gym.register_envs(gymnasium_robotics)
    theirs = gym.make("FrankaKitchen-v1", tasks_to_complete=["microwave", "kettle"], disable_env_checker=True)
    ours, other = make_kitchen("complete", 280), make_kitchen("complete", 280)
    other.reset(seed=9)
    assert simulator(ours).model is simulator(other).model
    generator = np.random.default_rng(0)
    for seed in (3, 4):
        expected = theirs.reset(seed=seed)[0]["observation"]
        assert np.array_equal(ours.reset(seed=seed)[0], expected.astype(np.float32))
        for _ in range(10):
            action = generator.uniform(-1, 1, 9).astype(np.float32)
            other.step(-action)
            expected = theirs.step(action.astype(np.float64))[0]["observation"]
            assert np.array_equal(ours.step(action)[0], expected.astype(np.float32))


def test_an_observation_holds_robot_then_objects():
    environment = make_kitchen("complete", 280)
    observation, _ = environment.reset(seed=0)
    data = simulator(environment).data
    state = np.concatenate([data.qpos[:9], data.qvel[:9], data.qpos[9:], data.qvel[9:]])
    assert observation == pytest.approx(state, abs=0.02)  # the noise of the robot's and objects' sensors
    assert not np.array_equal(observation, state.astype(np.float32))
