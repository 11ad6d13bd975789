"""What the networks that predict noise have in common: config, auxiliary head, and the level's embedding."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Annotated, Literal

import torch
from annotated_types import Interval
from jaxtyping import Float, Int
from torch import Tensor, nn

from foundation.bounds import Count, Positive, Share
from foundation.keys import UNLESS_DEFAULT
from training import SeedMLP, SeedStreams
from training.networks import LAYER_NORM_EPSILON

FINEST = 150


@dataclass(frozen=True, kw_only=True)
class NetworkConfig:
    """Size of the backbone; defaults are SWG's and IDQL's ("ResNet of 3 blocks, hidden 256, LayerNorm").

    Attributes:
        network: `residual` (SWG, IDQL), `u-shaped` (CEP, Diffusion-DICE: 2, 1 and 1/2 times the width, down and
            up) or `mlp` (SWG's plain perceptron).
        width: hidden units between the blocks.
        blocks: residual blocks, or hidden layers of `mlp`; `u-shaped` has its own six.
        expansion: units inside a residual block, as a multiple of the width.
        dropout: rate inside the residual blocks while training; the other networks have none.
        activation: `silu` (the papers'), `relu`, `mish` or `gelu`.
        frequencies: learnable Fourier frequencies of the noise level; `u-shaped` has 16 fixed ones.
        level_features: size of the level's embedding; 32 for `u-shaped`.
        initial: initial weights, `uniform` (PyTorch's, and `u-shaped` has no others), `lecun` (flax's) or `xavier`
            (SWG's and IDQL's code: Xavier's, but LeCun's inside the residual blocks).
        first_level: what the network sees of the least noisy level: 1, or 0 as in SWG's and IDQL's code, which
            count from there; `u-shaped`, which sees k/K, has 1.
        layer_norm_epsilon: added to the variance in the residual blocks' LayerNorm: 1e-5 (PyTorch's), or 1e-6 as
            in SWG's and IDQL's code (flax's).
    """

    network: Literal["residual", "u-shaped", "mlp"] = "residual"
    width: Count = 256
    blocks: Count = 3
    expansion: Count = 4
    dropout: Share = 0.1
    activation: Literal["silu", "relu", "mish", "gelu"] = "silu"
    frequencies: Count = 64
    level_features: Count = 256
    initial: Literal["uniform", "xavier", "lecun"] = "uniform"
    first_level: Annotated[int, Interval(ge=0, le=1)] = field(default=1, metadata=UNLESS_DEFAULT)
    layer_norm_epsilon: Positive = field(default=LAYER_NORM_EPSILON, metadata=UNLESS_DEFAULT)


@dataclass(frozen=True)
class AuxiliaryHead:
    """Channels of z beside the action that are predicted from an inner block instead of the last layer.

    The residual network has blocks to choose from, and the perceptron its first hidden layer, block 0; elsewhere
    they are channels among the others.

    Attributes:
        channels: how many.
        block: index of the block that they are read from, negative ones counted from the end; at most the ends.
            None reads them from no block: a perceptron of their own predicts them from what the network is given.
    """

    channels: int
    block: int | None = -1


def level_numbers(levels: int, first: int = 1) -> Float[Tensor, " level"]:
    """What a network sees of each level: 1..K, and beyond 150 levels the same range in finer steps.

    The embedding's frequencies N(0, 0.2²) then turn 30 N(0, 1) times over the schedule, as CEP's do, and levels
    that stand next to each other look alike; by their own numbers 1,000 levels would all look unrelated.

    Args:
        levels: K.
        first: the number of the least noisy level, 0 for 0..K-1.
    """
    return torch.arange(first, levels + first, dtype=torch.float32) * min(1.0, FINEST / levels)


def embedded(
    embedding: Callable[[Tensor], Tensor],
    level: int | Int[Tensor, "seed batch"],
    levels: Float[Tensor, " level"],
    batch: int,
) -> Float[Tensor, "seed batch feature"]:
    """The embedding of one level for all rows or of each row's own, at most once per level or once per row.

    Args:
        embedding: (level,) or (seed, level) numbers → (seed, level, feature).
        level: one level for the whole batch, or one per row.
        levels: the numbers of all levels.
        batch: number of rows.
    """
    if isinstance(level, int):
        return embedding(levels[level : level + 1]).expand(-1, batch, -1)
    if len(levels) > batch:
        return embedding(levels[level])
    return torch.take_along_dim(embedding(levels), level[..., None], dim=1)


class LevelEmbedding(nn.Module):
    """Noise level k → MLP([cos 2πfk, sin 2πfk]) with learnable frequencies f ~ N(0, 0.2²)."""

    def __init__(self, streams: SeedStreams, config: NetworkConfig):
        super().__init__()
        self.frequency = nn.Parameter(0.2 * streams.normal(1, config.frequencies))
        sizes = [2 * config.frequencies, config.level_features, config.level_features]
        self.mlp = SeedMLP(streams, sizes, config.activation, initial=config.initial)

    def forward(
        self, levels: Float[Tensor, " level"] | Float[Tensor, "seed level"]
    ) -> Float[Tensor, "seed level feature"]:
        phase = 2 * math.pi * self.frequency * levels[..., None]
        return self.mlp(torch.cat([phase.cos(), phase.sin()], -1))
