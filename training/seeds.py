"""Each training seed owns its random numbers, so its run does not depend on which other seeds share the loop."""

import hashlib
from collections.abc import Sequence
from typing import Literal

import torch
from jaxtyping import Float, Int
from torch import Tensor

STREAMS = 2
"""Version of how streams are named, part of the key of every component."""


class SeedStreams:
    """One random generator per seed; every draw has the seed axis first.

    Args:
        seeds: the training seeds, in the order of the leading axis.
        purpose: what the numbers are for; the same seed gives independent streams for different purposes.
        device: where the numbers are drawn.
    """

    def __init__(self, seeds: Sequence[int], purpose: str, device: torch.device | str = "cpu"):
        self.seeds = tuple(seeds)
        self.device = torch.device(device)
        self.generators = [
            torch.Generator(self.device).manual_seed(stream_number(seed, purpose)) for seed in self.seeds
        ]

    def __len__(self) -> int:
        return len(self.seeds)

    def normal(self, *shape: int) -> Float[Tensor, "..."]:
        """Standard normal numbers of shape (seed, *shape)."""
        out = torch.empty(len(self), *shape, device=self.device)
        for row, generator in zip(out, self.generators, strict=True):
            row.normal_(generator=generator)
        return out

    def uniform(self, *shape: int) -> Float[Tensor, "..."]:
        """Numbers uniform in [0, 1), of shape (seed, *shape)."""
        out = torch.empty(len(self), *shape, device=self.device)
        for row, generator in zip(out, self.generators, strict=True):
            row.uniform_(generator=generator)
        return out

    def integers(self, high: int, *shape: int) -> Int[Tensor, "..."]:
        """Integers uniform in 0..high-1, of shape (seed, *shape)."""
        out = torch.empty(len(self), *shape, dtype=torch.int64, device=self.device)
        for row, generator in zip(out, self.generators, strict=True):
            row.random_(0, high, generator=generator)
        return out

    def state(self) -> list[Tensor]:
        return [generator.get_state() for generator in self.generators]

    def restore(self, state: list[Tensor]) -> None:
        for generator, saved in zip(self.generators, state, strict=True):
            generator.set_state(saved)

    def renew(self, state: list[Tensor]) -> None:
        """New generators at that state, in the place of those that a failed capture has left unusable."""
        self.generators = [torch.Generator(self.device) for _ in self.seeds]
        self.restore(state)


def name_streams(data: str, kind: str, use: Literal["initial", "training"]) -> str:
    """The purpose of a component's streams: on another data set the same seed has other numbers.

    Args:
        data: key of the data set.
        kind: of the component.
        use: `initial` for the parameters before the first step, `training` for the rest.
    """
    return f"{data}/{kind}/{use}"


def stream_number(seed: int, purpose: str) -> int:
    """A 63-bit generator seed from (seed, purpose): a hash, so that near seeds give unrelated streams."""
    digest = hashlib.sha256(f"{seed}/{purpose}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
