"""A task so small that every component trains in milliseconds, and the parts of a method made on it."""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from critics.iql import IQL, CriticConfig
from methods.core.guidance_net import GuidanceNetConfig
from methods.core.method import Shared
from methods.diffusion.denoiser import DenoiserConfig
from methods.diffusion.sampler import SamplerConfig
from training.component import Component, Computed, Data, Trained
from training.loop import compute, fit
from training.seeds import SeedStreams

OBSERVATIONS, ACTIONS, TRANSITIONS = 3, 2, 48
LOW, HIGH = (-0.9, -0.8), (0.7, 0.9)


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def tiny_data() -> Data:
    """Random transitions inside the action range."""
    numbers = torch.Generator().manual_seed(5)

    def uniform(*shape: int) -> Tensor:
        return torch.rand(*shape, generator=numbers)

    low, high = torch.tensor(LOW), torch.tensor(HIGH)
    return Data(
        observations=uniform(TRANSITIONS, OBSERVATIONS),
        actions=low + (high - low) * uniform(TRANSITIONS, ACTIONS),
        rewards=uniform(TRANSITIONS),
        next_observations=uniform(TRANSITIONS, OBSERVATIONS),
        terminals=(uniform(TRANSITIONS) < 0.2).float(),
    )


def tiny_shared(
    *,
    steps: int = 2,
    levels: int = 4,
    dropout: float = 0.1,
    width: int = 8,
    batch_size: int = 8,
    sampler: SamplerConfig | None = None,
) -> Shared:
    """What methods share on the tiny task."""
    critic = CriticConfig(steps=steps, width=width, batch_size=batch_size, value_layer_norm=True)
    denoiser = DenoiserConfig(
        width=width,
        blocks=2,
        frequencies=4,
        level_features=8,
        dropout=dropout,
        levels=levels,
        steps=steps,
        batch_size=batch_size,
        decay_steps=10,
        ema=0.1,
    )
    net = GuidanceNetConfig(width=width, layers=2, steps=steps)
    return Shared(
        observation_dim=OBSERVATIONS,
        action_dim=ACTIONS,
        action_low=LOW,
        action_high=HIGH,
        critic=IQL(critic, OBSERVATIONS, ACTIONS),
        critic_config=critic,
        denoiser=denoiser,
        guidance_net=net,
        sampler=sampler or SamplerConfig(),
    )


def made(component: Component, data: Data, seeds: Sequence[int], known: dict[Component, Any]) -> Any:
    """The component after its real training, its upstream made first; each once through `known`."""
    if component not in known:
        parts = {name: made(other, data, seeds, known) for name, other in component.upstream().items()}
        match component:
            case Trained():
                known[component], _ = fit(component, data, parts, seeds, quiet)
            case Computed():
                known[component] = compute(component, data, parts, seeds, quiet)
            case _:
                known[component] = component.build(SeedStreams(seeds, component.kind))
    return known[component]
