"""Behaviour N(m, S) and log w = l·a - ½ a·Pa + c, in any dimension: π ∝ μ w is Gaussian with precision S⁻¹ + P.

With V = α² S + σ² I, a_0 | a_k ~ N(μ_k, C_k), μ_k = m + α S V⁻¹ (a_k - α m) and C_k = σ² S V⁻¹. What a guidance
takes for log w_k(a_k) then is, up to a constant,
  log E[w | a_k] = T l·μ_k - ½ μ_k·T P μ_k with T = (I + P C_k)⁻¹, exact;
  E[log w | a_k] = l·μ_k - ½ μ_k·P μ_k, what the regressed energy (MSE) learns;
  log w(E[a_0 | a_k]), the plug-in (DPS), which is the same: C_k, the difference, does not depend on a_k.
For P = 0 all three are one. ẑ_0 = μ_k + (σ²/α) ∂μ_k/∂a_k (gradient in μ_k) = μ_k + C_k (gradient in μ_k).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from scipy.integrate import quad
from solver_law import Answer
from torch import Tensor

from methods.diffusion.schedule import Schedule


@dataclass(frozen=True)
class Quadratic:
    """The problem; vectors and matrices as tuples."""

    mean: tuple[float, ...]
    covariance: tuple[tuple[float, ...], ...]
    slope: tuple[float, ...]
    curvature: tuple[tuple[float, ...], ...]

    @cached_property
    def arrays(self) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """m, S, l, P."""
        m, s, tilt, p = (np.array(part) for part in (self.mean, self.covariance, self.slope, self.curvature))
        return m, s, tilt, p

    def target(self) -> tuple[np.ndarray, np.ndarray]:
        """Mean and covariance of π."""
        m, s, tilt, p = self.arrays
        covariance = np.linalg.inv(np.linalg.inv(s) + p)
        return covariance @ (np.linalg.solve(s, m) + tilt), covariance

    def log_weight(self, actions: Tensor) -> Tensor:
        """log w with its maximum at 0; needs P > 0."""
        _, _, tilt, p = self.arrays
        at = actions - torch.from_numpy(np.linalg.solve(p, tilt)).to(actions)
        return -((at @ torch.from_numpy(p).to(actions)) * at).sum(-1) / 2


def affine(
    law_mean: np.ndarray, law_covariance: np.ndarray, alpha: float, sigma: float
) -> tuple[Answer, np.ndarray]:
    """E[a_0 | a_k] = gain a_k + constant under a Gaussian prior, and Cov[a_0 | a_k]."""
    eye = np.eye(len(law_mean))
    total = alpha**2 * law_covariance + sigma**2 * eye
    gain = alpha * law_covariance @ np.linalg.inv(total)
    return (gain, law_mean - alpha * gain @ law_mean), sigma**2 * law_covariance @ np.linalg.inv(total)


def answers(law: Quadratic, schedule: Schedule, biased: bool) -> list[Answer]:
    """The guided ẑ_0 of every level. The exact one is Bayes' for the prior π; no log w_k enters."""
    m, s, tilt, p = law.arrays
    rows: list[Answer] = []
    for alpha, sigma in zip(schedule.alpha.double().tolist(), schedule.sigma.double().tolist(), strict=True):
        if not biased:
            rows.append(affine(*law.target(), alpha, sigma)[0])
            continue
        (gain, constant), rest = affine(m, s, alpha, sigma)
        moved = np.eye(len(m)) - rest @ p
        rows.append((moved @ gain, moved @ constant + rest @ tilt))
    return rows


