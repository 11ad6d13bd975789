"""Builds the Adroit pen environment: AdroitHandPen-v1, with episodes ended where D4RL ends them.

Facts from github.com/Farama-Foundation/D4RL, `d4rl/hand_manipulation_suite`: observations, rewards (dense),
resets and the scaling of actions (±1 to each actuator's range) are the same; but in D4RL the episode ends
when the pen's centre falls below 0.075, and in AdroitHandPen-v1 it goes on and pays -5 more for every step.
With the end, a random policy's return agrees with D4RL's reference of 96; without it, it is about -130.

The target's orientation is kept in the model, so unlike the other suites' each environment has its own.
"""

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TimeLimit

from suites.environments import as_float32, make_robotics

PEN_HEIGHT = 26  # where an observation has the height of the pen's centre
DROPPED = 0.075


class EndsWhenDropped(gym.Wrapper[np.ndarray, np.ndarray, np.ndarray, np.ndarray]):
    """Terminates an episode with the step in which the pen falls; that step still costs its 5."""

    def step(self, action: np.ndarray) -> tuple[np.ndarray, float, bool, bool, dict[str, Any]]:
        observation, reward, _, truncated, info = self.env.step(action)
        return observation, float(reward), bool(observation[PEN_HEIGHT] < DROPPED), truncated, info


def make_pen(horizon: int) -> gym.Env:
    """The evaluation environment, cut after `horizon` steps.

    Observations are float32 (45,): 24 hand joints, then the pen's position, velocity (6) and direction, the
    target's direction, and the two differences. Actions are float32 (24,) in [-1, 1].
    """
    return TimeLimit(as_float32(EndsWhenDropped(make_robotics("AdroitHandPen-v1"))), horizon)
