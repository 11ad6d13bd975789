"""Philox4x32-10, a counter-based generator: 128 random bits as a function of a counter and a key.

J. Salmon et al., Parallel Random Numbers: As Easy as 1, 2, 3, SC 2011 (https://doi.org/10.1145/2063384.2063405),
§3.3 and Table 2. Words are 32 bits in int64 tensors; a product of two of them wraps, which leaves all of its 64
bits as they are. No state and no branch: any place of any stream costs the same, on a CPU and on a GPU.
"""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Int
from torch import Tensor

ROUNDS = 10
MULTIPLIERS = (0xD2511F53, 0xCD9E8D57)
INCREMENTS = (0x9E3779B9, 0xBB67AE85)
MASK = 0xFFFFFFFF


def philox(
    counter: Sequence[Int[Tensor, "..."]], key: tuple[int | Tensor, int | Tensor]
) -> list[Int[Tensor, "..."]]:
    """Four words for every counter.

    Args:
        counter: four int64 tensors of words, 0 to 2^32 - 1, that broadcast to one shape.
        key: two words, or int64 tensors of words that broadcast with the counters.

    Returns:
        Four int64 tensors of the common shape.
    """
    a, b, c, d = torch.broadcast_tensors(*counter)
    for number in range(ROUNDS):
        first, second = ((word + number * step) & MASK for word, step in zip(key, INCREMENTS, strict=True))
        left, right = a * MULTIPLIERS[0], c * MULTIPLIERS[1]
        # b and d keep what stands above their 32 bits until the masks here, or at the end, take it away.
        a, c = ((right >> 32) ^ b ^ first) & MASK, ((left >> 32) ^ d ^ second) & MASK
        b, d = right, left
    return [a, b & MASK, c, d & MASK]


def to_uniforms(first: Int[Tensor, "..."], second: Int[Tensor, "..."]) -> tuple[Tensor, Tensor]:
    """float32 numbers in [0, 1) of two words: the upper 24 bits of each, which float32 holds exactly."""
    return (first >> 8).float() * 2.0**-24, (second >> 8).float() * 2.0**-24


def to_normal(first: Int[Tensor, "..."], second: Int[Tensor, "..."]) -> tuple[Tensor, Tensor]:
    """Two independent standard normal float32 numbers of two words each (Box and Muller, 1958).

    Computed in float64, so that the numbers are those of 32 bits: the largest is sqrt(66 ln 2) = 6.76.
    """
    radius = torch.sqrt(-2.0 * torch.log((first.double() + 0.5) * 2.0**-32))
    angle = second.double() * (2.0 * math.pi * 2.0**-32)
    return (radius * torch.cos(angle)).float(), (radius * torch.sin(angle)).float()
