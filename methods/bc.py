"""Behaviour cloning: one network is regressed on the data's actions, whatever they earned.

    L = E[|tanh m(s) - a|²]/n        (n action dimensions)
What tables call BC differs. This mean squared error of a tanh policy over rescaled observations is what TD3+BC's
(arXiv 2106.06860) has without its Q, and what the codes of CORL (arXiv 2210.07105) and, of the last 20 states,
Decision Transformer (arXiv 2106.01345) minimise for their columns BC. `likelihood` is that of N(tanh m(s), σ²)
with σ learned: IQL's extraction with every weight 1; with `--no-bc.normalise` and `--no-iql.decay` `iql` differs
from it in the weights and in its random numbers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal

from torch import Tensor

from methods import (
    Actor,
    ActorComponent,
    ActorMethod,
    Component,
    GaussianActor,
    ObservationScale,
    Positive,
    SeedStreams,
    Setup,
    Step,
    register,
    rescale,
    size_actor,
)


@dataclass(frozen=True)
class Clone(ActorComponent[Actor | GaussianActor]):
    """The actor, trained on all actions alike.

    Attributes:
        loss: see `BC`.
        normalise: see `BC`.
    """

    kind: ClassVar[str] = "bc"
    loss: Literal["squared-error", "likelihood"]
    normalise: bool

    def upstream(self) -> Mapping[str, Component]:
        """The scale of the observations, where they are rescaled."""
        return {"scale": ObservationScale(self.config.observation_dim)} if self.normalise else {}

    def build(self, streams: SeedStreams) -> Actor | GaussianActor:
        return (Actor if self.loss == "squared-error" else GaussianActor)(streams, self.config)

    def losses(self, module: Actor | GaussianActor, step: Step) -> Mapping[str, Tensor]:
        """The mean squared error, or minus the mean log-likelihood."""
        batch = step.sample_batch(self.config.batch_size)
        observations = rescale(step.models, batch.observations)
        if isinstance(module, GaussianActor):
            return {"loss": -module.log_prob(observations, batch.actions).mean(-1)}
        return {"loss": (module(observations) - batch.actions).square().mean((1, 2))}


@register("bc")
@dataclass(frozen=True)
class BC(ActorMethod):
    """One actor, regressed on the data's actions. No critic, no guidance; it acts by its mean.

    Not exact: it aims at μ, and acts by the mean.

    Attributes:
        loss: `squared-error` of tanh m(s), or the `likelihood` of N(tanh m(s), σ²) as in IQL's extraction.
        normalise: rescale the observations to mean 0 and deviation 1 over the data.
        learning_rate: Adam's; the critic's setting if left out. So are the size, steps and batch.
    """

    title: ClassVar[str] = "BC"
    paper: ClassVar[str] = "Behaviour cloning, as in TD3+BC, arXiv 2106.06860, without Q"
    loss: Literal["squared-error", "likelihood"] = "squared-error"
    normalise: bool = True
    learning_rate: Positive | None = None

    def actor(self, setup: Setup) -> Clone:
        return Clone(size_actor(setup, self.learning_rate), self.loss, self.normalise)