def biased_limit(law: Quadratic, solver: str) -> tuple[np.ndarray, np.ndarray]:
    """The law that the biased guidance samples with ever finer steps; needs S P = P S.

    Along a common eigenvector, with u = α² s²/(α² s² + σ²), κ = P s² and g = (l - P m), y = a_k/α - m obeys
        flow: u dy/du = -½ [(1 + κu) y - s² g],      SDE: u dy = -[(1 + κu) y - s² g] du + s √du dB,
    from u = 0, where √u y (flow) is s times the first draw, to u = 1:
        flow: y = s² g e^{-κ/2} ∫₀¹ e^{κv²/2} dv + s e^{-κ/2} ξ
        SDE: mean s² g (1 - e^{-κ})/κ, variance s² (1 - e^{-2κ})/(2κ).
    The target has mean s² g/(1 + κ) and variance s²/(1 + κ).
    """
    m, s, tilt, p = law.arrays
    variance, basis = np.linalg.eigh(s)
    kappa = np.diag(basis.T @ p @ basis) * variance
    pull = variance * (basis.T @ (tilt - p @ m))
    if solver.startswith("ddpm"):
        shift, spread = pull * -np.expm1(-kappa) / kappa, variance * -np.expm1(-2 * kappa) / (2 * kappa)
    else:
        integral = np.array([quad(lambda v, k=k: np.exp(k * (v**2 - 1) / 2), 0, 1)[0] for k in kappa])
        shift, spread = pull * integral, variance * np.exp(-kappa)
    return m + basis @ shift, basis @ np.diag(spread) @ basis.T


class Behaviour:
    """E[a_0 | a_k]."""

    def __init__(self, law: Quadratic, schedule: Schedule):
        self.law, self.schedule, self.channels = law, schedule, len(law.mean)

    def posterior(self, z: Tensor, level: int) -> tuple[Tensor, np.ndarray]:
        m, s, _, _ = self.law.arrays
        alpha, sigma = self.schedule.alpha[level].item(), self.schedule.sigma[level].item()
        (gain, constant), rest = affine(m, s, alpha, sigma)
        return z @ torch.from_numpy(gain.T).to(z) + torch.from_numpy(constant).to(z), rest

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        return self.posterior(z, level)[0]


class Energy:
    """log E[w | a_k], what CEP's and Diffusion-DICE's networks learn; or E[log w | a_k], as the regressed one."""

    def __init__(self, law: Quadratic, schedule: Schedule, biased: bool):
        self.law, self.behaviour, self.biased = law, Behaviour(law, schedule), biased

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        _, _, tilt, p = self.law.arrays
        at, rest = self.behaviour.posterior(z, level)
        share = np.eye(len(tilt)) if self.biased else np.linalg.inv(np.eye(len(tilt)) + p @ rest)
        return (
            at @ torch.from_numpy(share @ tilt).to(z) - ((at @ torch.from_numpy(share @ p).to(z)) * at).sum(-1) / 2
        )


@dataclass(frozen=True)
class QuadraticCritic:
    """Q(s, a) = log w and V(s) = 0, so that π ∝ μ e^{βQ} at β = 1."""

    law: Quadratic

    def q(self, observations: Tensor, actions: Tensor) -> Tensor:
        _, _, tilt, p = self.law.arrays
        bent = actions @ torch.from_numpy(p).to(actions)
        return actions @ torch.from_numpy(tilt).to(actions) - (bent * actions).sum(-1) / 2

    def v(self, observations: Tensor) -> Tensor:
        return torch.zeros(observations.shape[:2])


class Joint:
    """E[(a_0, w_0) | a_k, w_k] by Gauss-Hermite over a_0 | a_k, reweighted by the likelihood of w_k."""

    def __init__(self, law: Quadratic, schedule: Schedule, nodes: int):
        self.law, self.schedule = law, schedule
        self.behaviour = Behaviour(law, schedule)
        self.channels = self.behaviour.channels + 1
        places, masses = np.polynomial.hermite_e.hermegauss(nodes)
        axes = [torch.from_numpy(places)] * self.behaviour.channels
        self.places = torch.cartesian_prod(*axes).reshape(-1, self.behaviour.channels)
        logs = [torch.from_numpy(np.log(masses))] * self.behaviour.channels
        self.log_masses = torch.cartesian_prod(*logs).reshape(len(self.places), -1).sum(-1)

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        alpha, sigma = self.schedule.alpha[level], self.schedule.sigma[level]
        mean, rest = self.behaviour.posterior(z[..., :-1], level)
        spread = self.places @ torch.from_numpy(np.linalg.cholesky(rest).T)
        actions = mean[..., None, :] + spread.to(z)
        weights = self.law.log_weight(actions).exp()
        misfit = (z[..., -1:] - alpha * weights) / sigma
        share = (self.log_masses.to(z) - misfit.square() / 2).softmax(-1)
        clean = (share[..., None] * actions).sum(-2)
        return torch.cat([clean, (share * weights).sum(-1, keepdim=True)], -1)
