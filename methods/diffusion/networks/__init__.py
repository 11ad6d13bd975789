"""The networks that predict noise, by the name that `denoiser.network` gives them."""

from collections.abc import Callable

from torch import nn

from methods.diffusion.networks.config import AuxiliaryHead, NetworkConfig
from methods.diffusion.networks.perceptron import PerceptronNetwork
from methods.diffusion.networks.residual import NoiseNetwork
from methods.diffusion.networks.u_shaped import UShapedNetwork
from training import SeedStreams

NETWORKS: dict[str, Callable[[SeedStreams, NetworkConfig, int, int, AuxiliaryHead | None], nn.Module]] = {
    "residual": NoiseNetwork,
    "u-shaped": UShapedNetwork,
    "mlp": PerceptronNetwork,
}
"""name → network of (streams, config, observation_dim, action_dim, auxiliary); called as `NoiseNetwork` is."""
