"""The network of a learned log w_k(a_k, s), and what its trainings share.

A perceptron on [a_k, Fourier features of k, s], 4 x 256 SiLU in CEP's and Diffusion-DICE's code.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from foundation.bounds import Count, Positive
from methods.diffusion.schedule import Schedule, make_schedule
from training import Component, Group, SeedMLP, SeedStreams, Trained
from training.precision import Precision
from training.shapes import Actions, Observations, PerRow

FREQUENCIES = 16
FINEST = 128  # levels, beyond which the features do not get finer


@dataclass(frozen=True, kw_only=True)
class GuidanceNetConfig:
    """Size and training of a guidance network; defaults are CEP's.

    Attributes:
        width: hidden units of each layer.
        layers: hidden layers.
        steps: gradient steps.
        learning_rate: Adam's.
        decay_steps: length of a cosine decay to zero, or None for a constant rate.
        precision: of the matrix products in training, `bf16` by autocast with all else in `fp32`.
    """

    width: Count = 256
    layers: Count = 4
    steps: Count = 1_000_000
    learning_rate: Positive = 3e-4
    decay_steps: Count | None = None
    precision: Precision = "fp32"


class GuidanceNet(nn.Module):
    """log w_k(z, s) up to a constant in a; one number per row.

    Args:
        streams: the seeds and their random numbers.
        config: sizes.
        schedule: of the denoiser that it guides.
        observation_dim, action_dim: sizes of s and a.
    """

    def __init__(
        self,
        streams: SeedStreams,
        config: GuidanceNetConfig,
        schedule: Schedule,
        observation_dim: int,
        action_dim: int,
    ):
        super().__init__()
        self.schedule = schedule.to(streams.device)
        self.action_dim = action_dim
        self.register_buffer("features", fourier(len(schedule)).to(streams.device), persistent=False)
        inputs = action_dim + 2 * FREQUENCIES + observation_dim
        self.mlp = SeedMLP(streams, [inputs, *[config.width] * config.layers, 1], "silu")

    def forward(self, z: Actions, level: int | Int[Tensor, "seed batch"], observations: Observations) -> PerRow:
        """log w_k of every row, at one level or one level per row."""
        features = self.get_buffer("features")[level]
        features = features.expand(*z.shape[:2], -1)
        return self.mlp(torch.cat([z, features, observations], -1)).squeeze(-1)


def fourier(levels: int) -> Float[Tensor, "level feature"]:
    """sin and cos of 2^i π k/K for i < 16, cut off where the features would alias: fixed, not learned.

    Deviation (cep, mse, aepo, ddice): CEP draws random Gaussian frequencies; with the few discrete levels used
    here, half-octave steps from one half-turn over the schedule up to the levels' own spacing tell every level
    apart. On a finer schedule they stop at 64 turns, the reach of CEP's (30 N(0, 1) turns), so that neighbours
    stay alike.
    """
    position = torch.arange(1, levels + 1, dtype=torch.float32) / levels
    frequency = torch.logspace(0, math.log2(min(max(levels, 2), FINEST)), FREQUENCIES, base=2.0) * 0.5
    phase = 2 * math.pi * position[:, None] * frequency
    return torch.cat([phase.sin(), phase.cos()], -1)


@dataclass(frozen=True)
class GuidanceNetSpec:
    """The shared guidance network on one task.

    Attributes:
        config: its size and training.
        schedule, levels: the noise schedule of the denoiser that it guides.
        observation_dim, action_dim: sizes of s and a.
    """

    config: GuidanceNetConfig
    schedule: str
    levels: int
    observation_dim: int
    action_dim: int

    def build(self, streams: SeedStreams) -> GuidanceNet:
        schedule = make_schedule(self.schedule, self.levels)
        return GuidanceNet(streams, self.config, schedule, self.observation_dim, self.action_dim)


@dataclass(frozen=True)
class GuidanceObjective(Trained[GuidanceNet]):
    """A guidance network as a component; the subclass says what it is trained on, in `losses`.

    Attributes:
        net: its size, schedule and training.
        critic: values actions.
        batch_size: states or transitions per training step.
    """

    settings: ClassVar[str | None] = "guidance-net"
    weight_decay: ClassVar[float] = 0.0
    net: GuidanceNetSpec
    critic: Component
    batch_size: int

    @property
    def steps(self) -> int:
        """Those of all guidance networks."""
        return self.net.config.steps

    @property
    def precision(self) -> Precision:
        """That of all guidance networks."""
        return self.net.config.precision

    @property
    def groups(self) -> tuple[Group, ...]:
        """Adam, or AdamW where there is a weight decay."""
        config = self.net.config
        return (
            Group(
                learning_rate=config.learning_rate, weight_decay=self.weight_decay, decay_steps=config.decay_steps
            ),
        )

    def upstream(self) -> Mapping[str, Component]:
        return {"critic": self.critic}

    def build(self, streams: SeedStreams) -> GuidanceNet:
        """A fresh guidance network on the denoiser's schedule."""
        return self.net.build(streams)
