"""Batched networks of many seeds and members compute what one network after the other would."""

import pytest
import torch
from torch import nn

from training.networks import ACTIVATIONS, SeedLayerNorm, SeedLinear, SeedMLP, parameter_count
from training.seeds import SeedStreams

SEEDS, BATCH = 3, 4


def streams() -> SeedStreams:
    return SeedStreams(range(SEEDS), "networks")


@pytest.mark.parametrize("members", [None, 2])
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_perceptron_is_its_own_for_every_seed_and_member(members, activation):
    network = SeedMLP(streams(), [5, 7, 6, 2], activation, members)
    lead = (SEEDS,) if members is None else (SEEDS, members)
    x = torch.randn(*lead, BATCH, 5, generator=torch.Generator().manual_seed(0))
    y = network(x)
    assert y.shape == (*lead, BATCH, 2)
    linears = [layer for layer in network if isinstance(layer, SeedLinear)]
    for place in torch.cartesian_prod(*(torch.arange(n) for n in lead)).reshape(-1, len(lead)).tolist():
        h = x[tuple(place)]
        for number, layer in enumerate(linears):
            h = nn.functional.linear(h, layer.weight[tuple(place)].T, layer.bias[tuple(place)][0])
            h = ACTIVATIONS[activation]()(h) if number < 2 else h
        torch.testing.assert_close(y[tuple(place)], h)


def test_a_perceptron_normalises_before_each_activation_if_asked():
    network = SeedMLP(streams(), [5, 7, 6, 1], layer_norm=True)
    x = torch.randn(SEEDS, BATCH, 5, generator=torch.Generator().manual_seed(0))
    linears = [layer for layer in network if isinstance(layer, SeedLinear)]
    h = x[2]
    for number, layer in enumerate(linears):
        h = nn.functional.linear(h, layer.weight[2].T, layer.bias[2, 0])
        h = nn.functional.layer_norm(h, h.shape[-1:]).relu() if number < 2 else h
    torch.testing.assert_close(network(x)[2], h)
    # Two norms of 7 and 6 features with a scale and a shift each.
    assert parameter_count(network) == parameter_count(SeedMLP(streams(), [5, 7, 6, 1])) + 2 * (7 + 6)


def test_parameters_start_uniform_within_one_over_root_inputs():
    layer = SeedLinear(streams(), 100, 50)
    for values in (layer.weight, layer.bias):
        assert values.abs().max() <= 0.1
    # The standard deviation of a uniform number in ±b is b/√3.
    assert layer.weight.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.02)
    assert layer.weight.mean().item() == pytest.approx(0, abs=2e-3)


def test_layer_norm_is_pytorchs_with_a_scale_and_shift_per_seed():
    norm = SeedLayerNorm(streams(), 6)
    norm.scale.data = torch.arange(1.0, 19).view(SEEDS, 1, 6)
    norm.shift.data = -torch.arange(1.0, 19).view(SEEDS, 1, 6)
    x = torch.randn(SEEDS, BATCH, 6, generator=torch.Generator().manual_seed(0))
    for seed in range(SEEDS):
        expected = nn.functional.layer_norm(x[seed], (6,), norm.scale[seed, 0], norm.shift[seed, 0])
        torch.testing.assert_close(norm(x)[seed], expected)


def test_parameters_are_counted_for_one_seed():
    # Two members of 5·7 + 7 + 7·1 + 1 = 50 numbers.
    assert parameter_count(SeedMLP(streams(), [5, 7, 1], members=2)) == 100
