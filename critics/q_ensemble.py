"""An ensemble of Q networks for selection alone, all regressed on r + γ V(s') (Diffusion-DICE, arXiv 2407.20109).

Its members differ by their first weights only, and their mean is what the candidates of guide-then-select are
ranked by in the authors' code. They are not bootstrapped from: targets use the critic's V.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from jaxtyping import Float
from torch import Tensor, nn

from critics.config import OF_Q, OF_V, CriticConfig
from critics.iql import CriticComponent
from critics.losses import td_target
from training import Component, SeedMLP, SeedStreams, Step
from training.networks import member_values
from training.shapes import Actions, Observations, PerRow, PerSeed


class EnsembleNetworks(nn.Module):
    """The members of all seeds."""

    def __init__(
        self, streams: SeedStreams, config: CriticConfig, observation_dim: int, action_dim: int, members: int
    ):
        super().__init__()
        self.members = members
        sizes = [observation_dim + action_dim, *[config.width] * config.layers, 1]
        self.networks = SeedMLP(streams, sizes, members=members, initial=config.initial)

    def each_q(self, observations: Observations, actions: Actions) -> Float[Tensor, "seed member batch"]:
        return member_values(self.networks, observations, actions, self.members)

    def q(self, observations: Observations, actions: Actions) -> PerRow:
        """The members' mean."""
        return self.each_q(observations, actions).mean(1)


@dataclass(frozen=True)
class QEnsemble(CriticComponent[EnsembleNetworks]):
    """The ensemble as a component; sizes and optimiser are the critic's.

    Deviation: V is the made critic's, its last; the authors' code trains the ensemble beside the critic, on the V
    of each step.

    Attributes:
        critic: whose V(s') bootstraps.
        members: networks per seed (10 in the code).
    """

    kind: ClassVar[str] = "q-ensemble"
    uses: ClassVar[frozenset[str]] = OF_Q | OF_V  # V's have no effect, but have always been in its key
    critic: Component
    members: int

    def upstream(self) -> Mapping[str, Component]:
        """The critic gives V."""
        return {"critic": self.critic}

    def build(self, streams: SeedStreams) -> EnsembleNetworks:
        return EnsembleNetworks(streams, self.config, self.observation_dim, self.action_dim, self.members)

    def each_q(self, module: EnsembleNetworks, observations: Observations, actions: Actions) -> Tensor:
        """All members."""
        return module.each_q(observations, actions)

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """r + γ (1 - d) V(s') of every transition, (seed, transition)."""
        data, critic, seeds = step.data, step.models["critic"], len(step.noise)

        def goal(index: Tensor) -> Tensor:
            next_v = critic.v(data.next_observations[index].expand(seeds, -1, -1))
            rewards, terminals = data.rewards[index].expand_as(next_v), data.terminals[index].expand_as(next_v)
            return td_target(rewards, terminals, next_v, discount=self.config.discount)

        return {"goal": step.in_chunks(goal, len(data))}

    def losses(self, module: EnsembleNetworks, step: Step) -> Mapping[str, PerSeed]:
        """Squared error, mean over members and batch; the batch is the same for all members of a seed."""
        batch = step.sample_batch(self.config.batch_size)
        goal = step.precomputed["goal"].gather(1, batch.index)[:, None]
        return {"loss": (module.each_q(batch.observations, batch.actions) - goal).square().mean((1, 2))}
