"""CEP's own critic: Q-learning with a softmax over actions sampled from the behaviour model (arXiv 2304.12824).

Q(s, a) ← r + γ Σ_i p_i Q'(s', a'_i) with p = softmax_i(β_Q Q'(s', a'_i)), over M support actions a'_i of s' and Q'
the minimum of the twin target networks, as in the authors' code: no action is valued that the data do not support.
"""

import copy
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from critics.iql import CriticComponent, CriticConfig
from critics.losses import td_target
from foundation.errors import UserError
from training import Component, SeedMLP, SeedStreams, Step, polyak_update
from training.networks import member_values
from training.shapes import Actions, Observations, PerRow, PerSeed


class CriticError(UserError):
    """A value that this critic does not provide; the message says what to do."""


class InSupportNetworks(nn.Module):
    """Twin Q and its target of all seeds; it has the form of `Critic`, but knows no V."""

    def __init__(self, streams: SeedStreams, config: CriticConfig, observation_dim: int, action_dim: int):
        super().__init__()
        sizes = [observation_dim + action_dim, *[config.width] * config.layers, 1]
        self.twin_q = SeedMLP(streams, sizes, members=2, initial=config.initial)
        self.target_q = copy.deepcopy(self.twin_q).requires_grad_(False)

    def q(self, observations: Observations, actions: Actions) -> PerRow:
        """Minimum of the twin target networks."""
        return member_values(self.target_q, observations, actions, members=2).amin(1)

    def v(self, observations: Observations) -> PerRow:
        """Not known: a mean over support actions, which only the states of the data have.

        Raises:
            CriticError: always.
        """
        raise CriticError(
            "the in-support critic has no V(s), only Q(s, a); a method that needs V takes the shared critic."
        )


@dataclass(frozen=True)
class InSupportQ(CriticComponent[InSupportNetworks]):
    """The critic as a component; it uses the config's settings for Q (3 layers and 500k steps in the code).

    Attributes:
        support: made, it has the buffers `index` (seed, state), which rows of the data its states are, and
            `actions` (seed, state, M, action), the support actions of their next states.
        inverse_temperature: β_Q of the softmax (1 in the authors' example).
    """

    kind: ClassVar[str] = "in-support-critic"
    version: ClassVar[int] = 2
    support: Component
    inverse_temperature: float

    def upstream(self) -> Mapping[str, Component]:
        return {"support": self.support}

    def build(self, streams: SeedStreams) -> InSupportNetworks:
        return InSupportNetworks(streams, self.config, self.observation_dim, self.action_dim)

    def each_q(self, module: InSupportNetworks, observations: Observations, actions: Actions) -> Tensor:
        """The twins, not their targets."""
        return member_values(module.twin_q, observations, actions, members=2)

    def losses(self, module: InSupportNetworks, step: Step) -> Mapping[str, PerSeed]:
        """The twins' mean squared temporal-difference error, over transitions that have support actions."""
        support = step.models["support"]
        place = step.noise.integers(support.index.shape[1], self.config.batch_size)
        rows = torch.arange(len(place), device=place.device)[:, None]
        batch, next_actions = step.data.batch(support.index.gather(1, place)), support.actions[rows, place]
        with torch.no_grad():
            count = next_actions.shape[2]
            repeated = batch.next_observations.repeat_interleave(count, dim=1)
            next_q = module.q(repeated, next_actions.flatten(1, 2)).unflatten(1, (-1, count))
            value = softmax_value(next_q, self.inverse_temperature)
            goal = td_target(batch.rewards, batch.terminals, value, discount=self.config.discount)
        twin = member_values(module.twin_q, batch.observations, batch.actions, members=2)
        return {"loss": (twin - goal[:, None]).square().mean((1, 2))}

    def after_step(self, module: InSupportNetworks, step: Step) -> None:
        """The target network follows Q."""
        polyak_update(module.target_q, module.twin_q, self.config.polyak)


def softmax_value(q: Float[Tensor, "*batch candidate"], inverse_temperature: float) -> Float[Tensor, "*batch"]:
    """Σ_i softmax_i(β q) q_i: between the mean of the candidates (β = 0) and their maximum (β → ∞)."""
    return ((inverse_temperature * q).softmax(-1) * q).sum(-1)
