"""A network that predicts noise, by the name that `denoiser.network` gives it."""

from collections.abc import Callable

from torch import nn

from foundation.errors import unknown_name
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


def build_network(
    streams: SeedStreams,
    config: NetworkConfig,
    observation_dim: int,
    action_dim: int,
    auxiliary: AuxiliaryHead | None = None,
) -> nn.Module:
    """A fresh network of the config's name for all seeds.

    Raises:
        UnknownName: no network has the name.
    """
    if config.network not in NETWORKS:
        raise unknown_name("network", config.network, NETWORKS)
    return NETWORKS[config.network](streams, config, observation_dim, action_dim, auxiliary)
