"""A guidance wraps a denoiser and gives a denoiser: score + ρ ∇ log w_k moves E[z_0 | z_k] by ρ (σ²/α) ∇ log w_k.

With ε̂ = ε - ρ σ ∇ log w_k and E[z_0 | z_k] = (z_k - σ ε)/α. With w_k(z_k) = E[w | z_k] and ρ = 1 the sampled
law is exactly π ∝ μ w (CEP, arXiv 2304.12824, Thm 3.1; SWG, arXiv 2505.18345); ρ = 0 is the unguided law.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int
from torch import Tensor

from methods.diffusion.denoiser import Denoiser
from methods.diffusion.schedule import Schedule

WEIGHT_FLOOR = 1e-4

LogWeight = Callable[[Tensor, int, Tensor], Tensor]


@dataclass
class Repairs:
    """Counts of what had to be repaired while sampling, per seed, kept on the device until they are read.

    Attributes:
        nan_gradients: rows whose guidance gradient was not finite; they were not guided at that level.
        clipped_weights: rows whose predicted weight left [1e-4, 1] (SWG); their gradient is zero there.
        guided_rows: rows times levels that were guided, to read the others against; the same for each seed.
    """

    nan_gradients: Int[Tensor, " seed"] | int = 0
    clipped_weights: Int[Tensor, " seed"] | int = 0
    guided_rows: int = 0

    def counts(self, row: int) -> dict[str, int]:
        """The counts of one seed, by its place on the seed axis, as plain integers."""
        return {
            "nan_gradients": _of(self.nan_gradients, row),
            "clipped_weights": _of(self.clipped_weights, row),
            "guided_rows": self.guided_rows,
        }


def _of(count: Tensor | int, row: int) -> int:
    return count if isinstance(count, int) else int(count[row])


def guided(
    clean: Float[Tensor, "seed batch channel"],
    gradient: Float[Tensor, "seed batch channel"],
    schedule: Schedule,
    level: int,
    rho: float,
    repairs: Repairs,
) -> Float[Tensor, "seed batch channel"]:
    """clean + ρ (σ²/α) gradient; a row whose gradient is not finite stays unguided and is counted."""
    finite = gradient.isfinite().all(-1, keepdim=True)
    repairs.nan_gradients = repairs.nan_gradients + (~finite).sum((1, 2))
    repairs.guided_rows += finite.shape[1]
    shift = rho * schedule.sigma[level].square() / schedule.alpha[level]
    return clean + shift * torch.where(finite, gradient, 0.0)


class Guidance(ABC):
    """A denoiser around a denoiser; a guidance says what ẑ_0 and ∇ log w_k are, the rest is the same for all.

    Attributes:
        denoiser: what is guided.
        rho: guidance scale; 0 gives the wrapped denoiser exactly.
        repairs: counts of what was not guided.
    """

    denoiser: Denoiser
    rho: float
    repairs: Repairs

    @property
    def schedule(self) -> Schedule:
        """The wrapped denoiser's."""
        return self.denoiser.schedule

    @property
    def channels(self) -> int:
        """The wrapped denoiser's."""
        return self.denoiser.channels

    def __call__(
        self,
        z: Float[Tensor, "seed batch channel"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> Float[Tensor, "seed batch channel"]:
        """Guided E[z_0 | z_k, s]."""
        if self.rho == 0:
            return self.denoiser(z, level, observations)
        clean, gradient = self.clean_and_gradient(z, level, observations)
        return guided(clean, gradient, self.schedule, level, self.rho, self.repairs)

    @abstractmethod
    def clean_and_gradient(
        self,
        z: Float[Tensor, "seed batch channel"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> tuple[Float[Tensor, "seed batch channel"], Float[Tensor, "seed batch channel"]]:
        """E[z_0 | z_k, s] of the wrapped denoiser, and ∇_z log w_k."""


def through_denoiser(
    denoiser: Denoiser,
    z: Float[Tensor, "seed batch channel"],
    level: int,
    observations: Float[Tensor, "seed batch observation"],
    log_weight: Callable[[Tensor], Tensor],
) -> tuple[Float[Tensor, "seed batch channel"], Float[Tensor, "seed batch channel"]]:
    """E[z_0 | z_k, s] and ∇_z of `log_weight` of it; one forward and one backward pass through the denoiser."""
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        clean = denoiser(z, level, observations)
        value = log_weight(clean).sum()
    (gradient,) = torch.autograd.grad(value, z)
    return clean.detach(), gradient


@dataclass
class EnergyGuided(Guidance):
    """Guidance by a learned log w_k(a, s): the gradient goes through that network alone (CEP, Diffusion-DICE).

    Attributes:
        denoiser, rho, repairs: see `Guidance`.
        log_weight: (z, level, observations) → log w_k, (seed, batch).
    """

    denoiser: Denoiser
    log_weight: LogWeight
    rho: float
    repairs: Repairs = field(default_factory=Repairs)

    def clean_and_gradient(
        self,
        z: Float[Tensor, "seed batch channel"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> tuple[Float[Tensor, "seed batch channel"], Float[Tensor, "seed batch channel"]]:
        """No gradient goes through the denoiser."""
        clean = self.denoiser(z, level, observations)
        with torch.enable_grad():
            z = z.detach().requires_grad_()
            value = self.log_weight(z, level, observations).sum()
        (gradient,) = torch.autograd.grad(value, z)
        return clean, gradient


@dataclass
class SelfWeighted(Guidance):
    """SWG: guidance by the denoiser's own weight channel, ∇_z log ŵ(z) through the network (eq. 17-19).

    ŵ = E[w | z_k] is the last channel of the denoised z; the gradient is with respect to the whole z, the
    weight channel too (the paper's Remark 3.4). ŵ is clipped to [1e-4, 1] before the log, as in the authors'
    code, so a row outside gets no gradient; such rows are counted.

    Attributes:
        denoiser, rho, repairs: see `Guidance`; the denoiser is a joint one, z = (a, w).
        shrunk: what is held against the clip is ŵ α_{k-1}, as in the authors' code, which divides by √(1 - β_k) in
            the place of α_k; noisy predictions then leave the clip far less often. The gradient is the same.
    """

    denoiser: Denoiser
    rho: float
    shrunk: bool = False
    repairs: Repairs = field(default_factory=Repairs)

    def clean_and_gradient(
        self,
        z: Float[Tensor, "seed batch channel"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> tuple[Float[Tensor, "seed batch channel"], Float[Tensor, "seed batch channel"]]:
        """Through the whole denoiser."""
        shrink = self.schedule.alpha[level - 1] if self.shrunk and level > 0 else 1.0

        def log_weight(clean: Tensor) -> Tensor:
            weight = clean[..., -1] * shrink
            outside = (weight < WEIGHT_FLOOR) | (weight > 1.0)
            self.repairs.clipped_weights = self.repairs.clipped_weights + outside.sum(1)
            return weight.clamp(WEIGHT_FLOOR, 1.0).log()

        return through_denoiser(self.denoiser, z, level, observations, log_weight)
