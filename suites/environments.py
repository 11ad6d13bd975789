"""Builds the evaluation environment of a task.

Data sets made here store `make_specification(task)`, whose entry point is `suites.environments:make`; that module
and that name therefore stay.
"""

import contextlib
import io
import os
from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.envs.registration import EnvSpec
from gymnasium.wrappers import TimeLimit, TransformAction, TransformObservation

from suites.errors import DataError, shorten
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


def make_gymnasium(
    identifier: str, horizon: int, options: Mapping[str, Any] = MappingProxyType({}), keys: Sequence[str] = ()
) -> gym.Env:
    """A registered Gymnasium environment as the evaluation of a task needs it.

    Observations are float32; actions are float32 in [-1, 1], rescaled to the environment's own range; an episode
    is cut after `horizon` steps, whatever limit the environment is registered with.

    Args:
        identifier: as registered, such as `Pendulum-v1`; one of another package as `package:NAME-v0`.
        horizon: steps after which an episode is cut.
        options: arguments of its constructor.
        keys: of a dictionary of observations, the entries to join, in this order.

    Raises:
        DataError: observations or actions that cannot be made so.
    """
    try:
        environment = gym.make(identifier, max_episode_steps=-1, disable_env_checker=True, **options)
        if keys:
            environment = _join_entries(environment, keys)
        actions = environment.action_space
        if not (isinstance(actions, gym.spaces.Box) and actions.is_bounded()):
            raise ValueError(f"its actions {actions} are not a box with bounds")
        rescale = partial(_rescale, actions.low.astype(np.float64), actions.high.astype(np.float64))
        unit = gym.spaces.Box(-1.0, 1.0, actions.shape, np.float64)
        return TimeLimit(as_float32(TransformAction(environment, rescale, unit)), horizon)
    except (gym.error.Error, ValueError, TypeError, KeyError) as error:
        raise DataError(f"environment {identifier!r} cannot be used as it is: {shorten(error)}") from error


def _rescale(low: np.ndarray, high: np.ndarray, action: np.ndarray) -> np.ndarray:
    """An action in [-1, 1] → the same in [low, high], as a new array."""
    return low + (np.clip(action, -1.0, 1.0) + 1.0) * ((high - low) / 2.0)


def _join_entries(environment: gym.Env, keys: Sequence[str]) -> gym.Env:
    """The environment with the entries of its dictionary of observations joined to one row."""
    space = environment.observation_space
    known = list(space.spaces) if isinstance(space, gym.spaces.Dict) else []
    for key in keys:
        if key not in known:
            raise ValueError(f"its observations have no entry {key!r}; they have {', '.join(known) or 'none'}")
    width = sum(int(np.prod(space[key].shape or ())) for key in keys)  # pyright: ignore[reportIndexIssue]
    box = gym.spaces.Box(-np.inf, np.inf, (width,), np.float64)
    return TransformObservation(environment, partial(_join, tuple(keys)), box)


def _join(keys: Sequence[str], observation: Mapping[str, np.ndarray]) -> np.ndarray:
    return np.concatenate([np.ravel(observation[key]) for key in keys])


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
