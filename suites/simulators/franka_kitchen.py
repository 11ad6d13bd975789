"""Builds the kitchen environments: FrankaKitchen-v1, with the number of sub-tasks done, once each, as the return.

Sub-tasks are D4RL's (github.com/Farama-Foundation/D4RL, `d4rl/kitchen`): four for a task, each worth 1 in the
step that first brings its joints within 0.3 of their goal; the episode ends with the fourth. A score is
therefore a multiple of 25.

Differences from D4RL: observations have 59 numbers (18 of the robot, 41 of the objects, velocities included)
where D4RL's 60 are 30 positions and 30 goals; the noise on the robot's is a tenth of D4RL's; completion is
judged on exact joints, D4RL's on the noisy ones. Minari's `D4RL/kitchen/*-v2`, recorded in this simulator,
pays a finished sub-task again in every later step, as D4RL's files do; the evaluation pays it once.

All environments of a process share one compiled model (60 MB and a quarter of a second each otherwise).
"""

from functools import cache
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.wrappers import TimeLimit, TransformObservation

from suites.environments import as_float32, make_robotics

MICROWAVE_FIRST = ("microwave", "kettle", "light switch", "slide cabinet")
SUBTASKS = {
    "complete": MICROWAVE_FIRST,
    "partial": MICROWAVE_FIRST,
    "mixed": ("microwave", "kettle", "bottom burner", "light switch"),
}


@cache
def _load_original(subtasks: tuple[str, ...]) -> Any:
    """A FrankaKitchen-v1 that is copied and never stepped itself."""
    return make_robotics("FrankaKitchen-v1", {"tasks_to_complete": list(subtasks)})


def _copy_sharing_model(original: Any) -> gym.Env:
    """A copy that shares the model, with its own state, random numbers and record of sub-tasks."""
    kitchen, robot = _copy_shallow(original), _copy_shallow(original.robot_env)
    robot.data = type(robot.data)(robot.model)
    robot.init_qvel = np.zeros(robot.model.nv)  # the original's is a view of its own state
    kitchen.robot_env, kitchen.data = robot, robot.data
    kitchen.step_task_completions, kitchen.episode_task_completions = [], []
    kitchen._np_random = robot._np_random = None
    return kitchen


def _copy_shallow(original: Any) -> Any:
    """A copy that shares every attribute; `copy.copy` would build these classes anew, model and all."""
    found = object.__new__(type(original))
    vars(found).update(vars(original))
    return found


def make_kitchen(kind: str, horizon: int) -> gym.Env:
    """The evaluation environment, cut after `horizon` steps.

    Observations are float32 (59,): the robot's 9 joints and their velocities, the objects' 21 positions and
    20 velocities. Actions are float32 (9,) in [-1, 1], joint velocities in units of 2 rad/s.

    Args:
        kind: `complete`, `partial` or `mixed`.
        horizon: steps after which an episode is cut.
    """
    kitchen = _copy_sharing_model(_load_original(SUBTASKS[kind]))
    space = gym.spaces.Box(-np.inf, np.inf, (59,), np.float64)
    flat = TransformObservation(kitchen, _observation, space)
    return TimeLimit(as_float32(flat), horizon)


def _observation(observation: dict[str, Any]) -> np.ndarray:
    return observation["observation"]
