"""AEPO: guidance by an energy that is computed, not contrasted (arXiv 2505.01822).

The exact guidance of π ∝ μ e^{βQ} is ∇ of E_k(s, a_k) = log E[e^{βQ(s, a_0)} | a_k, s] (eq. 12). With Q expanded
to first order at ā, where it has the value Q and the gradient Q', and a_0 | a_k, s Gaussian with mean μ̃ and
variance σ̃² in every direction, it is
    E_k ≈ βQ(s, ā) + β Q'ᵀ(μ̃ - ā) + ½ β² σ̃² |Q'|²        (eq. 17, 25)
with μ̃ = E[a_0 | a_k, s] of the behaviour model (eq. 18). A network f(a_k, s, k) is regressed on it (eq. 26). It is
exact where μ is Gaussian, with one variance in every direction and state, and Q is linear in a.

Deviation: the paper's eq. 27 writes the value loss with V - Q; here V follows implicit Q-learning's, of the shared
critic. The paper gives no batch, learning rate, schedule or steps: its presets take CEP's and say so.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar, Literal, TypeAlias

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods import (
    ActionValue,
    Component,
    Count,
    GuidanceNet,
    GuidanceObjective,
    Knob,
    NetGuidance,
    NonNegative,
    Positive,
    Rho,
    SlotMethod,
    Step,
    register,
)

Posterior: TypeAlias = Literal["noise", "data", "error"]
ROWS = 16_384
"""Noisy actions of a call while the variance is estimated."""


@dataclass(frozen=True)
class AnalyticNet(GuidanceObjective):
    """f(a_k, s, k), regressed on the analytic energy of the data's actions, each noised at a level of its own.

    Deviation: with `expansion` at the action the target depends on a_0 beside a_k, so f learns its mean over
    a_0 | a_k, s; at the posterior mean it depends on a_k alone.

    Deviation: the paper estimates σ̃² on the batch; it depends on the level, so here it is estimated for each level
    once, on `rows` transitions. It is kept within 0 and the variance of the actions, which it cannot exceed.

    Attributes:
        denoiser: the behaviour model, of which μ̃ and σ̃² are.
        inverse_temperature: β.
        posterior: which estimate of σ̃², see `AEPO`.
        expansion: ā, see `AEPO`.
        offset: ν.
        rows: transitions by which σ̃² is estimated at each level.
        low, high: range of the actions.
        clip_mean: whether μ̃ is kept in that range.
    """

    kind: ClassVar[str] = "aepo-energy"
    denoiser: Component
    inverse_temperature: float
    posterior: Posterior
    expansion: Literal["action", "posterior-mean"]
    offset: float
    rows: int
    low: tuple[float, ...]
    high: tuple[float, ...]
    clip_mean: bool

    def upstream(self) -> Mapping[str, Component]:
        """The critic and the behaviour model."""
        return {"critic": self.critic, "denoiser": self.denoiser}

    def for_estimate(self) -> "AnalyticNet":
        """With a variance of few rows, since that of all levels takes longer than the steps to be timed."""
        return replace(self, rows=min(self.rows, 16))

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """σ̃² of every level, (seed, level)."""
        levels = range(len(step.models["denoiser"].schedule))
        return {"variance": torch.stack([self._estimate(step, level) for level in levels], 1)}

    @torch.no_grad()
    def _estimate(self, step: Step, level: int) -> Float[Tensor, " seed"]:
        """σ̃² at one level."""
        batch, denoiser = step.sample_batch(self.rows), step.models["denoiser"]
        noise = step.noise.normal(*batch.actions.shape[1:])
        each = torch.full(noise.shape[:2], level, device=noise.device)
        noisy = denoiser.schedule.add_noise(batch.actions, each, noise)
        parts = [part.split(ROWS, 1) for part in (noisy, each, batch.observations)]
        predicted = torch.cat([denoiser.predict_noise(*part) for part in zip(*parts, strict=True)], 1)
        return estimate_variance(
            self.posterior, batch.actions, noise, predicted, *denoiser.schedule.coefficients[level]
        )

    def losses(self, module: GuidanceNet, step: Step) -> Mapping[str, Float[Tensor, " seed"]]:
        """Mean squared error of the analytic energy, which has no gradient."""
        batch = step.sample_batch(self.batch_size)
        level = step.noise.integers(len(module.schedule), self.batch_size)
        noise = step.noise.normal(*batch.actions.shape[1:])
        noisy = module.schedule.add_noise(batch.actions, level, noise)
        with torch.no_grad():
            mean = self._posterior_mean(noisy, level, batch.observations, step)
        place, value, slope = self._expand(step, batch.observations, batch.actions, mean)
        variance = step.precomputed["variance"].gather(1, level)
        energy = analytic_energy(self.inverse_temperature, value, slope, mean - place, variance)
        return {"loss": (module(noisy, level, batch.observations) - energy).square().mean(-1)}

    def _posterior_mean(
        self,
        noisy: Float[Tensor, "seed batch action"],
        level: Int[Tensor, "seed batch"],
        observations: Float[Tensor, "seed batch observation"],
        step: Step,
    ) -> Float[Tensor, "seed batch action"]:
        """μ̃ = (a_k - σ ε_θ)/α (eq. 18)."""
        denoiser = step.models["denoiser"]
        alpha, sigma = (part[level][..., None] for part in (denoiser.schedule.alpha, denoiser.schedule.sigma))
        mean = (noisy - sigma * denoiser.predict_noise(noisy, level, observations)) / alpha
        if self.clip_mean:
            mean = mean.clamp(mean.new_tensor(self.low), mean.new_tensor(self.high))
        return mean

    def _expand(
        self,
        step: Step,
        observations: Float[Tensor, "seed batch observation"],
        actions: Float[Tensor, "seed batch action"],
        mean: Float[Tensor, "seed batch action"],
    ) -> tuple[
        Float[Tensor, "seed batch action"], Float[Tensor, "seed batch"], Float[Tensor, "seed batch action"]
    ]:
        """ā, Q(s, ā) and Q'.

        At the action ā = a - ν Q'(s, a)/|Q'(s, a)|, and Q'(s, a) stands for Q'(s, ā) (eq. 46).
        """
        critic = step.models["critic"]
        if self.expansion == "posterior-mean":
            value, slope = value_and_slope(critic, observations, mean)
            return mean, value, slope
        _, slope = value_and_slope(critic, observations, actions)
        place = actions - self.offset * torch.nn.functional.normalize(slope, dim=-1)
        with torch.no_grad():
            return place, critic.q(observations, place), slope


def value_and_slope(
    critic: ActionValue,
    observations: Float[Tensor, "seed batch observation"],
    actions: Float[Tensor, "seed batch action"],
) -> tuple[Float[Tensor, "seed batch"], Float[Tensor, "seed batch action"]]:
    """Q(s, a) and ∇_a Q(s, a), both without gradient."""
    with torch.enable_grad():
        leaf = actions.detach().requires_grad_()
        value = critic.q(observations, leaf)
    (slope,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach(), slope


def estimate_variance(
    posterior: Posterior,
    actions: Float[Tensor, "seed row action"],
    noise: Float[Tensor, "seed row action"],
    predicted: Float[Tensor, "seed row action"],
    alpha: float,
    sigma: float,
) -> Float[Tensor, " seed"]:
    """σ̃², the mean variance of a_0 | a_k, s in one direction, from rows a_k = α a_0 + σ ε and ε_θ(a_k, k, s).

    With u_0 the mean action and d its size:
        `noise`, posterior 1 (eq. 22): (σ²/α²)(1 - E|ε_θ|²/d)
        `data`, posterior 2 (eq. 24, 41): Var(a_0) - E|μ̃ - u_0|²/d
        `error`, posterior 3 (eq. 43): (σ²/α²) E|ε - ε_θ|²/d
    The three agree where ε_θ is E[ε | a_k, s].

    Returns:
        Within 0 and Var(a_0).
    """
    centre = actions.mean(1, keepdim=True)
    spread = (actions - centre).square().mean((1, 2))
    match posterior:
        case "noise":
            found = (sigma / alpha) ** 2 * (1 - predicted.square().mean((1, 2)))
        case "data":
            mean = (alpha * actions + sigma * (noise - predicted)) / alpha
            found = spread - (mean - centre).square().mean((1, 2))
        case "error":
            found = (sigma / alpha) ** 2 * (noise - predicted).square().mean((1, 2))
    return torch.minimum(found.clamp(min=0.0), spread)


def analytic_energy(
    inverse_temperature: float,
    value: Float[Tensor, "*batch"],
    slope: Float[Tensor, "*batch action"],
    shift: Float[Tensor, "*batch action"],
    variance: Float[Tensor, "*batch"],
) -> Float[Tensor, "*batch"]:
    """β Q + β Q'ᵀ (μ̃ - ā) + ½ β² σ̃² |Q'|² (eq. 17, 25).

    Args:
        inverse_temperature: β.
        value, slope: Q(s, ā) and Q'.
        shift: μ̃ - ā.
        variance: σ̃².
    """
    linear = value + (slope * shift).sum(-1)
    return inverse_temperature * (linear + 0.5 * inverse_temperature * variance * slope.square().sum(-1))


@register("aepo")
@dataclass(frozen=True)
class AEPO(SlotMethod):
    """Objective: behaviour. Guidance: ∇ of the analytic energy. Selection: the first draw.

    Not exact: it takes Q to first order and a_0 | a_k, s for Gaussian; right where Q is linear and μ Gaussian
    with one variance in every direction and state.

    Deviation: the paper rescales the guided score to the norm of the unguided one (eq. 45). That is a setting of
    all guidances here, `guidance.rescale`, which is off unless it is asked for or AEPO's own settings are taken.

    `tune --training` tries β from 1 to 5, the paper's range.

    Attributes:
        inverse_temperature: β of π ∝ μ e^{βQ} (1 to 5 in the paper).
        batch_size: transitions per training step.
        posterior: how σ̃² is estimated: `noise` (posterior 1, the paper's), `data` (2) or `error` (3).
        expansion: where Q is expanded: at the data's `action`, or at the `posterior-mean` μ̃.
        offset: ν, by which the action is moved against Q' before it is expanded at (0.001 in the paper).
        variance_rows: transitions by which σ̃² is estimated at each level.
        clip_mean: keep μ̃ within the range of the data's actions, beyond which it lies far at noisy levels; the
            paper does not say.
    """

    title: ClassVar[str] = "AEPO"
    paper: ClassVar[str] = "AEPO, arXiv 2505.01822"
    rho: ClassVar[Rho | None] = Rho(default=1.0, grid=(0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0), low=0.05, high=3.0)
    knobs: ClassVar[Mapping[str, Knob]] = {"inverse_temperature": Knob(1.0, 5.0)}
    in_default_comparison: ClassVar[bool] = False
    inverse_temperature: Positive = 3.0
    batch_size: Count = 256
    posterior: Posterior = "noise"
    expansion: Literal["action", "posterior-mean"] = "action"
    offset: NonNegative = 1e-3
    variance_rows: Count = 4096
    clip_mean: bool = True

    def guidance(self) -> NetGuidance:
        """ρ ∇f; no gradient goes through the denoiser."""
        return NetGuidance(
            lambda setup, denoiser: AnalyticNet(
                setup.guidance_net,
                setup.q_critic(),
                self.batch_size,
                setup.behaviour(),
                self.inverse_temperature,
                self.posterior,
                self.expansion,
                self.offset,
                self.variance_rows,
                setup.action_low,
                setup.action_high,
                self.clip_mean,
            )
        )
