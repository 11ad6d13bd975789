"""Estimates a plan's duration by timing a few steps with fresh weights on a slice of the data.

A setting that cannot work fails here, before hours of training.
"""

import contextlib
import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import gymnasium as gym
import torch
from torch import nn

from bench.config.request import resolve_betas, resolve_episodes
from bench.runner.blocks import Evaluation, count_rows
from bench.runner.evaluate import evaluate, group_scales
from bench.runner.halving import MEMORY_ERRORS, MemoryGuard, halve_seeds, release_memory
from bench.runner.memory import is_too_large_to_try
from bench.runner.nodes import Node
from bench.runner.plan import PlannedCell, TaskPlan, group_cells
from foundation.exhausted import is_out_of_memory
from suites import ControlTask, DensityTask
from training import Computed, Data, SeedStreams, Step, Trained
from training.checkpoint import build_untrained

SLICE = 1024
TIMED_STEPS = 3


class _FirstSliceDone(Exception):
    """Raised by the progress callback once the first slice of a computation is done."""


@dataclass(frozen=True)
class Estimated:
    """Expected seconds of one process for what is missing in a plan.

    Attributes:
        making: of each missing component, by its label, all missing seeds together.
        evaluating: of all open cells.
    """

    making: Mapping[str, float]
    evaluating: float

    @property
    def seconds(self) -> float:
        """Of all."""
        return sum(self.making.values()) + self.evaluating


def estimate_plan(plan: TaskPlan, device: torch.device) -> Estimated:
    """What is made or evaluated on several data sets is measured on one."""
    data = next(iter(plan.data.values())).data.first(SLICE).to(device)
    measured: dict[tuple[Any, ...], float] = {}
    making: dict[str, float] = {}
    seconds = 0.0
    for node, seeds in plan.missing:
        made = (node.component, len(seeds))
        if made not in measured:
            measured[made] = estimate_in_groups(node, seeds, data)
        making[node.label] = measured[made]
    for group in group_cells(plan.open):
        cell = group[0].cell
        evaluated = (
            cell.name,
            repr(cell.method),
            repr(cell.config),
            max(p.cell.rho or 0.0 for p in group),
            len(group),
        )
        if evaluated not in measured:
            measured[evaluated] = estimate_in_parts(group, data)
        seconds += measured[evaluated]
    return Estimated(making, seconds)


def estimate_in_groups(node: Node, seeds: Sequence[int], data: Data) -> float:
    """Expected seconds to make a component for these seeds, in groups that the memory holds; see `halving`."""
    try:
        return estimate_making(node, seeds, data)
    except MEMORY_ERRORS as error:
        if len(seeds) == 1 or not is_out_of_memory(error):
            raise
    release_memory()
    return sum(estimate_in_groups(node, half, data) for half in halve_seeds(seeds))


def estimate_in_parts(group: Sequence[PlannedCell], data: Data) -> float:
    """Expected seconds to evaluate one method, in as many parts of a call as the memory asks for."""
    guard = MemoryGuard()
    return guard.act(lambda: estimate_evaluation(group, data, guard))


def estimate_making(node: Node, seeds: Sequence[int], data: Data) -> float:
    """Expected seconds to make a component for these seeds; `data` is a slice of the data set."""
    if is_too_large_to_try(node.component, seeds, data.rewards.device):
        raise MemoryError
    component = node.component.for_estimate()
    noise = SeedStreams(seeds, "estimate", data.rewards.device)
    models = {name: freeze(build_untrained(other, seeds, data)) for name, other in component.upstream().items()}
    module = build_untrained(component, seeds, data)
    match component:
        case Trained():
            precomputed = component.precompute(Step(data, models, noise))

            def step() -> None:
                losses = component.compute_losses(module, Step(data, models, noise, precomputed))
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


def estimate_evaluation(group: Sequence[PlannedCell], data: Data, guard: MemoryGuard | None = None) -> float:
    """Expected seconds to evaluate one method on all its seeds and scales, from a few steps or one β."""
    cell, setup = max((planned.cell for planned in group), key=lambda cell: cell.rho or 0.0), group[0].setup
    models = {name: build_untrained(c, [cell.seed], data) for name, c in cell.method.components(setup).items()}
    policy = (guard or MemoryGuard()).split(cell.method.policy(models, setup))
    count, device = resolve_episodes(cell.task, cell.config), data.rewards.device
    rows = count_rows(policy, cell.task, device)
    seeds = {planned.cell.seed for planned in group}
    scales = [planned.cell.rho or 0.0 for planned in group if planned.cell.seed == cell.seed]
    sizes = [count * len(places) for places in group_scales(policy, cell.task, scales)]
    first, blocks = range(min(max(sizes), rows)), len(seeds) * sum(math.ceil(size / rows) for size in sizes)
    match cell.task:
        case ControlTask() as task:
            with contextlib.closing(task.make_environment()) as simulator:
                # One simulator for all episodes: stepping costs the same, and making many would take longer.
                short = replace(task, horizon=TIMED_STEPS + 1, make_environment=lambda: KeptOpen(simulator))
                evaluation = Evaluation(cell.seed, cell.rho or 0.0, first, (), device, "estimate")
                marks = [time.monotonic()]
                evaluate(policy, short, [evaluation], lambda done, total: marks.append(time.monotonic()))
            steps = marks[1:] if len(marks) > 2 else marks  # the first step comes after all resets
            return blocks * task.horizon * (steps[-1] - steps[0]) / (len(steps) - 1)
        case DensityTask() as task:
            betas = resolve_betas(task, cell.config)
            evaluation = Evaluation(cell.seed, cell.rho or 0.0, first, betas[:1], device)
            started = time.monotonic()
            evaluate(policy, task, [evaluation], lambda done, total: None)
            return blocks * (time.monotonic() - started) * len(betas)
    return 0.0


class KeptOpen(gym.Wrapper):
    """A simulator that several episodes share, so that none of them may close it."""

    def close(self) -> None:
        """Leave it open."""


def freeze(model: Any) -> Any:
    """A model as made ones are: without gradients, in evaluation mode."""
    return model.requires_grad_(False).eval() if isinstance(model, nn.Module) else model


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
