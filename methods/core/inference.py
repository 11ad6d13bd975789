"""Trained models prepared for sampling: the same functions in fewer operations, with gradients written out.

What is prepared is what a known module of one seed computes; everything else stays as it is. The modules are the
reference, which tests hold the prepared ones to. In bf16 the products of denoisers and guidance networks are
rounded, those of modules by autocast; what else a policy asks, such as Q, stays in single precision.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from methods.core.guidance_net import GuidanceNet
from methods.diffusion.denoiser import Denoiser, NetworkDenoiser
from methods.diffusion.guidance import WrappedDenoiser
from methods.diffusion.inference.denoiser import NETWORKS, InferenceDenoiser
from methods.diffusion.inference.layers import Entry, Perceptron, Tape, first_layer
from training.precision import Precision, round_products, widen
from training.shapes import Actions, Observations, PerRow, Z


class InferenceGuidanceNet:
    """log w_k of a guidance network of one seed, and its gradient in z.

    Args:
        module: of one seed.
        precision: of the products, backwards too.
    """

    def __init__(self, module: GuidanceNet, precision: Precision = "fp32"):
        self.module, features = module, module.get_buffer("features")
        self.enter = Entry(first_layer(module.mlp), module.action_dim, features, precision, level_first=True)
        self.rest = Perceptron(module.mlp, precision, begin=1)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the module has."""
        return getattr(self.module, name)

    def __call__(self, z: Actions, level: int | Int[Tensor, "seed batch"], observations: Observations) -> PerRow:
        """log w_k of every row; at a level of each row by the module."""
        if not isinstance(level, int):
            return self.module(z, level, observations)
        return widen(self.rest.forward(self.enter.forward(z[0], level, observations), None)).mT

    def slope(self, z: Actions, level: int, observations: Observations) -> Z:
        """∇_z log w_k of every row."""
        tape: Tape = []
        value = self.rest.forward(self.enter.forward(z[0], level, observations), tape)
        return widen(self.enter.backward(self.rest.backward(torch.ones_like(value), tape)))[None]


@dataclass(frozen=True)
class RoundedDenoiser(WrappedDenoiser):
    """A denoiser whose products, and those of its gradients, are computed in bfloat16 by autocast."""

    def __call__(self, z: Z, level: int, observations: Observations) -> Z:
        with round_products("bf16", z.device):
            return self.denoiser(z, level, observations)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the denoiser has."""
        if name == "denoiser":  # a copy that is being made has none yet
            raise AttributeError(name)
        return getattr(self.denoiser, name)


@dataclass(frozen=True)
class RoundedGuidanceNet:
    """A guidance network whose products, and those of its gradients, are computed in bfloat16 by autocast.

    Attributes:
        module: the network.
    """

    module: GuidanceNet

    def __call__(self, z: Actions, level: int | Int[Tensor, "seed batch"], observations: Observations) -> PerRow:
        with round_products("bf16", z.device):
            return self.module(z, level, observations)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the module has."""
        if name == "module":  # a copy that is being made has none yet
            raise AttributeError(name)
        return getattr(self.module, name)


PREPARE: dict[type[nn.Module], Callable[[Any, Precision], Any]] = {
    NetworkDenoiser: InferenceDenoiser,
    GuidanceNet: InferenceGuidanceNet,
}


def prepare(model: Any, precision: Precision = "fp32", plain: bool = False) -> Any:
    """The model that a policy samples with.

    Args:
        model: made, of any kind.
        precision: of the products of a denoiser or a guidance network; others have none that are rounded.
        plain: leave known modules of one seed as they are, but for the rounding of products.

    Returns:
        Prepared where it is a known module of one seed; else itself, or itself under autocast.
    """
    if not plain and _can_prepare(model):
        return PREPARE[type(model)](model, precision)
    if precision == "fp32":
        return model
    if isinstance(model, GuidanceNet):
        return RoundedGuidanceNet(model)
    return RoundedDenoiser(model) if isinstance(model, Denoiser) else model


def _can_prepare(model: Any) -> bool:
    """Whether it is a known module of one seed."""
    if type(model) not in PREPARE or len(next(model.parameters())) != 1:
        return False
    return not isinstance(model, NetworkDenoiser) or type(model.network) in NETWORKS
