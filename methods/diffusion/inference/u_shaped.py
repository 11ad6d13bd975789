"""The U-shaped network of one seed, see `networks.u_shaped`."""

from collections.abc import Callable

import torch
from jaxtyping import Float
from torch import Tensor

from methods.diffusion.inference.layers import Activation, Affine, Entry, Perceptron, Tape, first_layer
from methods.diffusion.inference.residual import pad_left
from methods.diffusion.networks.u_shaped import ContextBlock, UShapedNetwork
from training.networks import SeedLinear
from training.precision import Precision


class InferenceContextBlock:
    """skip(x) + act(Dense(act(Dense(x)) + Dense(context)))."""

    def __init__(self, block: ContextBlock, precision: Precision):
        self.first, self.second = Affine(block.first, precision), Affine(block.second, precision)
        self.context, self.activation = Affine(block.context, precision), Activation(block.activation)
        self.skip = Affine(block.skip, precision) if isinstance(block.skip, SeedLinear) else None

    def forward(self, x: Float[Tensor, "row inputs"], context: Tensor, tape: Tape | None) -> Tensor:
        hidden = self.activation.forward(self.first.forward(x), tape).add(self.context.forward(context))
        out = self.activation.forward(self.second.forward(hidden), tape)
        return out + (x if self.skip is None else self.skip.forward(x))

    def backward(self, gradient: Float[Tensor, "row outputs"], tape: Tape) -> Float[Tensor, "row inputs"]:
        hidden = self.second.backward(self.activation.backward(gradient, tape))
        own = self.first.backward(self.activation.backward(hidden, tape))
        return own.add_(gradient if self.skip is None else self.skip.backward(gradient))


class InferenceUShaped:
    """(z, level, observations) → predicted noise.

    Args:
        network: of one seed.
        levels: what the network takes for each level.
        precision: of the products.
    """

    def __init__(self, network: UShapedNetwork, levels: Float[Tensor, " level"], precision: Precision):
        self.state, self.activation = Affine(network.state, precision), Activation(network.activation)
        time = network.time(levels / levels[-1])[0].detach()
        self.enter = Entry(first_layer(network.context), 0, time, precision, self._embed_states)
        self.context = Perceptron(network.context, precision, begin=1)
        down, up = (
            [InferenceContextBlock(block, precision) for block in blocks]  # pyright: ignore[reportArgumentType]
            for blocks in (network.down, network.up)
        )
        self.down, self.bottom, self.up = down, InferenceContextBlock(network.bottom, precision), up
        self.leave = Affine(network.leave, precision)

    def _embed_states(self, observations: Float[Tensor, "row observation"]) -> Float[Tensor, "row feature"]:
        return self.activation.forward(self.state.forward(observations), None)

    def __call__(
        self,
        z: Float[Tensor, "row channel"],
        level: int,
        observations: Float[Tensor, "1 row observation"],
        tape: Tape | None = None,
    ) -> Float[Tensor, "row channel"]:
        """Predicted noise of every channel."""
        context = self.context.forward(self.enter.add_states(level, observations), None)
        context = self.activation.forward(context, None)
        came_down: list[Tensor] = []
        x = z
        for block in self.down:
            x = block.forward(x, context, tape)
            came_down.append(x)
        x = self.bottom.forward(x, context, tape)
        for block in self.up:
            x = block.forward(torch.cat([came_down.pop(), x], -1), context, tape)
        return self.leave.forward(torch.cat([came_down.pop(), x], -1))

    def linearise(
        self, z: Float[Tensor, "row channel"], level: int, observations: Float[Tensor, "1 row observation"]
    ) -> tuple[Tensor, Callable[[Tensor, int], Tensor]]:
        """Predicted noise, and what takes the gradient of its channels from some one on to that of z."""
        tape: Tape = []
        noise = self(z, level, observations, tape)

        def pull_back(gradient: Tensor, first: int) -> Tensor:
            x = self.leave.backward(pad_left(gradient, self.leave.outputs))
            skipped: list[Tensor] = []
            for block in reversed(self.up):
                down, x = x.tensor_split(2, -1)
                skipped.append(down)
                x = block.backward(x, tape)
            down, x = x.tensor_split(2, -1)
            skipped.append(down)
            x = self.bottom.backward(x, tape)
            for block in reversed(self.down):
                x = block.backward(x + skipped.pop(), tape)
            return x

        return noise, pull_back
