"""Behaviour and weight with a known guided law: a ~ N(m, s²) and log w = l a + c give π ∝ μ w = N(m + l s², s²).

Gaussian algebra on a_k = α a_0 + σ ε, with V = α² s² + σ²:
  a_0 | a_k ~ N((α s² a_k + σ² m)/V, s² σ²/V), hence log E[w | a_k] = l E[a_0 | a_k] + l² s² σ²/(2 V) + c,
whose slope in a_k is l α s²/V: linear in l, so that guidance with ρ is exact guidance with ρ l.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from solver_law import law_after
from torch import Tensor

from methods.diffusion.schedule import Schedule


@dataclass(frozen=True)
class LogLinear:
    """The problem: behaviour N(mean, std²), log w = slope a + offset.

    Of the guided draws, whose log w is N(-1.88, 0.8²) at ρ = 1, one in a hundred leaves SWG's range (1e-4, 1].
    """

    mean: float = 0.3
    std: float = 0.5
    slope: float = 1.6
    offset: float = -3.0

    def target_mean(self, rho: float = 1.0) -> float:
        return self.mean + rho * self.slope * self.std**2

    def weight(self, actions: Tensor) -> Tensor:
        return torch.exp(self.slope * actions + self.offset)

    def posterior(self, noisy: Tensor, schedule: Schedule, level: int) -> tuple[Tensor, Tensor]:
        """Mean and variance of a_0 given a_k."""
        alpha, sigma = schedule.alpha[level], schedule.sigma[level]
        total = (alpha * self.std).square() + sigma.square()
        mean = (alpha * self.std**2 * noisy + sigma.square() * self.mean) / total
        return mean, (self.std * sigma).square() / total


@dataclass(frozen=True)
class ExactBehaviour:
    """E[a_0 | a_k]; one channel."""

    law: LogLinear
    schedule: Schedule
    channels: int = 1

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        return self.law.posterior(z, self.schedule, level)[0]


@dataclass(frozen=True)
class ExactEnergy:
    """log E[w | a_k], what CEP's and Diffusion-DICE's networks learn."""

    law: LogLinear
    schedule: Schedule

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        mean, variance = self.law.posterior(z[..., 0], self.schedule, level)
        return self.law.slope * mean + self.law.slope**2 * variance / 2 + self.law.offset


class ExactJoint:
    """E[(a_0, w_0) | a_k, w_k], w_0 = w(a_0): Gauss-Hermite over a_0 | a_k, reweighted by the likelihood of w_k.

    Two channels. Differentiable by autograd, since the nodes move with a_k and the integral does not feel them.
    """

    channels = 2

    def __init__(self, law: LogLinear, schedule: Schedule, weight: Callable[[Tensor], Tensor] | None = None):
        self.law, self.schedule = law, schedule
        self.weight = weight or law.weight
        places, masses = np.polynomial.hermite_e.hermegauss(16)
        self.places, self.log_masses = torch.from_numpy(places), torch.from_numpy(np.log(masses))

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        alpha, sigma = self.schedule.alpha[level], self.schedule.sigma[level]
        mean, variance = self.law.posterior(z[..., :1], self.schedule, level)
        actions = mean + variance.sqrt() * self.places.to(z.dtype)
        weights = self.weight(actions)
        misfit = (z[..., 1:] - alpha * weights) / sigma
        share = (self.log_masses.to(z.dtype) - misfit.square() / 2).softmax(-1)
        return torch.stack([(share * actions).sum(-1), (share * weights).sum(-1)], -1)


def sampled_law(law: LogLinear, schedule: Schedule, solver: str, rho: float) -> tuple[float, float]:
    """Mean and standard deviation that a sampler reaches with the exact guided denoiser, without sampling."""
    alpha, sigma = schedule.alpha.double().numpy(), schedule.sigma.double().numpy()
    total = alpha**2 * law.std**2 + sigma**2
    gain = alpha * law.std**2 / total
    constant = (sigma**2 * law.mean + rho * sigma**2 * law.slope * law.std**2) / total
    answers = [(np.array([[g]]), np.array([c])) for g, c in zip(gain, constant, strict=True)]
    mean, covariance = law_after(schedule, solver, answers)
    return mean.item(), covariance.item() ** 0.5


def limit_law(law: LogLinear, schedule: Schedule, solver: str, rho: float) -> tuple[float, float]:
    """Where `sampled_law` tends with ever finer steps: the target, but for starting from N(0, 1).

    The true start is N(α_K m', V_K) with m' the target's mean. The probability flow maps quantiles to quantiles,
    so an error of the start is carried through whole; the ancestral chain draws a_0 | a_K by Gaussian
    regression, which forgets all but α_K s²/V_K of it.
    """
    alpha, sigma = schedule.alpha[-1].item(), schedule.sigma[-1].item()
    total = alpha**2 * law.std**2 + sigma**2
    target = law.target_mean(rho)
    if not solver.startswith("ddpm"):
        slope = law.std / total**0.5
        return target - slope * alpha * target, slope
    slope = alpha * law.std**2 / total
    return target - slope * alpha * target, (law.std**2 + slope**2 * (1 - total)) ** 0.5
