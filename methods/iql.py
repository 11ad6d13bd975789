"""IQL: a Gaussian policy by advantage-weighted regression on the data's actions (arXiv 2110.06169).

    L = -E[min(e^{β(Q(s, a) - V(s))}, 100) log π(a | s)]        (eq. 7)
with Q and V of implicit Q-learning. Those are the shared critic's, `critic.kind` iql; this file is the policy's
extraction alone, so that `iql` and `idql` differ in how they get an action from one critic: by regression, or by
selection.

Deviation: the actor is trained on the made critic's last Q and V; the authors' code trains it beside the critic,
on the Q and V of each step. The paper extracts it beside or after them: the critic does not depend on it.

Deviation: with a `critic.kind` that has no V of its own, `in-support` and `cql`, V is fitted to the made Q on the
data (`critics/valued.py`); the paper's V is the one that Q is trained with.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from methods import (
    ActorComponent,
    ActorMethod,
    Component,
    GaussianActor,
    Group,
    Knob,
    Positive,
    SeedStreams,
    Setup,
    Share,
    Step,
    register,
    size_actor,
    weigh_data,
)


@dataclass(frozen=True)
class Extraction(ActorComponent[GaussianActor]):
    """The actor, trained on actions by their advantage.

    Attributes:
        critic: gives Q and V.
        inverse_temperature: β.
        greatest_weight: the clip of e^{βA}.
        decay: whether the learning rate falls to zero along a cosine.
    """

    kind: ClassVar[str] = "iql-actor"
    critic: Component
    inverse_temperature: float
    greatest_weight: float
    decay: bool

    def upstream(self) -> Mapping[str, Component]:
        """The critic."""
        return {"critic": self.critic}

    @property
    def groups(self) -> tuple[Group, ...]:
        """One optimiser."""
        decay_steps = self.steps if self.decay else None
        return (Group(learning_rate=self.config.learning_rate, decay_steps=decay_steps),)

    def build(self, streams: SeedStreams) -> GaussianActor:
        return GaussianActor(streams, self.config)

    def precompute(self, step: Step) -> dict[str, Tensor]:
        """The weight of every transition, (seed, transition)."""

        def weigh(q: Tensor, v: Tensor) -> Tensor:
            return torch.exp(self.inverse_temperature * (q - v)).clamp(max=self.greatest_weight)

        return {"weight": weigh_data(step, weigh)}

    def losses(self, module: GaussianActor, step: Step) -> Mapping[str, Tensor]:
        """Minus the weighted log-likelihood, mean over the batch."""
        batch = step.sample_batch(self.config.batch_size)
        weight = step.precomputed["weight"].gather(1, batch.index)
        log_prob = module.log_prob(batch.observations, batch.actions, step.noise)
        step.record("mean_weight", weight.mean(-1))
        return {"loss": -(weight * log_prob).mean(-1)}


@register("iql")
@dataclass(frozen=True)
class IQLPolicy(ActorMethod):
    """One Gaussian actor, regressed on the data's actions by the shared critic's advantage; it acts by its mean.

    Not exact: it aims at μ e^{βA} by a Gaussian of one variance for all states, and acts by its mean.

    The critic alone is what every method shares, implicit Q-learning by default, and is set by `critic.*`.
    `tune --training` tries β from 0.5 to 10, the ends of the authors' values.

    Attributes:
        inverse_temperature: β (3 in the paper; 10 for AntMaze, 0.5 for Kitchen and Adroit).
        greatest_weight: the clip of e^{βA} (100 in the code).
        dropout: rate behind the actor's hidden layers (0.1 for Kitchen and Adroit).
        decay: whether the learning rate falls to zero along a cosine over all steps.
        learning_rate: Adam's; the critic's setting if left out. So are the size, steps and batch.
    """

    title: ClassVar[str] = "IQL"
    paper: ClassVar[str] = "IQL, arXiv 2110.06169"
    knobs: ClassVar[Mapping[str, Knob]] = {"inverse_temperature": Knob(0.5, 10.0, log=True)}
    inverse_temperature: Positive = 3.0
    greatest_weight: Positive = 100.0
    dropout: Share = 0.0
    decay: bool = True
    learning_rate: Positive | None = None

    def actor(self, setup: Setup) -> Extraction:
        sizes = size_actor(setup, self.learning_rate, self.dropout)
        beta, greatest = self.inverse_temperature, self.greatest_weight
        return Extraction(sizes, setup.critic(), beta, greatest, self.decay)
