"""The pen is D4RL's: a random policy earns its reference minimum, and a dropped pen ends the episode."""

import numpy as np
import pytest
from control_tasks import control_tasks, simulator

from suites.success import StepResult

TASK = control_tasks("adroit-pen")["pen-human"]


def test_a_random_policy_earns_d4rls_minimum():
    environment, generator = TASK.make_environment(), np.random.default_rng(0)
    returns, dropped = [], 0
    for seed in range(120):
        environment.reset(seed=seed)
        total, terminated, ended = 0.0, False, False
        while not ended:
            action = generator.uniform(-1, 1, 24).astype(np.float32)
            _, reward, terminated, truncated, _ = environment.step(action)
            total, ended = total + float(reward), terminated or truncated
        returns.append(total)
        dropped += terminated
    # One return has a standard deviation of about 210; without the end the mean is about -130.
    assert np.mean(returns) == pytest.approx(96.262799, abs=3.5 * 210 / np.sqrt(120))
    assert 30 < dropped < 118


def test_the_reward_is_the_dense_one_of_the_observation():
    # Positions 24:27 are the pen's, 33:36 and 36:39 the two directions, 39:42 the distance to the target.
    environment, generator = TASK.make_environment(), np.random.default_rng(1)
    met = set()
    for seed in range(12):
        environment.reset(seed=seed)
        for _ in range(40):
            action = 0.3 * generator.standard_normal(24).clip(-3, 3).astype(np.float32)
            observation, reward, terminated, truncated, info = environment.step(action)
            o = observation.astype(np.float64)
            distance, similarity = np.linalg.norm(o[39:42]), o[33:36] @ o[36:39]
            near = distance < 0.075
            bonus = 10 * (near and similarity > 0.9) + 50 * (near and similarity > 0.95)
            penalty = 5 * (o[26] < 0.075)
            assert reward == pytest.approx(similarity - distance + bonus - penalty, abs=1e-5)
            assert terminated == (o[26] < 0.075)
            assert TASK.success is not None
            step = StepResult(observation, float(reward), terminated, truncated, info)
            assert TASK.success.holds(step) == (near and similarity > 0.95)
            met.add((bonus, penalty))
            if terminated or truncated:
                break
    assert {(0, 0), (60, 0), (0, 5)} <= met


def test_a_dropped_pen_costs_5_and_ends():
    environment = TASK.make_environment()
    environment.reset(seed=0)
    simulator(environment).data.joint("OBJTx").qpos[0] = 0.2  # this axis points down
    observation, reward, terminated, truncated, _ = environment.step(np.zeros(24, np.float32))
    assert observation[26] < 0.075
    assert (terminated, truncated) == (True, False)
    assert -7 < float(reward) < -3


def test_actions_span_each_actuators_range():
    environment = TASK.make_environment()
    environment.reset(seed=0)
    low, high = simulator(environment).model.actuator_ctrlrange.T
    for action, control in ((-1.0, low), (0.0, (low + high) / 2), (1.0, high)):
        environment.step(np.full(24, action, np.float32))
        assert simulator(environment).data.ctrl == pytest.approx(control)
    assert high.max() - low.min() != pytest.approx(2.0)  # so the scaling does something
