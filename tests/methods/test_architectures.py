"""The networks by name: their sizes against the authors' and the paper's, their formulas against plain PyTorch."""

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import linear, silu

from methods import AuxiliaryHead
from methods.diffusion.denoiser import Backbone, DenoiserConfig
from methods.diffusion.inference.layers import Norm
from methods.diffusion.networks import NETWORKS
from methods.diffusion.networks.config import LevelEmbedding, NetworkConfig, level_numbers
from methods.diffusion.networks.perceptron import PerceptronNetwork
from methods.diffusion.networks.residual import Block, NoiseNetwork
from methods.diffusion.networks.u_shaped import ContextBlock, UShapedNetwork
from training import SeedLinear, SeedStreams, parameter_count

SEEDS = (0, 1)
OBSERVATIONS, ACTIONS, ROWS = 3, 2, 7
PUBLISHED = Path(__file__).parents[2] / "reports" / "published" / "published_swg_parameter_counts.csv"


def network(name: Any, further: int = 0) -> nn.Module:
    config = NetworkConfig(network=name, width=8, blocks=3, dropout=0.0, frequencies=4, level_features=6)
    head = AuxiliaryHead(further) if further else None
    return NETWORKS[config.network](SeedStreams(SEEDS, "x"), config, OBSERVATIONS, ACTIONS, head)


def inputs(channels: int) -> tuple[Tensor, Tensor]:
    streams = SeedStreams(SEEDS, "inputs")
    return streams.normal(ROWS, channels), streams.normal(ROWS, OBSERVATIONS)


@pytest.mark.parametrize("levels", [4, 40])  # fewer and more than there are rows
@pytest.mark.parametrize("further", [0, 1, 2])
@pytest.mark.parametrize("name", NETWORKS)
def test_one_level_for_all_is_the_same_level_for_each(name: str, further: int, levels: int):
    net, numbers = network(name, further), level_numbers(levels)
    z, observations = inputs(ACTIONS + further)
    rows = SeedStreams(SEEDS, "levels").integers(levels, ROWS)
    mixed = net(z, rows, observations, numbers)
    assert mixed.shape == z.shape
    for level in range(levels):
        together = net(z, level, observations, numbers)
        here = rows == level
        torch.testing.assert_close(mixed[here], together[here])
    assert not torch.allclose(net(z, 0, observations, numbers), net(z, levels - 1, observations, numbers))


@pytest.mark.parametrize("name", NETWORKS)
def test_a_seed_sees_its_own_inputs_and_parameters_alone(name: str):
    net, numbers = network(name, 1), level_numbers(4)
    z, observations = inputs(ACTIONS + 1)
    z.requires_grad_()
    answer = net(z, 2, observations, numbers)[1].sum()
    of_z, *of_parameters = torch.autograd.grad(answer, [z, *net.parameters()])
    assert of_z[0].abs().sum() == 0
    assert of_z[1].abs().min() > 0
    for gradient in of_parameters:
        assert gradient[0].abs().sum() == 0
        assert gradient[1].abs().sum() > 0


def dense(layer: nn.Module, x: Tensor, seed: int = 1) -> Tensor:
    assert isinstance(layer, SeedLinear)
    return linear(x, layer.weight[seed].T, layer.bias[seed, 0])


def test_the_perceptron_is_a_plain_perceptron_on_everything_at_once():
    net, (z, observations) = network("mlp"), inputs(ACTIONS)
    assert isinstance(net, PerceptronNetwork)
    embedding = net.level(torch.tensor([2.0]))[1].expand(ROWS, -1)
    h = torch.cat([z[1], observations[1], embedding], -1)
    layers = [layer for layer in net.mlp if isinstance(layer, SeedLinear)]
    assert len(layers) == 4  # three hidden layers
    for layer in layers[:-1]:
        h = silu(dense(layer, h))
    torch.testing.assert_close(net(z, 1, observations, level_numbers(4))[1], dense(layers[-1], h))


