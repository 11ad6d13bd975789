"""Every evaluation environment is built in one place, and Gymnasium-Robotics is imported in silence.

Gymnasium finds a task's environment by `specification(task)`, which names `make` below as its entry point, so
that a stored data set can say in which environment it is evaluated.
"""

import contextlib
import io
import os

import gymnasium as gym
from gymnasium.envs.registration import EnvSpec

from suites.errors import DataError
from suites.registry import get_tasks
from suites.task import ControlTask


def make(suite: str, task: str) -> gym.Env:
    """The evaluation environment of a task, by names.

    Raises:
        UnknownName: no such suite or task.
        DataError: the task is not scored in a simulator, or its simulator is not built yet.
    """
    (found,) = get_tasks(suite, [task])
    if not isinstance(found, ControlTask) or found.make_environment is None:
        raise DataError(
            f"task {task} of suite {suite} has no evaluation environment yet; choose a task of suite maze2d"
        )
    return found.make_environment()


def specification(task: ControlTask) -> EnvSpec:
    """Gymnasium's description of a task's evaluation environment; it can be written as JSON."""
    return EnvSpec(
        id=f"bench/{task.name}-v0",
        entry_point="suites.environments:make",
        disable_env_checker=True,
        kwargs={"suite": task.suite, "task": task.name},
    )


def robotics(identifier: str) -> gym.Env:
    """A Gymnasium-Robotics environment without wrappers, such as `PointMaze_UMaze-v3`.

    Its import prints a notice about the AdroitHand rewards, which concerns no task here; that is kept from
    the user's screen. A maze leaves its model's file in the temporary folder; it is removed.
    """
    with contextlib.redirect_stderr(io.StringIO()):
        import gymnasium_robotics
    gym.register_envs(gymnasium_robotics)
    environment = gym.make(identifier, disable_env_checker=True).unwrapped
    path = getattr(environment, "tmp_xml_file_path", None)
    if path is not None:
        os.unlink(path)
    return environment
