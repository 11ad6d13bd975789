"""The command line called as a user would, in this process, on folders that vanish."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import gymnasium as gym
import pytest
from command_line import Call, Told
from gymnasium.wrappers import TimeLimit

from bench.cli.main import main
from methods.core import registry
from suites import registry as suite_registry
from suites.registry import get_suite
from suites.task import ControlTask, Task


@pytest.fixture
def bench(capsys: pytest.CaptureFixture[str]) -> Call:
    """Call `python -m bench ...` in this process; an exception that a user would see as a traceback passes."""

    def call(*arguments: object) -> Told:
        capsys.readouterr()
        code = 0
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as stop:
            code = int(stop.code or 0)
        said = capsys.readouterr()
        return Told(code, said.out, said.err)

    return call


@pytest.fixture(scope="session")
def artifacts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One artifacts folder for every test that does not mind what is in it."""
    return tmp_path_factory.mktemp("artifacts")


@pytest.fixture
def folders(tmp_path: Path, artifacts: Path) -> tuple[object, ...]:
    """The flags of a fresh results folder and of the shared artifacts."""
    return ("--results", tmp_path / "results", "--artifacts", artifacts)


@pytest.fixture
def fresh(tmp_path: Path) -> tuple[object, ...]:
    """The flags of a fresh results folder and of fresh artifacts."""
    return ("--results", tmp_path / "results", "--artifacts", tmp_path / "artifacts")


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
        monkeypatch.setitem(suite_registry._registered, name, short)

    return call


@pytest.fixture
def short_episodes(shorten: Callable[[str, int], None]) -> None:
    """For a test that needs a score of maze2d, and no particular one."""
    shorten("maze2d", 30)


@pytest.fixture(autouse=True)
def forgotten_plugins(monkeypatch: pytest.MonkeyPatch) -> None:
    """A method that a test registers is gone after it."""
    for name in registry.method_names():
        registry.get_method(name)
    monkeypatch.setattr(registry, "_registered", dict(registry._registered))
