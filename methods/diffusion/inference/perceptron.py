"""Perceptrons on concat(z, state, level) of one seed: the plain noise network, see `networks.perceptron`."""

from collections.abc import Callable

from jaxtyping import Float
from torch import Tensor

from methods.diffusion.inference.layers import Entry, Perceptron, Tape, first_layer
from methods.diffusion.inference.residual import pad_left
from methods.diffusion.networks.perceptron import PerceptronNetwork


class InferencePerceptron:
    """(z, level, observations) → predicted noise.

    Args:
        network: of one seed.
        levels: what the network takes for each level.
    """

    def __init__(self, network: PerceptronNetwork, levels: Float[Tensor, " level"]):
        embedding = network.level(levels)[0].detach()
        self.rest = Perceptron(network.mlp, begin=1)
        self.enter = Entry(first_layer(network.mlp), self.rest.outputs, embedding)

    def __call__(
        self,
        z: Float[Tensor, "row channel"],
        level: int,
        observations: Float[Tensor, "1 row observation"],
        tape: Tape | None = None,
    ) -> Float[Tensor, "row channel"]:
        """Predicted noise of every channel."""
        return self.rest.forward(self.enter.forward(z, level, observations), tape)

    def linearise(
        self, z: Float[Tensor, "row channel"], level: int, observations: Float[Tensor, "1 row observation"]
    ) -> tuple[Tensor, Callable[[Tensor, int], Tensor]]:
        """Predicted noise, and what takes the gradient of its channels from some one on to that of z."""
        tape: Tape = []
        noise = self(z, level, observations, tape)

        def pull_back(gradient: Tensor, first: int) -> Tensor:
            return self.enter.backward(self.rest.backward(pad_left(gradient, self.rest.outputs), tape))

        return noise, pull_back
