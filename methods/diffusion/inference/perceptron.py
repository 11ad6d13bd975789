"""Perceptrons on concat(z, state, level) of one seed: the plain noise network, see `networks.perceptron`."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from methods.diffusion.inference.layers import Activation, Affine, Entry, Perceptron, Tape, first_layer
from methods.diffusion.inference.residual import pad_left
from methods.diffusion.networks.perceptron import PerceptronNetwork
from training.precision import Precision


class InferencePerceptron:
    """(z, level, observations) → predicted noise.

    Args:
        network: of one seed.
        levels: what the network takes for each level.
        precision: of the products.
    """

    def __init__(self, network: PerceptronNetwork, levels: Float[Tensor, " level"], precision: Precision):
        embedding = network.level(levels)[0].detach()
        self.early = None if network.early is None else Affine(network.early, precision)
        self.activation = Activation(network.mlp[1])
        self.rest = Perceptron(network.mlp, precision, begin=1, is_given_active=self.early is not None)
        self.channels = self.rest.outputs + (0 if self.early is None else self.early.outputs)
        self.enter = Entry(first_layer(network.mlp), self.channels, embedding, precision)

    def __call__(
        self,
        z: Float[Tensor, "row channel"],
        level: int,
        observations: Float[Tensor, "1 row observation"],
        tape: Tape | None = None,
        later: Tape | None = None,
    ) -> Float[Tensor, "row channel"]:
        """Predicted noise of every channel; `later` is the tape of what an early head does not need."""
        x = self.enter.forward(z, level, observations)
        if self.early is None:
            return self.rest.forward(x, tape)
        x = self.activation.forward(x, tape)
        return torch.cat([self.rest.forward(x, later), self.early.forward(x)], -1)

    def linearise(
        self, z: Float[Tensor, "row channel"], level: int, observations: Float[Tensor, "1 row observation"]
    ) -> tuple[Tensor, Callable[[Tensor, int], Tensor]]:
        """Predicted noise, and what takes the gradient of its channels from some one on to that of z."""
        tape: Tape = []
        later: Tape = []
        noise = self(z, level, observations, tape, later)

        def pull_back(gradient: Tensor, first: int) -> Tensor:
            if self.early is None:
                return self.enter.backward(self.rest.backward(pad_left(gradient, self.channels), tape))
            actions, further = self.rest.outputs, self.early.outputs
            x = self.early.backward(pad_left(gradient[..., -further:], further))
            if first < actions:
                x = x.add_(self.rest.backward(pad_left(gradient[..., :-further], actions), later))
            return self.enter.backward(self.activation.backward(x, tape))

        return noise, pull_back
