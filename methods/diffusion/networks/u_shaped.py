"""The U-shaped residual perceptron that predicts noise: the score network of CEP's and Diffusion-DICE's code.

z goes down through blocks of 2, 1 and ½ times the width and up again, each way up also given what came down; level
and state reach every block as one context. The code divides the output h by σ_t to a score and fits |σ_t · score +
ε|² = |h + ε|²: h is -ε. Here the output is ε itself, whose score is -ε/σ_t; the sign is the last layer's to learn.
"""

import math

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.diffusion.networks.config import AuxiliaryHead, NetworkConfig, embedded
from training.networks import ACTIVATIONS, SeedLinear, SeedMLP
from training.precision import widen
from training.seeds import SeedStreams
from training.shapes import Observations, Z

FEATURES, CONTEXT = 32, 128
FREQUENCY_SCALE = 30.0


class TimeFeatures(nn.Module):
    """Time t in (0, 1] → Dense([sin 2πft, cos 2πft]) with fixed frequencies f ~ N(0, 30²)."""

    def __init__(self, streams: SeedStreams):
        super().__init__()
        self.register_buffer("frequency", FREQUENCY_SCALE * streams.normal(1, FEATURES // 2))
        self.mix = SeedLinear(streams, FEATURES, FEATURES)

    def forward(
        self, time: Float[Tensor, " level"] | Float[Tensor, "seed level"]
    ) -> Float[Tensor, "seed level feature"]:
        phase = 2 * math.pi * self.get_buffer("frequency") * time[..., None]
        return self.mix(torch.cat([phase.sin(), phase.cos()], -1))


class ContextBlock(nn.Module):
    """skip(x) + act(Dense(act(Dense(x)) + Dense(act(context)))); the skip is Dense where the size changes."""

    def __init__(self, streams: SeedStreams, inputs: int, outputs: int, activation: str):
        super().__init__()
        self.activation = ACTIVATIONS[activation]()
        self.context = SeedLinear(streams, CONTEXT, outputs)
        self.first = SeedLinear(streams, inputs, outputs)
        self.second = SeedLinear(streams, outputs, outputs)
        self.skip = SeedLinear(streams, inputs, outputs) if inputs != outputs else nn.Identity()

    def forward(
        self, x: Float[Tensor, "seed batch inputs"], context: Float[Tensor, "seed batch context"]
    ) -> Float[Tensor, "seed batch outputs"]:
        """`context` has been through the activation already, once for all blocks."""
        hidden = self.activation(self.first(x)) + self.context(context)
        return self.activation(self.second(hidden)) + self.skip(x)


class UShapedNetwork(nn.Module):
    """(z, level, observation) → predicted noise of every channel of z.

    t is the level's place k/K, which with 1,000 levels of `vp-linear` is the authors' time exactly. Auxiliary
    channels are predicted as the others; the authors of this network have none.

    Args as of the residual network; `width` is 256 in the code, for blocks of 512, 256 and 128.
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
        channels = action_dim + (0 if auxiliary is None else auxiliary.channels)
        wide, middle, narrow = 2 * config.width, config.width, max(config.width // 2, 1)

        def block(inputs: int, outputs: int) -> ContextBlock:
            return ContextBlock(streams, inputs, outputs, config.activation)

        self.activation = ACTIVATIONS[config.activation]()
        self.time = TimeFeatures(streams)
        self.state = SeedLinear(streams, observation_dim, FEATURES)
        self.context = SeedMLP(streams, [2 * FEATURES, CONTEXT, CONTEXT], config.activation)
        self.down = nn.ModuleList([block(channels, wide), block(wide, middle), block(middle, narrow)])
        self.bottom = block(narrow, narrow)
        self.up = nn.ModuleList([block(2 * narrow, middle), block(2 * middle, wide)])
        self.leave = SeedLinear(streams, 2 * wide, channels)

    def forward(
        self,
        z: Z,
        level: int | Int[Tensor, "seed batch"],
        observations: Observations,
        levels: Float[Tensor, " level"],
        streams: SeedStreams | None = None,
    ) -> Z:
        """Predicted noise; arguments as for the residual network, `streams` unused without dropout."""
        time = embedded(self.time, level, levels / levels[-1], z.shape[1])
        state = self.activation(self.state(observations))
        context = self.activation(self.context(torch.cat([state, time], -1)))
        came_down = []
        x = z
        for block in self.down:
            x = block(x, context)
            came_down.append(x)
        x = self.bottom(x, context)
        for block in self.up:
            x = block(torch.cat([came_down.pop(), x], -1), context)
        return widen(self.leave(torch.cat([came_down.pop(), x], -1)))
