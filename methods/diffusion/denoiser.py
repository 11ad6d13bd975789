"""A denoiser is (noisy z, level, observations) → E[z_0 | z_k, s], and carries its schedule.

Trained by noise prediction, E‖ε - ε_θ(α_k z_0 + σ_k ε, k, s)‖² (DDPM, arXiv 2006.11239, eq. 14); then
E[z_0 | z_k] = (z_k - σ_k ε_θ)/α_k. The behaviour objective diffuses z = a, the joint one z = (a, w) (SWG).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Literal, Protocol, runtime_checkable

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from critics.iql import data_weights
from critics.weights import parse_weight
from foundation.bounds import Count, NonNegative, Positive, Rate
from methods.diffusion.networks.build import build_network
from methods.diffusion.networks.residual import NetworkConfig, level_numbers
from methods.diffusion.schedule import Schedule, make_schedule
from training.component import Batch, Component, Data, Parts, Trained, Training, uniform_batch
from training.seeds import SeedStreams


@runtime_checkable
class Denoiser(Protocol):
    """What a sampler asks for: a prediction of the clean channels, with the schedule it belongs to."""

    @property
    def schedule(self) -> Schedule: ...

    @property
    def channels(self) -> int: ...

    def __call__(
        self,
        z: Float[Tensor, "seed batch channel"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> Float[Tensor, "seed batch channel"]:
        """E[z_0 | z_k, s]."""
        ...


@dataclass(frozen=True, kw_only=True)
class DenoiserConfig(NetworkConfig):
    """The backbone and how it is trained; defaults are SWG's (arXiv 2505.18345 and its authors' code).

    Attributes:
        schedule: `vp` (discrete, b_min 0.1, b_max 10), `cosine`, or `vp-linear` (continuous, β 0.1 to 20, on a
            grid of times; CEP and Diffusion-DICE, with 1,000 levels).
        levels: noise levels, K (SWG 15, IDQL 5).
        steps: gradient steps (SWG a million, three for AntMaze).
        batch_size: transitions per seed and step (SWG 1024, IDQL 512).
        learning_rate: AdamW's (SWG 3e-4, 3e-5 for Adroit pen).
        weight_decay: AdamW's decoupled weight decay.
        decay_steps: length of the learning rate's cosine decay to zero; None keeps it constant.
        ema: rate of the moving average of the weights that is kept in the end; None keeps the last weights.
    """

    schedule: Literal["vp", "cosine", "vp-linear"] = "vp"
    levels: Count = 15
    steps: Count = 1_000_000
    batch_size: Count = 1024
    learning_rate: Positive = 3e-4
    weight_decay: NonNegative = 1e-4
    decay_steps: Count | None = 3_000_000
    ema: Rate | None = 0.001


class NetworkDenoiser(nn.Module):
    """A trained noise network read as a denoiser; the last channel is the weight if it has a weight head."""

    def __init__(self, network: nn.Module, schedule: Schedule, channels: int):
        super().__init__()
        self.network = network
        self.channels = channels
        device = next(network.parameters()).device
        self.schedule = Schedule(schedule.alpha.to(device), schedule.sigma.to(device))
        self.levels = level_numbers(len(schedule)).to(device)

    def forward(
        self,
        z: Float[Tensor, "seed batch channel"],
        level: int,
        observations: Float[Tensor, "seed batch observation"],
    ) -> Float[Tensor, "seed batch channel"]:
        """E[z_0 | z_k, s] = (z_k - σ_k ε)/α_k."""
        noise = self.network(z, level, observations, self.levels)
        return (z - self.schedule.sigma[level] * noise) / self.schedule.alpha[level]

    def noise_loss(
        self,
        z: Float[Tensor, "seed batch channel"],
        observations: Float[Tensor, "seed batch observation"],
        streams: SeedStreams,
    ) -> Float[Tensor, " seed"]:
        """Squared error of the predicted noise: sum over channels, mean over the batch, as in SWG's code."""
        level = streams.integers(len(self.schedule), z.shape[1])
        noise = streams.normal(*z.shape[1:])
        noisy = add_noise(self.schedule, z, level, noise)
        predicted = self.network(noisy, level, observations, self.levels, streams)
        return (predicted - noise).square().sum(-1).mean(-1)


