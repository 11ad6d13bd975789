"""A guided denoiser is a denoiser around a denoiser: score + ρ s moves E[z_0 | z_k] by ρ (σ²/α) s.

With ε̂ = ε - ρ σ s and E[z_0 | z_k] = (z_k - σ ε)/α. Where s = ∇ log w_k, w_k(z_k) = E[w | z_k] and ρ = 1 the
sampled law is exactly π ∝ μ w (CEP, arXiv 2304.12824, Thm 3.1; SWG, arXiv 2505.18345); ρ = 0 is the unguided law.
A guidance says what s is; the scale, a gradient that is not finite, and all counts are the same for all.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Protocol, runtime_checkable

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor
from torch.nn.functional import pad

from foundation.bounds import Positive
from foundation.errors import UserError
from foundation.keys import UNLESS_DEFAULT
from methods.diffusion.denoiser import Denoiser
from methods.diffusion.schedule import Schedule
from methods.diffusion.strength import StrengthSetting
from training.shapes import Observations, PerRow, Z


@dataclass(frozen=True, kw_only=True)
class GuidanceConfig:
    """How the guidance of every method is applied.

    Attributes:
        rescale: give the guided noise prediction of the action the norm that it has unguided, so that guidance
            turns it and does not lengthen it (AEPO, arXiv 2505.01822, eq. 45).
        clip: largest Euclidean norm of a row's score at ρ = 1, which is the gradient of log w in all channels of
            the noisy z: nats per unit of z, in which actions lie within -1 and 1. A longer score is shortened to
            it, keeps its direction, and is counted as `clipped_scores`; ρ is applied after. None clips nothing.
        normalise: give the score the norm 1/σ at every level, so that guidance moves the noise prediction by ρ,
            and ẑ_0 by ρ σ/α, whatever the gradient's length, as policy-guided diffusion's unit gradients (arXiv
            2404.06356). A score of zero has no direction and stays zero.
        schedule: factor c_k of ρ at noise level k: `constant`, 1; `sigma`, σ_k, which grows with the noise to 1;
            `first:SHARE` or `last:SHARE`, 1 in the first (noisiest) or last share of the sampling steps, at least
            one of them, and 0 in the others, where no gradient is evaluated.
        stop_gradient: take ẑ_0's derivative in z to be 1/α, that of (z - σ ε)/α with ε held: no gradient goes
            through the denoiser. SWG's score is then in the weight channel alone, and DPS's is the critic's
            gradient over α. It changes nothing for methods without such a gradient, and is refused where no
            compared method has one.
    """

    rescale: bool = False
    clip: Positive | None = field(default=None, metadata=UNLESS_DEFAULT)
    normalise: bool = field(default=False, metadata=UNLESS_DEFAULT)
    schedule: StrengthSetting = field(default="constant", metadata=UNLESS_DEFAULT)
    stop_gradient: bool = field(default=False, metadata=UNLESS_DEFAULT)


@dataclass(frozen=True)
class Steer:
    """What a guidance says at one level.

    Attributes:
        clean: E[z_0 | z_k, s] without guidance.
        score: what ρ = 1 adds to the score ∇ log p_k(z): ∇ log w_k of a weight. A displacement d of E[z_0 | z_k]
            is the score d α/σ².
        gradients: gradient evaluations that were made for each row.
        beside: forward passes of networks other than the denoiser's that they took for each row.
        interventions: name → rows at which the guidance had to intervene, such as a clipped weight.
    """

    clean: Z
    score: Z
    gradients: int = 1
    beside: int = 0
    interventions: Mapping[str, Bool[Tensor, "seed batch"]] = field(default_factory=dict)


@dataclass
class Counts:
    """What was evaluated and where it was intervened while acting; kept on the device until it is read.

    Interventions and guided rows are counted for every seed, or for each observation of one seed's calls.

    Attributes:
        apart: how many observations a call of one seed has, where they are counted apart; else None.
        interventions: name → (seed or observation, level) counts; `nan_gradients` are rows whose score was not
            finite, which were not guided at that level, `clipped_scores` those whose score was longer than
            `guidance.clip`; a guidance adds its own, such as `clipped_weights`.
        function: rows times calls of the denoiser's network.
        gradient: rows times gradient evaluations.
        beside: rows times forward passes of other networks, a guidance's or an actor.
        guided_rows: rows times levels that were guided, ρ > 0, to read the interventions against.
    """

    apart: int | None = None
    interventions: dict[str, Tensor] = field(default_factory=dict)
    function: int = 0
    gradient: int = 0
    beside: int = 0
    guided_rows: Int[Tensor, " group"] | int = 0

    def intervene(self, name: str, rows: Bool[Tensor, "seed batch"], level: int, levels: int) -> None:
        """Count the rows that are true at this level; those of an observation's candidates lie side by side."""
        found = self.sum_rows(rows)
        if name not in self.interventions:
            self.interventions[name] = torch.zeros(len(found), levels, dtype=torch.int64, device=rows.device)
        self.interventions[name][:, level] += found

    def guide(self, rows: Int[Tensor, " group"]) -> None:
        """Count the guided rows of every seed or observation at one level; see `sum_rows`."""
        if isinstance(self.guided_rows, int):
            self.guided_rows = torch.zeros_like(rows)
        self.guided_rows += rows

    def sum_rows(self, rows: Bool[Tensor, "seed batch"]) -> Int[Tensor, " group"]:
        """How many rows are true of each seed or observation.

        Raises:
            UserError: observations are counted apart, and have not equally many rows each.
        """
        if self.apart is None:
            return rows.sum(1)
        if rows.shape[1] % self.apart:
            raise UserError(
                f"{rows.shape[1]} rows are counted of {self.apart} observations: give `intervene` equally many "
                "rows of each observation, side by side."
            )
        return rows.unflatten(1, (self.apart, -1)).sum((0, 2))

    def of_seed(self, place: int) -> dict[str, Any]:
        """The counts of one seed or observation, by its place, as numbers; evaluations are of all together."""
        found = {name: counts[place].tolist() for name, counts in self.interventions.items()}
        guided = self.guided_rows if isinstance(self.guided_rows, int) else int(self.guided_rows[place])
        names = ("function", "gradient", "beside")
        evaluations = {**{name: getattr(self, name) for name in names}, "guided_rows": guided}
        return {"interventions": {"nan_gradients": [], **found}, "evaluations": evaluations}


