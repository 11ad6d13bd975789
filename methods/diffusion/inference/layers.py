"""Layers of one seed with two-dimensional weights, and the backward pass of each with respect to its input.

`forward` keeps on a tape what `backward` takes off it, last in, first out; no graph is recorded. In bf16 weights
are rounded once, when they are prepared, and every product gives bfloat16; the residual network's sums, LayerNorm
and what a level adds to the first layer stay in single precision.
"""

from collections.abc import Callable
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.networks import SeedLayerNorm, SeedLinear, SeedMLP
from training.precision import Precision, narrow, widen
from training.products import multiply, multiply_and_add

aten = torch.ops.aten
Tape: TypeAlias = list[Tensor]
Slope: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(gradient of an activation's output, its input) → gradient of its input."""
ACTIVATIONS: dict[type[nn.Module], tuple[Callable[[Tensor], Tensor], Slope]] = {
    nn.SiLU: (nn.functional.silu, aten.silu_backward),
    nn.ReLU: (torch.relu, lambda gradient, x: aten.threshold_backward(gradient, x, 0)),
    nn.Mish: (nn.functional.mish, aten.mish_backward),
    nn.GELU: (nn.functional.gelu, aten.gelu_backward),
}


class Affine:
    """y = x W + b, without a tape: its backward pass needs the weight alone.

    Args:
        layer: of one seed.
        precision: of the products.
    """

    def __init__(self, layer: SeedLinear, precision: Precision):
        self.weight = narrow(layer.weight[0].detach(), precision)
        self.bias = narrow(layer.bias[0, 0].detach(), precision)
        self.transposed = self.weight.t()
        self.outputs = len(self.bias)

    def forward(self, x: Float[Tensor, "row inputs"]) -> Float[Tensor, "row outputs"]:
        return multiply_and_add(self.bias, x, self.weight)

    def backward(self, gradient: Float[Tensor, "row outputs"]) -> Float[Tensor, "row inputs"]:
        return multiply(gradient, self.transposed)


class Activation:
    """An activation function.

    Args:
        module: a module of `ACTIVATIONS`.
    """

    def __init__(self, module: nn.Module):
        self.function, self.slope = ACTIVATIONS[type(module)]

    def forward(self, x: Float[Tensor, "row feature"], tape: Tape | None) -> Float[Tensor, "row feature"]:
        if tape is not None:
            tape.append(x)
        return self.function(x)

    def backward(self, gradient: Float[Tensor, "row feature"], tape: Tape) -> Float[Tensor, "row feature"]:
        x = tape.pop()
        return self.slope(gradient.to(x.dtype), x)


class Norm:
    """Layer normalisation over the features, with a scale and a shift.

    Args:
        layer: of one seed.
    """

    def __init__(self, layer: SeedLayerNorm):
        self.scale, self.shift = layer.scale[0, 0].detach(), layer.shift[0, 0].detach()
        self.shape, self.epsilon = [len(self.scale)], layer.epsilon

    def forward(self, x: Float[Tensor, "row feature"], tape: Tape | None) -> Float[Tensor, "row feature"]:
        out, mean, rstd = torch.native_layer_norm(x, self.shape, self.scale, self.shift, self.epsilon)
        if tape is not None:
            tape.extend((x, mean, rstd))
        return out

    def backward(self, gradient: Float[Tensor, "row feature"], tape: Tape) -> Float[Tensor, "row feature"]:
        rstd, mean, x = tape.pop(), tape.pop(), tape.pop()
        given = (widen(gradient), x, self.shape, mean, rstd, self.scale, self.shift, [True, False, False])
        return aten.native_layer_norm_backward(*given)[0]


class Perceptron:
    """The layers of a `SeedMLP` of one seed without layer normalisation, all or those after the first.

    Args:
        network: of one seed.
        precision: of the products.
        begin: the number of layers that are left out.
        is_given_active: whether what comes in went through the activation between those and the rest.
    """

    def __init__(self, network: SeedMLP, precision: Precision, begin: int = 0, is_given_active: bool = False):
        self.layers = [Affine(layer, precision) for layer in network if isinstance(layer, SeedLinear)][begin:]
        self.activation = Activation(network[1])
        self.begins_active = begin > 0 and not is_given_active
        self.outputs = self.layers[-1].outputs

    def forward(self, x: Float[Tensor, "row inputs"], tape: Tape | None) -> Float[Tensor, "row outputs"]:
        for number, layer in enumerate(self.layers):
            if number or self.begins_active:
                x = self.activation.forward(x, tape)
            x = layer.forward(x)
        return x

    def backward(self, gradient: Float[Tensor, "row outputs"], tape: Tape) -> Float[Tensor, "row inputs"]:
        for number in reversed(range(len(self.layers))):
            gradient = self.layers[number].backward(gradient)
            if number or self.begins_active:
                gradient = self.activation.backward(gradient, tape)
        return gradient


def first_layer(network: SeedMLP) -> SeedLinear:
    """The first layer of a perceptron."""
    return next(layer for layer in network if isinstance(layer, SeedLinear))


class Entry:
    """The first layer on z, states and level: concat(z, s, e) W + b = z W_z + s W_s + (e W_e + b).

    What the level adds is computed once for every level, and what the states add once for each tensor of states.

    Args:
        layer: of one seed.
        channels: of z; there may be none.
        features: e, what the network sees of every level.
        precision: of the products with z and s.
        embed: what it sees of the states, themselves by default.
        level_first: whether the level stands before the states.
    """

    def __init__(
        self,
        layer: SeedLinear,
        channels: int,
        features: Float[Tensor, "level feature"],
        precision: Precision,
        embed: Callable[[Tensor], Tensor] = lambda observations: observations,
        level_first: bool = False,
    ):
        weight, size = layer.weight[0].detach(), features.shape[-1]
        self.weight, rest = narrow(weight[:channels], precision), weight[channels:]
        self.transposed = self.weight.t()
        level, state = (rest[:size], rest[size:]) if level_first else (rest[-size:], rest[:-size])
        self.state = narrow(state, precision)
        self.levels = torch.addmm(layer.bias[0, 0].detach(), features, level)
        self.embed = embed
        self._given: Tensor | None = None
        self._states = self.levels[:0]

    def add_states(
        self, level: int, observations: Float[Tensor, "1 row observation"]
    ) -> Float[Tensor, "row hidden"]:
        """The output but for z; a tensor of states that is given again must not have been changed in place."""
        if observations is not self._given:
            self._given, self._states = observations, multiply(self.embed(observations[0]), self.state)
        return self._states + self.levels[level]

    def forward(
        self, z: Float[Tensor, "row channel"], level: int, observations: Float[Tensor, "1 row observation"]
    ) -> Float[Tensor, "row hidden"]:
        """The output."""
        return multiply_and_add(self.add_states(level, observations), z, self.weight)

    def backward(self, gradient: Float[Tensor, "row hidden"]) -> Float[Tensor, "row channel"]:
        """The gradient of z."""
        return multiply(gradient, self.transposed)
