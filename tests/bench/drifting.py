"""A simulator of twelve steps at most, and policies of networks that round by their number of rows."""

import functools
from dataclasses import replace

import gymnasium as gym
import numpy as np

from bench.conformance.subject import ACTIONS, OBSERVATIONS, Subject, small_setup
from methods import Method, Policy, get_method
from suites import ControlTask

HORIZON = 12


class Drift(gym.Env):
    """The observation moves with the action and with noise of the reset's seed; it ends beyond 1."""

    observation_space = gym.spaces.Box(-np.inf, np.inf, (OBSERVATIONS,), np.float32)
    action_space = gym.spaces.Box(-1.0, 1.0, (ACTIONS,), np.float32)

    def reset(self, *, seed: int | None = None, options: dict | None = None) -> tuple[np.ndarray, dict]:
        super().reset(seed=seed)
        self.at = self.np_random.normal(0, 0.3, OBSERVATIONS)
        return self.at.astype(np.float32), {}

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict]:
        self.at = self.at + 0.3 * np.resize(action, OBSERVATIONS) + self.np_random.normal(0, 0.1, OBSERVATIONS)
        return self.at.astype(np.float32), float(self.at.sum()), bool(np.abs(self.at).max() > 1), False, {}


TASK = ControlTask(
    name="drift",
    observation_dim=OBSERVATIONS,
    action_dim=ACTIONS,
    horizon=HORIZON,
    reference=(0.0, 1.0),
    make_environment=Drift,
)


def make_policy(name: str = "swg", **settings: object) -> Policy:
    """A new one, of networks so wide that their products round by their number of rows."""
    cls: type[Method] = get_method(name)
    return make_subject(name, cls(**settings)).policy([3])


@functools.cache
def make_subject(name: str, method: Method) -> Subject:
    """What trains them, each once."""
    setup = small_setup()
    return Subject(name, method, replace(setup, denoiser=replace(setup.denoiser, width=128)))
