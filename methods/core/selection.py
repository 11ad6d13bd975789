"""A selection picks one of N candidates per observation: the first, the best by a score, or a draw by weight."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from training.seeds import SeedStreams

Score = Callable[[Tensor, Tensor], Tensor]


@runtime_checkable
class Selection(Protocol):
    """Picks one candidate per observation."""

    def choose(
        self,
        observations: Float[Tensor, "seed rows observation"],
        candidates: Float[Tensor, "seed rows channel"],
        batch: int,
        streams: SeedStreams,
    ) -> Float[Tensor, "seed batch channel"]:
        """The chosen z per observation.

        Args:
            observations: each observation repeated once per candidate, candidates of one next to each other.
            candidates: the sampled z, row for row.
            batch: number of observations; rows = batch x N.
            streams: each seed's random numbers.
        """
        ...


@dataclass(frozen=True)
class First:
    """The first candidate."""

    def choose(
        self,
        observations: Float[Tensor, "seed rows observation"],
        candidates: Float[Tensor, "seed rows channel"],
        batch: int,
        streams: SeedStreams,
    ) -> Float[Tensor, "seed batch channel"]:
        """The first candidate of every observation."""
        return candidates.unflatten(1, (batch, -1))[:, :, 0]


@dataclass(frozen=True)
class Best:
    """The candidate with the highest score.

    Attributes:
        score: (observations, candidates) → (seed, rows).
    """

    score: Score

    def choose(
        self,
        observations: Float[Tensor, "seed rows observation"],
        candidates: Float[Tensor, "seed rows channel"],
        batch: int,
        streams: SeedStreams,
    ) -> Float[Tensor, "seed batch channel"]:
        """The argmax of the score."""
        scores = self.score(observations, candidates).unflatten(1, (batch, -1))
        return take(candidates, scores.argmax(-1), batch)


@dataclass(frozen=True)
class Draw:
    """A candidate drawn in proportion to its weight: importance resampling towards μ w.

    Attributes:
        weight: (observations, candidates) → w > 0, (seed, rows).
    """

    weight: Score

    def choose(
        self,
        observations: Float[Tensor, "seed rows observation"],
        candidates: Float[Tensor, "seed rows channel"],
        batch: int,
        streams: SeedStreams,
    ) -> Float[Tensor, "seed batch channel"]:
        """One categorical draw per observation."""
        weights = self.weight(observations, candidates).unflatten(1, (batch, -1))
        return take(candidates, drawn_index(weights.double(), streams), batch)


@dataclass(frozen=True)
class SoftmaxDraw:
    """A candidate drawn in proportion to e^score.

    Attributes:
        score: (observations, candidates) → (seed, rows).
    """

    score: Score

    def choose(
        self,
        observations: Float[Tensor, "seed rows observation"],
        candidates: Float[Tensor, "seed rows channel"],
        batch: int,
        streams: SeedStreams,
    ) -> Float[Tensor, "seed batch channel"]:
        """One categorical draw per observation; scores of any size, since only their differences count."""
        scores = self.score(observations, candidates).unflatten(1, (batch, -1))
        return take(candidates, drawn_index(scores.double().softmax(-1), streams), batch)


def drawn_index(weights: Float[Tensor, "seed batch candidate"], streams: SeedStreams) -> Int[Tensor, "seed batch"]:
    """One categorical draw per row, in proportion to the weights, by inverting their running sum."""
    cumulative = weights.cumsum(-1)
    mark = streams.uniform(weights.shape[1], 1).double() * cumulative[..., -1:]
    index = torch.searchsorted(cumulative, mark, right=True).squeeze(-1)
    return index.clamp(max=weights.shape[-1] - 1)


def take(
    candidates: Float[Tensor, "seed rows channel"], index: Int[Tensor, "seed batch"], batch: int
) -> Float[Tensor, "seed batch channel"]:
    """The candidates at `index`, one per observation."""
    grouped = candidates.unflatten(1, (batch, -1))
    return torch.take_along_dim(grouped, index[..., None, None], dim=2).squeeze(2)
