"""bf16 rounds matrix products alone: losses, gradients, weights and averages stay in single precision."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from critics.config import CriticSettings
from critics.iql import IQL
from methods import Component, Data, SeedStreams, Step, Trained
from methods.core.guidance_net import GuidanceNetConfig
from methods.core.setup import Setup
from methods.ddice import DiffusionDICE
from methods.diffusion.denoiser import DenoiserConfig
from methods.diffusion.sampler import SamplerConfig
from methods.swg import SWG
from training.checkpoint import TrainingState

SEEDS = (0, 1)


def setup_in(precision: Any) -> Setup:
    return Setup(
        observation_dim=5,
        action_dim=2,
        action_low=(-1.0, -1.0),
        action_high=(1.0, 1.0),
        critic_config=CriticSettings(width=32, batch_size=64, steps=1, precision=precision),
        denoiser=DenoiserConfig(
            width=32,
            blocks=2,
            frequencies=4,
            level_features=8,
            levels=4,
            steps=1,
            batch_size=64,
            precision=precision,
        ),
        guidance_net_config=GuidanceNetConfig(width=32, layers=2, steps=1, precision=precision),
        sampler=SamplerConfig(),
    )


def data() -> Data:
    def normal(*shape: int) -> Tensor:
        return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))

    return Data(normal(300, 5), normal(300, 2).tanh(), normal(300), normal(301, 5)[:300], torch.zeros(300))


def components(precision: Any) -> dict[str, Trained]:
    setup = setup_in(precision)
    guidance = DiffusionDICE(noises=2, batch_size=64).guidance().components(setup, setup.behaviour())["guidance"]
    made: dict[str, Component] = {
        "critic": setup.critic(),
        "behaviour": setup.behaviour(),
        "joint": SWG().objective().component(setup),
        "guidance": guidance,
    }
    return {name: component for name, component in made.items() if isinstance(component, Trained)}


def step_of(component: Trained) -> tuple[Tensor, dict[str, Tensor], TrainingState]:
    """The losses and the gradients of one step, from the same weights and numbers at every precision."""
    models = {name: each.build(SeedStreams(SEEDS, "up")) for name, each in component.upstream().items()}
    state = TrainingState(component, SEEDS, data(), None)
    given = Step(data(), models, state.noise)
    given = replace(given, precomputed=component.precompute(given))
    with torch.enable_grad():
        (loss,) = component.compute_losses(state.module, given).values()
        loss.sum().backward()
    return (
        loss.detach(),
        {name: p.grad for name, p in state.module.named_parameters() if p.grad is not None},
        state,
    )


@pytest.mark.parametrize("name", ["critic", "behaviour", "joint", "guidance"])
def test_losses_and_gradients_are_single_and_those_of_fp32_to_bf16s_rounding(name: str):
    loss, gradients, _ = step_of(components("fp32")[name])
    rounded, of_rounded, state = step_of(components("bf16")[name])
    assert components("bf16")[name].precision == "bf16"
    assert rounded.dtype == torch.float32
    assert all(p.dtype == torch.float32 for p in state.module.parameters())
    assert not torch.equal(rounded, loss), "the products were rounded"
    torch.testing.assert_close(rounded, loss, rtol=0.02, atol=0.0)  # 2^-8 a rounding, several in a row
    assert set(of_rounded) == set(gradients), "no gradient is lost"
    for parameter, gradient in gradients.items():
        assert of_rounded[parameter].dtype == torch.float32
        distance = (of_rounded[parameter] - gradient).norm() / gradient.norm().clamp(min=1e-6)
        assert distance < 0.15, parameter


@pytest.mark.parametrize("name", ["critic", "behaviour", "joint", "guidance"])
def test_a_component_in_another_precision_is_another(name: str):
    assert components("fp32")[name] != components("bf16")[name]
    assert replace(CriticSettings(), precision="bf16") != CriticSettings()


def test_without_rounding_nothing_changes():
    """fp32 is the loss as it is, bit for bit."""
    component = components("fp32")["critic"]
    assert isinstance(component, IQL)
    loss, _, _ = step_of(component)
    state = TrainingState(component, SEEDS, data(), None)
    (plain,) = component.losses(state.module, Step(data(), {}, state.noise)).values()
    assert torch.equal(loss, plain.detach())
