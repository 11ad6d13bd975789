"""An actor that is trained together with its own critic: twin Q and its target, sized as the shared critic."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from torch import Tensor

from critics.diagnosis import compare_with_returns
from critics.iql import CriticComponent
from critics.losses import td_target
from critics.twin_q import TwinQ
from methods.core.actor_networks import Actor, ActorConfig, SquashedGaussianActor, rescale
from training import Batch, Group, SeedStreams, Step
from training.component import Diagnosis
from training.shapes import Actions, Observations, PerRow

ActorT = TypeVar("ActorT", bound=Actor | SquashedGaussianActor)


class ActorCriticNetworks(TwinQ, Generic[ActorT]):
    """An actor, twin Q and its target of all seeds; a method's own networks add to them.

    Args:
        streams: the seeds and their random numbers.
        component: whose sizes the twins and the actor have.
        actor: the actor's class.
    """

    actor: ActorT

    def __init__(self, streams: SeedStreams, component: "ActorCritic[Any]", actor: type[ActorT]):
        first = actor(streams, component.actor)  # which draws its weights before the twins do
        super().__init__(streams, component.config, component.observation_dim, component.action_dim)
        self.actor = first

    def act(self, observations: Observations) -> Actions:
        """The actor's mean."""
        return self.actor.act(observations)


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
