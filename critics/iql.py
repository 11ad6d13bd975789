"""The critic every method shares: implicit Q-learning (arXiv 2110.06169), for all seeds in one network.

V is fitted to min target-Q at the data's actions by an asymmetric loss (eq. 5), Q to r + γ V(s') (eq. 6).
"""

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, Protocol, runtime_checkable

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor, nn

from critics.losses import ValueLossSetting, parse_value_loss, td_target
from critics.slope import MeasuredSlope
from foundation.bounds import Count, Level, NonNegative, Positive, Probability, Rate
from training.component import Batch, Component, Data, Parts, Trained, Training, in_chunks, uniform_batch
from training.networks import SeedLayerNorm, SeedMLP, follow, member_values
from training.seeds import SeedStreams


@runtime_checkable
class Critic(Protocol):
    """What a method may ask of a critic. Both answers are (seed, batch)."""

    def q(
        self,
        observations: Float[Tensor, "seed batch observation"],
        actions: Float[Tensor, "seed batch action"],
    ) -> Float[Tensor, "seed batch"]:
        """Action value: the minimum of the twin target networks."""
        ...

    def v(self, observations: Float[Tensor, "seed batch observation"]) -> Float[Tensor, "seed batch"]:
        """State value."""
        ...


@dataclass(frozen=True, kw_only=True)
class CriticConfig:
    """Settings of implicit Q-learning; the defaults are those on which IQL, IDQL and SWG agree.

    Attributes:
        expectile: of the value loss and the expectile weights (papers: 0.9 for AntMaze, 0.7 elsewhere).
        value_loss: `expectile`, `linex:alpha=1` or `dice:alpha=0.5`.
        discount: γ.
        polyak: rate at which the target network follows.
        width: hidden units of each layer.
        layers: hidden layers of each network.
        value_layer_norm: a LayerNorm on V's input, as SWG and the current IDQL code have it.
        value_hidden_norm: a LayerNorm before each activation of V, as Diffusion-DICE's code has it.
        initial: initial weights, `uniform` (PyTorch's), `xavier` (SWG's and IDQL's code) or `lecun` (flax's).
        steps: gradient steps (papers: a million).
        batch_size: transitions per seed and step.
        learning_rate: Adam's; AdamW's where weight_decay > 0.
        weight_decay: decoupled weight decay (1e-4 in Diffusion-DICE's code).
    """

    expectile: Level = 0.7
    value_loss: ValueLossSetting = "expectile"
    discount: Probability = 0.99
    polyak: Rate = 0.005
    width: Count = 256
    layers: Count = 2
    value_layer_norm: bool = False
    value_hidden_norm: bool = False
    initial: Literal["uniform", "xavier", "lecun"] = "uniform"
    steps: Count = 1_000_000
    batch_size: Count = 256
    learning_rate: Positive = 3e-4
    weight_decay: NonNegative = 0.0

    def training(self) -> Training:
        """The optimiser at its constant rate."""
        return Training(
            steps=self.steps,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            weight_decay=self.weight_decay,
        )


class IQLNetworks(nn.Module):
    """Twin Q, its target and V of all seeds; satisfies `Critic`."""

    def __init__(self, streams: SeedStreams, config: CriticConfig, observation_dim: int, action_dim: int):
        super().__init__()
        hidden, pair = [config.width] * config.layers, observation_dim + action_dim
        self.twin_q = SeedMLP(streams, [pair, *hidden, 1], members=2, initial=config.initial)
        self.target_q = copy.deepcopy(self.twin_q).requires_grad_(False)
        normed = config.value_hidden_norm
        value = SeedMLP(streams, [observation_dim, *hidden, 1], layer_norm=normed, initial=config.initial)
        norm = [SeedLayerNorm(streams, observation_dim)] if config.value_layer_norm else []
        self.value = nn.Sequential(*norm, value)

    def both_q(
        self,
        network: nn.Module,
        observations: Float[Tensor, "seed batch observation"],
        actions: Float[Tensor, "seed batch action"],
    ) -> Float[Tensor, "seed twin batch"]:
        """Both action values of one network."""
        return member_values(network, observations, actions, members=2)

    def q(
        self,
        observations: Float[Tensor, "seed batch observation"],
        actions: Float[Tensor, "seed batch action"],
    ) -> Float[Tensor, "seed batch"]:
        """Minimum of the twin target networks."""
        return self.both_q(self.target_q, observations, actions).amin(1)

    def first_q(
        self,
        observations: Float[Tensor, "seed batch observation"],
        actions: Float[Tensor, "seed batch action"],
    ) -> Float[Tensor, "seed batch"]:
        """The first of the twin target networks alone."""
        return self.both_q(self.target_q, observations, actions)[:, 0]

    def v(self, observations: Float[Tensor, "seed batch observation"]) -> Float[Tensor, "seed batch"]:
        """State value."""
        return self.value(observations).squeeze(-1)


