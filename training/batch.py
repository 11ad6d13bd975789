"""Transitions as tensors: a whole data set, and a batch drawn from it for every seed."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from training.shapes import Actions, Observations, PerRow


@dataclass(frozen=True)
class Batch:
    """Transitions drawn for every seed: each tensor is (seed, batch, …); `index` says which rows they are."""

    index: Int[Tensor, "seed batch"]
    observations: Observations
    actions: Actions
    rewards: PerRow
    next_observations: Observations
    terminals: PerRow


@dataclass(frozen=True)
class Data:
    """A data set's transitions as tensors on one device.

    Attributes:
        observations, next_observations: (transition, observation).
        actions: (transition, action).
        rewards, terminals: (transition,); terminals are 0 or 1.
        key: the fingerprint of the set and what was done to its rewards; it names the random numbers of training.
    """

    observations: Float[Tensor, "transition observation"]
    actions: Float[Tensor, "transition action"]
    rewards: Float[Tensor, " transition"]
    next_observations: Float[Tensor, "transition observation"]
    terminals: Float[Tensor, " transition"]
    key: str = ""

    def __len__(self) -> int:
        return len(self.rewards)

    def batch(self, index: Int[Tensor, "seed batch"]) -> Batch:
        """The transitions at `index`, with the seed axis first."""
        return Batch(
            index=index,
            observations=self.observations[index],
            actions=self.actions[index],
            rewards=self.rewards[index],
            next_observations=self.next_observations[index],
            terminals=self.terminals[index],
        )

    def first(self, count: int) -> "Data":
        return self._each(lambda tensor: tensor[:count])

    def select(self, index: Int[Tensor, " some"]) -> "Data":
        """The transitions at `index` alone."""
        return self._each(lambda tensor: tensor[index])

    def to(self, device: torch.device) -> "Data":
        return self._each(lambda tensor: tensor.to(device))

    def share_memory(self) -> "Data":
        """The same transitions in memory that other processes may read; on a CPU alone."""
        return self._each(lambda tensor: tensor.share_memory_())

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Data":
        return Data(
            change(self.observations),
            change(self.actions),
            change(self.rewards),
            change(self.next_observations),
            change(self.terminals),
            self.key,
        )
