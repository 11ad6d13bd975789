"""How the guidance scale ρ depends on the noise level: ρ_k = ρ c_k, with c_k from a schedule.

`constant` has c_k = 1, `sigma` c_k = σ_k; `first` and `last` have 1 in a share of the sampling steps, else 0.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, TypeAlias

from foundation.bounds import Parsed, Rate
from foundation.named import parse_named
from methods.diffusion.schedule import Schedule


@dataclass(frozen=True)
class ConstantStrength:
    """c_k = 1: the same ρ at every level."""

    def factors(self, schedule: Schedule, visited: Sequence[int]) -> tuple[float, ...]:
        """c_k of every level; see `make_strength`."""
        return (1.0,) * len(schedule)


@dataclass(frozen=True)
class SigmaStrength:
    """c_k = σ_k: guidance grows with the noise, to ρ at pure noise.

    c_k is not divided by its mean over the levels, so that it does not depend on which of them are visited.
    """

    def factors(self, schedule: Schedule, visited: Sequence[int]) -> tuple[float, ...]:
        """c_k of every level; see `make_strength`."""
        return tuple(sigma for _, sigma in schedule.coefficients)


@dataclass(frozen=True)
class FirstSteps:
    """c_k = 1 in the first sampling steps, those with the most noise, and 0 in the others.

    Attributes:
        share: of the steps, rounded to the nearest number, half a step up, and at least to one.
    """

    share: Rate

    def factors(self, schedule: Schedule, visited: Sequence[int]) -> tuple[float, ...]:
        """c_k of every level; see `make_strength`."""
        least = visited[count_share(self.share, len(visited)) - 1]
        return tuple(float(level >= least) for level in range(len(schedule)))


@dataclass(frozen=True)
class LastSteps:
    """c_k = 1 in the last sampling steps, those with the least noise, and 0 in the others.

    Attributes:
        share: of the steps, rounded to the nearest number, half a step up, and at least to one.
    """

    share: Rate

    def factors(self, schedule: Schedule, visited: Sequence[int]) -> tuple[float, ...]:
        """c_k of every level; see `make_strength`."""
        most = visited[-count_share(self.share, len(visited))]
        return tuple(float(level <= most) for level in range(len(schedule)))


def count_share(share: float, steps: int) -> int:
    """The number of steps that a share is: the nearest one, half a step up, and at least one."""
    return max(1, math.floor(share * steps + 0.5))


Strength: TypeAlias = ConstantStrength | SigmaStrength | FirstSteps | LastSteps
STRENGTHS: dict[str, type[Strength]] = {
    "constant": ConstantStrength,
    "sigma": SigmaStrength,
    "first": FirstSteps,
    "last": LastSteps,
}


def parse_strength(text: str) -> Strength:
    """`constant`, `sigma`, `first:0.5` or `last:0.5` → the schedule of ρ; ValueError names the choices."""
    return parse_named(text, STRENGTHS, "schedule of ρ")


StrengthSetting: TypeAlias = Annotated[str, Parsed(parse_strength)]
"""A config's field that names a schedule of ρ."""


def make_strength(text: str, schedule: Schedule, visited: Sequence[int]) -> tuple[float, ...] | None:
    """c_k of every level of the schedule, from the least noisy one; None where all are 1.

    Args:
        text: as the setting has it.
        schedule: of the denoiser.
        visited: the levels at which the sampler asks the denoiser, noisiest first.

    Raises:
        ValueError: a schedule of ρ that does not exist.
    """
    factors = parse_strength(text).factors(schedule, visited)
    return None if set(factors) == {1.0} else factors
