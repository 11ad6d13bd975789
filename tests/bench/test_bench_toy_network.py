"""The toy sets' preset `paper` is the network and the optimiser of SWG's Appendix D.1, held to plain PyTorch."""

import itertools

import pytest
import torch
from torch import nn

from bench.config.precedence import TERMS, Case, resolve_settings
from bench.config.spec import Config
from methods import AuxiliaryHead, SeedLinear, SeedStreams, get_method
from methods.diffusion.denoiser import Backbone, NetworkDenoiser
from methods.diffusion.networks.perceptron import PerceptronNetwork
from suites.registry import get_suite, get_tasks
from training import parameter_count
from training.optimiser import make_optimisers

ROWS = 7
both_terms = pytest.mark.parametrize("terms", ["controlled", "as-published"])


def resolve(terms: str, preset: str = "paper") -> Config:
    """The shared settings of SWG on the moons."""
    toy = get_suite("toy")
    (moons,) = get_tasks(toy, ("moons",))
    return resolve_settings(Case(preset, TERMS[terms], toy, moons, {"swg": get_method("swg")}, {}))[0]


def build(config: Config) -> NetworkDenoiser:
    """The joint denoiser of a point and its weight, given β."""
    return Backbone(config.denoiser, 1, 2).build(SeedStreams([0], "x"), AuxiliaryHead(1, -2))


@both_terms
def test_the_network_is_six_layers_of_512_with_gelu(terms: str):
    denoiser = build(resolve(terms))
    network = denoiser.network
    assert isinstance(network, PerceptronNetwork)
    sizes = [3 + 1 + 256, *[512] * 6, 3]  # z = (a, w), β and the level's embedding → the noise of z
    plain = nn.Sequential()
    for number, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        plain.extend([nn.Linear(inputs, outputs), *([nn.GELU()] if number < 6 else [])])
    ours = [layer for layer in network.mlp if isinstance(layer, SeedLinear)]
    theirs = [layer for layer in plain if isinstance(layer, nn.Linear)]
    with torch.no_grad():
        for own, layer in zip(ours, theirs, strict=True):
            layer.weight.copy_(own.weight[0].T)
            layer.bias.copy_(own.bias[0, 0])
    streams = SeedStreams([0], "inputs")
    z, beta = streams.normal(ROWS, 3), streams.normal(ROWS, 1)
    level = network.level(torch.tensor([41.0]))[0].expand(ROWS, -1)  # the 41st of 100
    expected = plain(torch.cat([z[0], beta[0], level], -1))
    torch.testing.assert_close(denoiser.predict_noise(z, 40, beta)[0], expected)
    of_layers = (260 * 512 + 512) + 5 * (512 * 512 + 512) + (512 * 3 + 3)
    of_level = 64 + (128 * 256 + 256) + (256 * 256 + 256)
    assert of_layers + of_level == 1_547_331
    assert parameter_count(denoiser) == 1_547_331


@both_terms
def test_the_optimiser_is_adam_at_a_constant_rate_and_the_last_weights_are_kept(terms: str):
    config = resolve(terms).denoiser
    start = torch.linspace(-2.0, 2.0, 12)
    ours = nn.ParameterList([nn.Parameter(start.clone().view(1, 12))])
    (optimiser,) = make_optimisers(ours, config.groups)
    theirs = nn.Parameter(start.clone())
    adam = torch.optim.Adam([theirs], lr=1e-4)
    for number in range(20):
        optimiser.set_rate(10_000 * number)
        optimiser.backward((ours[0] ** 4 + ours[0]).sum(-1), keep_graph=False)
        optimiser.step(measure=False)
        adam.zero_grad()
        (theirs**4 + theirs).sum().backward()
        adam.step()
    torch.testing.assert_close(ours[0][0], theirs, rtol=0, atol=1e-6)  # 20 steps move each number by 2e-3
    assert (theirs - start).abs().max() > 1e-3
    assert dict(optimiser.averaged()) == {}


@both_terms
def test_its_sizes_and_schedule_are_those_of_the_appendix(terms: str):
    config = resolve(terms)
    sizes = config.denoiser
    assert (sizes.steps, sizes.batch_size, sizes.levels, sizes.schedule) == (200_000, 1024, 100, "cosine")
    assert (config.sampler.temperature, config.data.transitions) == (1.0, 1_000_000)


def test_the_code_has_swish_adamw_and_an_average():
    for terms in TERMS:
        code = resolve(terms, "official").denoiser
        assert (code.network, code.width, code.blocks, code.activation) == ("mlp", 512, 6, "silu")
        assert (code.weight_decay, code.learning_rate, code.ema, code.decay_steps) == (0.01, 2e-5, 0.0005, None)
