"""The random numbers of one call of a policy are asked for by key; who answers decides what is behind a key."""

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from jaxtyping import Float
from torch import Tensor

from training import SeedStreams


@runtime_checkable
class Noise(Protocol):
    """Random numbers for every row of a batch.

    Equal keys in one call must not be asked for twice. What is drawn for a row depends on the seed, the row and
    the key; nobody may count on the order of the questions.
    """

    def normal(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        """Standard normal numbers, (seed, batch, *shape)."""
        ...

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        """Numbers uniform in [0, 1), (seed, batch, *shape)."""
        ...


@dataclass(frozen=True)
class StreamNoise:
    """Draws whatever is asked for next from each seed's stream, whatever the key.

    Attributes:
        streams: each seed's random numbers.
        batch: number of rows.
    """

    streams: SeedStreams
    batch: int

    def normal(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        """The next standard normal numbers."""
        return self.streams.normal(self.batch, *shape)

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        """The next uniform numbers."""
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