@dataclass(frozen=True)
class IQL(Trained[IQLNetworks, Batch]):
    """The critic as a component: config and sizes are all that make it."""

    kind: ClassVar[str] = "critic"
    config: CriticConfig
    observation_dim: int
    action_dim: int

    @property
    def training(self) -> Training:
        """Adam or AdamW at a constant rate."""
        return self.config.training()

    def build(self, streams: SeedStreams) -> IQLNetworks:
        """Fresh twin Q, target and V."""
        return IQLNetworks(streams, self.config, self.observation_dim, self.action_dim)

    def draw(self, data: Data, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams) -> Batch:
        """Uniform transitions."""
        return uniform_batch(data, self.training.batch_size, streams)

    def loss(
        self,
        module: IQLNetworks,
        batch: Batch,
        tables: dict[str, Tensor],
        parts: Parts,
        streams: SeedStreams,
    ) -> Float[Tensor, " seed"]:
        """Value loss plus both temporal-difference losses, mean over the batch.

        Deviation: V and Q take one joint step, so Q's target uses V from before the step; the authors' SWG,
        IDQL and D-DICE code step V first. The two differ by one Adam step of lag.
        """
        value_loss = parse_value_loss(self.config.value_loss).bind(self.config.expectile)
        with torch.no_grad():
            target = module.q(batch.observations, batch.actions)
            goal = td_target(
                batch.rewards,
                batch.terminals,
                module.v(batch.next_observations),
                discount=self.config.discount,
            )
        v = module.v(batch.observations)
        twin = module.both_q(module.twin_q, batch.observations, batch.actions)
        return value_loss(target, v).mean(-1) + (twin - goal[:, None]).square().sum(1).mean(-1)

    def after_step(self, module: IQLNetworks) -> None:
        """The target network follows Q."""
        follow(module.target_q, module.twin_q, self.config.polyak)


@dataclass(frozen=True)
class KnownCritic(Component):
    """Q and V that are known, not learned: q(β, a) = β E(a) and v(β) = β E_max, for the toy densities.

    Attributes:
        name: the density's name.
        energy: points (n, 2) → energies (n,); fixed by the name, so not part of the key.
        energy_max: an upper bound of the energy.
    """

    kind: ClassVar[str] = "known-critic"
    name: str
    energy: Callable[[np.ndarray], np.ndarray] = field(metadata={"in_key": False}, compare=False)
    energy_max: float

    def build(self, streams: SeedStreams) -> "KnownCritic":
        """Itself: there is nothing to fit."""
        return self

    def q(
        self,
        observations: Float[Tensor, "seed batch observation"],
        actions: Float[Tensor, "seed batch action"],
    ) -> Float[Tensor, "seed batch"]:
        """β E(a); observations hold β. Its gradient in a is a measured one, see `MeasuredSlope`."""
        energies: Tensor = MeasuredSlope.apply(actions.flatten(0, -2), self.energy)  # pyright: ignore
        return observations[..., 0] * energies.view(actions.shape[:-1])

    def first_q(
        self,
        observations: Float[Tensor, "seed batch observation"],
        actions: Float[Tensor, "seed batch action"],
    ) -> Float[Tensor, "seed batch"]:
        """The same: there are no twins."""
        return self.q(observations, actions)

    def v(self, observations: Float[Tensor, "seed batch observation"]) -> Float[Tensor, "seed batch"]:
        """β E_max, so that log w = q - v is never positive."""
        return observations[..., 0] * self.energy_max


def data_weights(data: Data, critic: Any, weight: Any, seeds: int) -> Float[Tensor, "seed transition"]:
    """w(Q(s, a), V(s)) at every transition of the data set, for every seed's critic."""

    def chunk(index: Tensor) -> Tensor:
        observations = data.observations[index].expand(seeds, -1, -1)
        actions = data.actions[index].expand(seeds, -1, -1)
        return weight(critic.q(observations, actions), critic.v(observations))

    return in_chunks(chunk, len(data), data.rewards.device)
