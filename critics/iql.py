"""Implicit Q-learning (arXiv 2110.06169), the critic that every method shares by default, all seeds at once.

V is fitted to min target-Q at the data's actions by an asymmetric loss (eq. 5), Q to r + γ V(s') (eq. 6).
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import ClassVar, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from critics.config import OF_Q, OF_V, CriticConfig
from critics.diagnosis import compare_with_returns
from critics.losses import parse_value_loss, td_target
from critics.twin_q import TwinQ
from training import Group, SeedLayerNorm, SeedMLP, SeedStreams, Step, Trained
from training.component import Diagnosis, ModuleT
from training.precision import Precision
from training.shapes import Actions, Observations, PerRow, PerSeed


@runtime_checkable
class ActionValue(Protocol):
    """What a method may ask of a critic of any kind."""

    def q(self, observations: Observations, actions: Actions) -> PerRow:
        """Action value: the minimum of the twin target networks, (seed, batch)."""
        ...


@runtime_checkable
class Critic(ActionValue, Protocol):
    """What a method may ask of a critic with a V. Both answers are (seed, batch)."""

    def v(self, observations: Observations) -> PerRow:
        """State value."""
        ...


def make_value_network(streams: SeedStreams, config: CriticConfig, observation_dim: int) -> nn.Sequential:
    """V of all seeds, (seed, batch, observation) → (seed, batch, 1)."""
    sizes = [observation_dim, *[config.width] * config.layers, 1]
    value = SeedMLP(streams, sizes, layer_norm=config.value_hidden_norm, initial=config.initial)
    epsilon = config.value_layer_norm_epsilon
    norm = [SeedLayerNorm(streams, observation_dim, epsilon)] if config.value_layer_norm else []
    return nn.Sequential(*norm, value)


class IQLNetworks(TwinQ):
    """Twin Q, its target and V of all seeds; satisfies `Critic`."""

    def __init__(self, streams: SeedStreams, config: CriticConfig, observation_dim: int, action_dim: int):
        super().__init__(streams, config, observation_dim, action_dim)
        self.value = make_value_network(streams, config, observation_dim)

    def v(self, observations: Observations) -> PerRow:
        return self.value(observations).squeeze(-1)


@dataclass(frozen=True)
class CriticComponent(Trained[ModuleT]):
    """A critic as a component: config and sizes are what makes all of them.

    Class attributes:
        uses: the settings that it depends on; the others have their defaults in `config`, so that they are in no
            key.

    Attributes:
        config: of its networks and training.
        observation_dim, action_dim: sizes of s and a.
    """

    settings: ClassVar[str | None] = "critic"
    uses: ClassVar[frozenset[str]] = OF_Q
    config: CriticConfig
    observation_dim: int
    action_dim: int

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", self.config.keep(self.uses))

    @abstractmethod
    def each_q(self, module: ModuleT, observations: Observations, actions: Actions) -> Tensor:
        """The values of all networks that are trained, (seed, network, batch)."""

    def diagnose(self, module: ModuleT, step: Step) -> Sequence[Diagnosis]:
        """The range of Q on the data against that of the returns."""
        return compare_with_returns(partial(self.each_q, module), step, self.config.discount)

    @property
    def steps(self) -> int:
        return self.config.steps

    @property
    def precision(self) -> Precision:
        return self.config.precision

    @property
    def groups(self) -> tuple[Group, ...]:
        """All parameters in one optimiser at a constant rate."""
        return (Group(learning_rate=self.config.learning_rate, weight_decay=self.config.weight_decay),)


@dataclass(frozen=True)
class IQL(CriticComponent[IQLNetworks]):
    """The critic as a component: config and sizes are all that make it."""

    kind: ClassVar[str] = "critic"
    uses: ClassVar[frozenset[str]] = OF_Q | OF_V | {"imported"}

    @property
    def imported(self) -> str | None:
        """By the config's name; no other critic is imported."""
        return self.config.imported

    def build(self, streams: SeedStreams) -> IQLNetworks:
        return IQLNetworks(streams, self.config, self.observation_dim, self.action_dim)

    def each_q(self, module: IQLNetworks, observations: Observations, actions: Actions) -> Tensor:
        """The twins, not their targets."""
        return module.each_q(observations, actions)

    def losses(self, module: IQLNetworks, step: Step) -> Mapping[str, PerSeed]:
        """Value loss plus both temporal-difference losses, mean over the batch.

        Deviation (swg, swg-r, idql, ddice, iql): V and Q take one joint step, so Q's target uses V from before the
        step; the authors' SWG, IDQL, D-DICE and IQL code step V first. The two differ by one Adam step of lag.
        """
        batch = step.sample_batch(self.config.batch_size)
        with torch.no_grad():
            target = module.q(batch.observations, batch.actions)
            next_v = module.v(batch.next_observations)
            goal = td_target(batch.rewards, batch.terminals, next_v, discount=self.config.discount)
        value_loss = parse_value_loss(self.config.value_loss).bind(self.config.expectile)
        value = value_loss(target, module.v(batch.observations)).mean(-1)
        td = (module.each_q(batch.observations, batch.actions) - goal[:, None]).square().sum(1).mean(-1)
        step.record("value_loss", value)
        step.record("td_loss", td)
        return {"loss": value + td}

    def after_step(self, module: IQLNetworks, step: Step) -> None:
        """The target network follows Q."""
        module.follow()
