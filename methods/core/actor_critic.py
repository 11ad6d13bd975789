"""An actor that is trained together with its own critic: twin Q and its target, sized as the shared critic."""

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import Tensor, nn

from critics.diagnosis import compare_with_returns
from critics.iql import CriticComponent
from critics.losses import td_target
from methods.core.actors import Actor, ActorConfig, SquashedGaussianActor, rescale
from training import Batch, Group, SeedMLP, SeedStreams, Step
from training.component import Diagnosis
from training.networks import member_values
from training.shapes import Actions, Observations, PerRow

ActorT = TypeVar("ActorT", bound=Actor | SquashedGaussianActor)


class ActorCriticNetworks(nn.Module, Generic[ActorT]):
    """An actor, twin Q and its target of all seeds; a method's own networks add to them.

    Args:
        streams: the seeds and their random numbers.
        config: of the actor, whose hidden layers the twins have too.
        actor: its class.
    """

    actor: ActorT

    def __init__(self, streams: SeedStreams, config: ActorConfig, actor: type[ActorT]):
        super().__init__()
        self.actor = actor(streams, config)
        sizes = [config.observation_dim + config.action_dim, *[config.width] * config.layers, 1]
        self.twin_q = SeedMLP(streams, sizes, members=2, initial=config.initial)
        self.target_q = copy.deepcopy(self.twin_q).requires_grad_(False)

    def act(self, observations: Observations) -> Actions:
        """The actor's mean."""
        return self.actor.act(observations)

    def each_q(self, observations: Observations, actions: Actions) -> Tensor:
        """Both of the twins, (seed, 2, batch)."""
        return member_values(self.twin_q, observations, actions, members=2)

    def each_target(self, observations: Observations, actions: Actions) -> Tensor:
        """The targets of both, (seed, 2, batch)."""
        return member_values(self.target_q, observations, actions, members=2)


NetworksT = TypeVar("NetworksT", bound=ActorCriticNetworks[Any])


@dataclass(frozen=True)
class ActorCritic(CriticComponent[NetworksT]):
    """An actor and its own critic as a component; sizes, steps and discount are the shared critic's.

    Attributes:
        actor: network and rate of the actor, sized by the same settings.
    """

    actor: ActorConfig

    def each_q(self, module: NetworksT, observations: Observations, actions: Actions) -> Tensor:
        """Both of the twins."""
        return module.each_q(observations, actions)

    def diagnose(self, module: NetworksT, step: Step) -> Sequence[Diagnosis]:
        """The range of Q on the data against that of the returns."""

        def value(observations: Observations, actions: Actions) -> Tensor:
            return self.each_q(module, rescale(step.models, observations), actions)

        return compare_with_returns(value, step, self.config.discount)

    def td_errors(self, twin: Tensor, batch: Batch, next_q: PerRow) -> Tensor:
        """The squared error of each twin towards r + γ (1 - d) Q(s', a'), mean over the batch, (seed, 2).

        Args:
            twin: Q(s, a), (seed, 2, batch).
            batch: the transitions.
            next_q: Q(s', a'), without gradient.
        """
        goal = td_target(batch.rewards, batch.terminals, next_q, discount=self.config.discount)
        return (twin - goal[:, None]).square().mean(-1)

    def make_group(self, name: str, begins: str, learning_rate: float, every: int = 1) -> Group:
        """The optimiser of the parameters whose names begin so; Q's has the critic's weight decay."""
        decay = self.config.weight_decay if begins == "twin_q." else 0.0
        return Group(name=name, parameters=(begins,), learning_rate=learning_rate, weight_decay=decay, every=every)
