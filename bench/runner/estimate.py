"""Estimates a plan's duration by timing a few steps with fresh weights on a slice of the data.

A setting that cannot work fails here, before hours of training.
"""

import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import nn

from bench.config.request import resolve_episodes
from bench.runner.component_builder import build_untrained
from bench.runner.plan import Node, PlannedCell, TaskPlan, group_cells
from methods.diffusion.noise import StreamNoise
from suites.task import ControlTask
from training import Computed, Data, SeedStreams, Step, Trained

SLICE = 1024
TIMED_STEPS = 3
TIMED_ENVIRONMENT_STEPS = 20
ROWS = 500


class _FirstSliceDone(Exception):
    """Raised by the progress callback once the first slice of a computation is done."""


def estimate_plan(plan: TaskPlan, device: torch.device) -> float:
    """Expected seconds of one process for what is missing in a plan."""
    data = plan.data.data.first(SLICE).to(device)
    seconds = sum(estimate_making(node, seeds, data) for node, seeds in plan.missing)
    for group in group_cells(plan.open):
        seconds += estimate_evaluation(group, resolve_episodes(group[0].cell.task, group[0].cell.config), data)
    return seconds


def estimate_making(node: Node, seeds: Sequence[int], data: Data) -> float:
    """Expected seconds to make a component for these seeds; `data` is a slice of the data set."""
    component = node.component.for_estimate()
    noise = SeedStreams(seeds, "estimate", data.rewards.device)
    models = {name: freeze(build_untrained(other, seeds, data)) for name, other in component.upstream().items()}
    module = build_untrained(component, seeds, data)
    match component:
        case Trained():
            precomputed = component.precompute(Step(data, models, noise))

            def step() -> None:
                losses = component.losses(module, Step(data, models, noise, precomputed))
                if losses:  # a step may be without one
                    torch.stack(list(losses.values())).sum().backward()

            # An optimiser step and its bookkeeping add about a third to forward and backward of small networks.
            return 1.3 * seconds_per_call(step, data.rewards.device) * component.steps
        case Computed():
            started, estimate = time.monotonic(), [0.0]

            def first_slice(done: int, total: int) -> None:
                estimate[0] = (time.monotonic() - started) / done * total
                raise _FirstSliceDone

            try:
                component.compute(module, Step(data, models, noise), first_slice)
            except _FirstSliceDone:
                return estimate[0]
            return time.monotonic() - started
    return 0.0


def estimate_evaluation(group: Sequence[PlannedCell], episodes: int, data: Data) -> float:
    """Expected seconds to evaluate one method at one ρ on all episodes of its seeds."""
    cell, setup, seeds = group[0].cell, group[0].setup, [planned.cell.seed for planned in group]
    models = {name: build_untrained(c, seeds, data) for name, c in cell.method.components(setup).items()}
    policy = cell.method.policy(models, setup)
    rows = episodes if isinstance(cell.task, ControlTask) else ROWS
    observations = data.observations[torch.arange(rows) % len(data)].expand(len(seeds), -1, -1)
    rho = torch.full((len(seeds), rows), cell.rho or 0.0, device=observations.device)
    noise = StreamNoise(SeedStreams(seeds, "estimate", observations.device), rows)
    with torch.no_grad():
        per_call = seconds_per_call(lambda: policy.act(observations, rho, noise), observations.device, 1)
    if not isinstance(cell.task, ControlTask):
        return per_call * (episodes / rows) * 4
    return cell.task.horizon * (per_call + len(seeds) * episodes * seconds_per_environment_step(cell.task))


def freeze(model: Any) -> Any:
    """A model as made ones are: without gradients, in evaluation mode."""
    return model.requires_grad_(False).eval() if isinstance(model, nn.Module) else model


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


def seconds_per_call(call: Callable[[], object], device: torch.device, repeats: int = TIMED_STEPS) -> float:
    """Measured after one call to warm up."""

    def settle() -> None:
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    call()
    settle()
    started = time.monotonic()
    for _ in range(repeats):
        call()
    settle()
    return (time.monotonic() - started) / repeats
