"""The residual network of one seed, see `networks.residual`."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn.functional import pad

from methods.diffusion.inference.layers import Activation, Affine, Entry, Norm, Perceptron, Tape, first_layer
from methods.diffusion.networks.residual import Block, NoiseNetwork
from training.precision import Precision
from training.products import multiply, multiply_and_add


class InferenceBlock:
    """x + Dense(act(Dense(LayerNorm(x))))."""

    def __init__(self, block: Block, precision: Precision):
        self.norm, self.expand = Norm(block.norm), Affine(block.expand, precision)
        self.activation, self.contract = Activation(block.activation), Affine(block.contract, precision)

    def forward(self, x: Float[Tensor, "row width"], tape: Tape | None) -> Float[Tensor, "row width"]:
        hidden = self.activation.forward(self.expand.forward(self.norm.forward(x, tape)), tape)
        return multiply_and_add(x, hidden, self.contract.weight).add_(self.contract.bias)

    def backward(self, gradient: Float[Tensor, "row width"], tape: Tape) -> Float[Tensor, "row width"]:
        inner = self.activation.backward(self.contract.backward(gradient), tape)
        return self.norm.backward(self.expand.backward(inner), tape).add_(gradient)


class InferenceResidual:
    """(z, level, observations) → predicted noise.

    Args:
        network: of one seed.
        levels: what the network takes for each level.
        precision: of the products.
    """

    def __init__(self, network: NoiseNetwork, levels: Float[Tensor, " level"], precision: Precision):
        self.leave, self.activation = Affine(network.leave, precision), Activation(network.activation)
        embedding = network.level(levels)[0].detach()
        self.actions, self.further = self.leave.outputs, 0
        self.auxiliary, self.own = None, None
        blocks = [InferenceBlock(block, precision) for block in network.blocks]  # pyright: ignore[reportArgumentType]
        inner = len(blocks)
        if network.auxiliary is not None:
            is_own = network.auxiliary_block is None
            self.auxiliary = Perceptron(network.auxiliary, precision, begin=1 if is_own else 0)
            self.further = self.auxiliary.outputs
            inner = 0 if network.auxiliary_block is None else network.auxiliary_block + 1
            if is_own:
                self.own = Entry(first_layer(network.auxiliary), self.actions + self.further, embedding, precision)
        self.enter = Entry(network.enter, self.actions + self.further, embedding, precision)
        self.blocks, self.later = blocks[:inner], blocks[inner:]

    def __call__(
        self,
        z: Float[Tensor, "row channel"],
        level: int,
        observations: Float[Tensor, "1 row observation"],
        tape: Tape | None = None,
        later: Tape | None = None,
    ) -> Float[Tensor, "row channel"]:
        """Predicted noise of every channel; `later` is the tape of what the auxiliary channels do not need."""
        x = self.enter.forward(z, level, observations)
        for block in self.blocks:
            x = block.forward(x, tape)
        read = x if self.own is None else self.own.forward(z, level, observations)
        further = () if self.auxiliary is None else (self.auxiliary.forward(read, tape),)
        for block in self.later:
            x = block.forward(x, later)
        noise = self.leave.forward(self.activation.forward(x, later))
        return torch.cat([noise, *further], -1) if further else noise

    def linearise(
        self, z: Float[Tensor, "row channel"], level: int, observations: Float[Tensor, "1 row observation"]
    ) -> tuple[Tensor, Callable[[Tensor, int], Tensor]]:
        """Predicted noise, and what takes the gradient of its channels from some one on to that of z."""
        tape: Tape = []
        later: Tape = []
        noise = self(z, level, observations, tape, later)

        def pull_back(gradient: Tensor, first: int) -> Tensor:
            x, own = None, None
            if first < self.actions:
                of_noise, gradient = gradient.split((self.actions - first, self.further), -1)
                x = self.activation.backward(multiply(of_noise, self.leave.transposed[first:]), later)
                for block in reversed(self.later):
                    x = block.backward(x, later)
            if self.auxiliary is not None:
                further = self.auxiliary.backward(pad_left(gradient, self.further), tape)
                if self.own is not None:
                    own = self.own.backward(further)
                else:
                    x = further if x is None else x.add_(further)
            if x is None:
                assert own is not None, "of the channels from `first` on there is one"
                return own
            for block in reversed(self.blocks):
                x = block.backward(x, tape)
            found = self.enter.backward(x)
            return found if own is None else found.add_(own)

        return noise, pull_back


def pad_left(gradient: Float[Tensor, "row given"], channels: int) -> Float[Tensor, "row channel"]:
    """The gradient with zeros for the channels before those that are given."""
    missing = channels - gradient.shape[-1]
    return pad(gradient, (missing, 0)) if missing else gradient
