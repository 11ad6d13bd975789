"""Samples by evaluating a denoiser at decreasing noise levels; it knows no critic and no ρ.

The last step goes to α = 1, σ = 0, where every solver gives ẑ_0 itself: a second-order step ends there too, since
its extrapolation is undefined at λ = ∞. Whatever was clipped on the way, what comes out lies in the bounds.

Deviation (cep, mse, dps, aepo, ddice, sfbc): the code of CEP and Diffusion-DICE stops at t = 1e-3, and neither
takes ẑ_0 there nor clips: its 15 answers make 15 steps, ours 14 and ẑ_0.
"""

import itertools
from dataclasses import dataclass, field
from typing import Literal

import torch
from jaxtyping import Float
from torch import Tensor

from foundation.bounds import Count, NonNegative
from foundation.errors import unknown_name
from foundation.keys import UNLESS_DEFAULT
from methods.diffusion.denoiser import Denoiser
from methods.diffusion.noise import Noise
from methods.diffusion.solvers import SOLVERS, Level, Visit
from training.precision import Precision
from training.shapes import Observations, Z

CLIPS = ("clean", "iterate", "none")


@dataclass(frozen=True, kw_only=True)
class SamplerConfig:
    """How actions are drawn.

    Attributes:
        solver: `ddpm` or `ddpm-large` (ancestral), or deterministic after the first draw: `ddim` (first order),
            `dpm++-multistep` or `dpm++-singlestep` (second order).
        steps: denoiser evaluations, spread evenly over the levels and at most as many; None means every level.
        temperature: factor of the initial noise and of every step's noise; 0 starts from the zero vector.
        clip: what is kept within the bounds on the way: `clean`, every prediction ẑ_0; `iterate`, z after every
            step (the code of SWG and IDQL); `none` (the code of CEP and Diffusion-DICE).
        precision: of the networks' matrix products while support actions and those of policies are drawn; noise,
            schedule, z, Q and selection stay in `fp32`. Not set by `--precision`, which is of training.
    """

    solver: Literal["ddpm", "ddpm-large", "ddim", "dpm++-multistep", "dpm++-singlestep"] = "ddpm"
    steps: Count | None = None
    temperature: NonNegative = 1.0
    clip: Literal["clean", "iterate", "none"] = "clean"
    precision: Precision = field(default="fp32", metadata=UNLESS_DEFAULT)


@dataclass(frozen=True)
class Bounds:
    """The range of clean data.

    Attributes:
        low, high: (channel,) least and greatest z_0.
    """

    low: Float[Tensor, " channel"]
    high: Float[Tensor, " channel"]

    def clip(self, z: Float[Tensor, "*batch channel"]) -> Float[Tensor, "*batch channel"]:
        """The nearest z within."""
        return torch.clamp(z, self.low, self.high)


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
    observations: Observations,
    noise: Noise,
    config: SamplerConfig,
    bounds: Bounds | None = None,
) -> Z:
    """Draw one z_0 for every observation, without gradient; see `sample_with_gradient`."""
    return sample_with_gradient(denoiser, observations, noise, config, bounds)


def sample_with_gradient(
    denoiser: Denoiser,
    observations: Observations,
    noise: Noise,
    config: SamplerConfig,
    bounds: Bounds | None = None,
) -> Z:
    """Draw one z_0 for every observation; its gradient goes through every evaluation of the denoiser.

    Where a value was clipped, the gradient is zero.

    Args:
        denoiser: guided or not.
        observations: (seed, batch, observation).
        noise: of these rows; asked for `start` and, by the solvers that need it, for `step-0`, `step-1`, ...
        config: solver, steps, temperature, clipping.
        bounds: the range of clean data, or None for data without one.

    Raises:
        UnknownName: an unknown solver or clip.
        ValueError: an impossible number of steps.
    """
    if config.solver not in SOLVERS:
        raise unknown_name("solver", config.solver, SOLVERS)
    if config.clip not in CLIPS:
        raise unknown_name("clip", config.clip, CLIPS)
    solve, schedule, channels = SOLVERS[config.solver], denoiser.schedule, denoiser.channels

    def draw(key: str) -> Tensor:
        if config.temperature == 1.0:
            return noise.normal(key, channels)
        return config.temperature * noise.normal(key, channels) if config.temperature else torch.zeros(())

    def within(z: Tensor) -> Tensor:
        return z if bounds is None else bounds.clip(z)

    observations = observations.view_as(observations)  # new in each call, which is how a denoiser may know it
    levels = visited_levels(len(schedule), config.steps)
    z = draw("start") if config.temperature else observations.new_zeros(*observations.shape[:2], channels)
    before = None
    for number, (t, s) in enumerate(itertools.pairwise(levels)):
        here, there = (Level(*schedule.coefficients[k]) for k in (t, s))
        clean = denoiser(z, t, observations)
        at = Visit(number, here, z, within(clean) if config.clip == "clean" else clean)
        z, before = solve(at, before, there, lambda number=number: draw(f"step-{number}")), at
        if config.clip == "iterate":
            z = within(z)
    return within(denoiser(z, levels[-1], observations))
