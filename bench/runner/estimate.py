"""How long a plan will take, measured: a few steps of everything with fresh weights on a slice of the data.

It also meets a setting that cannot work before hours of training have been spent.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch

from bench.runner.component_builder import fresh
from bench.runner.plan import Node
from methods.core.method import Method, Shared
from suites.task import ControlTask, Task
from training.component import Computed, Data, Trained
from training.seeds import SeedStreams

SLICE = 1024
TIMED_STEPS = 3
TIMED_ENVIRONMENT_STEPS = 20


class _Enough(Exception):
    """Raised by the rehearsal's progress callback once the first slice of a computation is done."""


def slice_of(data: Data) -> Data:
    """The first transitions."""
    return Data(
        data.observations[:SLICE],
        data.actions[:SLICE],
        data.rewards[:SLICE],
        data.next_observations[:SLICE],
        data.terminals[:SLICE],
    )


def seconds_to_make(node: Node, seeds: Sequence[int], data: Data) -> float:
    """Expected seconds to make a component for these seeds."""
    component = node.component.rehearsal()
    streams = SeedStreams(seeds, "rehearsal", data.rewards.device)
    parts = {name: fresh(other, seeds, data) for name, other in component.upstream().items()}
    module = fresh(component, seeds, data)
    match component:
        case Trained():
            tables = component.tables(data, parts, len(seeds))

            def step() -> None:
                batch = component.draw(data, tables, parts, streams)
                component.loss(module, batch, tables, parts, streams).sum().backward()

            # An optimiser step and its bookkeeping add about a third to forward and backward of small networks.
            return 1.3 * timed(step, data.rewards.device) * component.training.steps
        case Computed():
            started, estimate = time.monotonic(), [0.0]

            def first_slice(done: int, total: int) -> None:
                estimate[0] = (time.monotonic() - started) / done * total
                raise _Enough

            try:
                component.compute(module, data, parts, streams, first_slice)
            except _Enough:
                return estimate[0]
            return time.monotonic() - started
    return 0.0


def seconds_to_evaluate(
    method: Method, task: Task, shared: Shared, rho: float, seeds: Sequence[int], episodes: int, data: Data
) -> float:
    """Expected seconds to evaluate a method on all its episodes."""
    components = method.components(shared)
    parts: dict[str, Any] = {name: fresh(c, seeds, data) for name, c in components.items()}
    policy = method.policy(parts, shared, rho)
    streams = SeedStreams(seeds, "rehearsal", data.rewards.device)
    rows = episodes if isinstance(task, ControlTask) else 500
    observations = data.observations[torch.arange(rows) % len(data)].expand(len(seeds), -1, -1)
    with torch.no_grad():
        per_call = timed(lambda: policy.act(observations, streams), data.rewards.device, 1)
    if not isinstance(task, ControlTask):
        return per_call * (episodes / rows) * 4
    return task.horizon * (per_call + len(seeds) * episodes * seconds_per_environment_step(task))


def seconds_per_environment_step(task: ControlTask) -> float:
    """Measured on one environment with zero actions."""
    environment = task.make_environment()
    environment.reset(seed=0)
    action = torch.zeros(task.action_dim).numpy()
    started = time.monotonic()
    for _ in range(TIMED_ENVIRONMENT_STEPS):
        environment.step(action)
    seconds = (time.monotonic() - started) / TIMED_ENVIRONMENT_STEPS
    environment.close()
    return seconds


def timed(step: Callable[[], object], device: torch.device, repeats: int = TIMED_STEPS) -> float:
    """Seconds per call after one call to warm up."""

    def settle() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    step()
    settle()
    started = time.monotonic()
    for _ in range(repeats):
        step()
    settle()
    return (time.monotonic() - started) / repeats
