"""A policy gives one action for every observation; that of the three slots samples candidates and selects one."""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, TypeAlias, runtime_checkable

import torch
from jaxtyping import Float
from torch import Tensor

from methods.core.captured import CapturedCalls
from methods.core.inference import prepare
from methods.core.setup import Setup
from methods.core.slots import Guidance, Objective, Selection, ThroughDenoiser
from methods.diffusion.denoiser import Denoiser
from methods.diffusion.guidance import CountedDenoiser, Counts, GuidedDenoiser, Steer
from methods.diffusion.noise import CandidateNoise, Noise
from methods.diffusion.sampler import Bounds, SamplerConfig, sample, visited_levels
from methods.diffusion.schedule import Schedule
from methods.diffusion.strength import make_strength
from training import Models
from training.capture import Recorder, find_recorder
from training.shapes import Actions, Observations, PerRow

SteeredDenoiser: TypeAlias = Callable[[Denoiser, Callable[[Tensor, int, Tensor], Steer], PerRow, Counts], Denoiser]


@runtime_checkable
class Policy(Protocol):
    """What evaluation asks of a method: one action for every observation, for all seeds in one call.

    Attributes:
        counts: evaluations and interventions of all calls so far, which every result holds.
    """

    counts: Counts

    def act(self, observations: Observations, rho: PerRow, noise: Noise) -> Actions:
        """Actions.

        Args:
            observations: states.
            rho: guidance scale of each row; 0 is the unguided policy.
            noise: the rows' random numbers.
        """
        ...


@dataclass
class SlotPolicy:
    """Sample candidates with the objective's denoiser, steered by the guidance, then select one.

    Attributes:
        denoiser: the objective's, its evaluations counted.
        guidance, selection: the method's slots.
        models: the made components.
        sampler: how candidates are drawn.
        bounds: the range of clean z.
        action_dim: leading channels of z that are the action.
        counts: of all calls.
        recorder: captures calls as CUDA graphs, or None, where they run one operation after the other.
        steered: (denoiser, steer, ρ of each row, counts) → the guided denoiser.
    """

    denoiser: Denoiser
    guidance: Guidance | None
    selection: Selection
    models: Models
    sampler: SamplerConfig
    bounds: Bounds
    action_dim: int
    counts: Counts = field(default_factory=Counts)
    recorder: Recorder | None = None
    steered: SteeredDenoiser = GuidedDenoiser

    def __post_init__(self):
        captured = None if self.recorder is None else CapturedCalls(self._draw, self.counts, self.recorder)
        self._act = self._draw if captured is None else captured.act

    def act(self, observations: Observations, rho: PerRow, noise: Noise) -> Actions:
        guided = self.guidance is not None and bool(rho.any())
        return self._act(observations, rho, noise, guided)

    def _draw(self, observations: Observations, rho: PerRow, noise: Noise, guided: bool) -> Actions:
        """Actions; without a row that has a scale above 0, by the denoiser itself, at no further cost."""
        candidates, z = self.selection.candidates, self._sample(observations, rho, noise, guided)
        if candidates > 1:
            z = self.selection.choose(observations, z.unflatten(1, (-1, candidates)), self.models, noise)
        return z[..., : self.action_dim]

    def draw_candidates(
        self, observations: Observations, rho: PerRow, noise: Noise
    ) -> Float[Tensor, "seed rows channel"]:
        """z_0 of every candidate, with all its channels; those of an observation lie side by side.

        Args:
            observations, rho, noise: as of `act`.
        """
        guided = self.guidance is not None and bool(rho.any())
        return self._sample(observations, rho, noise, guided)

    def _sample(
        self, observations: Observations, rho: PerRow, noise: Noise, guided: bool
    ) -> Float[Tensor, "seed rows channel"]:
        """z_0 of every candidate, (seed, rows × candidates, channel)."""
        candidates = self.selection.candidates
        rows = observations.repeat_interleave(candidates, dim=1)
        denoiser = self._guide(rho.repeat_interleave(candidates, dim=1)) if guided else self.denoiser
        return sample(denoiser, rows, CandidateNoise(noise, candidates), self.sampler, self.bounds)

    def _guide(self, rho: Float[Tensor, "seed rows"]) -> Denoiser:
        guidance = self.guidance
        assert guidance is not None, "rows are guided by one"

        def steer(z: Tensor, level: int, observations: Tensor) -> Steer:
            return guidance.steer(self.denoiser, self.models, z, level, observations)

        return self.steered(self.denoiser, steer, rho, self.counts)


def make_policy(
    objective: Objective,
    guidance: Guidance | None,
    selection: Selection,
    models: Models,
    setup: Setup,
    capturable: bool = True,
) -> SlotPolicy:
    """The policy of three slots; on a GPU its calls are captured, unless it is the plain one.

    Args:
        objective, guidance, selection: the slots.
        models: the made components, by the names that the slots gave them; the objective's is `denoiser`.
        setup: sampler and ranges.
        capturable: see `Method`.
    """
    counts = Counts()
    precision = setup.sampler.precision
    prepared = {name: prepare(model, precision, setup.plain) for name, model in models.items()}
    counted = {**prepared, "denoiser": CountedDenoiser(prepared["denoiser"], counts)}
    denoiser = objective.denoiser(counted["denoiser"])
    low, high = (
        [*action, *further]
        for action, further in zip(
            (setup.action_low, setup.action_high), _columns(objective.extra_bounds()), strict=True
        )
    )
    device = denoiser.schedule.alpha.device
    bounds = Bounds(torch.tensor(low, device=device), torch.tensor(high, device=device))
    if setup.guidance.stop_gradient and isinstance(guidance, ThroughDenoiser):
        guidance = guidance.stop_gradient()
    recorder = find_recorder(device) if capturable and not setup.plain else None
    return SlotPolicy(
        denoiser, guidance, selection, counted, setup.sampler, bounds, setup.action_dim, counts, recorder,
        _steer_as_set(setup, denoiser.schedule),
    )  # fmt: skip


def _steer_as_set(setup: Setup, schedule: Schedule) -> SteeredDenoiser:
    """The guided denoiser with what the comparison sets for every guidance."""
    applied, levels = setup.guidance, visited_levels(len(schedule), setup.sampler.steps)
    return partial(
        GuidedDenoiser,
        clip=applied.clip,
        normalise=applied.normalise,
        strength=make_strength(applied.schedule, schedule, levels),
        rescaled=setup.action_dim if applied.rescale else 0,
    )


def _columns(ranges: tuple[tuple[float, float], ...]) -> tuple[list[float], list[float]]:
    return [low for low, _ in ranges], [high for _, high in ranges]
