"""How a layer y = x W + b starts: initial weights by the name that settings give them."""

import math
from collections.abc import Callable
from typing import TypeAlias

import torch
from torch import Tensor

from training.seeds import SeedStreams

Shape: TypeAlias = tuple[int, ...]
TRUNCATED = 2.0
"""LeCun's normal law ends at two standard deviations, in flax and here."""


def uniform(streams: SeedStreams, lead: Shape, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    """W and b uniform in ±1/√inputs: PyTorch's layers, and with them CEP's and Diffusion-DICE's code."""
    bound = inputs**-0.5
    weight = (2 * streams.uniform(*lead, inputs, outputs) - 1) * bound
    return weight, (2 * streams.uniform(*lead, 1, outputs) - 1) * bound


def xavier(streams: SeedStreams, lead: Shape, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    """W uniform in ±√(6/(inputs + outputs)), b = 0 (Glorot and Bengio 2010, eq. 16): SWG's and IDQL's JAX code."""
    bound = math.sqrt(6 / (inputs + outputs))
    weight = (2 * streams.uniform(*lead, inputs, outputs) - 1) * bound
    return weight, torch.zeros(len(streams), *lead, 1, outputs, device=streams.device)


def lecun(streams: SeedStreams, lead: Shape, inputs: int, outputs: int) -> tuple[Tensor, Tensor]:
    """W normal with variance 1/inputs, cut off at two standard deviations, b = 0: flax's own layers."""
    inside = math.erf(TRUNCATED / math.sqrt(2))
    normal = math.sqrt(2) * torch.erfinv((2 * streams.uniform(*lead, inputs, outputs) - 1) * inside)
    density = math.exp(-(TRUNCATED**2) / 2) / math.sqrt(2 * math.pi)
    variance = 1 - 2 * TRUNCATED * density / inside
    weight = normal / math.sqrt(variance * inputs)
    return weight, torch.zeros(len(streams), *lead, 1, outputs, device=streams.device)


INITIAL: dict[str, Callable[[SeedStreams, Shape, int, int], tuple[Tensor, Tensor]]] = {
    "uniform": uniform,
    "xavier": xavier,
    "lecun": lecun,
}
"""name → function of (streams, member axes, inputs, outputs): W (seed, *members, inputs, outputs) and b, a row."""
