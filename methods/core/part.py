"""One network of a component that trains several, as a component by itself, such as an actor-critic's policy.

What asks for it then finds a denoiser or a critic as any other, which can be prepared for sampling.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from torch import nn

from training import Component, Computed, Progress, SeedStreams, Step, Trained


@dataclass(frozen=True)
class Part(Computed):
    """One network of a trained component; the subclass has its `kind` and says which network.

    Class attributes:
        network: its name in the module of the whole.

    Attributes:
        whole: trains it with others.
    """

    network: ClassVar[str]
    whole: Trained

    def upstream(self) -> Mapping[str, Component]:
        """The whole."""
        return {"whole": self.whole}

    def build(self, streams: SeedStreams) -> nn.Module:
        """The network, fresh."""
        return getattr(self.whole.build(streams), self.network)

    def compute(self, module: nn.Module, step: Step, progress: Progress) -> None:
        """The weights that are kept of the training."""
        module.load_state_dict(getattr(step.models["whole"], self.network).state_dict())
