"""Prepared models against the modules they stand for and autograd, in double and in single precision."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tiny import act, make_policy, slot_methods, small, tiny_setup
from torch import Tensor, nn

from methods import SeedStreams, SlotPolicy
from methods.core.guidance_net import GuidanceNet, GuidanceNetConfig
from methods.core.inference import InferenceGuidanceNet, prepare
from methods.diffusion.denoiser import Backbone, DenoiserConfig, NetworkDenoiser
from methods.diffusion.guidance import CountedDenoiser, Counts, gradient_beside, gradient_through, linearise
from methods.diffusion.inference.denoiser import InferenceDenoiser
from methods.diffusion.networks.config import AuxiliaryHead
from methods.diffusion.sampler import SamplerConfig
from methods.diffusion.schedule import make_schedule
from methods.diffusion.solvers import SOLVERS

ROWS, STATES, ACTIONS = 7, 3, 2
NETWORKS = ("residual", "u-shaped", "mlp")
HEADS = (None, AuxiliaryHead(1, -2), AuxiliaryHead(2, 0), AuxiliaryHead(1, -1), AuxiliaryHead(2, None))


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def perturb(module: nn.Module) -> nn.Module:
    """With weights that none of its parts starts with, such as a LayerNorm's scale of 1."""
    module.requires_grad_(False)
    for number, parameter in enumerate(module.parameters()):
        parameter.add_(0.2 * normal(*parameter.shape, seed=number))
    return module


def denoiser_of(network: Any, head: AuxiliaryHead | None, seeds: int = 1, **settings: Any) -> NetworkDenoiser:
    config = DenoiserConfig(
        network=network, width=8, blocks=3, frequencies=4, level_features=6, levels=5, **settings
    )
    streams = SeedStreams(range(seeds), "test")
    return perturb(Backbone(config, STATES, ACTIONS).build(streams, head))  # pyright: ignore[reportReturnType]


def guidance_net(layers: int = 2) -> GuidanceNet:
    config, schedule = GuidanceNetConfig(width=8, layers=layers), make_schedule("vp", 5)
    return perturb(GuidanceNet(SeedStreams([0], "test"), config, schedule, STATES, ACTIONS))  # pyright: ignore


@pytest.mark.parametrize("head", HEADS, ids=str)
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("activation", ["silu", "relu", "mish", "gelu"])
def test_a_prepared_denoiser_and_its_pull_back_are_the_modules_in_double(
    network: str, head: AuxiliaryHead | None, activation: str
):
    module = denoiser_of(network, head, activation=activation).double()
    prepared = prepare(module)
    assert type(prepared) is InferenceDenoiser
    z, observations = normal(1, ROWS, module.channels).double(), normal(1, ROWS, STATES, seed=1).double()
    for level in (0, 3, 4):
        expected = module(z, level, observations)
        torch.testing.assert_close(prepared(z, level, observations), expected, rtol=1e-12, atol=1e-12)
        for first in range(module.channels):
            slope = normal(1, ROWS, module.channels - first, seed=2).double()
            clean, pull_back = linearise(prepared, z, level, observations)
            torch.testing.assert_close(clean, expected, rtol=1e-12, atol=1e-12)
            expected_gradient = reference_gradient(module, z, level, observations, slope, first)
            torch.testing.assert_close(pull_back(slope, first), expected_gradient, rtol=1e-12, atol=1e-12)


def reference_gradient(
    module: nn.Module, z: Tensor, level: int, observations: Tensor, slope: Tensor, first: int
) -> Tensor:
    """By autograd through the module."""
    leaf = z.clone().requires_grad_()
    (gradient,) = torch.autograd.grad((module(leaf, level, observations)[..., first:] * slope).sum(), leaf)
    return gradient


@pytest.mark.parametrize("layers", [1, 4])
def test_a_prepared_guidance_network_and_its_slope_are_the_modules_in_double(layers: int):
    module = guidance_net(layers).double()
    prepared = prepare(module)
    assert type(prepared) is InferenceGuidanceNet
    z, observations = normal(1, ROWS, ACTIONS).double(), normal(1, ROWS, STATES, seed=1).double()
    for level in (0, 4):
        expected = gradient_beside(module, z, level, observations)
        torch.testing.assert_close(
            prepared(z, level, observations), module(z, level, observations), rtol=1e-12, atol=1e-12
        )
        torch.testing.assert_close(
            gradient_beside(prepared, z, level, observations), expected, rtol=1e-12, atol=1e-12
        )


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("name", slot_methods())
def test_actions_and_counts_are_those_of_the_modules(name: str, solver: Any):
    setup, seeds = tiny_setup(sampler=SamplerConfig(solver=solver)), (3,)
    observations, scales = normal(1, ROWS, 3), torch.tensor([[0.0, 0.5, 1.0, 1.0, 2.0, 2.0, 3.0]])
    found: list[tuple[Tensor, Counts]] = []
    for plain in (False, True):
        policy, _ = make_policy(small(name), replace(setup, plain=plain), seeds)
        assert isinstance(policy, SlotPolicy)
        assert isinstance(inner_of(policy), NetworkDenoiser if plain else InferenceDenoiser)
        found.append((act(policy, observations, scales, seeds), policy.counts))
    (ours, ours_counts), (reference, reference_counts) = found
    difference = (ours - reference).abs()
    assert difference.median() <= 1e-7, "most actions lie within (-1, 1), whose spacing is at most 6e-8"
    assert difference.max() <= 5e-6
    assert ours_counts.of_seed(0) == reference_counts.of_seed(0)


