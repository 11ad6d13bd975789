"""The expected time of an evaluation is that of a few of its own steps, or of one β, scaled up."""

from collections.abc import Callable, Sequence
from dataclasses import replace

import pytest
import torch

from bench.config.spec import Cell, Config, DataConfig, EvaluationConfig
from bench.conformance.subject import small_data, small_setup
from bench.runner import estimate
from bench.runner.blocks import Evaluation
from bench.runner.plan import PlannedCell
from methods import Policy, get_method
from suites import ControlTask, DensityTask, Task, get_tasks


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self):
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


def group_on(task: Task, seeds: int, episodes: int) -> list[PlannedCell]:
    config = Config(data=DataConfig(transitions=48), evaluation=EvaluationConfig(episodes=episodes))
    method = get_method("unguided")()
    cells = [Cell(task, "unguided", method, config, None, None, seed, "smoke", "shared") for seed in range(seeds)]
    return [PlannedCell(cell, small_setup(), {}, "unguided-x") for cell in cells]


def expected(monkeypatch: pytest.MonkeyPatch, task: Task, per_call: Callable[[Evaluation], float]) -> float:
    """The estimate where an evaluation takes 7 seconds to begin and so many for each step, or β."""
    clock = Clock()
    monkeypatch.setattr(estimate, "time", clock)

    def evaluate(
        policy: Policy, short: Task, evaluations: Sequence[Evaluation], progress: Callable[[int, int], None]
    ) -> None:
        (evaluation,) = evaluations
        clock.now += 7.0 if isinstance(short, ControlTask) else 0.0
        calls = short.horizon if isinstance(short, ControlTask) else len(evaluation.betas)
        for number in range(calls):
            clock.now += per_call(evaluation)
            progress(number + 1, calls)

    monkeypatch.setattr(estimate, "evaluate", evaluate)
    return estimate.estimate_evaluation(group_on(task, seeds=3, episodes=20), small_data())


def test_a_control_tasks_estimate_is_its_horizon_times_a_step(monkeypatch: pytest.MonkeyPatch):
    (task,) = get_tasks("maze2d", ["maze2d-umaze"])
    assert isinstance(task, ControlTask)
    found = expected(monkeypatch, task, lambda evaluation: 0.01 * len(evaluation.episodes))
    assert found == pytest.approx(task.horizon * 0.01 * 3 * 20)


def test_a_densitys_estimate_is_one_beta_times_their_number(monkeypatch: pytest.MonkeyPatch):
    (task,) = get_tasks("toy", ["moons"])
    assert isinstance(task, DensityTask)
    found = expected(monkeypatch, task, lambda evaluation: 0.5 * len(evaluation.episodes))
    assert found == pytest.approx(len(task.inverse_temperatures) * 0.5 * 3 * 20)


def test_it_is_measured_on_the_evaluation_itself():
    """Without a fake: a positive number of seconds, and no simulator is left open."""
    (task,) = get_tasks("toy", ["moons"])
    data = small_data()
    with torch.no_grad():
        assert estimate.estimate_evaluation(group_on_toy(task), data) > 0


def group_on_toy(task: Task) -> list[PlannedCell]:
    """Cells whose policy acts on points: one observation, two actions."""
    found = group_on(task, seeds=1, episodes=20)
    return [replace(planned, setup=replace(planned.setup, observation_dim=1)) for planned in found]
