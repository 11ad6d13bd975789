"""The residual network that predicts noise: IDQL's LN_Resnet, with SWG's weight head on its last block but one.

Fourier features of the level → MLP; concat(z, s, level) → Dense → residual blocks → swish → Dense.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from critics.networks import ACTIVATIONS, SeedLayerNorm, SeedLinear, SeedMLP
from critics.seeds import SeedStreams


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Size of the backbone; defaults are SWG's and IDQL's ("ResNet of 3 blocks, hidden 256, LayerNorm").

    Attributes:
        width: hidden units between the blocks.
        blocks: residual blocks.
        expansion: units inside a block, as a multiple of the width.
        dropout: rate inside the blocks while training.
        activation: `silu` (the papers'), `relu`, `mish` or `gelu`.
        frequencies: learnable Fourier frequencies of the noise level.
        level_features: size of the level's embedding.
    """

    width: int = 256
    blocks: int = 3
    expansion: int = 4
    dropout: float = 0.1
    activation: str = "silu"
    frequencies: int = 64
    level_features: int = 256


class LevelEmbedding(nn.Module):
    """Noise level k → MLP([cos 2πfk, sin 2πfk]) with learnable frequencies f ~ N(0, 0.2²)."""

    def __init__(self, streams: SeedStreams, config: NetworkConfig):
        super().__init__()
        self.frequency = nn.Parameter(0.2 * streams.normal(1, config.frequencies))
        sizes = [2 * config.frequencies, config.level_features, config.level_features]
        self.mlp = SeedMLP(streams, sizes, config.activation)

    def forward(self, levels: Float[Tensor, " level"]) -> Float[Tensor, "seed level feature"]:
        phase = 2 * math.pi * self.frequency * levels[:, None]
        return self.mlp(torch.cat([phase.cos(), phase.sin()], -1))


class Block(nn.Module):
    """x + Dense(act(Dense(LayerNorm(dropout(x)))))."""

    def __init__(self, streams: SeedStreams, config: NetworkConfig):
        super().__init__()
        inner = config.width * config.expansion
        self.dropout = config.dropout
        self.expand = SeedLinear(streams, config.width, inner)
        self.contract = SeedLinear(streams, inner, config.width)
        self.norm = SeedLayerNorm(streams, config.width)
        self.activation = ACTIVATIONS[config.activation]()

    def forward(
        self, x: Float[Tensor, "seed batch width"], streams: SeedStreams | None
    ) -> Float[Tensor, "seed batch width"]:
        h = x
        if streams is not None and self.dropout > 0:
            keep = streams.uniform(*x.shape[1:]) >= self.dropout
            h = h * keep / (1 - self.dropout)
        return x + self.contract(self.activation(self.expand(self.norm(h))))


class NoiseNetwork(nn.Module):
    """(z, level, observation) → predicted noise of every channel of z.

    Args:
        streams: the seeds and their random numbers.
        config: sizes.
        observation_dim, action_dim: sizes of s and a.
        weight_head: whether z = (a, w) has a last channel for the weight (SWG's joint objective).
    """

    def __init__(
        self,
        streams: SeedStreams,
        config: NetworkConfig,
        observation_dim: int,
        action_dim: int,
        weight_head: bool,
    ):
        super().__init__()
        inputs = action_dim + weight_head + observation_dim + config.level_features
        self.level = LevelEmbedding(streams, config)
        self.enter = SeedLinear(streams, inputs, config.width)
        self.blocks = nn.ModuleList(Block(streams, config) for _ in range(config.blocks))
        self.activation = ACTIVATIONS[config.activation]()
        self.leave = SeedLinear(streams, config.width, action_dim)
        head = [config.width, config.width, 1]
        self.weight_head = SeedMLP(streams, head, config.activation) if weight_head else None

    def forward(
        self,
        z: Float[Tensor, "seed batch channel"],
        level: int | Int[Tensor, "seed batch"],
        observations: Float[Tensor, "seed batch observation"],
        levels: Float[Tensor, " level"],
        streams: SeedStreams | None = None,
    ) -> Float[Tensor, "seed batch channel"]:
        """Predicted noise.

        Args:
            z: noisy channels.
            level: one level for the whole batch, or one per row.
            observations: states.
            levels: the numbers of all levels, 1..K.
            streams: random numbers of the dropout masks while training; None at evaluation.
        """
        embedding = self.embed(level, levels, z.shape[1])
        x = self.enter(torch.cat([z, observations, embedding], -1))
        weight = None
        for number, block in enumerate(self.blocks):
            x = block(x, streams)
            if self.weight_head is not None and number == max(len(self.blocks) - 2, 0):
                weight = self.weight_head(x)
        noise = self.leave(self.activation(x))
        return noise if weight is None else torch.cat([noise, weight], -1)

    def embed(
        self, level: int | Int[Tensor, "seed batch"], levels: Float[Tensor, " level"], batch: int
    ) -> Float[Tensor, "seed batch feature"]:
        """The level's embedding: once per distinct level, then gathered, since there are few levels."""
        if isinstance(level, int):
            return self.level(levels[level : level + 1]).expand(-1, batch, -1)
        table = self.level(levels)
        return torch.take_along_dim(table, level[..., None], dim=1)
