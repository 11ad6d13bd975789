"""A method on a task so small that everything trains in a second: 48 random transitions."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from bench.runner.nodes import Node, make_node
from critics.config import CriticSettings
from foundation.errors import UserError
from methods.core.guidance_net import GuidanceNetConfig
from methods.core.method import Method
from methods.core.policy import Policy
from methods.core.setup import Setup
from methods.diffusion.denoiser import DenoiserConfig
from methods.diffusion.noise import StreamNoise
from methods.diffusion.sampler import SamplerConfig
from training import Component, Computed, Data, SeedStreams, Trained, compute, fit
from training.checkpoint import build_untrained

OBSERVATIONS, ACTIONS, TRANSITIONS, ROWS = 3, 2, 48, 6
SEEDS = (0, 1, 2, 3, 5)  # as many as nothing else is, so that another axis in their place is seen
MOST_STEPS = 5
LOW, HIGH = (-0.9, -0.8), (0.7, 0.9)
SMALL = {"support_states": 12}
"""Settings of the methods here whose default is too large for the task, by their name."""


@dataclass
class Subject:
    """A method on the small task.

    Attributes:
        name, method: as registered, with its settings.
        setup, data: of the task.
    """

    name: str
    method: Method
    setup: Setup = field(default_factory=lambda: small_setup())
    data: Data = field(default_factory=lambda: small_data())
    _made: dict[tuple[Component, tuple[int, ...]], Any] = field(default_factory=dict)

    @property
    def rho(self) -> float:
        """The default scale; 0 for a method without one."""
        return self.method.rho.default if self.method.rho is not None else 0.0

    def models(self, seeds: Sequence[int] = SEEDS) -> dict[str, Any]:
        """The method's made components, each once for these seeds."""
        return {name: self.make(c, tuple(seeds)) for name, c in self.method.components(self.setup).items()}

    def make(self, component: Component, seeds: tuple[int, ...]) -> Any:
        """A component after its real training, its upstream made first."""
        key = (component, seeds)
        if key not in self._made:
            models = {name: self.make(other, seeds) for name, other in component.upstream().items()}
            match component:
                case Trained():
                    fitted = fit(shorten(component), self.data, models, seeds, ignore)
                    for seed, divergence in fitted.diverged.items():
                        raise UserError(f"seed {seed} of component {component.kind} {divergence.reason}.")
                    self._made[key] = fitted.module
                case Computed():
                    self._made[key] = compute(component, self.data, models, seeds, ignore)
                case _:
                    self._made[key] = build_untrained(component, seeds, self.data)
        return self._made[key]

    def policy(self, seeds: Sequence[int] = SEEDS) -> Policy:
        """A fresh policy of the made components."""
        return self.method.policy(self.models(seeds), self.setup)

    def nodes(self) -> dict[str, Node]:
        components = self.method.components(self.setup)
        return {name: make_node(component, "data", {}) for name, component in components.items()}


def shorten(component: Trained[Any]) -> Trained[Any]:
    """The component with at most a few steps, however many are its own."""
    cls = type(component)
    if component.steps <= MOST_STEPS:
        return component
    short = type(cls.__name__, (cls,), {"steps": MOST_STEPS, "__module__": cls.__module__})
    fields = dataclasses.fields(component)  # pyright: ignore[reportArgumentType]
    return short(**{item.name: getattr(component, item.name) for item in fields})


def ignore(done: int, total: int) -> None:
    """Progress that nobody watches."""


def small_data() -> Data:
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


def small_setup() -> Setup:
    """Networks of width 8, 4 noise levels, 2 steps of training."""
    return Setup(
        observation_dim=OBSERVATIONS,
        action_dim=ACTIONS,
        action_low=LOW,
        action_high=HIGH,
        critic_config=CriticSettings(steps=2, width=8, batch_size=8, value_layer_norm=True),
        denoiser=DenoiserConfig(
            width=8, blocks=2, frequencies=4, level_features=8, levels=4, steps=2, batch_size=8, decay_steps=10
        ),
        guidance_net_config=GuidanceNetConfig(width=8, layers=2, steps=2),
        sampler=SamplerConfig(),
    )


def act(policy: Policy, seeds: Sequence[int], rho: float | Tensor, observations: Tensor | None = None) -> Tensor:
    """Actions at observations and with noise that are the same for a seed whatever its company."""
    if observations is None:
        observations = SeedStreams(seeds, "observations").normal(ROWS, OBSERVATIONS)
    scales = rho if isinstance(rho, Tensor) else torch.full((len(seeds), ROWS), rho)
    with torch.no_grad():
        return policy.act(observations, scales, StreamNoise(SeedStreams(seeds, "evaluation"), ROWS))


def make_subject(name: str, cls: type[Method]) -> Subject:
    """The method with its default settings, on the small task."""
    fields = {item.name for item in dataclasses.fields(cls)}  # pyright: ignore[reportArgumentType]
    return Subject(name, cls(**{key: value for key, value in SMALL.items() if key in fields}))
