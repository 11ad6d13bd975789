"""Trained models prepared for sampling: the same functions in fewer operations, with gradients written out.

What is prepared is what a known module of one seed computes; everything else stays as it is. The modules are the
reference, which tests hold the prepared ones to.
"""

from collections.abc import Callable
from typing import Any

import torch
from jaxtyping import Int
from torch import Tensor, nn

from methods.core.guidance_net import GuidanceNet
from methods.diffusion.denoiser import NetworkDenoiser
from methods.diffusion.inference.denoiser import NETWORKS, InferenceDenoiser
from methods.diffusion.inference.layers import Entry, Perceptron, Tape, first_layer
from training.shapes import Actions, Observations, PerRow, Z


class InferenceGuidanceNet:
    """log w_k of a guidance network of one seed, and its gradient in z."""

    def __init__(self, module: GuidanceNet):
        self.module, features = module, module.get_buffer("features")
        self.enter = Entry(first_layer(module.mlp), module.action_dim, features, level_first=True)
        self.rest = Perceptron(module.mlp, begin=1)

    def __getattr__(self, name: str) -> Any:
        """Whatever else the module has."""
        return getattr(self.module, name)

    def __call__(self, z: Actions, level: int | Int[Tensor, "seed batch"], observations: Observations) -> PerRow:
        """log w_k of every row; at a level of each row by the module."""
        if not isinstance(level, int):
            return self.module(z, level, observations)
        return self.rest.forward(self.enter.forward(z[0], level, observations), None).mT

    def slope(self, z: Actions, level: int, observations: Observations) -> Z:
        """∇_z log w_k of every row."""
        tape: Tape = []
        value = self.rest.forward(self.enter.forward(z[0], level, observations), tape)
        return self.enter.backward(self.rest.backward(torch.ones_like(value), tape))[None]


PREPARE: dict[type[nn.Module], Callable[[Any], Any]] = {
    NetworkDenoiser: InferenceDenoiser,
    GuidanceNet: InferenceGuidanceNet,
}


def prepare(model: Any) -> Any:
    """The model prepared for sampling where it is a known module of one seed, else itself."""
    if type(model) not in PREPARE or len(next(model.parameters())) != 1:
        return model
    if isinstance(model, NetworkDenoiser) and type(model.network) not in NETWORKS:
        return model
    return PREPARE[type(model)](model)
