"""Twin Q networks and their target networks (TD3, arXiv 1802.09477), the Q of every critic with a target.

Q_i(s, a) ← r + γ (1 - d) min_j Q'_j(s', a'), where a' may be of a target policy; Q' follows Q by polyak averages.
In a max-Q backup (CQL, arXiv 2006.04779) a' are several actions, of which each Q'_j takes its best.
"""

import copy
from collections.abc import Sequence
from functools import partial

import torch
from jaxtyping import Float
from torch import Tensor, nn

from critics.config import CriticConfig
from critics.diagnosis import compare_with_returns
from critics.losses import td_target
from training import Batch, SeedMLP, SeedStreams, Step, polyak_update
from training.component import Diagnosis
from training.networks import member_values
from training.shapes import Actions, Observations, PerRow, PerSeed


class TwinQ(nn.Module):
    """Twin Q of all seeds as `twin_q`, and their targets as `target_q`; it knows no V.

    Args:
        streams: the seeds and their random numbers.
        config: width, layers and initial weights; γ and the polyak rate. Its settings for V have no effect.
        observation_dim, action_dim: sizes of s and a.
        activation: of the hidden layers, a name in `ACTIVATIONS`.
    """

    def __init__(
        self,
        streams: SeedStreams,
        config: CriticConfig,
        observation_dim: int,
        action_dim: int,
        activation: str = "relu",
    ):
        super().__init__()
        self.config = config
        sizes = [observation_dim + action_dim, *[config.width] * config.layers, 1]
        self.twin_q = SeedMLP(streams, sizes, activation, members=2, initial=config.initial)
        self.target_q = copy.deepcopy(self.twin_q).requires_grad_(False)

    def each_q(self, observations: Observations, actions: Actions) -> Float[Tensor, "seed member batch"]:
        """Both values of the networks that are trained."""
        return member_values(self.twin_q, observations, actions, members=2)

    def each_target(self, observations: Observations, actions: Actions) -> Float[Tensor, "seed member batch"]:
        """Both values of the target networks."""
        return member_values(self.target_q, observations, actions, members=2)

    def q(self, observations: Observations, actions: Actions) -> PerRow:
        """Minimum of the twin target networks."""
        return self.each_target(observations, actions).amin(1)

    def trained_q(self, observations: Observations, actions: Actions) -> PerRow:
        """Minimum of the twins themselves."""
        return self.each_q(observations, actions).amin(1)

    def first_q(self, observations: Observations, actions: Actions) -> PerRow:
        """The first of the twin target networks alone."""
        return self.each_target(observations, actions)[:, 0]

    @torch.no_grad()
    def back_up(self, batch: Batch, next_actions: Float[Tensor, "seed batch candidate action"]) -> PerRow:
        """r + γ (1 - d) min_j max_c Q'_j(s', a'_c), without gradient.

        Args:
            batch: transitions.
            next_actions: of each next state; of one candidate the maximum is its value.
        """
        count = next_actions.shape[2]
        observations = batch.next_observations.repeat_interleave(count, dim=1)
        best = self.each_target(observations, next_actions.flatten(1, 2)).unflatten(-1, (-1, count)).amax(-1)
        return td_target(batch.rewards, batch.terminals, best.amin(1), discount=self.config.discount)

    def td_loss(self, batch: Batch, goal: PerRow) -> PerSeed:
        """Squared error of both networks, mean over the batch and sum over the two."""
        return (self.each_q(batch.observations, batch.actions) - goal[:, None]).square().mean(-1).sum(1)

    def follow(self) -> None:
        """One polyak step of the targets."""
        polyak_update(self.target_q, self.twin_q, self.config.polyak)

    def diagnose(self, step: Step) -> Sequence[Diagnosis]:
        """The range of Q on the data against that of the returns; see `Trained.diagnose`."""
        return compare_with_returns(partial(TwinQ.each_q, self), step, self.config.discount)
