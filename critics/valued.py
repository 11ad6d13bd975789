"""V for a critic that has none: fitted to its Q at the data's actions by a value loss, with the Q as it was made.

V minimises the mean over the data of the loss that `critic.value_loss` names, as implicit Q-learning's V does, so
that it is the expectile (or quantile, ...) of Q(s, a) over the actions of the data in s. The Q does not see it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from torch import nn

from critics.config import OF_V, CriticConfig
from critics.iql import make_value_network
from critics.losses import parse_value_loss
from critics.weights import value_data
from training import Component, Group, SeedStreams, Step, Trained
from training.precision import Precision
from training.shapes import Actions, Observations, PerRow, PerSeed


class ValuedNetworks(nn.Module):
    """A critic's Q, which is not trained here, and V of all seeds; satisfies `Critic`.

    Args:
        streams: the seeds and their random numbers.
        config: of V.
        observation_dim: size of s.
        critic: has the Q.
    """

    def __init__(self, streams: SeedStreams, config: CriticConfig, observation_dim: int, critic: nn.Module):
        super().__init__()
        self.value = make_value_network(streams, config, observation_dim)
        self.critic: Any = critic.requires_grad_(False)

    def q(self, observations: Observations, actions: Actions) -> PerRow:
        """The critic's."""
        return self.critic.q(observations, actions)

    def trained_q(self, observations: Observations, actions: Actions) -> PerRow:
        """The critic's."""
        return self.critic.trained_q(observations, actions)

    def first_q(self, observations: Observations, actions: Actions) -> PerRow:
        """The critic's."""
        return self.critic.first_q(observations, actions)

    def v(self, observations: Observations) -> PerRow:
        return self.value(observations).squeeze(-1)


@dataclass(frozen=True)
class ValuedCritic(Trained[ValuedNetworks]):
    """A made critic and the V that is fitted to its Q, as one component.

    Deviation (ddice, idql, swg, swg-r): with a `critic.kind` that has no V of its own, `in-support` and `cql`, the
    weights are of a V that is fitted to the made Q on the data; in the papers V is the one that Q is trained with.

    Attributes:
        config: of V's network and training; what V does not depend on has its default.
        observation_dim: size of s.
        critic: gives Q; its steps come before all of V's.
    """

    kind: ClassVar[str] = "valued-critic"
    settings: ClassVar[str | None] = "critic"
    config: CriticConfig
    observation_dim: int
    critic: Component

    def __post_init__(self) -> None:
        object.__setattr__(self, "config", self.config.keep(OF_V))

    def upstream(self) -> Mapping[str, Component]:
        """The critic."""
        return {"critic": self.critic}

    @property
    def steps(self) -> int:
        return self.config.steps

    @property
    def precision(self) -> Precision:
        return self.config.precision

    @property
    def groups(self) -> tuple[Group, ...]:
        """V alone."""
        rate, decay = self.config.learning_rate, self.config.weight_decay
        return (Group(parameters=("value.",), learning_rate=rate, weight_decay=decay),)

    def build(self, streams: SeedStreams) -> ValuedNetworks:
        return ValuedNetworks(streams, self.config, self.observation_dim, self.critic.build(streams))

    def take_over(self, module: ValuedNetworks, models: Mapping[str, Any]) -> None:
        """The made critic's weights."""
        module.critic.load_state_dict(models["critic"].state_dict())

    def precompute(self, step: Step) -> dict[str, Any]:
        """Q(s, a) of every transition, (seed, transition)."""
        return {"q": value_data(step)}

    def losses(self, module: ValuedNetworks, step: Step) -> Mapping[str, PerSeed]:
        """The value loss of the smaller target Q, mean over the batch."""
        batch = step.sample_batch(self.config.batch_size)
        loss = parse_value_loss(self.config.value_loss).bind(self.config.expectile)
        q = step.precomputed["q"].gather(1, batch.index)
        return {"loss": loss(q, module.v(batch.observations)).mean(-1)}
