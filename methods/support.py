"""Support actions: M draws from the trained behaviour model at each of many states, made once (CEP, §4.1)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from critics.component import Component, Computed, Data, Parts, Progress
from critics.seeds import SeedStreams
from methods.diffusion.denoiser import BehaviourDenoiser
from methods.diffusion.sampler import Bounds, SamplerConfig, sample

ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class SupportActions(Computed):
    """In-support actions of the data's states ("fake actions" in CEP's code).

    Attributes:
        behaviour: the model they are drawn from.
        states: number of states, drawn from the data without replacement; all of them if there are fewer.
        actions: M, draws per state.
        sampler: how they are drawn.
        low, high: per-dimension range that clips the actions.
    """

    kind: ClassVar[str] = "support"
    behaviour: BehaviourDenoiser
    states: int
    actions: int
    sampler: SamplerConfig
    low: tuple[float, ...]
    high: tuple[float, ...]

    def upstream(self) -> Mapping[str, Component]:
        """The behaviour model."""
        return {"behaviour": self.behaviour}

    def build(self, streams: SeedStreams) -> nn.Module:
        """Empty buffers: observations (seed, state, observation), actions (seed, state, M, action)."""
        module = nn.Module()
        observation, action = self.behaviour.observation_dim, self.behaviour.action_dim
        shape = (len(streams), self.states)
        module.register_buffer("observations", torch.zeros(*shape, observation, device=streams.device))
        module.register_buffer("actions", torch.zeros(*shape, self.actions, action, device=streams.device))
        return module

    def compute(
        self, module: nn.Module, data: Data, parts: Parts, streams: SeedStreams, progress: Progress
    ) -> None:
        """Draw the states, then the actions in slices."""
        chosen = streams.uniform(len(data)).argsort(1)[:, : self.states]
        if chosen.shape[1] < self.states:  # fewer transitions than states asked for: go round again
            chosen = chosen.repeat(1, -(-self.states // chosen.shape[1]))[:, : self.states]
        observations = data.observations[chosen]
        bounds = Bounds(*(torch.tensor(b, device=data.actions.device) for b in (self.low, self.high)))
        drawn: list[Tensor] = []
        for part in observations.split(max(1, ROWS_AT_ONCE // self.actions), dim=1):
            rows = part.repeat_interleave(self.actions, dim=1)
            actions = sample(parts["behaviour"], rows, streams, self.sampler, bounds)
            drawn.append(actions.unflatten(1, (-1, self.actions)))
            progress(sum(piece.shape[1] for piece in drawn), self.states)
        module.get_buffer("observations").copy_(observations)
        module.get_buffer("actions").copy_(torch.cat(drawn, 1))
