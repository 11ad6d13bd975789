"""Builds the locomotion environments: Gymnasium's robots of version 4, which match D4RL's Gym robots of version 2.

Version 5 is another task: it drops the last healthy reward of Hopper and Walker2d and changes Walker2d's feet.
The classes are loaded by name, since `gymnasium.make` warns that version 4 is out of date.
"""

from typing import cast

import gymnasium as gym
from gymnasium.envs.registration import load_env_creator
from gymnasium.wrappers import TimeLimit

from suites.environments import as_float32

ROBOTS = {
    "halfcheetah": "gymnasium.envs.mujoco.half_cheetah_v4:HalfCheetahEnv",
    "hopper": "gymnasium.envs.mujoco.hopper_v4:HopperEnv",
    "walker2d": "gymnasium.envs.mujoco.walker2d_v4:Walker2dEnv",
}


def make_robot(robot: str, horizon: int) -> gym.Env:
    """The evaluation environment of a robot.

    Observations are float32: positions without x, then velocities (clipped to ±10 but for halfcheetah).
    Actions are float32 torques in [-1, 1]. Hopper and walker2d end where they fall.

    Args:
        robot: `halfcheetah`, `hopper` or `walker2d`.
        horizon: steps after which an episode is cut.
    """
    environment = cast(gym.Env, load_env_creator(ROBOTS[robot])())
    return TimeLimit(as_float32(environment), horizon)
