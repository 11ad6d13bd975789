"""A sampler walks from noise to data by asking a denoiser at falling noise levels; it knows no critic and no ρ.

From level t to s < t, with α_ts = α_t/α_s and v = σ_t² - α_ts² σ_s²:
  DDPM (arXiv 2006.11239, eq. 7): mean α_ts σ_s²/σ_t² z + α_s v/σ_t² ẑ_0, variance v σ_s²/σ_t²
  DDIM (arXiv 2010.02502, η = 0): α_s ẑ_0 + σ_s (z - α_t ẑ_0)/σ_t
The last step goes to α = 1, σ = 0, where both give ẑ_0 itself.
"""

import itertools
from collections.abc import Callable
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from critics.seeds import SeedStreams
from methods.diffusion.denoiser import Denoiser


@dataclass(frozen=True)
class Rung:
    """α and σ at the level a step leaves (t) and the one it reaches (s)."""

    alpha_t: Tensor
    sigma_t: Tensor
    alpha_s: Tensor
    sigma_s: Tensor


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """How actions are drawn.

    Attributes:
        solver: `ddpm` (ancestral) or `ddim` (deterministic after the first draw).
        steps: denoiser evaluations, spread evenly over the levels; None means every level.
        temperature: factor of the initial noise and of every step's noise; 0 starts from the zero vector.
    """

    solver: str = "ddpm"
    steps: int | None = None
    temperature: float = 1.0


def ddpm_step(z: Tensor, clean: Tensor, rung: Rung, noise: Callable[[], Tensor]) -> Tensor:
    """One ancestral step: the posterior's mean plus its noise."""
    ratio = rung.alpha_t / rung.alpha_s
    variance = rung.sigma_t.square() - (ratio * rung.sigma_s).square()
    share = rung.sigma_s.square() / rung.sigma_t.square()
    mean = ratio * share * z + rung.alpha_s * variance / rung.sigma_t.square() * clean
    return mean + (variance * share).sqrt() * noise()


def ddim_step(z: Tensor, clean: Tensor, rung: Rung, noise: Callable[[], Tensor]) -> Tensor:
    """One deterministic step along the probability flow."""
    return rung.alpha_s * clean + rung.sigma_s * (z - rung.alpha_t * clean) / rung.sigma_t


SOLVERS: dict[str, Callable[[Tensor, Tensor, Rung, Callable[[], Tensor]], Tensor]] = {
    "ddpm": ddpm_step,
    "ddim": ddim_step,
}


def visited_levels(levels: int, steps: int | None) -> list[int]:
    """The levels at which the denoiser is asked, noisiest first; always the noisiest and the least noisy one.

    Raises:
        ValueError: steps below 1 or above the number of levels.
    """
    steps = levels if steps is None else steps
    if not 1 <= steps <= levels:
        raise ValueError(f"sampler.steps={steps} must lie between 1 and the schedule's {levels} levels.")
    chosen = torch.linspace(levels - 1, 0, steps).round().long() if steps > 1 else torch.tensor([levels - 1])
    return chosen.tolist()


@torch.no_grad()
def sample(
    denoiser: Denoiser,
    observations: Float[Tensor, "seed batch observation"],
    streams: SeedStreams,
    config: SamplerConfig,
) -> Float[Tensor, "seed batch channel"]:
    """Draw one z_0 for every observation.

    Args:
        denoiser: guided or not.
        observations: (seed, batch, observation).
        streams: each seed's random numbers.
        config: solver, steps, temperature.

    Raises:
        ValueError: an unknown solver or an impossible number of steps.
    """
    if config.solver not in SOLVERS:
        raise ValueError(f"unknown solver {config.solver!r}; choose one of {', '.join(SOLVERS)}.")
    step = SOLVERS[config.solver]
    schedule = denoiser.schedule
    shape = (observations.shape[1], denoiser.channels)

    def noise() -> Tensor:
        return config.temperature * streams.normal(*shape) if config.temperature else torch.zeros(())

    levels = visited_levels(len(schedule), config.steps)
    z = noise() if config.temperature else observations.new_zeros(len(streams), *shape)
    for t, s in itertools.pairwise(levels):
        clean = denoiser(z, t, observations)
        rung = Rung(schedule.alpha[t], schedule.sigma[t], schedule.alpha[s], schedule.sigma[s])
        z = step(z, clean, rung, noise)
    return denoiser(z, levels[-1], observations)
