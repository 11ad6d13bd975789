"""Episodes cut short where a test needs no particular score; and no test reaches beyond this machine."""

import os

os.environ["HF_HUB_OFFLINE"] = "1"  # before anything imports the hub's library, which reads it once

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import gymnasium as gym
import pytest
from gymnasium.wrappers import TimeLimit

from suites import registry
from suites.registry import get_suite
from suites.task import ControlTask, Task


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """D4RL's files are looked for on a port of this machine that nothing listens on."""
    monkeypatch.setenv("D4RL_URL", "http://127.0.0.1:9/")


def cut_after(steps: int, make_environment: Callable[[], gym.Env]) -> gym.Env:
    """The environment, truncated after fewer steps."""
    return TimeLimit(make_environment(), steps)


@pytest.fixture
def shorten(monkeypatch: pytest.MonkeyPatch) -> Callable[[str, int], None]:
    """Cut the episodes of a suite's control tasks after some steps; data and reference returns stay."""

    def call(name: str, steps: int) -> None:
        def shortened(task: Task) -> Task:
            assert isinstance(task, ControlTask)
            return replace(task, horizon=steps, make_environment=partial(cut_after, steps, task.make_environment))

        suite = get_suite(name)
        short = replace(suite, tasks=tuple(shortened(task) for task in suite.tasks))
        monkeypatch.setitem(registry._registered, name, short)

    return call


@pytest.fixture
def short_episodes(shorten: Callable[[str, int], None]) -> None:
    """For a test that needs a score of maze2d, and no particular one."""
    shorten("maze2d", 30)
