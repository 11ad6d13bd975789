"""The robots are those of D4RL's reference scores: a random policy earns what D4RL's random policy earned."""

import numpy as np
import pytest
from control_tasks import control_tasks

TASKS = control_tasks("locomotion")


def episode(environment, seed, act):
    environment.reset(seed=seed)
    rewards = []
    while True:
        _, reward, terminated, truncated, info = environment.step(act())
        rewards.append(reward)
        if terminated or truncated:
            return rewards, terminated, info


@pytest.mark.parametrize(("robot", "episodes", "low", "high"), [("hopper", 60, 0, 5), ("walker2d", 60, -1, 1)])
def test_a_random_policy_falls_and_scores_about_zero(robot, episodes, low, high):
    task = TASKS[f"{robot}-medium-v2"]
    environment, generator = task.make_environment(), np.random.default_rng(0)
    scores = []
    for seed in range(episodes):
        rewards, terminated, _ = episode(
            environment, seed, lambda: generator.uniform(-1, 1, task.action_dim).astype(np.float32)
        )
        assert terminated
        assert len(rewards) < 200
        scores.append(task.normalized_score(sum(rewards)))
    assert low < np.mean(scores) < high


def test_a_random_halfcheetah_earns_d4rls_minimum():
    task = TASKS["halfcheetah-medium-v2"]
    environment, generator = task.make_environment(), np.random.default_rng(0)
    returns = []
    for seed in range(6):
        rewards, terminated, _ = episode(environment, seed, lambda: generator.uniform(-1, 1, 6).astype(np.float32))
        assert not terminated
        assert len(rewards) == 1000
        returns.append(sum(rewards))
    # A single return has a standard deviation of about 80.
    assert np.mean(returns) == pytest.approx(-280.178953, abs=3.5 * 80 / np.sqrt(6))


@pytest.mark.parametrize("robot", ["hopper", "walker2d"])
def test_the_step_that_falls_is_still_paid_as_healthy(robot):
    # Version 5 of these environments pays 0 in place of this 1; D4RL's data have the 1.
    task = TASKS[f"{robot}-medium-v2"]
    rewards, terminated, info = episode(
        task.make_environment(), 0, lambda: np.full(task.action_dim, 0.5, np.float32)
    )
    assert terminated
    assert rewards[-1] == pytest.approx(1.0 + info["x_velocity"] - 1e-3 * 0.25 * task.action_dim)


def test_a_still_hopper_is_paid_for_standing():
    rewards, _, _ = episode(TASKS["hopper-medium-v2"].make_environment(), 0, lambda: np.zeros(3, np.float32))
    assert sum(rewards) == pytest.approx(len(rewards), rel=0.15)