def block(part: nn.Module, x: Tensor, context: Tensor) -> Tensor:
    """The residual block of CEP's code, for the second seed."""
    assert isinstance(part, ContextBlock)
    h = silu(dense(part.first, x)) + dense(part.context, silu(context))
    h = silu(dense(part.second, h))
    return h + (x if isinstance(part.skip, torch.nn.Identity) else dense(part.skip, x))


def test_the_u_goes_down_and_up_with_what_came_down_beside_it():
    net, (z, observations) = network("u-shaped"), inputs(ACTIONS)
    assert isinstance(net, UShapedNetwork)
    turns = 0.75 * net.time.get_buffer("frequency")[1, 0] * 2 * torch.pi  # level 2 of 0..3 stands at t = 3/4
    assert turns.shape == (16,)
    time = dense(net.time.mix, torch.cat([turns.sin(), turns.cos()])).expand(ROWS, -1)
    state = silu(dense(net.state, observations[1]))
    context = dense(net.context[2], silu(dense(net.context[0], torch.cat([state, time], -1))))
    d1 = block(net.down[0], z[1], context)
    d2 = block(net.down[1], d1, context)
    d3 = block(net.down[2], d2, context)
    u3 = block(net.bottom, d3, context)
    u2 = block(net.up[0], torch.cat([d3, u3], -1), context)
    u1 = block(net.up[1], torch.cat([d2, u2], -1), context)
    assert [x.shape[-1] for x in (d1, d2, d3, u3, u2, u1)] == [16, 8, 4, 4, 8, 16]
    expected = dense(net.leave, torch.cat([d1, u1], -1))
    torch.testing.assert_close(net(z, 2, observations, level_numbers(4))[1], expected)


def test_the_frequencies_of_the_u_are_fixed_and_spread_by_thirty():
    streams = SeedStreams(range(200), "x")
    net = NETWORKS["u-shaped"](streams, NetworkConfig(network="u-shaped", width=2), 1, 1, None)
    assert "time.frequency" not in dict(net.named_parameters())
    assert "time.frequency" in net.state_dict()
    assert net.get_buffer("time.frequency").std().item() == pytest.approx(30, abs=4.5 * 30 / (2 * 3200) ** 0.5)
    at_1000 = level_numbers(1000) / level_numbers(1000)[-1]
    torch.testing.assert_close(at_1000, torch.linspace(1e-3, 1, 1000))  # the times of the continuous schedule


def test_the_u_has_as_many_parameters_as_the_authors_network():
    """walker2d, 17 observations and 6 actions, layer by layer as in the code of CEP and Diffusion-DICE."""
    embeddings = (32 * 32 + 32) + (17 * 32 + 32) + (64 * 128 + 128) + (128 * 128 + 128)
    sizes = {(6, 512): True, (512, 256): True, (256, 128): True, (128, 128): False, (256, 256): False}
    sizes[512, 512] = False
    blocks = sum(
        (128 * out + out) + (into * out + out) + (out * out + out) + (into * out + out) * changes
        for (into, out), changes in sizes.items()
    )
    last = 1024 * 6 + 6
    assert embeddings + blocks + last == 1_634_278
    config = NetworkConfig(network="u-shaped")
    net = NETWORKS[config.network](SeedStreams([0], "x"), config, 17, 6, None)
    assert parameter_count(net) == 1_634_278


def published_counts() -> Iterator[tuple[int, int, float, int]]:
    """(width, hidden layers, parameters, unit of the last printed digit) of each row of the paper's table."""
    with PUBLISHED.open() as file:
        rows = list(csv.DictReader(file))
    for row in rows:
        width, depth = (row["value"], 4) if row["sweep"].startswith("width") else (2056, row["value"])
        number, letter = row["parameters"][:-1], row["parameters"][-1]
        scale, unit = {"K": (1_000, 10_000), "M": (1_000_000, 100_000)}[letter]
        yield int(width), int(depth), float(number) * scale, unit


