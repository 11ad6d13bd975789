"""A sampler walks from noise to data by asking a denoiser at falling noise levels; it knows no critic and no ρ.

The last step goes to α = 1, σ = 0, where every solver gives ẑ_0 itself: a second-order step ends there too, since
its line would have to be read at λ = ∞.
"""

import itertools
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from critics.seeds import SeedStreams
from methods.diffusion.denoiser import Denoiser
from methods.diffusion.solvers import SOLVERS, Level, Visit


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """How actions are drawn.

    Attributes:
        solver: `ddpm` (ancestral), or deterministic after the first draw: `ddim` (first order),
            `dpm++-multistep` or `dpm++-singlestep` (second order).
        steps: denoiser evaluations, spread evenly over the levels; None means every level.
        temperature: factor of the initial noise and of every step's noise; 0 starts from the zero vector.
    """

    solver: str = "ddpm"
    steps: int | None = None
    temperature: float = 1.0


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
    solve = SOLVERS[config.solver]
    schedule = denoiser.schedule
    shape = (observations.shape[1], denoiser.channels)

    def noise() -> Tensor:
        return config.temperature * streams.normal(*shape) if config.temperature else torch.zeros(())

    levels = visited_levels(len(schedule), config.steps)
    z = noise() if config.temperature else observations.new_zeros(len(streams), *shape)
    before = None
    for number, (t, s) in enumerate(itertools.pairwise(levels)):
        here, there = (Level(schedule.alpha[k], schedule.sigma[k]) for k in (t, s))
        at = Visit(number, here, z, denoiser(z, t, observations))
        z, before = solve(at, before, there, noise), at
    return denoiser(z, levels[-1], observations)
