"""The plain perceptron that predicts noise: SWG's network on the toy sets and in its study of inference time.

concat(z, s, embedding of the level) → hidden layers of one width → noise of every channel (arXiv 2505.18345, D.1
and D.5). Auxiliary channels are predicted as the others, or read from the first hidden layer.
"""

import torch
from jaxtyping import Float, Int
from torch import Tensor, nn

from methods.diffusion.networks.config import AuxiliaryHead, LevelEmbedding, NetworkConfig, embedded
from training.networks import SeedLinear, SeedMLP
from training.precision import widen
from training.seeds import SeedStreams
from training.shapes import Observations, Z


class PerceptronNetwork(nn.Module):
    """(z, level, observation) → predicted noise of every channel of z; `blocks` hidden layers of `width`.

    Deviation (swg, swg-r): the level is embedded as in the residual network. The toy code's embedding (sines of
    the level, a perceptron 32 → 128 → 32) is smaller; with this one the parameters are those that the paper counts
    in D.5.

    Deviation (cep, mse, dps, aepo, sfbc): CEP's network on the toy sets lifts the point to 224 units beside 32 of
    the level, and narrows to 256 after four layers of 512; here it is four layers of 512 on everything at once.

    Args as of the residual network; auxiliary channels of block 0 are a linear layer's of the first hidden layer,
    which takes as many parameters there as in the last layer, and those of any other block are read with the rest.
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
        inputs = channels + observation_dim + config.level_features
        self.level, self.early = LevelEmbedding(streams, config), None
        early = auxiliary.channels if auxiliary is not None and auxiliary.block == 0 else 0
        sizes = [inputs, *[config.width] * config.blocks, channels - early]
        self.mlp = SeedMLP(streams, sizes, config.activation, initial=config.initial)
        if early:
            self.early = SeedLinear(streams, config.width, early, initial=config.initial)

    def forward(
        self,
        z: Z,
        level: int | Int[Tensor, "seed batch"],
        observations: Observations,
        levels: Float[Tensor, " level"],
        streams: SeedStreams | None = None,
    ) -> Z:
        """Predicted noise; arguments as for the residual network, `streams` unused without dropout."""
        embedding = embedded(self.level, level, levels, z.shape[1])
        given = torch.cat([z, observations, embedding], -1)
        if self.early is None:
            return self.mlp(given)
        first, activation, *rest = self.mlp
        x = hidden = activation(first(given))
        for layer in rest:
            x = layer(x)
        return widen(torch.cat([x, self.early(hidden)], -1))