@pytest.mark.parametrize(("width", "depth", "published", "unit"), list(published_counts()))
def test_the_perceptron_has_the_papers_number_of_parameters(width, depth, published, unit):
    """Sizes that the paper does not give: Hopper's 11 observations and 3 actions, the weight beside them, and the
    level's embedding 64 → 128 → 256 → 256 of the residual network. With them thirteen of the fourteen counts fit
    to the last printed digit (some are rounded, some cut off). Depth 2 is printed as 4.5M and has 4.9M: it stands
    off the line of the others, which rise by 4.23M a layer from 0.67M.
    """
    embedding = 64 + (128 * 256 + 256) + (256 * 256 + 256)
    inputs, outputs = 4 + 11 + 256, 4
    by_hand = embedding + (inputs + 1) * width + (depth - 1) * (width + 1) * width + (width + 1) * outputs
    if width * depth < 5000:  # the larger ones are the same formula at hundreds of megabytes
        config = NetworkConfig(network="mlp", width=width, blocks=depth)
        net = NETWORKS[config.network](SeedStreams([0], "x"), config, 11, 3, AuxiliaryHead(1))
        assert parameter_count(net) == by_hand
    if (width, depth) == (2056, 2):
        assert by_hand == 4_895_532
        published = 4.9e6
    assert abs(by_hand - published) < unit


def test_numbers_of_levels_are_one_to_k_until_they_would_look_unrelated():
    assert level_numbers(4).tolist() == [1, 2, 3, 4]
    assert level_numbers(150).tolist() == list(range(1, 151))
    assert level_numbers(1000)[[0, 499, 999]].tolist() == pytest.approx([0.15, 75, 150])
    embedding = LevelEmbedding(SeedStreams([0], "x"), NetworkConfig())
    table = embedding(level_numbers(1000))[0]
    neighbours = (table[1:] - table[:-1]).norm(dim=-1)
    far = torch.pdist(table).median()
    assert (neighbours < far / 3).all()
    assert neighbours.min() > 0


@pytest.mark.parametrize("first", [0, 1])
@pytest.mark.parametrize("name", ["residual", "mlp"])
def test_a_denoiser_asks_its_network_with_levels_counted_from_the_first(name: Any, first: int):
    """SWG's and IDQL's code counts from 0."""
    config = DenoiserConfig(network=name, width=8, frequencies=4, level_features=6, levels=5, first_level=first)
    denoiser = Backbone(config, OBSERVATIONS, ACTIONS).build(SeedStreams(SEEDS, "x"))
    assert denoiser.levels.tolist() == [first + k for k in range(5)]
    assert isinstance(denoiser.network, (NoiseNetwork, PerceptronNetwork))
    (z, observations), embedding = inputs(ACTIONS), denoiser.network.level
    turns = 2 * torch.pi * (3 + first) * embedding.frequency
    features = torch.cat([turns.cos(), turns.sin()], -1)
    first_layer, last_layer = (layer for layer in embedding.mlp if isinstance(layer, SeedLinear))
    expected = dense(last_layer, silu(dense(first_layer, features[1])))
    given: list[Any] = []
    embedding.register_forward_hook(lambda module, args, out: given.append(out))
    denoiser.predict_noise(z, 3, observations)
    torch.testing.assert_close(given[0][1], expected)


def test_the_norm_of_a_block_has_the_epsilon_of_the_settings():
    """Of numbers ±1e-3 it gives x/√(1e-6 + ε), by the module and by the one prepared for sampling."""
    for epsilon, deviation in ((1e-5, 11e-6**0.5), (1e-6, 2e-6**0.5)):
        config = NetworkConfig(width=4, blocks=1, layer_norm_epsilon=epsilon)
        (only,) = NoiseNetwork(SeedStreams([0], "x"), config, OBSERVATIONS, ACTIONS).blocks
        assert isinstance(only, Block)
        x = torch.tensor([[1e-3, -1e-3, 1e-3, -1e-3]])
        torch.testing.assert_close(only.norm(x[None])[0], x / deviation)
        torch.testing.assert_close(Norm(only.norm).forward(x, None), x / deviation)
