"""Support actions: M draws from the trained behaviour model at each of many states, made once (CEP, §4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.diffusion.denoiser import DenoiserObjective
from methods.diffusion.noise import StreamNoise
from methods.diffusion.sampler import Bounds, SamplerConfig, sample
from training import Component, Computed, Progress, SeedStreams, Step

ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class Support(Computed):
    """In-support actions ("fake actions" in CEP's code); the subclass says at which states of the data.

    Deviation: for as many states as `states` says, a million by default, where the authors' code takes every state
    of the data; what a set has beyond that has no part in the energy nor in the in-support critic. Actions are
    clipped to the bounds, which the code leaves to the simulator.

    Attributes:
        behaviour: the model they are drawn from.
        states: number of states, drawn from the data without replacement; where there are fewer, all of them again
            and again, with new actions each time.
        actions: M, draws per state.
        sampler: how they are drawn.
        low, high: per-dimension range that clips the actions.
    """

    behaviour: DenoiserObjective
    states: int
    actions: int
    sampler: SamplerConfig
    low: tuple[float, ...]
    high: tuple[float, ...]

    def upstream(self) -> Mapping[str, Component]:
        return {"behaviour": self.behaviour}

    def _with_actions(self, streams: SeedStreams) -> nn.Module:
        module = nn.Module()
        shape = (len(streams), self.states, self.actions, self.behaviour.backbone.action_dim)
        module.register_buffer("actions", torch.zeros(*shape, device=streams.device))
        return module

    def _chosen(self, step: Step) -> Int[Tensor, "seed state"]:
        """Rows of the data whose states are taken."""
        chosen = step.noise.uniform(len(step.data)).argsort(1)[:, : self.states]
        if chosen.shape[1] < self.states:  # fewer transitions than states asked for: go round again
            chosen = chosen.repeat(1, -(-self.states // chosen.shape[1]))[:, : self.states]
        return chosen

    def _draw_actions(
        self, observations: Float[Tensor, "seed state observation"], step: Step, progress: Progress
    ) -> Float[Tensor, "seed state support action"]:
        bounds = Bounds(*(torch.tensor(b, device=observations.device) for b in (self.low, self.high)))
        drawn: list[Tensor] = []
        for part in observations.split(max(1, ROWS_AT_ONCE // self.actions), dim=1):
            rows = part.repeat_interleave(self.actions, dim=1)
            noise = StreamNoise(step.noise, rows.shape[1])
            actions = sample(step.models["behaviour"], rows, noise, self.sampler, bounds)
            drawn.append(actions.unflatten(1, (-1, self.actions)))
            progress(sum(piece.shape[1] for piece in drawn), self.states)
        return torch.cat(drawn, 1)


@dataclass(frozen=True)
class SupportActions(Support):
    """Support actions at states of the data."""

    kind: ClassVar[str] = "support"

    def at_next_states(self) -> "NextSupportActions":
        return NextSupportActions(*(getattr(self, field.name) for field in fields(self)))

    def build(self, streams: SeedStreams) -> nn.Module:
        """Empty buffers: observations (seed, state, observation), actions (seed, state, M, action)."""
        module = self._with_actions(streams)
        shape = (len(streams), self.states, self.behaviour.backbone.observation_dim)
        module.register_buffer("observations", torch.zeros(*shape, device=streams.device))
        return module

    def compute(self, module: nn.Module, step: Step, progress: Progress) -> None:
        """Draw the states, then the actions in slices."""
        observations = step.data.observations[self._chosen(step)]
        module.get_buffer("observations").copy_(observations)
        module.get_buffer("actions").copy_(self._draw_actions(observations, step, progress))


@dataclass(frozen=True)
class NextSupportActions(Support):
    """Support actions at the next states of transitions, as in-support Q-learning needs them."""

    kind: ClassVar[str] = "next-support"

    def build(self, streams: SeedStreams) -> nn.Module:
        """Empty buffers: index (seed, state), rows of the data, and actions (seed, state, M, action)."""
        module = self._with_actions(streams)
        shape = (len(streams), self.states)
        module.register_buffer("index", torch.zeros(*shape, dtype=torch.int64, device=streams.device))
        return module

    def compute(self, module: nn.Module, step: Step, progress: Progress) -> None:
        """Draw the transitions, then the actions at their next states in slices."""
        chosen = self._chosen(step)
        module.get_buffer("index").copy_(chosen)
        module.get_buffer("actions").copy_(self._draw_actions(step.data.next_observations[chosen], step, progress))
