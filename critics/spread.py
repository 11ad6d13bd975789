"""How far a critic's values spread over the data: the unit of a temperature that means the same everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from critics.weights import value_data
from training import Component, Computed, Progress, SeedStreams, Step

LEAST = 0.1


@dataclass(frozen=True)
class ValueSpread(Computed):
    """The standard deviation of Q(s, a) over the data, for every seed's critic.

    Deviation: SfBC's code trains Q on returns of mean 0 and standard deviation 1; the spread of Q over the data
    puts the shared critic's values on that scale. It is at least 0.1, as that of the returns in the code.

    Attributes:
        critic: whose Q.
    """

    kind: ClassVar[str] = "value-spread"
    critic: Component

    def upstream(self) -> Mapping[str, Component]:
        """The critic."""
        return {"critic": self.critic}

    def build(self, streams: SeedStreams) -> nn.Module:
        """A buffer `spread`, (seed, 1)."""
        module = nn.Module()
        module.register_buffer("spread", torch.ones(len(streams), 1, device=streams.device))
        return module

    def compute(self, module: nn.Module, step: Step, progress: Progress) -> None:
        """At least 0.1, so that equal values are drawn alike."""
        values = value_data(step)
        module.get_buffer("spread").copy_(values.std(1, correction=0, keepdim=True).clamp(min=LEAST))
