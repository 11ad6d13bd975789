"""A component is anything made once from data and other components: a critic, a denoiser, a guidance net.

A component is a frozen dataclass whose fields are all that makes it; the harness hashes them with the data
set's fingerprint and the keys of `upstream`, makes it for all seeds at once, and stores it per seed.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, TypeVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from training.seeds import SeedStreams

Parts = Mapping[str, Any]
Progress = Callable[[int, int], None]
ModuleT = TypeVar("ModuleT", bound=nn.Module)
BatchT = TypeVar("BatchT")


@dataclass(frozen=True)
class Data:
    """A data set's transitions as tensors on one device.

    Attributes:
        observations, next_observations: (transition, observation).
        actions: (transition, action).
        rewards, terminals: (transition,); terminals are 0 or 1.
    """

    observations: Float[Tensor, "transition observation"]
    actions: Float[Tensor, "transition action"]
    rewards: Float[Tensor, " transition"]
    next_observations: Float[Tensor, "transition observation"]
    terminals: Float[Tensor, " transition"]

    def __len__(self) -> int:
        return len(self.rewards)

    def batch(self, index: Int[Tensor, "seed batch"]) -> "Batch":
        """The transitions at `index`, with the seed axis first."""
        return Batch(
            index=index,
            observations=self.observations[index],
            actions=self.actions[index],
            rewards=self.rewards[index],
            next_observations=self.next_observations[index],
            terminals=self.terminals[index],
        )


@dataclass(frozen=True)
class Batch:
    """Transitions drawn for every seed: each tensor is (seed, batch, …); `index` says which rows they are."""

    index: Int[Tensor, "seed batch"]
    observations: Float[Tensor, "seed batch observation"]
    actions: Float[Tensor, "seed batch action"]
    rewards: Float[Tensor, "seed batch"]
    next_observations: Float[Tensor, "seed batch observation"]
    terminals: Float[Tensor, "seed batch"]


@dataclass(frozen=True, kw_only=True)
class Training:
    """How a component is trained.

    Attributes:
        steps: gradient steps.
        batch_size: transitions (or states) per seed and step.
        learning_rate: Adam's; AdamW's where weight_decay > 0.
        weight_decay: decoupled weight decay.
        decay_steps: length of a cosine decay to zero, or None for a constant rate.
        ema: rate of the exponential moving average that replaces the weights at the end, or None.
    """

    steps: int
    batch_size: int
    learning_rate: float
    weight_decay: float = 0.0
    decay_steps: int | None = None
    ema: float | None = None


def uniform_batch(data: Data, size: int, streams: SeedStreams) -> Batch:
    """Transitions drawn uniformly with replacement, `size` for every seed."""
    return data.batch(streams.integers(len(data), size))


class Component(ABC):
    """Something methods share. Subclass `Trained` or `Computed`, or this one where nothing has to be made."""

    kind: ClassVar[str]
    version: ClassVar[int] = 1

    def upstream(self) -> Mapping[str, "Component"]:
        """The components that this one is made from, by the names it knows them by."""
        return {}

    @abstractmethod
    def build(self, streams: SeedStreams) -> Any:
        """The module before training: right shapes, fresh parameters, seed axis first."""

    def rehearsal(self) -> "Component":
        """A version that costs the same per step but has less to prepare, to measure its speed with."""
        return self


class Trained(Component, Generic[ModuleT, BatchT]):
    """A component fitted by gradient steps."""

    @property
    @abstractmethod
    def training(self) -> Training:
        """Steps, batch size and optimiser."""

    def tables(self, data: Data, parts: Parts, seeds: int) -> dict[str, Tensor]:
        """Whatever is worth computing once for the whole data set before the first step."""
        return {}

    @abstractmethod
    def draw(self, data: Data, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams) -> BatchT:
        """One batch for every seed; most components return `uniform_batch`."""

    @abstractmethod
    def loss(
        self, module: ModuleT, batch: BatchT, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams
    ) -> Float[Tensor, " seed"]:
        """The loss of each seed; a seed's loss must not touch another seed's numbers."""

    def after_step(self, module: ModuleT) -> None:
        """Called after each optimiser step, for target networks."""
        return


class Computed(Component):
    """A component filled by one computation, such as actions sampled from a trained model."""

    @abstractmethod
    def compute(
        self, module: nn.Module, data: Data, parts: Parts, streams: SeedStreams, progress: Progress
    ) -> None:
        """Fill the module's buffers; call progress(done, total) now and then."""


@torch.no_grad()
def in_chunks(
    function: Callable[[Tensor], Tensor], count: int, device: torch.device, size: int = 16_384
) -> Tensor:
    """function(index) over 0..count-1 in slices, joined along the second axis (after the seed axis)."""
    slices = torch.arange(count, device=device).split(size)
    return torch.cat([function(index) for index in slices], dim=1)
