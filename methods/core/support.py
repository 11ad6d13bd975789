"""Support actions: M draws from the trained behaviour model at each of many states, made once (CEP, §4.1)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from methods.diffusion.denoiser import BehaviourDenoiser
from methods.diffusion.sampler import Bounds, SamplerConfig, sample
from training.component import Component, Computed, Data, Parts, Progress
from training.seeds import SeedStreams

ROWS_AT_ONCE = 8192


@dataclass(frozen=True)
class SupportActions(Computed):
    """In-support actions of the data's states ("fake actions" in CEP's code).

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
        next_states: also draw for the next state of each of those transitions, as in-support Q-learning needs.
    """

    kind: ClassVar[str] = "support"
    behaviour: BehaviourDenoiser
    states: int
    actions: int
    sampler: SamplerConfig
    low: tuple[float, ...]
    high: tuple[float, ...]
    next_states: bool = False

    def upstream(self) -> Mapping[str, Component]:
        """The behaviour model."""
        return {"behaviour": self.behaviour}

    def build(self, streams: SeedStreams) -> nn.Module:
        """Empty buffers: observations (seed, state, observation), actions (seed, state, M, action).

        With `next_states` also index (seed, state), the rows of the data that the states come from, and
        next_actions, of the shape of actions.
        """
        module = nn.Module()
        observation, action = self.behaviour.observation_dim, self.behaviour.action_dim
        shape = (len(streams), self.states)
        module.register_buffer("observations", torch.zeros(*shape, observation, device=streams.device))
        module.register_buffer("actions", torch.zeros(*shape, self.actions, action, device=streams.device))
        if self.next_states:
            module.register_buffer("index", torch.zeros(*shape, dtype=torch.int64, device=streams.device))
            module.register_buffer("next_actions", torch.zeros_like(module.get_buffer("actions")))
        return module

    def compute(
        self, module: nn.Module, data: Data, parts: Parts, streams: SeedStreams, progress: Progress
    ) -> None:
        """Draw the states, then the actions in slices."""
        chosen = streams.uniform(len(data)).argsort(1)[:, : self.states]
        if chosen.shape[1] < self.states:  # fewer transitions than states asked for: go round again
            chosen = chosen.repeat(1, -(-self.states // chosen.shape[1]))[:, : self.states]
        total = self.states * (1 + self.next_states)

        def report(done: int) -> None:
            progress(done, total)

        module.get_buffer("observations").copy_(data.observations[chosen])
        module.get_buffer("actions").copy_(self._drawn(data.observations[chosen], parts, streams, report))
        if self.next_states:
            following = data.next_observations[chosen]
            drawn = self._drawn(following, parts, streams, lambda done: report(self.states + done))
            module.get_buffer("index").copy_(chosen)
            module.get_buffer("next_actions").copy_(drawn)

    def _drawn(
        self, observations: Tensor, parts: Parts, streams: SeedStreams, report: Callable[[int], None]
    ) -> Tensor:
        """(seed, state, observation) → (seed, state, M, action)."""
        bounds = Bounds(*(torch.tensor(b, device=observations.device) for b in (self.low, self.high)))
        drawn: list[Tensor] = []
        for part in observations.split(max(1, ROWS_AT_ONCE // self.actions), dim=1):
            rows = part.repeat_interleave(self.actions, dim=1)
            actions = sample(parts["behaviour"], rows, streams, self.sampler, bounds)
            drawn.append(actions.unflatten(1, (-1, self.actions)))
            report(sum(piece.shape[1] for piece in drawn))
        return torch.cat(drawn, 1)
