"""What methods with an actor have in common: one network from the state to one action, and no diffusion.

An actor has the size, steps and batch of the shared critic (`critic.width`, `critic.layers`, `critic.steps`,
`critic.batch_size`), since the papers train both in one loop with networks of one size. It acts by the mean of its
policy, as the papers evaluate, so that noise and ρ do not change an action.

Deviation (iql, cql): layers start as the critic's do (`critic.initial`); in IQL's code the weights of all networks
are orthogonal, and in CQL's every network has biases of 0.1 and a last layer near zero.

Deviation: an action is kept within the range of the data's actions, as every method's here.
"""

import math
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar, final

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from critics.iql import CriticComponent
from methods.core.method import Method, MethodError
from methods.core.setup import Setup
from methods.diffusion.guidance import Counts
from methods.diffusion.noise import Noise
from training import Component, Computed, Group, Models, Progress, SeedMLP, SeedStreams, Step, Trained
from training.component import ModuleT
from training.precision import Precision, widen
from training.shapes import Actions, Observations, PerRow

LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0
"""The bounds of a policy's log standard deviation in IQL's and in CQL's code."""
SCALE_OFFSET = 1e-3
"""Added to every standard deviation of the observations (TD3+BC, arXiv 2106.06860, eq. 4, and its code)."""
EDGE = 1e-6
"""How near to ±1 an action of the data may lie before its density under a squashed law is taken."""


@dataclass(frozen=True)
class ActorConfig:
    """Network and training of an actor on one task.

    Attributes:
        observation_dim, action_dim: sizes of s and a.
        width, layers: hidden units of each layer, and hidden layers.
        initial: how its layers start, a name in `INITIAL`.
        steps, batch_size: of its training.
        learning_rate: Adam's.
        dropout: rate behind each hidden layer while it is trained.
        precision: of the matrix products in training.
    """

    observation_dim: int
    action_dim: int
    width: int
    layers: int
    initial: str
    steps: int
    batch_size: int
    learning_rate: float
    dropout: float
    precision: Precision


def size_actor(setup: Setup, learning_rate: float | None = None, dropout: float = 0.0) -> ActorConfig:
    """An actor of the shared critic's size and training.

    Args:
        setup: of the task.
        learning_rate: the critic's if left out.
        dropout: see `ActorConfig`.
    """
    critic = setup.critic_config
    return ActorConfig(
        setup.observation_dim,
        setup.action_dim,
        critic.width,
        critic.layers,
        critic.initial,
        critic.steps,
        critic.batch_size,
        critic.learning_rate if learning_rate is None else learning_rate,
        dropout,
        critic.precision,
    )


class Perceptron(nn.Module):
    """A ReLU perceptron of the observations.

    Args:
        streams: the seeds and their random numbers.
        config: sizes.
        outputs: numbers that it gives for each row.
    """

    def __init__(self, streams: SeedStreams, config: ActorConfig, outputs: int):
        super().__init__()
        self.dropout = config.dropout
        sizes = [config.observation_dim, *[config.width] * config.layers, outputs]
        self.layers = SeedMLP(streams, sizes, initial=config.initial)

    def forward(self, observations: Observations, noise: SeedStreams | None = None) -> Tensor:
        """(seed, batch, outputs); with dropout where there are random numbers for it."""
        if noise is None or self.dropout == 0:
            return self.layers(observations)
        x: Tensor = observations
        for layer in self.layers:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                x = x * (noise.uniform(*x.shape[1:]) >= self.dropout) / (1 - self.dropout)
        return widen(x)


class Actor(nn.Module):
    """A deterministic policy: a = tanh of the perceptron, in [-1, 1]."""

    def __init__(self, streams: SeedStreams, config: ActorConfig):
        super().__init__()
        self.perceptron = Perceptron(streams, config, config.action_dim)

    def forward(self, observations: Observations, noise: SeedStreams | None = None) -> Actions:
        """Actions; `noise` is that of the dropout."""
        return self.perceptron(observations, noise).tanh()

    def act(self, observations: Observations) -> Actions:
        """The same, in evaluation."""
        return self(observations)


class GaussianActor(nn.Module):
    """N(tanh m(s), σ²) with one σ for each action dimension, whatever the state: IQL's policy on every task."""

    def __init__(self, streams: SeedStreams, config: ActorConfig):
        super().__init__()
        self.mean = Actor(streams, config)
        self.log_std = nn.Parameter(torch.zeros(len(streams), 1, config.action_dim, device=streams.device))

    def log_prob(self, observations: Observations, actions: Actions, noise: SeedStreams | None = None) -> PerRow:
        """log π(a | s); `noise` is that of the dropout."""
        log_std = self.log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)
        return _log_normal((actions - self.mean(observations, noise)) * torch.exp(-log_std), log_std)

    def act(self, observations: Observations) -> Actions:
        """The mean."""
        return self.mean(observations)


class SquashedGaussianActor(nn.Module):
    """a = tanh u, u ~ N(m(s), σ(s)²): SAC's policy, with the bounds of σ in CQL's code."""

    def __init__(self, streams: SeedStreams, config: ActorConfig):
        super().__init__()
        self.perceptron = Perceptron(streams, config, 2 * config.action_dim)

    def forward(self, observations: Observations) -> tuple[Actions, Actions]:
        """m(s) and log σ(s)."""
        mean, log_std = self.perceptron(observations).chunk(2, -1)
        return mean, log_std.clamp(LOG_STD_MIN, LOG_STD_MAX)

    def sample(self, observations: Observations, noise: Tensor) -> tuple[Tensor, Tensor]:
        """Actions and their log π(a | s), both with a gradient in the policy's parameters.

        Args:
            observations: states.
            noise: standard normal, (seed, batch, draws, action).

        Returns:
            (seed, batch, draws, action) and (seed, batch, draws).
        """
        mean, log_std = (each[:, :, None] for each in self(observations))
        before = mean + log_std.exp() * noise
        log_slope = 2 * (math.log(2) - before - softplus(-2 * before))  # log(1 - tanh² u)
        return before.tanh(), _log_normal(noise, log_std) - log_slope.sum(-1)

    def log_prob(self, observations: Observations, actions: Actions) -> PerRow:
        """log π(a | s) of given actions, which are kept off ±1 by a millionth."""
        mean, log_std = self(observations)
        within = actions.clamp(EDGE - 1, 1 - EDGE)
        normed = (within.atanh() - mean) * torch.exp(-log_std)
        return _log_normal(normed, log_std) - torch.log1p(-within.square()).sum(-1)

    def act(self, observations: Observations) -> Actions:
        """tanh m(s)."""
        return self(observations)[0].tanh()


def _log_normal(normed: Tensor, log_std: Tensor) -> Tensor:
    """log N(m + σ x; m, σ²) for x `normed`, summed over the last axis."""
    return (-0.5 * normed.square() - log_std - 0.5 * math.log(2 * math.pi)).sum(-1)


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


def rescale(models: Models, observations: Observations) -> Observations:
    """The observations as a method's networks see them: in the scale among its models, where there is one."""
    return models["scale"](observations) if "scale" in models else observations


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
