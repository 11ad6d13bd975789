"""What memory a plan takes, roughly, against what is free: a warning before hours of work; and what it took."""

from collections.abc import Callable, Iterable, Sequence
from typing import Literal

import torch

from bench.runner.nodes import Node
from foundation.peak_memory import begin_measuring, read_peak
from foundation.resources import PROCESS_BYTES, read_free_memory
from reports.load.component_schema import PeakMemory
from training import Component, Data, SeedStreams, Trained

COPIES = 7
"""Of a parameter in training: itself, its gradient, Adam's two moments, its average, and two while it is kept."""


def warn_of_memory(
    missing: Iterable[tuple[Node, Sequence[int]]], data: Iterable[Data], processes: int, device: torch.device
) -> str | None:
    """A line of a plan where the free memory is less than what it takes; None where it is enough or unknown.

    Args:
        missing: the components to be made, with their seeds.
        data: the transitions of all tasks, which are in memory already.
        processes: how many are made at once.
        device: what computes.
    """
    largest = max((measure_making(node.component, seeds) for node, seeds in missing), default=0)
    if device.type == "cuda":
        needed, free = largest + max(map(measure_data, data), default=0), torch.cuda.mem_get_info(device)[0]
        remedy = "what does not fit is made in groups of seeds one after the other, or take --device cpu"
    else:
        needed, free = (
            processes * largest + (PROCESS_BYTES * processes if processes > 1 else 0),
            read_free_memory(),
        )
        remedy = (
            "take fewer processes, as --processes 1, or fewer seeds at once, as --seeds 0-4 and then --seeds 5-9"
        )
    if free is None or needed <= free:
        return None
    return f"  memory: about {needed / 1e9:.1f} GB are needed and {free / 1e9:.1f} GB are free; {remedy}"


def measure_making(component: Component, seeds: Sequence[int]) -> int:
    """Bytes of a component's tensors while all these seeds of it are made, without those of a batch."""
    return measure_weights(component, seeds) * (COPIES if isinstance(component, Trained) else 1)


def measure_weights(component: Component, seeds: Sequence[int]) -> int:
    """Bytes of the parameters and buffers of all these seeds of a component."""
    module = component.build(SeedStreams(seeds[:1], "count"))
    of_seed = sum(tensor.numel() * tensor.element_size() for tensor in module.state_dict().values())
    return of_seed * len(seeds)


def is_too_large_to_try(component: Component, seeds: Sequence[int], device: torch.device) -> bool:
    """Whether parameters and gradients of these seeds take more than is free, where the system ends what does so.

    A GPU raises an error instead.
    """
    free = read_free_memory() if device.type == "cpu" else None
    return free is not None and 2 * measure_weights(component, seeds) > free


def measure_data(data: Data) -> int:
    """Bytes of a data set's tensors."""
    tensors = (data.observations, data.actions, data.rewards, data.next_observations, data.terminals)
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors)


def measure_peak(device: torch.device) -> Callable[[], PeakMemory | None]:
    """Begin to measure the most memory; what is returned tells it, or None where it is not known.

    Args:
        device: on a GPU the tensors on it are measured, else the resident memory of this process.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        held = torch.cuda.memory_allocated(device)
        return lambda: _describe_peak("device", torch.cuda.max_memory_allocated(device), held)
    began = begin_measuring()
    if began is None:
        return lambda: None
    return lambda: _describe_peak("process", read_peak(began), began.resident)


def _describe_peak(of: Literal["process", "device"], peak: int | None, before: int) -> PeakMemory | None:
    if peak is None:
        return None
    return PeakMemory(of=of, mebibytes=round(peak / 2**20, 1), before=round(before / 2**20, 1))
