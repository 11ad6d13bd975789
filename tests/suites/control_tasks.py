"""Control tasks as a test's types know them, and the simulator inside an environment's wrappers."""

from typing import Any

import gymnasium as gym

from suites.registry import get_tasks
from suites.task import ControlTask


def control_tasks(suite: str) -> dict[str, ControlTask]:
    """The control tasks of a suite, by name."""
    return {task.name: task for task in get_tasks(suite) if isinstance(task, ControlTask)}


def simulator(environment: gym.Env) -> Any:
    """What the wrappers hold; its attributes are those of the simulator's own class."""
    return environment.unwrapped
