"""Times calls in turns: every turn has each call once, in random order, so that load hits all of them alike."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from reports.analysis.medians import find_median_interval
from reports.load.timing_schema import Milliseconds, Ratio, Throughput

BURSTS = 5
Act = Callable[[], None]
Settle = Callable[[], None]
"""Waits until the device has done all that it was given."""


@dataclass(frozen=True)
class Taken:
    """What one call took in every turn.

    Attributes:
        wall: milliseconds until it was done.
        cpu: milliseconds of the process's CPU time.
    """

    wall: tuple[float, ...]
    cpu: tuple[float, ...]


def make_settle(device: torch.device) -> Settle:
    """What waits for the device; on a CPU a call returns when it is done."""
    return (lambda: torch.cuda.synchronize(device)) if device.type == "cuda" else (lambda: None)


def take_turns(acts: Sequence[Act], turns: int, order: random.Random, settle: Settle) -> list[Taken]:
    """Time every call in each of the turns, waiting for each before the next.

    Args:
        acts: the calls.
        turns: how many.
        order: of the calls within each.
        settle: see `Settle`.
    """
    taken: list[list[tuple[float, float]]] = [[] for _ in acts]
    places = list(range(len(acts)))
    for _ in range(turns):
        order.shuffle(places)
        for place in places:
            settle()
            cpu, wall = time.process_time(), time.perf_counter()
            acts[place]()
            settle()
            taken[place].append((time.perf_counter() - wall, time.process_time() - cpu))
    seconds = [tuple(zip(*each, strict=True)) for each in taken]
    return [Taken(*(tuple(1000 * value for value in kind) for kind in each)) for each in seconds]


def measure_bursts(acts: Sequence[Act], calls: int, order: random.Random, settle: Settle) -> list[Throughput]:
    """Time calls that follow each other without being waited for, each kind in bursts, in turns as above.

    Args:
        acts: the calls.
        calls: of each kind, in all its bursts together.
        order: of the bursts within each turn.
        settle: see `Settle`.
    """
    size = max(2, calls // BURSTS)

    def repeat(act: Act) -> Act:
        def burst() -> None:
            for _ in range(size):
                act()

        return burst

    taken = take_turns([repeat(act) for act in acts], BURSTS, order, settle)
    return [Throughput(milliseconds=float(np.median(t.wall)) / size, bursts=BURSTS, calls=size) for t in taken]


def summarize(milliseconds: Sequence[float]) -> Milliseconds:
    """Percentiles, mean and sample standard deviation."""
    low, middle, high = map(float, np.percentile(milliseconds, [5, 50, 95]))
    mean, deviation = float(np.mean(milliseconds)), float(np.std(milliseconds, ddof=1))
    return Milliseconds(median=middle, p5=low, p95=high, mean=mean, deviation=deviation)


def divide(taken: Taken, other: Taken) -> Ratio:
    """Wall time of a call over that of another in the same turn."""
    ratios = [a / b for a, b in zip(taken.wall, other.wall, strict=True)]
    low, middle, high = map(float, np.percentile(ratios, [5, 50, 95]))
    lower, upper = find_median_interval(ratios) or (None, None)
    return Ratio(median=middle, lower=lower, upper=upper, p5=low, p95=high)
