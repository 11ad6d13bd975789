"""A noise schedule gives α and σ of each level: z_k = α_k z_0 + σ_k ε with α² + σ² = 1 (variance preserving)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from jaxtyping import Float, Int
from torch import Tensor

VP_MINIMUM, VP_MAXIMUM = 0.1, 10.0
COSINE_OFFSET, COSINE_MAXIMUM_BETA = 0.008, 0.999
LINEAR_MINIMUM, LINEAR_MAXIMUM, EARLIEST = 0.1, 20.0, 1e-3


@dataclass(frozen=True)
class Schedule:
    """α and σ of the levels, from the least noisy (index 0) to the noisiest (index K - 1).

    Attributes:
        alpha, sigma: (level,).
    """

    alpha: Float[Tensor, " level"]
    sigma: Float[Tensor, " level"]

    def __len__(self) -> int:
        return len(self.alpha)

    @cached_property
    def coefficients(self) -> list[tuple[float, float]]:
        """α and σ of each level as plain numbers, with which arithmetic needs no tensor of one element."""
        return list(zip(self.alpha.tolist(), self.sigma.tolist(), strict=True))

    def add_noise(
        self,
        z: Float[Tensor, "*batch channel"],
        level: Int[Tensor, "*batch"],
        noise: Float[Tensor, "*batch channel"],
    ) -> Float[Tensor, "*batch channel"]:
        """z_k = α_k z_0 + σ_k ε, one level per row."""
        return self.alpha[level][..., None] * z + self.sigma[level][..., None] * noise

    def to(self, device: torch.device) -> "Schedule":
        return Schedule(self.alpha.to(device), self.sigma.to(device))


def discrete_vp(levels: int) -> Float[Tensor, " level"]:
    """ᾱ_t of β_t = 1 - exp(-b_min/T - (b_max - b_min)(2t - 1)/(2T²)), b_min 0.1, b_max 10 (IDQL, SWG)."""
    t = torch.arange(1, levels + 1, dtype=torch.float64)
    rate = VP_MINIMUM / levels + (VP_MAXIMUM - VP_MINIMUM) * (2 * t - 1) / (2 * levels**2)
    return torch.exp(-rate.cumsum(0))


def cosine(levels: int) -> Float[Tensor, " level"]:
    """ᾱ_t of β_t = min(1 - f(t)/f(t-1), 0.999), f(t) = cos²((t/T + 0.008)/1.008 · π/2) (arXiv 2102.09672)."""
    t = torch.arange(levels + 1, dtype=torch.float64) / levels
    f = torch.cos((t + COSINE_OFFSET) / (1 + COSINE_OFFSET) * math.pi / 2).square()
    beta = (1 - f[1:] / f[:-1]).clamp(max=COSINE_MAXIMUM_BETA)
    return (1 - beta).cumprod(0)


def continuous_vp(levels: int) -> Float[Tensor, " level"]:
    """ᾱ of the SDE with β(t) linear from 0.1 to 20, at times evenly from 1e-3 to 1 (CEP, Diffusion-DICE, SRPO).

    dz = -½β(t) z dt + √β(t) dW gives log α_t = -t² (β_1 - β_0)/4 - t β_0/2 (arXiv 2011.13456, appendix C).

    Deviation (cep, mse, dps, aepo, ddice, sfbc): the authors draw t uniformly from [1e-3, 1] in training; here it
    is one of the levels' times. With 1,000 levels they lie 1e-3 apart, and a sampler of 15 steps visits 15 of
    them.
    """
    t = torch.linspace(1.0, EARLIEST, levels, dtype=torch.float64).flip(0)  # a single level stands at t = 1
    return torch.exp(-(t.square() * (LINEAR_MAXIMUM - LINEAR_MINIMUM) / 2 + t * LINEAR_MINIMUM))


SCHEDULES: dict[str, Callable[[int], Float[Tensor, " level"]]] = {
    "vp": discrete_vp,
    "cosine": cosine,
    "vp-linear": continuous_vp,
}


def make_schedule(name: str, levels: int) -> Schedule:
    """The schedule of that name.

    Args:
        name: `vp`, `cosine` or `vp-linear`.
        levels: number of noise levels, K (or T) in the papers.

    Raises:
        ValueError: an unknown name, or fewer than one level.
    """
    if name not in SCHEDULES:
        raise ValueError(f"unknown schedule {name!r}; choose one of {', '.join(SCHEDULES)}.")
    if levels < 1:
        raise ValueError(f"a schedule needs at least one level, not {levels}.")
    alpha_bar = SCHEDULES[name](levels)
    return Schedule(alpha=alpha_bar.sqrt().float(), sigma=(1 - alpha_bar).sqrt().float())
