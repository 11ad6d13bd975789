"""What methods with an actor have in common: one network from the state to one action, and no diffusion.

An actor has the size, steps and batch of the shared critic (`critic.width`, `critic.layers`, `critic.steps`,
`critic.batch_size`), since the papers train both in one loop with networks of one size. It acts by the mean of its
policy, as the papers evaluate, so that noise and ρ do not change an action.

Deviation: an action is kept within the range of the data's actions, as every method's here.
"""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
from torch import Tensor, nn

from critics.iql import CriticComponent
from methods.core.actor_networks import ActorConfig, rescale
from methods.core.method import Method, MethodError
from methods.core.setup import Setup
from methods.diffusion.guidance import Counts
from methods.diffusion.noise import Noise
from training import Component, Computed, Group, Models, Progress, SeedStreams, Step, Trained
from training.component import ModuleT
from training.precision import Precision
from training.shapes import Actions, Observations, PerRow

SCALE_OFFSET = 1e-3
"""Added to every standard deviation of the observations (TD3+BC, arXiv 2106.06860, eq. 4, and its code)."""


def size_actor(setup: Setup, learning_rate: float | None = None, dropout: float = 0.0) -> ActorConfig:
    """An actor of the shared critic's size and training.

    Args:
        setup: of the task.
        learning_rate: the critic's if left out.
        dropout: see `ActorConfig`.
    """
    sizes = setup.observation_dim, setup.action_dim
    return ActorConfig.of(setup.critic_config, *sizes, learning_rate, dropout)


class Scale(nn.Module):
    """(s - mean) / deviation over the data, in two buffers (seed, 1, observation)."""

    def __init__(self, streams: SeedStreams, observation_dim: int):
        super().__init__()
        shape = (len(streams), 1, observation_dim)
        self.register_buffer("mean", torch.zeros(shape, device=streams.device))
        self.register_buffer("deviation", torch.ones(shape, device=streams.device))

    def forward(self, observations: Observations) -> Observations:
        return (observations - self.get_buffer("mean")) / self.get_buffer("deviation")


@dataclass(frozen=True)
class ObservationScale(Computed):
    """Mean and standard deviation of every observation over the data (TD3+BC, arXiv 2106.06860, eq. 4).

    They belong to the methods that ask for them; the data stay as they are for all others.

    Attributes:
        observation_dim: size of s.
    """

    kind: ClassVar[str] = "observation-scale"
    observation_dim: int

    def build(self, streams: SeedStreams) -> Scale:
        return Scale(streams, self.observation_dim)

    def compute(self, module: nn.Module, step: Step, progress: Progress) -> None:
        """The deviation is of the population, as in the authors' code, and 0.001 is added to it (eq. 4)."""
        observations = step.data.observations.double()  # single precision loses digits over a million rows
        module.get_buffer("mean").copy_(observations.mean(0))
        module.get_buffer("deviation").copy_(observations.std(0, correction=0) + SCALE_OFFSET)


@dataclass
class ActorPolicy:
    """The actor's own action at every observation; satisfies `Policy`.

    Attributes:
        models: `actor`, which has `act`, and `scale` where the observations are rescaled.
        low, high: range of the data's actions.
        counts: each action is one forward pass of a network that is no denoiser.
    """

    models: Models
    low: Tensor
    high: Tensor
    counts: Counts = field(default_factory=Counts)

    def act(self, observations: Observations, rho: PerRow, noise: Noise) -> Actions:
        """Actions; neither ρ nor the noise matters."""
        self.counts.beside += observations.shape[1]
        actions = self.models["actor"].act(rescale(self.models, observations))
        return torch.minimum(torch.maximum(actions, self.low), self.high)


class ActorMethod(Method):
    """A method that trains one actor and acts by it; no diffusion, no guidance, and so no ρ."""

    in_default_comparison: ClassVar[bool] = False

    @abstractmethod
    def actor(self, setup: Setup) -> Component:
        """What holds the actor: its module has `act`; `scale` among its upstream rescales the observations."""

    @final
    def components(self, setup: Setup) -> Mapping[str, Component]:
        """The actor, under the name `critic` too where it is trained together with one.

        Raises:
            MethodError: on a density, where an action that does not vary is no sample.
        """
        if setup.known_critic is not None:
            raise MethodError(
                f"{self.title} acts by the mean of its policy, the same point for every sample, so it does not "
                "sample a density; leave it out with --methods on the toy sets."
            )
        actor = self.actor(setup)
        found = {"actor": actor, **{name: c for name, c in actor.upstream().items() if name == "scale"}}
        return {**found, "critic": actor} if isinstance(actor, CriticComponent) else found

    @final
    def policy(self, models: Models, setup: Setup) -> ActorPolicy:
        """The actor's mean."""
        device = next(models["actor"].parameters()).device
        low, high = (torch.tensor(ends, device=device) for ends in (setup.action_low, setup.action_high))
        return ActorPolicy(models, low, high)


@dataclass(frozen=True)
class ActorComponent(Trained[ModuleT]):
    """An actor that is trained alone, on the data's actions.

    Attributes:
        config: of its network and training.
    """

    config: ActorConfig

    @property
    def steps(self) -> int:
        return self.config.steps

    @property
    def precision(self) -> Precision:
        return self.config.precision

    @property
    def groups(self) -> tuple[Group, ...]:
        """All parameters in one optimiser at a constant rate."""
        return (Group(learning_rate=self.config.learning_rate),)
