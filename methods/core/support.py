"""Support actions: M draws from the trained behaviour model at each of many states, made once (CEP, §4.1).

A state's actions depend on its seed and its place alone: seeds are computed one after the other, in blocks of one
number of rows, with noise that is keyed by (seed, data set, place of the state, draw).
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.core.inference import prepare
from methods.diffusion.denoiser import Denoiser, DenoiserObjective
from methods.diffusion.keyed_noise import KeyedNoise
from methods.diffusion.noise import CandidateNoise
from methods.diffusion.sampler import Bounds, SamplerConfig, sample
from training import Component, Computed, Progress, SeedStreams, Step
from training.networks import take_seed
from training.seeds import name_streams

ROWS, ROWS_ON_GPU = 1024, 32_768
"""Actions of a block: a CPU is no faster with more; on a GPU a call costs about the same whatever its rows."""


@dataclass(frozen=True)
class Support(Computed):
    """In-support actions ("fake actions" in CEP's code); the subclass says at which states of the data.

    Deviation (cep): for as many states as `states` says, a million by default, where the authors' code takes
    every state of the data; what a set has beyond that has no part in the energy nor in the in-support critic.
    Actions are clipped to the bounds, which the code leaves to the simulator.

    Attributes:
        behaviour: the model they are drawn from.
        states: number of states, drawn from the data without replacement; where there are fewer, all of them again
            and again, with new actions each time.
        actions: M, draws per state.
        sampler: how they are drawn.
        low, high: per-dimension range that clips the actions.
    """

    version: ClassVar[int] = 3
    filled: ClassVar[tuple[str, ...]] = ("actions",)
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
        """Rows of the data whose states are taken; with more states, the first are the same."""
        chosen = step.noise.uniform(len(step.data)).argsort(dim=1, stable=True)[:, : self.states]
        if chosen.shape[1] < self.states:  # fewer transitions than states asked for: go round again
            chosen = chosen.repeat(1, -(-self.states // chosen.shape[1]))[:, : self.states]
        return chosen

    def _draw_actions(
        self,
        drawn: Float[Tensor, "seed state support action"],
        observations: Float[Tensor, "seed state observation"],
        step: Step,
        progress: Progress,
    ) -> None:
        """Fill `drawn`, but for what is drawn already."""
        device = observations.device
        states = max(1, (ROWS if device.type == "cpu" else ROWS_ON_GPU) // self.actions)
        stream = f"{name_streams(step.data.key, self.kind, 'training')}/actions"
        for place, seed in enumerate(step.noise.seeds):
            done = step.number - place * self.states
            if done >= self.states:
                continue
            behaviour = prepare(take_seed(step.models["behaviour"], place), self.sampler.precision)
            for first in range(max(0, done) // states * states, self.states, states):
                noise = KeyedNoise(seed, stream, range(first, first + states), device)
                block = observations[place, first : first + states]
                drawn[place, first : first + states] = self._draw_block(behaviour, block, noise)
                progress(place * self.states + first + len(block), len(step.noise) * self.states)

    def _draw_block(
        self, behaviour: Denoiser, observations: Float[Tensor, "state observation"], noise: KeyedNoise
    ) -> Float[Tensor, "state support action"]:
        """Actions at these states, with as many rows beside them as the noise has more."""
        bounds = Bounds(*(torch.tensor(b, device=observations.device) for b in (self.low, self.high)))
        block = observations.new_zeros(len(noise.episodes), observations.shape[-1])
        block[: len(observations)] = observations
        rows = block.repeat_interleave(self.actions, dim=0)[None]
        actions = sample(behaviour, rows, CandidateNoise(noise, self.actions), self.sampler, bounds)
        return actions[0].unflatten(0, (-1, self.actions))[: len(observations)]


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
        """Draw the states, then the actions in blocks."""
        observations = step.data.observations[self._chosen(step)]
        module.get_buffer("observations").copy_(observations)
        self._draw_actions(module.get_buffer("actions"), observations, step, progress)


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
        """Draw the transitions, then the actions at their next states in blocks."""
        chosen = self._chosen(step)
        module.get_buffer("index").copy_(chosen)
        self._draw_actions(module.get_buffer("actions"), step.data.next_observations[chosen], step, progress)