def add_noise(
    schedule: Schedule,
    z: Float[Tensor, "*batch channel"],
    level: Int[Tensor, "*batch"],
    noise: Float[Tensor, "*batch channel"],
) -> Float[Tensor, "*batch channel"]:
    """z_k = α_k z_0 + σ_k ε, one level per row."""
    return schedule.alpha[level][..., None] * z + schedule.sigma[level][..., None] * noise


def denoiser_training(config: DenoiserConfig) -> Training:
    """The optimiser settings of a denoiser's config."""
    return Training(
        steps=config.steps,
        batch_size=config.batch_size,
        learning_rate=config.learning_rate,
        weight_decay=config.weight_decay,
        decay_steps=config.decay_steps,
        ema=config.ema,
    )


def build_denoiser(
    streams: SeedStreams, config: DenoiserConfig, observation_dim: int, action_dim: int, weight_head: bool
) -> NetworkDenoiser:
    """A fresh denoiser for all seeds."""
    network = build_network(streams, config, observation_dim, action_dim, weight_head)
    return NetworkDenoiser(network, make_schedule(config.schedule, config.levels), action_dim + weight_head)


@dataclass(frozen=True)
class BehaviourDenoiser(Trained[NetworkDenoiser, Batch]):
    """The behaviour objective: diffuses the data's actions, z = a."""

    kind: ClassVar[str] = "behaviour"
    config: DenoiserConfig
    observation_dim: int
    action_dim: int

    @property
    def training(self) -> Training:
        """The shared backbone's training."""
        return denoiser_training(self.config)

    def build(self, streams: SeedStreams) -> NetworkDenoiser:
        """A fresh denoiser without a weight head."""
        return build_denoiser(streams, self.config, self.observation_dim, self.action_dim, weight_head=False)

    def draw(self, data: Data, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams) -> Batch:
        """Uniform transitions."""
        return uniform_batch(data, self.training.batch_size, streams)

    def loss(
        self,
        module: NetworkDenoiser,
        batch: Batch,
        tables: dict[str, Tensor],
        parts: Parts,
        streams: SeedStreams,
    ) -> Float[Tensor, " seed"]:
        """Noise prediction over the action channels."""
        return module.noise_loss(batch.actions, batch.observations, streams)


@dataclass(frozen=True)
class JointDenoiser(Trained[NetworkDenoiser, Batch]):
    """SWG's joint objective: diffuses z = (a, w), the weight beside the action (arXiv 2505.18345, §3).

    Deviation: a weight function with a bound above 1 is divided by it, so that every weight lies in (0, 1], the
    range the authors' code clips to; ∇ log w does not feel a constant factor.

    Attributes:
        weight: the weight function, as `critics.weights.parse_weight` reads it.
        expectile: handed to the expectile weights.
        critic: where Q and V come from.
    """

    kind: ClassVar[str] = "joint"
    version: ClassVar[int] = 2
    config: DenoiserConfig
    observation_dim: int
    action_dim: int
    weight: str
    expectile: float
    critic: Component

    @property
    def training(self) -> Training:
        """The shared backbone's training."""
        return denoiser_training(self.config)

    def upstream(self) -> Mapping[str, Component]:
        """The critic gives the weights."""
        return {"critic": self.critic}

    def build(self, streams: SeedStreams) -> NetworkDenoiser:
        """A fresh denoiser with a weight head."""
        return build_denoiser(streams, self.config, self.observation_dim, self.action_dim, weight_head=True)

    def tables(self, data: Data, parts: Parts, seeds: int) -> dict[str, Tensor]:
        """The weight of every transition, at most 1, (seed, transition)."""
        weight = parse_weight(self.weight, self.expectile)
        return {"weight": data_weights(data, parts["critic"], weight, seeds) / max(weight.maximum, 1.0)}

    def draw(self, data: Data, tables: dict[str, Tensor], parts: Parts, streams: SeedStreams) -> Batch:
        """Uniform transitions."""
        return uniform_batch(data, self.training.batch_size, streams)

    def loss(
        self,
        module: NetworkDenoiser,
        batch: Batch,
        tables: dict[str, Tensor],
        parts: Parts,
        streams: SeedStreams,
    ) -> Float[Tensor, " seed"]:
        """Noise prediction over the action channels and the weight channel."""
        weight = tables["weight"].gather(1, batch.index)
        z = torch.cat([batch.actions, weight[..., None]], -1)
        return module.noise_loss(z, batch.observations, streams)
