"""Initial weights have the laws that PyTorch, Glorot and Bengio, and flax give them."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

from methods.diffusion.networks.config import AuxiliaryHead, NetworkConfig
from methods.diffusion.networks.residual import NoiseNetwork
from training.initial import INITIAL
from training.networks import SeedLinear, SeedMLP
from training.seeds import SeedStreams

INPUTS, OUTPUTS = 100, 50
LAWS = {
    "uniform": stats.uniform(-0.1, 0.2),  # ±1/√100
    "xavier": stats.uniform(-0.2, 0.4),  # ±√(6/150)
    # A standard normal cut off at ±2 has the standard deviation 0.8796257; the layer's is to be 1/√100.
    "lecun": stats.truncnorm(-2, 2, scale=0.1 / 0.8796257),
}


def streams(*seeds: int) -> SeedStreams:
    return SeedStreams(seeds or (0,), "initial")


@pytest.mark.parametrize("name", INITIAL)
def test_weights_follow_the_law_of_their_name(name):
    weight, bias = INITIAL[name](streams(), (2,), INPUTS, OUTPUTS)
    assert weight.shape == (1, 2, INPUTS, OUTPUTS)
    assert bias.shape == (1, 2, 1, OUTPUTS)
    assert stats.kstest(weight.flatten().numpy(), LAWS[name].cdf).pvalue > 0.01
    assert stats.kstest(2 * weight.flatten().numpy(), LAWS[name].cdf).pvalue < 1e-6


@pytest.mark.parametrize("name", INITIAL)
def test_shifts_start_at_zero_but_for_pytorchs(name):
    _, bias = INITIAL[name](streams(), (), INPUTS, OUTPUTS)
    assert bias.any() == (name == "uniform")


def test_uniform_and_xavier_are_pytorchs_own():
    torch.manual_seed(0)
    layer = torch.nn.Linear(INPUTS, OUTPUTS)
    own = {"uniform": layer.weight, "xavier": torch.nn.init.xavier_uniform_(torch.empty(OUTPUTS, INPUTS))}
    for name, theirs in own.items():
        ours, _ = INITIAL[name](streams(), (), INPUTS, OUTPUTS)
        found: Any = stats.ks_2samp(ours.flatten().numpy(), theirs.detach().flatten().numpy())
        assert found.pvalue > 0.01


@pytest.mark.parametrize("name", INITIAL)
def test_a_seed_starts_the_same_in_any_company(name):
    alone, _ = INITIAL[name](streams(3), (), INPUTS, OUTPUTS)
    together, _ = INITIAL[name](streams(1, 3), (), INPUTS, OUTPUTS)
    assert torch.equal(alone[0], together[1])


def test_every_layer_of_a_perceptron_starts_as_asked():
    network = SeedMLP(streams(), [100, 64, 1], initial="xavier")
    for layer, bound in zip((network[0], network[2]), (math.sqrt(6 / 164), math.sqrt(6 / 65)), strict=True):
        assert isinstance(layer, SeedLinear)
        assert 0.9 * bound < layer.weight.abs().max() <= bound
        assert not layer.bias.any()


def test_the_backbone_has_lecuns_weights_inside_its_blocks_alone():
    """As in SWG's and IDQL's code: `default_init` everywhere but in the blocks, which have flax's own."""
    network = NoiseNetwork(streams(), NetworkConfig(initial="xavier", width=64), 10, 3, AuxiliaryHead(1))
    for name, weight in network.named_parameters():
        if not name.endswith("weight"):
            continue
        inputs, outputs = weight.shape[-2:]
        law = stats.truncnorm(-2, 2, scale=inputs**-0.5 / 0.8796257) if name.startswith("blocks") else None
        bound = math.sqrt(6 / (inputs + outputs))
        values = weight.detach().flatten().numpy()
        assert stats.kstest(values, (law or stats.uniform(-bound, 2 * bound)).cdf).pvalue > 1e-3, name
    assert not any(np.any(p.detach().numpy()) for n, p in network.named_parameters() if n.endswith("bias"))
