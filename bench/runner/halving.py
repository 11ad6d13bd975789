"""What is done at once is halved where memory runs out: the rows of a policy's call, and the seeds of a training.

A matrix product of fewer rows or seeds rounds otherwise, by 1e-7 of the result, so what is halved differs by
rounding from what is not; see docs/architecture.md. The user is told.
"""

import contextlib
import gc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from foundation.exhausted import is_of_gpu, is_out_of_memory
from methods.core.policy import Policy, SlotPolicy
from methods.diffusion.guidance import Counts
from methods.diffusion.noise import Noise
from training.shapes import Actions, Observations, PerRow

T = TypeVar("T")
MOST_PARTS = 8
MEMORY_ERRORS = (MemoryError, RuntimeError, OSError)
"""The classes of errors that `is_out_of_memory` tells apart."""


@dataclass(frozen=True)
class PartOfNoise:
    """The noise of some of a block's rows; the numbers are those of the whole block.

    Attributes:
        noise: of the block.
        rows: which.
        drawn: the whole block's numbers that were asked for, by law, key and shape; all parts share it.
    """

    noise: Noise
    rows: slice
    drawn: dict[tuple[str, str, tuple[int, ...]], Tensor]

    def normal(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        """See `Noise`."""
        return self._read("normal", key, shape)

    def uniform(self, key: str, *shape: int) -> Float[Tensor, "seed batch ..."]:
        """See `Noise`."""
        return self._read("uniform", key, shape)

    def _read(self, law: str, key: str, shape: tuple[int, ...]) -> Tensor:
        asked = (law, key, shape)
        if asked not in self.drawn:
            draw = self.noise.normal if law == "normal" else self.noise.uniform
            self.drawn[asked] = draw(key, *shape)
        return self.drawn[asked][:, self.rows]


@dataclass
class SplitPolicy:
    """A policy whose calls are made in several parts, one after the other.

    Attributes:
        policy: what acts.
        parts: of every block of rows.
        counts: the policy's.
    """

    policy: Policy
    parts: int
    counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        self.counts = self.policy.counts

    def split(self, rows: int, noise: Noise) -> Iterator[tuple[slice, Noise]]:
        """The rows of each part, and their noise."""
        size, drawn = -(-rows // self.parts), dict[tuple[str, str, tuple[int, ...]], Tensor]()
        for first in range(0, rows, size):
            part = slice(first, min(first + size, rows))
            yield part, PartOfNoise(noise, part, drawn)

    def act(self, observations: Observations, rho: PerRow, noise: Noise) -> Actions:
        """See `Policy`."""
        acted: list[Tensor] = []
        for rows, part in self.split(observations.shape[1], noise):
            with self.count_rows(rows, observations.shape[1]):
                acted.append(self.policy.act(observations[:, rows], rho[:, rows], part))
        return torch.cat(acted, dim=1)

    @contextlib.contextmanager
    def count_rows(self, part: slice, rows: int) -> Iterator[None]:
        """What is counted in the block is counted for these of so many rows, where rows are counted apart."""
        counts = self.counts
        if counts.apart is None:
            yield
            return
        whole, guided = counts.interventions, counts.guided_rows
        counts.apart, counts.interventions, counts.guided_rows = part.stop - part.start, {}, 0
        try:
            yield
        finally:
            for name, found in counts.interventions.items():
                whole.setdefault(name, found.new_zeros(rows, found.shape[1]))[part] += found
            if not isinstance(counts.guided_rows, int):
                guided = counts.guided_rows.new_zeros(rows) if isinstance(guided, int) else guided
                guided[part] += counts.guided_rows
            counts.apart, counts.interventions, counts.guided_rows = rows, whole, guided


@dataclass
class MemoryGuard:
    """Does again, in smaller parts, what the memory did not hold.

    Attributes:
        say: prints a sentence.
        parts: that a policy's block of rows is computed in; twice as many each time that memory runs out.
    """

    say: Callable[[str], None] = field(default=lambda text: None)
    parts: int = 1

    def split(self, policy: Policy) -> Policy:
        """The policy, its calls in as many parts as were found to be needed; these are not captured."""
        if self.parts == 1:
            return policy
        eager = replace(policy, recorder=None) if isinstance(policy, SlotPolicy) else policy
        return SplitPolicy(eager, self.parts)

    def act(self, attempt: Callable[[], T]) -> T:
        """What an attempt gives that makes its policies by `split`; it is begun anew in twice as many parts.

        Raises:
            MemoryError, RuntimeError, OSError: memory runs out however small the parts are.
        """
        while True:
            try:
                return attempt()
            except MEMORY_ERRORS as error:
                if not is_out_of_memory(error) or self.parts >= MOST_PARTS:
                    raise
                memory = name_memory(error)
            release_memory()
            self.parts *= 2
            self.say(
                f"  {memory} does not hold the candidates of a call: they are computed in {self.parts} parts, "
                "which changes actions by rounding (1e-7)"
            )


def halve_seeds(seeds: Sequence[int]) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """The first half of the seeds, rounded up, and the rest."""
    half = -(-len(seeds) // 2)
    return tuple(seeds[:half]), tuple(seeds[half:])


def name_memory(error: BaseException) -> str:
    """Whose memory ran out."""
    return "the GPU's memory" if is_of_gpu(error) else "the memory"


def release_memory() -> None:
    """Give back what no object holds any more, once the error that held it is gone."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
