"""Networks of many seeds as one batched matrix product: every parameter has the seed axis first.

A layer holds (seed, *members, in, out) weights; members are the networks of an ensemble, such as twin Q.
"""

import copy
import itertools
from collections.abc import Sequence
from typing import TypeVar

import torch
from jaxtyping import Float
from torch import Tensor, nn

from training.initial import INITIAL
from training.precision import widen
from training.products import apply_affine
from training.seeds import SeedStreams
from training.shapes import Actions, Observations

ModuleT = TypeVar("ModuleT", bound=nn.Module)
LAYER_NORM_EPSILON, FLAX_EPSILON = 1e-5, 1e-6
ACTIVATIONS: dict[str, type[nn.Module]] = {"relu": nn.ReLU, "silu": nn.SiLU, "mish": nn.Mish, "gelu": nn.GELU}


class SeedLinear(nn.Module):
    """An affine map per seed (and member): y = x W + b.

    Args:
        streams: the seeds and their random numbers.
        inputs, outputs: sizes of x and y.
        members: number of networks per seed, or None for one without a member axis.
        initial: how W and b start, a name in `INITIAL`.
    """

    def __init__(
        self, streams: SeedStreams, inputs: int, outputs: int, members: int | None = None, initial: str = "uniform"
    ):
        super().__init__()
        lead = () if members is None else (members,)
        weight, bias = INITIAL[initial](streams, lead, inputs, outputs)
        self.weight, self.bias = nn.Parameter(weight), nn.Parameter(bias)

    def forward(self, x: Float[Tensor, "*lead batch inputs"]) -> Float[Tensor, "*lead batch outputs"]:
        if self.weight.dim() == 3:
            return apply_affine(x, self.weight, self.bias)
        flat = apply_affine(x.flatten(0, -3), self.weight.flatten(0, -3), self.bias.flatten(0, -3))
        return flat.unflatten(0, self.weight.shape[:-2])


class SeedLayerNorm(nn.Module):
    """Layer normalisation over the features with a scale and shift per seed.

    Args:
        streams: the seeds and their random numbers.
        features: how many.
        epsilon: added to the variance.
    """

    def __init__(self, streams: SeedStreams, features: int, epsilon: float = LAYER_NORM_EPSILON):
        super().__init__()
        self.epsilon = epsilon
        self.scale = nn.Parameter(torch.ones(len(streams), 1, features, device=streams.device))
        self.shift = nn.Parameter(torch.zeros(len(streams), 1, features, device=streams.device))

    def forward(self, x: Float[Tensor, "seed batch features"]) -> Float[Tensor, "seed batch features"]:
        return torch.addcmul(self.shift, nn.functional.layer_norm(x, x.shape[-1:], eps=self.epsilon), self.scale)


class SeedMLP(nn.Sequential):
    """A perceptron per seed (and member) with the activation between its layers, none after the last.

    Args:
        streams: the seeds and their random numbers.
        sizes: input size, hidden sizes, output size.
        activation: a name in `ACTIVATIONS`.
        members: number of networks per seed, or None for one without a member axis.
        layer_norm: a LayerNorm before each activation; for one network per seed alone.
        initial: how every layer starts, a name in `INITIAL`.
    """

    def __init__(
        self,
        streams: SeedStreams,
        sizes: Sequence[int],
        activation: str = "relu",
        members: int | None = None,
        layer_norm: bool = False,
        initial: str = "uniform",
    ):
        layers: list[nn.Module] = []
        for inputs, outputs in itertools.pairwise(sizes[:-1]):
            norm = [SeedLayerNorm(streams, outputs)] if layer_norm else []
            layers += [SeedLinear(streams, inputs, outputs, members, initial), *norm, ACTIVATIONS[activation]()]
        super().__init__(*layers, SeedLinear(streams, sizes[-2], sizes[-1], members, initial))

    def forward(self, input: Tensor) -> Tensor:
        """(..., batch, inputs) → (..., batch, outputs), not in bfloat16 whatever the products are in."""
        return widen(super().forward(input))


def member_values(
    network: nn.Module, observations: Observations, actions: Actions, members: int
) -> Float[Tensor, "seed member batch"]:
    """Action values by every member of an ensemble, each asked the same."""
    pairs = torch.cat([observations, actions], -1)[:, None]
    return network(pairs.expand(-1, members, -1, -1)).squeeze(-1)


@torch.no_grad()
def polyak_update(target: nn.Module, source: nn.Module, polyak: float) -> None:
    """target ← (1 - polyak) target + polyak source, parameter by parameter."""
    torch._foreach_lerp_(  # pyright: ignore[reportPrivateImportUsage]
        list(target.parameters()), list(source.parameters()), polyak
    )


def take_seed(module: ModuleT, place: int) -> ModuleT:
    """A copy of the module that has one of its seeds alone, the one in that place."""
    alone = copy.deepcopy(module)
    for tensor in alone.state_dict(keep_vars=True).values():
        tensor.data = tensor.data[place : place + 1].clone()
    return alone


def parameter_count(module: nn.Module) -> int:
    """Number of trained parameters of one seed."""
    trained = [p for p in module.parameters() if p.requires_grad]
    return sum(p[0].numel() for p in trained)
