"""A solver moves z from one noise level to a lower one, given the denoiser's predictions there and before.

From level t to s, with α_ts = α_t/α_s, v = σ_t² - α_ts² σ_s², λ = log(α/σ) and h = λ_s - λ_t:
  DDPM (arXiv 2006.11239, eq. 7): mean α_ts σ_s²/σ_t² z + α_s v/σ_t² ẑ_0, variance v σ_s²/σ_t²
  DDPM, large: the same mean, variance v = β_t of the forward step, the other choice of DDPM's §3.2 and that of the
    code of IDQL and SWG-JAX; at IDQL's 5 levels 1.7 times the standard deviation at the last step with noise
  DDIM (arXiv 2010.02502, η = 0): α_s ẑ_0 + σ_s (z - α_t ẑ_0)/σ_t
  DPM-Solver++ (arXiv 2211.01095): (σ_s/σ_t) z - α_s (e^{-h} - 1) D, where D = ẑ_0 gives DDIM, of first order, and
    linear extrapolation of two predictions to the midpoint of the step in λ, second order: the last
    two (multistep, Alg. 2), or those at the two ends of a first step (single-step, Alg. 1).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Level:
    """α and σ > 0 of one noise level."""

    alpha: float
    sigma: float

    @property
    def log_snr(self) -> float:
        """λ = log(α/σ), half the logarithm of the signal-to-noise ratio."""
        return math.log(self.alpha / self.sigma)


@dataclass(frozen=True)
class Visit:
    """What is known at a level where the denoiser has been asked.

    Attributes:
        number: how many levels were visited before.
        level: its α and σ.
        z: the noisy channels there.
        clean: the denoiser's ẑ_0.
    """

    number: int
    level: Level
    z: Tensor
    clean: Tensor


Solver = Callable[[Visit, Visit | None, Level, Callable[[], Tensor]], Tensor]
"""(this visit, the one before, the level to reach, a draw of noise) → z at that level."""


def ddpm(at: Visit, before: Visit | None, to: Level, noise: Callable[[], Tensor]) -> Tensor:
    """One ancestral step: the posterior's mean plus its noise."""
    mean, variance, share = posterior(at, to)
    return mean.add_(noise(), alpha=math.sqrt(variance * share))


def ddpm_large(at: Visit, before: Visit | None, to: Level, noise: Callable[[], Tensor]) -> Tensor:
    """One ancestral step with the noise of the forward step in the place of the posterior's."""
    mean, variance, _ = posterior(at, to)
    return mean.add_(noise(), alpha=math.sqrt(variance))


def posterior(at: Visit, to: Level) -> tuple[Tensor, float, float]:
    """The mean of z at the lower level, v, and σ_s²/σ_t²."""
    ratio = at.level.alpha / to.alpha
    variance = at.level.sigma**2 - (ratio * to.sigma) ** 2
    share = to.sigma**2 / at.level.sigma**2
    mean = (ratio * share * at.z).add_(at.clean, alpha=to.alpha * variance / at.level.sigma**2)
    return mean, variance, share


def ddim(at: Visit, before: Visit | None, to: Level, noise: Callable[[], Tensor]) -> Tensor:
    """One deterministic step along the probability flow."""
    return to.alpha * at.clean + to.sigma * (at.z - at.level.alpha * at.clean) / at.level.sigma


def dpmpp_multistep(at: Visit, before: Visit | None, to: Level, noise: Callable[[], Tensor]) -> Tensor:
    """Second order from this ẑ_0 and the one before; the first step of all is DDIM's."""
    if before is None:
        return ddim(at, before, to, noise)
    return exponential_step(at, to, slope_between(before, at))


def dpmpp_singlestep(at: Visit, before: Visit | None, to: Level, noise: Callable[[], Tensor]) -> Tensor:
    """Pairs of steps: DDIM's to a level between, and one of second order from where the pair began.

    The level between is the next one visited, wherever it lies. A step left over at the end is DDIM's.
    """
    if before is None or at.number % 2 == 0:
        return ddim(at, before, to, noise)
    return exponential_step(before, to, slope_between(before, at))


def slope_between(first: Visit, second: Visit) -> Tensor:
    """∂ẑ_0/∂λ of the line through two answers."""
    return (second.clean - first.clean) / (second.level.log_snr - first.level.log_snr)


def exponential_step(start: Visit, to: Level, slope: Tensor) -> Tensor:
    """(σ_s/σ_t) z - α_s (e^{-h} - 1) D with D = ẑ_0 + slope h/2."""
    h = to.log_snr - start.level.log_snr
    direction = start.clean + slope * h / 2
    return to.sigma / start.level.sigma * start.z - to.alpha * math.expm1(-h) * direction


SOLVERS: dict[str, Solver] = {
    "ddpm": ddpm,
    "ddpm-large": ddpm_large,
    "ddim": ddim,
    "dpm++-multistep": dpmpp_multistep,
    "dpm++-singlestep": dpmpp_singlestep,
}
