"""A trained denoiser of one seed prepared for sampling."""

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

from methods.diffusion.denoiser import NetworkDenoiser
from methods.diffusion.inference.perceptron import InferencePerceptron
from methods.diffusion.inference.residual import InferenceResidual
from methods.diffusion.inference.u_shaped import InferenceUShaped
from methods.diffusion.networks.perceptron import PerceptronNetwork
from methods.diffusion.networks.residual import NoiseNetwork
from methods.diffusion.networks.u_shaped import UShapedNetwork
from training.precision import Precision, widen
from training.shapes import Observations, Z

NETWORKS: dict[type[nn.Module], Callable[[Any, Tensor, Precision], Any]] = {
    NoiseNetwork: InferenceResidual,
    PerceptronNetwork: InferencePerceptron,
    UShapedNetwork: InferenceUShaped,
}


class InferenceDenoiser:
    """The same prediction as the module's, to rounding; it holds the weights that the module has now.

    Args:
        module: of one seed, its network one of `NETWORKS`.
        precision: of the network's products, backwards too; ẑ_0 and gradients are of the module's own precision.
    """

    def __init__(self, module: NetworkDenoiser, precision: Precision = "fp32"):
        self.module, self.schedule, self.channels = module, module.schedule, module.channels
        self.network = NETWORKS[type(module.network)](module.network, module.levels, precision)

    def __call__(self, z: Z, level: int, observations: Observations) -> Z:
        """E[z_0 | z_k, s] = (z_k - σ_k ε)/α_k."""
        alpha, sigma = self.schedule.coefficients[level]
        return z.sub(widen(self.network(z[0], level, observations)), alpha=sigma).div_(alpha)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the module has."""
        return getattr(self.module, name)

    def linearise(self, z: Z, level: int, observations: Observations) -> tuple[Z, Callable[[Tensor, int], Tensor]]:
        """See `guidance.linearise`."""
        alpha, sigma = self.schedule.coefficients[level]
        noise, pull_back_noise = self.network.linearise(z[0], level, observations)

        def pull_back(slope: Tensor, first: int = 0) -> Tensor:
            own = widen(pull_back_noise(slope[0], first))[None].mul_(-sigma)
            own[..., first:] += slope
            return own.div_(alpha)

        return z.sub(widen(noise), alpha=sigma).div_(alpha), pull_back
