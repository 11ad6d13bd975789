"""Random numbers of one policy call, requested by key; the implementation maps keys to numbers."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from training import SeedStreams


@runtime_checkable
class Noise(Protocol):
    """Random numbers for every row of a batch.

    A key is requested once in a call. What is drawn for a row depends on the seed, the row and the key; policies
    must not depend on the order of requests. The last axis of a shape are channels, those before it candidates.
    """

    def normal(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        """Standard normal numbers, (seed, batch, *shape)."""
        ...

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        """Numbers uniform in [0, 1), (seed, batch, *shape)."""
        ...


@dataclass(frozen=True)
class StreamNoise:
    """The next numbers of each seed's stream, whatever the key; so here the order of requests does count.

    Attributes:
        streams: each seed's random numbers.
        batch: number of rows.
    """

    streams: SeedStreams
    batch: int

    def normal(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        return self.streams.normal(self.batch, *shape)

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        return self.streams.uniform(self.batch, *shape)


@dataclass(frozen=True)
class CandidateNoise:
    """The noise of several candidates per observation, candidates of one observation next to each other.

    Attributes:
        noise: of the observations.
        candidates: per observation.
    """

    noise: Noise
    candidates: int

    def normal(self, key: str, *shape: int) -> Float[Tensor, "seed rows ..."]:
        """Standard normal numbers, (seed, batch x candidates, *shape)."""
        return self.noise.normal(key, self.candidates, *shape).flatten(1, 2)

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "seed rows ..."]:
        """Uniform numbers, (seed, batch x candidates, *shape)."""
        return self.noise.uniform(key, self.candidates, *shape).flatten(1, 2)
