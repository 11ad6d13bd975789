"""Builds the evaluation environment of a task.

Data sets made here store `make_specification(task)`, whose entry point is `suites.environments:make`; that module
and that name therefore stay.
"""

import contextlib
import io
import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import TransformAction, TransformObservation

from suites.errors import DataError
from suites.registry import get_tasks
from suites.task import ControlTask


def make(suite: str, task: str) -> gym.Env:
    """The evaluation environment of a task, by names.

    Raises:
        UnknownName: no such suite or task.
        DataError: the task is not scored in a simulator.
    """
    (found,) = get_tasks(suite, [task])
    if not isinstance(found, ControlTask):
        raise DataError(
            f"task {task} of suite {suite} is scored without a simulator: choose a task of another suite"
        )
    return found.make_environment()


def make_specification(task: ControlTask) -> EnvSpec:
    """Gymnasium's description of a task's evaluation environment; it can be written as JSON."""
    return EnvSpec(
        id=f"bench/{task.name}-v0",
        entry_point="suites.environments:make",
        disable_env_checker=True,
        kwargs={"suite": task.suite, "task": task.name},
    )


def make_robotics(identifier: str, options: Mapping[str, Any] = MappingProxyType({})) -> gym.Env:
    """A Gymnasium-Robotics environment without wrappers, such as `PointMaze_UMaze-v3`.

    Its import prints a notice about the AdroitHand rewards, which concerns no task here, so stderr is redirected.
    A maze leaves its model's file in the temporary folder; it is removed.

    Args:
        identifier: as registered.
        options: arguments of its constructor.
    """
    with contextlib.redirect_stderr(io.StringIO()):
        import gymnasium_robotics
    gym.register_envs(gymnasium_robotics)
    environment = gym.make(identifier, disable_env_checker=True, **options).unwrapped
    path = getattr(environment, "tmp_xml_file_path", None)
    if path is not None:
        os.unlink(path)
    return environment


def as_float32(environment: gym.Env) -> gym.Env:
    """The environment with float32 observations, and float32 actions in [-1, 1]; it computes in float64.

    Raises:
        ValueError: its observations are not a box, or its actions not a box of [-1, 1].
    """
    observations, actions = environment.observation_space, environment.action_space
    if not isinstance(observations, gym.spaces.Box):
        raise ValueError(f"observations must be a box of numbers, not {observations}: flatten them first")
    if not (isinstance(actions, gym.spaces.Box) and np.all(actions.low == -1) and np.all(actions.high == 1)):
        raise ValueError(f"actions must lie in [-1, 1], not in {actions}: rescale them first")
    single = TransformObservation(
        environment, _to_float32, gym.spaces.Box(-np.inf, np.inf, observations.shape, np.float32)
    )
    return TransformAction(single, _to_float64, gym.spaces.Box(-1.0, 1.0, actions.shape, np.float32))


def _to_float32(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float32)


def _to_float64(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, np.float64)