def inner_of(policy: SlotPolicy) -> Any:
    counted = policy.models["denoiser"]
    assert isinstance(counted, CountedDenoiser)
    return counted.denoiser


def test_states_that_are_changed_in_place_between_calls_are_seen():
    policy, _ = make_policy(small("swg"), tiny_setup(), (3,))
    other, _ = make_policy(small("swg"), tiny_setup(), (3,))
    observations = normal(1, ROWS, 3)
    act(policy, observations, 1.0, (3,))
    observations.mul_(-1.0)
    torch.testing.assert_close(
        act(policy, observations, 1.0, (3,)), act(other, observations.clone(), 1.0, (3,)), rtol=0, atol=0
    )


def test_autograd_goes_through_a_prepared_denoiser():
    """A guidance of somebody's own may differentiate as it likes."""
    module = denoiser_of("residual", AuxiliaryHead(1, -2)).double()
    z, observations = normal(1, ROWS, 3).double(), normal(1, ROWS, STATES, seed=1).double()
    slope = normal(1, ROWS, 3, seed=2).double()
    found = reference_gradient(prepare(module), z, 2, observations, slope, 0)  # pyright: ignore
    torch.testing.assert_close(
        found, reference_gradient(module, z, 2, observations, slope, 0), rtol=1e-12, atol=1e-12
    )


def test_the_gradient_of_a_function_of_the_prediction_is_autograds():
    module = denoiser_of("u-shaped", None).double()
    z, observations = normal(1, ROWS, ACTIONS).double(), normal(1, ROWS, STATES, seed=1).double()

    def log_weight(clean: Tensor) -> Tensor:
        return (clean.square() * observations[..., :1]).sum(-1).sin()

    leaf = z.clone().requires_grad_()
    (expected,) = torch.autograd.grad(log_weight(module(leaf, 1, observations)).sum(), leaf)
    for denoiser in (module, prepare(module)):
        clean, gradient = gradient_through(denoiser, z, 1, observations, log_weight)
        torch.testing.assert_close(gradient, expected, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(clean, module(z, 1, observations), rtol=1e-12, atol=1e-12)


class Halved:
    """A wrapper that delegates what it does not say itself, as a plug-in's may."""

    def __init__(self, denoiser: Any):
        self.denoiser = denoiser

    def __call__(self, z: Tensor, level: int, observations: Tensor) -> Tensor:
        return 0.5 * self.denoiser(z, level, observations)

    def __getattr__(self, name: str) -> Any:
        return getattr(self.denoiser, name)


def test_the_pull_back_of_a_wrapper_is_not_that_of_what_it_wraps():
    module = denoiser_of("residual", None).double()
    z, observations = normal(1, ROWS, ACTIONS).double(), normal(1, ROWS, STATES, seed=1).double()
    slope = normal(1, ROWS, ACTIONS, seed=2).double()
    wrapped: Any = Halved(prepare(module))
    clean, pull_back = linearise(wrapped, z, 1, observations)
    torch.testing.assert_close(clean, 0.5 * module(z, 1, observations), rtol=1e-12, atol=1e-12)
    expected = 0.5 * reference_gradient(module, z, 1, observations, slope, 0)
    torch.testing.assert_close(pull_back(slope), expected, rtol=1e-12, atol=1e-12)


def test_a_prepared_guidance_network_has_what_the_module_has():
    module = guidance_net().double()
    prepared = prepare(module)
    z, observations = normal(1, ROWS, ACTIONS).double(), normal(1, ROWS, STATES, seed=1).double()
    levels = torch.tensor([[0, 1, 2, 3, 4, 0, 1]])
    assert prepared.schedule is module.schedule
    torch.testing.assert_close(prepared(z, levels, observations), module(z, levels, observations), rtol=0, atol=0)


class OwnDenoiser(NetworkDenoiser):
    """With a prediction of its own."""


class OwnNetwork(nn.Linear):
    """None of the known ones."""


def test_what_is_not_a_known_module_of_one_seed_stays_as_it_is():
    module = denoiser_of("residual", None)
    own = OwnDenoiser(module.network, module.schedule, module.channels)
    other = NetworkDenoiser(OwnNetwork(1, 1), module.schedule, 1)
    for model in (denoiser_of("residual", None, seeds=2), own, other, nn.Linear(1, 1), None, "critic"):
        assert prepare(model) is model
