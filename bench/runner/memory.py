"""What memory a plan takes, roughly, against what is free: a warning before hours of work."""

from collections.abc import Iterable, Sequence

import torch

from bench.runner.nodes import Node
from foundation.resources import PROCESS_BYTES, read_free_memory
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
