"""The networks that predict noise, by the name that `denoiser.network` gives them."""

from collections.abc import Callable

from torch import nn

from methods.diffusion.networks.perceptron import PerceptronNetwork
from methods.diffusion.networks.residual import NetworkConfig, NoiseNetwork
from methods.diffusion.networks.u_shaped import UShapedNetwork
from training.seeds import SeedStreams

NETWORKS: dict[str, Callable[[SeedStreams, NetworkConfig, int, int, bool], nn.Module]] = {
    "residual": NoiseNetwork,
    "u-shaped": UShapedNetwork,
    "mlp": PerceptronNetwork,
}
"""name → network of (streams, config, observation_dim, action_dim, weight_head); called as `NoiseNetwork` is."""


def build_network(
    streams: SeedStreams, config: NetworkConfig, observation_dim: int, action_dim: int, weight_head: bool
) -> nn.Module:
    """A fresh network of the config's name for all seeds.

    Raises:
        ValueError: an unknown name.
    """
    if config.network not in NETWORKS:
        raise ValueError(f"unknown network {config.network!r}; choose one of {', '.join(NETWORKS)}.")
    return NETWORKS[config.network](streams, config, observation_dim, action_dim, weight_head)
