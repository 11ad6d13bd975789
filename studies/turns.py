"""Ways to do the same work, measured in turns in one process: CPU time, wall time and operations."""

import random
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from training.products import multiply

SECONDS, TURNS = 25.0, 15  # of each row, and the most turns
Call = Callable[[], object]


@dataclass(frozen=True)
class Row:
    """Work that is done in several ways.

    Attributes:
        name: of the work.
        unit: what a call does, such as `step`.
        units: how many of them.
        ways: name → makes the call; the first is what the others are divided by.
    """

    name: str
    unit: str
    units: int
    ways: Mapping[str, Callable[[], Call]]


@dataclass(frozen=True)
class Measured:
    """What one way of a row took.

    Attributes:
        cpu, wall: seconds of a call, medians.
        ratios: CPU time of the first way divided by that of this one, in every turn.
        operations: floating-point operations of the matrix products of a call; 0 where they were not counted.
    """

    cpu: float
    wall: float
    ratios: tuple[float, ...]
    operations: int


def measure(row: Row, generator: random.Random, seconds: float = SECONDS) -> dict[str, Measured]:
    """Let the ways take turns until that time is over."""
    calls = {name: make() for name, make in row.ways.items()}
    operations = {name: count_operations(call) for name, call in calls.items()}  # which also warms up
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in calls}
    ends = time.monotonic() + seconds
    while len(next(iter(taken.values()))) < TURNS and (time.monotonic() < ends or not all(taken.values())):
        order = list(calls)
        generator.shuffle(order)
        for name in order:
            taken[name].append(time_call(calls[name]))
    first = [cpu for cpu, _ in next(iter(taken.values()))]
    return {
        name: Measured(
            cpu=float(np.median([cpu for cpu, _ in each])),
            wall=float(np.median([wall for _, wall in each])),
            ratios=tuple(base / cpu for base, (cpu, _) in zip(first, each, strict=True)),
            operations=operations[name],
        )
        for name, each in taken.items()
    }


def time_call(call: Call) -> tuple[float, float]:
    """CPU and wall seconds of a call, over as many as take 50 ms together."""
    count, cpu, wall = 0, time.process_time(), time.perf_counter()
    while count == 0 or time.process_time() - cpu < 0.05:
        call()
        count += 1
    return (time.process_time() - cpu) / count, (time.perf_counter() - wall) / count


class ProductCounter(TorchDispatchMode):
    """Counts the floating-point operations of matrix products, those of backward passes too."""

    operations = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        found = func(*args, **(kwargs or {}))
        if func._overloadpacket is torch.ops.mkldnn._linear_pointwise:
            self.operations += 2 * found.numel() * args[0].shape[-1]
        count = flop_registry.get(func._overloadpacket)
        self.operations += count(*args, **(kwargs or {}), out_val=found) if count is not None else 0
        return found


def count_operations(call: Call) -> int:
    """Floating-point operations of the matrix products of one call."""
    with ProductCounter() as counter:
        call()
    return counter.operations


def measure_limit(dtype: torch.dtype) -> float:
    """Operations per second of a large matrix product."""
    a, b = (torch.randn(1024, 1024).to(dtype) for _ in "ab")

    def call() -> torch.Tensor:
        return multiply(a, b)

    call()
    return max(2 * 1024**3 / time_call(call)[0] for _ in range(5))


def format_row(
    row: Row, measured: Mapping[str, Measured], limits: Mapping[str, float]
) -> Iterator[tuple[str, ...]]:
    """A line for each way."""
    for name, each in measured.items():
        low, middle, high = np.percentile(each.ratios, [5, 50, 95])
        limit = limits["bf16" if name == "bf16" else "fp32"]
        yield (
            row.name,
            name,
            f"{row.units / each.cpu:,.4g} {row.unit}s/s",
            f"{1000 * each.cpu:.3g}",
            f"{1000 * each.wall:.3g}",
            "1" if each is next(iter(measured.values())) else f"{middle:.2f} [{low:.2f}, {high:.2f}]",
            f"{100 * each.operations / each.cpu / limit:.0f} %" if each.operations else "–",
        )
