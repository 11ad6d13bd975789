"""A task so small that every component trains in milliseconds, and the models of a method made on it."""

import copy
import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor

from critics.config import CriticSettings
from methods import (
    Component,
    Computed,
    Data,
    Method,
    Policy,
    SeedStreams,
    Setup,
    SlotMethod,
    Trained,
    get_method,
    method_names,
)
from methods.core.guidance_net import GuidanceNetConfig
from methods.diffusion.denoiser import DenoiserConfig
from methods.diffusion.noise import StreamNoise
from methods.diffusion.sampler import SamplerConfig
from training import compute, fit

OBSERVATIONS, ACTIONS, TRANSITIONS = 3, 2, 48
SMALL = {"candidates": 3, "support_actions": 3, "support_states": 12, "noises": 2, "batch_size": 8}
LOW, HIGH = (-0.9, -0.8), (0.7, 0.9)


def quiet(done: int, total: int) -> None:
    """Progress that nobody watches."""


def slot_methods() -> list[str]:
    """The built-in methods of three slots."""
    return [name for name in method_names() if issubclass(get_method(name), SlotMethod)]


def small(name: str) -> Method:
    """The method with its sizes made tiny, by the names that the built-in methods give them."""
    cls = get_method(name)
    fields = {field.name for field in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    return cls(**{field: value for field, value in SMALL.items() if field in fields})


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


def tiny_setup(*, steps: int = 2, levels: int = 4, sampler: SamplerConfig | None = None) -> Setup:
    """What methods share on the tiny task."""
    return Setup(
        observation_dim=OBSERVATIONS,
        action_dim=ACTIONS,
        action_low=LOW,
        action_high=HIGH,
        critic_config=CriticSettings(steps=steps, width=8, batch_size=8, value_layer_norm=True),
        denoiser=DenoiserConfig(
            width=8,
            blocks=2,
            frequencies=4,
            level_features=8,
            levels=levels,
            steps=steps,
            batch_size=8,
            decay_steps=10,
            ema=0.1,
        ),
        guidance_net_config=GuidanceNetConfig(width=8, layers=2, steps=steps),
        sampler=sampler or SamplerConfig(),
    )


def make(component: Component, seeds: tuple[int, ...]) -> Any:
    """The component after its real training on the tiny data, its upstream made first.

    Each is made once in a session; every caller gets a copy, so that what a test does to it stays there.
    """
    return copy.deepcopy(_made(component, seeds))


@functools.cache
def _made(component: Component, seeds: tuple[int, ...]) -> Any:
    models = upstream_of(component, seeds)
    match component:
        case Trained():
            return fit(component, tiny_data(), models, seeds, quiet).module
        case Computed():
            return compute(component, tiny_data(), models, seeds, quiet)
    return component.build(SeedStreams(seeds, component.kind))


def upstream_of(component: Component, seeds: tuple[int, ...]) -> dict[str, Any]:
    """The made upstream components, by the component's names for them."""
    return make_all(component.upstream(), seeds)


def make_all(components: Mapping[str, Component], seeds: tuple[int, ...]) -> dict[str, Any]:
    """Every component made, by its name."""
    return {name: make(component, seeds) for name, component in components.items()}


def make_policy(method: Method, setup: Setup, seeds: tuple[int, ...]) -> tuple[Policy, dict[str, Any]]:
    """The method's policy and the models it stands on."""
    models = make_all(method.components(setup), seeds)
    return method.policy(models, setup), models


def act(
    policy: Policy, observations: Tensor, rho: float | Tensor, seeds: tuple[int, ...], purpose: str = "draws"
) -> Tensor:
    """Actions with the seeds' own noise; ρ is one number for all rows or one for each."""
    shape = observations.shape[:2]
    scales = rho if isinstance(rho, Tensor) else torch.full(shape, rho)
    return policy.act(observations, scales, StreamNoise(SeedStreams(seeds, purpose), shape[1]))
