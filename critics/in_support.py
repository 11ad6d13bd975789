"""QGPO's critic: Q-learning with a softmax over actions sampled from the behaviour model (CEP, arXiv 2304.12824).

Q(s, a) ← r + γ Σ_i p_i Q'(s', a'_i) with p = softmax_i(β_Q Q'(s', a'_i)), over M support actions a'_i of s' and Q'
the minimum of the twin target networks, as in the authors' code: no action is valued that the data do not support.

Deviation (aepo): to compare critics the paper writes this softmax with the β of its energy; here β_Q is a setting
of the critic, 1 as in CEP's code.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float
from torch import Tensor

from critics.iql import CriticComponent
from critics.losses import td_target
from critics.twin_q import TwinQ
from training import Component, SeedStreams, Step
from training.shapes import Actions, Observations, PerSeed


@dataclass(frozen=True)
class InSupportQ(CriticComponent[TwinQ]):
    """The critic as a component: Q alone, by the config's settings for Q (3 layers and 500k steps in the code).

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

    def build(self, streams: SeedStreams) -> TwinQ:
        return TwinQ(streams, self.config, self.observation_dim, self.action_dim)

    def each_q(self, module: TwinQ, observations: Observations, actions: Actions) -> Tensor:
        """The twins, not their targets."""
        return module.each_q(observations, actions)

    def losses(self, module: TwinQ, step: Step) -> Mapping[str, PerSeed]:
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
        return {"loss": (module.each_q(batch.observations, batch.actions) - goal[:, None]).square().mean((1, 2))}

    def after_step(self, module: TwinQ, step: Step) -> None:
        """The target network follows Q."""
        module.follow()


def softmax_value(q: Float[Tensor, "*batch candidate"], inverse_temperature: float) -> Float[Tensor, "*batch"]:
    """Σ_i softmax_i(β q) q_i: between the mean of the candidates (β = 0) and their maximum (β → ∞)."""
    return ((inverse_temperature * q).softmax(-1) * q).sum(-1)
