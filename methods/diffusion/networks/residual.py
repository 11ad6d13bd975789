"""The residual network that predicts noise: IDQL's LN_Resnet, with an optional head on an inner block (SWG's).

Fourier features of the level → MLP; concat(z, s, level) → Dense → residual blocks → swish → Dense.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.diffusion.networks.config import AuxiliaryHead, LevelEmbedding, NetworkConfig, embedded
from training import SeedLayerNorm, SeedLinear, SeedMLP, SeedStreams
from training.networks import ACTIVATIONS
from training.precision import widen
from training.shapes import Observations, Z


class Block(nn.Module):
    """x + Dense(act(Dense(LayerNorm(dropout(x)))))."""

    def __init__(self, streams: SeedStreams, config: NetworkConfig):
        super().__init__()
        inner = config.width * config.expansion
        self.dropout = config.dropout
        initial = "lecun" if config.initial == "xavier" else config.initial
        self.expand = SeedLinear(streams, config.width, inner, initial=initial)
        self.contract = SeedLinear(streams, inner, config.width, initial=initial)
        self.norm = SeedLayerNorm(streams, config.width, config.layer_norm_epsilon)
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
        auxiliary: further channels of z, read from an inner block by a perceptron with one hidden layer, or
            predicted by one of their own with two; or None.
    """

    def __init__(
        self,
        streams: SeedStreams,
        config: NetworkConfig,
        observation_dim: int,
        action_dim: int,
        auxiliary: AuxiliaryHead | None = None,
    ):
        super().__init__()
        further = 0 if auxiliary is None else auxiliary.channels
        inputs = action_dim + further + observation_dim + config.level_features
        self.level = LevelEmbedding(streams, config)
        self.enter = SeedLinear(streams, inputs, config.width, initial=config.initial)
        self.blocks = nn.ModuleList(Block(streams, config) for _ in range(config.blocks))
        self.activation = ACTIVATIONS[config.activation]()
        self.leave = SeedLinear(streams, config.width, action_dim, initial=config.initial)
        self.auxiliary, self.auxiliary_block = None, None
        if auxiliary is not None:
            read = inputs if auxiliary.block is None else config.width
            hidden = [config.width] * (2 if auxiliary.block is None else 1)
            sizes = [read, *hidden, auxiliary.channels]
            self.auxiliary = SeedMLP(streams, sizes, config.activation, initial=config.initial)
        if auxiliary is not None and auxiliary.block is not None:
            last = config.blocks - 1
            self.auxiliary_block = range(config.blocks)[min(max(auxiliary.block, -config.blocks), last)]

    def forward(
        self,
        z: Z,
        level: int | Int[Tensor, "seed batch"],
        observations: Observations,
        levels: Float[Tensor, " level"],
        streams: SeedStreams | None = None,
    ) -> Z:
        """Predicted noise.

        Args:
            z: noisy channels.
            level: one level for the whole batch, or one per row.
            observations: states.
            levels: the numbers of all levels, see `config.level_numbers`.
            streams: random numbers of the dropout masks while training; None at evaluation.
        """
        embedding = embedded(self.level, level, levels, z.shape[1])
        given = torch.cat([z, observations, embedding], -1)
        x = self.enter(given)
        further = None
        if self.auxiliary is not None and self.auxiliary_block is None:
            further = self.auxiliary(given)
        for number, block in enumerate(self.blocks):
            x = block(x, streams)
            if self.auxiliary is not None and number == self.auxiliary_block:
                further = self.auxiliary(x)
        noise = widen(self.leave(self.activation(x)))
        return noise if further is None else torch.cat([noise, further], -1)
