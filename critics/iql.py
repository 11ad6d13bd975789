"""The critic every method shares: implicit Q-learning (arXiv 2110.06169), for all seeds in one network.

V is fitted to min target-Q at the data's actions by an asymmetric loss (eq. 5), Q to r + γ V(s') (eq. 6).
"""

import copy
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import ClassVar, Literal, Protocol, runtime_checkable

import torch
from torch import Tensor, nn

from critics.diagnosis import compare_with_returns
from critics.losses import ValueLossSetting, parse_value_loss, td_target
from foundation.bounds import Count, Fraction, NonNegative, Positive, Probability, Rate
from foundation.keys import UNLESS_DEFAULT
from foundation.names import ImportName
from training import Group, SeedLayerNorm, SeedMLP, SeedStreams, Step, Trained, polyak_update
from training.component import Diagnosis, ModuleT
from training.networks import FLAX_EPSILON, LAYER_NORM_EPSILON, member_values
from training.precision import Precision
from training.shapes import Actions, Observations, PerRow, PerSeed


@runtime_checkable
class Critic(Protocol):
    """What a method may ask of a critic. Both answers are (seed, batch)."""

    def q(self, observations: Observations, actions: Actions) -> PerRow:
        """Action value: the minimum of the twin target networks."""
        ...

    def v(self, observations: Observations) -> PerRow:
        """State value."""
        ...


@dataclass(frozen=True, kw_only=True)
class CriticConfig:
    """Settings of implicit Q-learning; the defaults are those on which IQL, IDQL and SWG agree.

    Attributes:
        expectile: τ of the value loss, expectile or quantile, and of the weights of these names (papers: 0.9 for
            AntMaze, 0.7 elsewhere).
        value_loss: `expectile`, `quantile`, `linex:alpha=1` or `dice:alpha=0.5`.
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
        precision: of the matrix products in training, `bf16` by autocast with all else in `fp32`.
        imported: name of the critic that `import-checkpoint` put into the artifacts, in the place of one that is
            trained here; the settings of training then say nothing of it. None trains it.
    """

    expectile: Fraction = 0.7
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
    precision: Precision = "fp32"
    imported: ImportName | None = field(default=None, metadata=UNLESS_DEFAULT)


class IQLNetworks(nn.Module):
    """Twin Q, its target and V of all seeds; satisfies `Critic`.

    Deviation (swg, swg-r, idql): the LayerNorm on V's input has ε = 1e-5, as in PyTorch; flax, which SWG's and
    IDQL's code is written in, has 1e-6. Networks that were imported from that code have 1e-6.
    """

    def __init__(self, streams: SeedStreams, config: CriticConfig, observation_dim: int, action_dim: int):
        super().__init__()
        hidden, pair = [config.width] * config.layers, observation_dim + action_dim
        self.twin_q = SeedMLP(streams, [pair, *hidden, 1], members=2, initial=config.initial)
        self.target_q = copy.deepcopy(self.twin_q).requires_grad_(False)
        normed = config.value_hidden_norm
        value = SeedMLP(streams, [observation_dim, *hidden, 1], layer_norm=normed, initial=config.initial)
        epsilon = LAYER_NORM_EPSILON if config.imported is None else FLAX_EPSILON
        norm = [SeedLayerNorm(streams, observation_dim, epsilon)] if config.value_layer_norm else []
        self.value = nn.Sequential(*norm, value)

    def q(self, observations: Observations, actions: Actions) -> PerRow:
        """Minimum of the twin target networks."""
        return member_values(self.target_q, observations, actions, members=2).amin(1)

    def trained_q(self, observations: Observations, actions: Actions) -> PerRow:
        """Minimum of the twins themselves."""
        return member_values(self.twin_q, observations, actions, members=2).amin(1)

    def first_q(self, observations: Observations, actions: Actions) -> PerRow:
        """The first of the twin target networks alone."""
        return member_values(self.target_q, observations, actions, members=2)[:, 0]

    def v(self, observations: Observations) -> PerRow:
        return self.value(observations).squeeze(-1)


@dataclass(frozen=True)
class CriticComponent(Trained[ModuleT]):
    """A critic as a component: config and sizes are what makes all of them.

    Attributes:
        config: of its networks and training.
        observation_dim, action_dim: sizes of s and a.
    """

    settings: ClassVar[str | None] = "critic"
    config: CriticConfig
    observation_dim: int
    action_dim: int

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
    def imported(self) -> str | None:
        return self.config.imported

    @property
    def groups(self) -> tuple[Group, ...]:
        """All parameters in one optimiser at a constant rate."""
        return (Group(learning_rate=self.config.learning_rate, weight_decay=self.config.weight_decay),)


@dataclass(frozen=True)
class IQL(CriticComponent[IQLNetworks]):
    """The critic as a component: config and sizes are all that make it."""

    kind: ClassVar[str] = "critic"

    def build(self, streams: SeedStreams) -> IQLNetworks:
        return IQLNetworks(streams, self.config, self.observation_dim, self.action_dim)

    def each_q(self, module: IQLNetworks, observations: Observations, actions: Actions) -> Tensor:
        """The twins, not their targets."""
        return member_values(module.twin_q, observations, actions, members=2)

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
        twin = member_values(module.twin_q, batch.observations, batch.actions, members=2)
        td = (twin - goal[:, None]).square().sum(1).mean(-1)
        step.record("value_loss", value)
        step.record("td_loss", td)
        return {"loss": value + td}

    def after_step(self, module: IQLNetworks, step: Step) -> None:
        """The target network follows Q."""
        polyak_update(module.target_q, module.twin_q, self.config.polyak)