@runtime_checkable
class PullBack(Protocol):
    """What takes the gradient of a denoiser's clean channels to that of its noisy ones."""

    def __call__(self, slope: Float[Tensor, "seed batch given"], first: int = 0) -> Z:
        """The gradient of z.

        Args:
            slope: of the clean channels from `first` on.
            first: number of channels before.
        """
        ...


@dataclass(frozen=True)
class WrappedDenoiser(ABC):
    """A denoiser around a denoiser, of the same schedule and channels.

    Attributes:
        denoiser: what is wrapped.
    """

    denoiser: Denoiser

    @property
    def schedule(self) -> Schedule:
        return self.denoiser.schedule

    @property
    def channels(self) -> int:
        return self.denoiser.channels

    @abstractmethod
    def __call__(self, z: Z, level: int, observations: Observations) -> Z:
        """E[z_0 | z_k, s]."""


@dataclass(frozen=True)
class CountedDenoiser(WrappedDenoiser):
    """A denoiser whose evaluations are counted.

    Attributes:
        counts: where its rows are added.
    """

    counts: Counts

    def __call__(self, z: Z, level: int, observations: Observations) -> Z:
        self.counts.function += z.shape[1]
        return self.denoiser(z, level, observations)

    def linearise(self, z: Z, level: int, observations: Observations) -> tuple[Z, PullBack]:
        """See `linearise`."""
        self.counts.function += z.shape[1]
        return linearise(self.denoiser, z, level, observations)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the made model has."""
        return getattr(self.denoiser, name)


@dataclass(frozen=True)
class GuidedDenoiser(WrappedDenoiser):
    """A denoiser steered by a guidance at the scale ρ of each row.

    Attributes:
        denoiser: the objective's, unguided.
        steer: (z, level, observations) → what the guidance says there.
        rho: scale of each row, (seed, batch); a row with 0 is left as the wrapped denoiser has it.
        counts: of interventions and evaluations.
        clip, normalise: see `GuidanceConfig`.
        strength: factor c_k of ρ at every level, or None where all are 1; at 0 the level is unguided.
        rescaled: leading channels of z whose guided noise prediction gets the norm of the unguided one; see
            `rescale_noise`. 0 leaves it as it is.
    """

    steer: Callable[[Tensor, int, Tensor], Steer]
    rho: PerRow
    counts: Counts
    clip: float | None = None
    normalise: bool = False
    strength: tuple[float, ...] | None = None
    rescaled: int = 0

    def __call__(self, z: Z, level: int, observations: Observations) -> Z:
        """clean + ρ c_k (σ²/α) score; a row whose score is not finite stays unguided here and is counted."""
        factor = 1.0 if self.strength is None else self.strength[level]
        if factor == 0:
            return self.denoiser(z, level, observations)
        steer = self.steer(z, level, observations)
        alpha, sigma = self.schedule.coefficients[level]
        score, interventions = self._bound(steer.score, sigma)
        for name, rows in {**steer.interventions, **interventions}.items():
            self.counts.intervene(name, rows & self.guided, level, len(self.schedule))
        self.counts.gradient += steer.gradients * z.shape[1]
        self.counts.beside += steer.beside * z.shape[1]
        self.counts.guide(self.guided_rows)
        moved = steer.clean + self.rho[..., None] * (factor * sigma**2 / alpha) * score
        if self.rescaled:
            rescaled = rescale_noise(z, steer.clean, moved, alpha, self.rescaled)
            moved = torch.where(self.guided[..., None], rescaled, moved)
        return moved

    def _bound(self, score: Z, sigma: float) -> tuple[Z, dict[str, Bool[Tensor, "seed batch"]]]:
        """The score as it is applied at a level with that σ, and by name the rows at which it was put right."""
        finite = score.isfinite().all(-1)
        score, interventions = torch.where(finite[..., None], score, 0.0), {"nan_gradients": ~finite}
        if self.normalise:
            score = normalise_score(score, sigma)
        elif self.clip is not None:
            score, interventions["clipped_scores"] = clip_score(score, self.clip)
        return score, interventions

    @cached_property
    def guided(self) -> Bool[Tensor, "seed batch"]:
        """The rows that are."""
        return self.rho != 0

    @cached_property
    def guided_rows(self) -> Int[Tensor, " group"]:
        """How many they are of each seed or observation."""
        return self.counts.sum_rows(self.guided)


def clip_score(score: Z, most: float) -> tuple[Z, Bool[Tensor, "seed batch"]]:
    """The score shortened to a norm of `most` in rows where it is longer, and which rows these are.

    Args:
        score: finite, with respect to all channels of z.
        most: above 0.
    """
    direction, norm = split_score(score)
    longer = norm > most
    return torch.where(longer, most * direction, score), longer[..., 0]


def normalise_score(score: Z, sigma: float) -> Z:
    """s/(σ |s|), with which ε̂ = ε - ρ σ s is ε - ρ s/|s|; a score of zero stays zero.

    Deviation: only with `guidance.normalise`. Policy-guided diffusion (arXiv 2404.06356, Alg. 1) moves the noisy
    sample z/α by λ_n s/|s| in every step, with λ_n = λ (σ_n + 0.3 σ_N sin(π n/N)) and σ_n = σ/α here; in this
    package ẑ_0 is moved by ρ σ/α, which every solver takes over in its own way, and there is no sine term.

    Args:
        score: finite, with respect to all channels of z.
        sigma: σ of the level.
    """
    return split_score(score)[0] / sigma


def split_score(score: Z) -> tuple[Z, Float[Tensor, "seed batch 1"]]:
    """s/|s| and |s| of each row; no square leaves the range of floats, and 0 has the direction 0."""
    largest = score.abs().amax(-1, keepdim=True)
    part = score / torch.where(largest > 0, largest, 1.0)
    length = torch.linalg.vector_norm(part, dim=-1, keepdim=True)
    return part / torch.where(largest > 0, length, 1.0), largest * length


def rescale_noise(z: Z, clean: Z, moved: Z, alpha: float, channels: int) -> Z:
    """The guided prediction whose noise ε̂ = (z - α ẑ_0)/σ has the norm of the unguided ε (AEPO, eq. 45).

    ε̂ ← ε̂ |ε|/|ε̂| for each row. A row whose ε̂ is 0 has no direction to keep, and stays as it is.

    Args:
        z: noisy channels.
        clean, moved: ẑ_0 unguided and guided.
        alpha: α of the level.
        channels: that are rescaled together, from the first on; the others stay as guided.
    """
    own = z[..., :channels]
    noise = own - alpha * moved[..., :channels]  # σ ε̂; σ cancels in the ratio
    wanted = torch.linalg.vector_norm(own - alpha * clean[..., :channels], dim=-1, keepdim=True)
    has = torch.linalg.vector_norm(noise, dim=-1, keepdim=True)
    factor = torch.where(has > 0, wanted / has, 1.0)
    return torch.cat([(own - factor * noise) / alpha, moved[..., channels:]], -1)


def linearise(
    denoiser: Denoiser, z: Z, level: int, observations: Observations, stop: bool = False
) -> tuple[Z, PullBack]:
    """E[z_0 | z_k, s], and its pull-back: (slope, first) → J^T slope, for the clean channels from `first` on.

    The pull-back is for one use. Leaving out the channels before `first` saves what only they need.

    Args:
        denoiser: that is linearised.
        z, level, observations: where.
        stop: hold the predicted noise, so that J = 1/α and nothing goes backwards through the denoiser.
    """
    if stop:
        alpha, _ = denoiser.schedule.coefficients[level]
        return denoiser(z, level, observations), lambda slope, first=0: pad(slope, (first, 0)) / alpha
    own = getattr(type(denoiser), "linearise", None)  # of its class, not of what it may wrap
    if own is not None:
        return own(denoiser, z, level, observations)
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        clean = denoiser(z, level, observations)

    def pull_back(slope: Tensor, first: int = 0) -> Tensor:
        with torch.enable_grad():
            given = clean[..., first:]
        return torch.autograd.grad(given, z, slope)[0]

    return clean.detach(), pull_back


def gradient_through(
    denoiser: Denoiser,
    z: Z,
    level: int,
    observations: Observations,
    log_weight: Callable[[Tensor], Tensor],
    stop: bool = False,
) -> tuple[Z, Z]:
    """E[z_0 | z_k, s] and ∇_z of `log_weight` of it; one forward and one backward pass through the denoiser.

    Args:
        denoiser: what predicts.
        z, level, observations: where.
        log_weight: of the clean channels, (seed, batch).
        stop: leave out the backward pass; see `linearise`.
    """
    clean, pull_back = linearise(denoiser, z, level, observations, stop)
    with torch.enable_grad():
        leaf = clean.detach().requires_grad_()
        value = log_weight(leaf).sum()
    (slope,) = torch.autograd.grad(value, leaf)
    return clean, pull_back(slope)


def gradient_beside(
    log_weight: Callable[[Tensor, int, Tensor], Tensor], z: Z, level: int, observations: Observations
) -> Z:
    """∇_z of a function (z, level, observations) → (seed, batch) that does not go through the denoiser."""
    own = getattr(type(log_weight), "slope", None)
    if own is not None:
        return own(log_weight, z, level, observations)
    with torch.enable_grad():
        z = z.detach().requires_grad_()
        value = log_weight(z, level, observations).sum()
    (gradient,) = torch.autograd.grad(value, z)
    return gradient
