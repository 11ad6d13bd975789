"""The networks of actors: perceptrons from the state to one action, or to a Gaussian law of actions.

Deviation (iql, cql): layers start as the critic's do (`critic.initial`); in IQL's code the weights of all networks
are orthogonal, and in CQL's every network has biases of 0.1 and a last layer near zero.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from critics.config import CriticConfig
from training import Models, SeedMLP, SeedStreams
from training.precision import Precision, widen
from training.shapes import Actions, Observations, PerRow

LOG_STD_MIN, LOG_STD_MAX = -5.0, 2.0
"""The bounds of a policy's log standard deviation in IQL's and in CQL's code."""
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

    @staticmethod
    def of(
        critic: CriticConfig,
        observation_dim: int,
        action_dim: int,
        learning_rate: float | None = None,
        dropout: float = 0.0,
    ) -> "ActorConfig":
        """An actor of the size and training of a critic.

        Args:
            critic: its settings.
            observation_dim, action_dim: sizes of s and a.
            learning_rate: the critic's if left out.
            dropout: see `ActorConfig`.
        """
        return ActorConfig(
            observation_dim,
            action_dim,
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


def rescale(models: Models, observations: Observations) -> Observations:
    """The observations as a method's networks see them: in the scale among its models, where there is one."""
    return models["scale"](observations) if "scale" in models else observations
