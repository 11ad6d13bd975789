"""CEP with the data's own actions for support: what it draws, what it learns, where it is refused."""

import dataclasses
from typing import Any

import pytest
import torch
from tiny import quiet, tiny_data, tiny_setup
from torch import Tensor

from critics.known import KnownCritic
from methods import Data, MethodError, SeedStreams, Setup, Step
from methods.cep import CEP, DataEnergyNet
from methods.core.guidance_net import GuidanceNetConfig
from methods.diffusion.schedule import Schedule, make_schedule
from training import fit

SUMS = KnownCritic("sums", lambda points: points.sum(-1), 3.0)
STATES, SUPPORT = 4, 7


def on_toy(**changes: Any) -> Setup:
    setup = dataclasses.replace(tiny_setup(), known_critic=SUMS, actions_depend_on_observations=False)
    return dataclasses.replace(setup, **changes)


def component_of(method: CEP, setup: Setup) -> DataEnergyNet:
    component = method.components(setup)["guidance"]
    assert isinstance(component, DataEnergyNet)
    return component


def test_a_step_contrasts_rows_of_the_data_at_states_of_the_data(monkeypatch):
    """Without noise the network sees the actions themselves; its loss is the cross-entropy of their odds."""
    data, setup, beta = tiny_data(), on_toy(), 2.0
    method = CEP(support="data", support_actions=SUPPORT, batch_size=STATES, inverse_temperature=beta)
    component = component_of(method, setup)
    net, calls = component.build(SeedStreams([0, 1], "y")), []
    net.schedule = Schedule(torch.ones(4), torch.zeros(4))

    def forward(z: Tensor, level: Tensor, observations: Tensor) -> Tensor:
        calls.append((z, level, observations))
        return z[..., 0] - z[..., 1]

    monkeypatch.setattr(net, "forward", forward)
    loss = component.losses(net, Step(data, {"critic": SUMS}, SeedStreams([0, 1], "x")))["loss"]
    ((z, level, observations),) = calls
    assert z.shape == (2, STATES * SUPPORT, 2)
    for rows, table in ((observations, data.observations), (z, data.actions)):
        assert (rows[..., None, :] == table).all(-1).any(-1).all()
    assert z.unique(dim=1).shape[1] > SUPPORT, "the actions are drawn anew for every state"
    grouped = observations.unflatten(1, (STATES, SUPPORT)), level.unflatten(1, (STATES, SUPPORT))
    for values in grouped:
        assert (values == values[:, :, :1]).all()
    actions = z.unflatten(1, (STATES, SUPPORT))
    odds = torch.exp(beta * grouped[0][..., 0] * actions.sum(-1))
    target = odds / odds.sum(-1, keepdim=True)
    answer = actions[..., 0] - actions[..., 1]
    shares = answer.exp() / answer.exp().sum(-1, keepdim=True)
    torch.testing.assert_close(loss, -(target * shares.log()).sum(-1).mean(-1))


def test_it_learns_the_exact_guidance_of_a_gaussian():
    """a ~ N(0, 1) and E = a₁ + a₂: a | a_k ~ N(α a_k, σ²), so ∇ log E[e^{βE} | a_k] = β α in either direction.

    Up to β = 0.7, where 64 draws weigh as much as 64 / e^{2 β²} = 24 equal ones.
    """
    numbers = torch.Generator().manual_seed(0)
    beta = 0.7 * torch.rand(20_000, 1, generator=numbers)
    actions = torch.randn(20_000, 2, generator=numbers)
    zeros = torch.zeros(20_000)
    data = Data(beta, actions, zeros, beta, zeros)
    config = GuidanceNetConfig(width=32, layers=2, steps=800, learning_rate=5e-3, decay_steps=800)
    setup = on_toy(observation_dim=1, guidance_net_config=config)
    method = CEP(support="data", support_actions=64, batch_size=4, inverse_temperature=1.0)
    module = fit(component_of(method, setup), data, {"critic": SUMS}, (0,), quiet).module
    schedule = make_schedule(setup.denoiser.schedule, setup.denoiser.levels)
    for level, alpha in enumerate(schedule.alpha.tolist()):
        z = torch.randn(1, 500, 2, generator=numbers, requires_grad=True)
        at = torch.full((1, 500, 1), 0.5)
        (slope,) = torch.autograd.grad(module(z, level, at).sum(), z)
        assert slope.mean((0, 1)).tolist() == pytest.approx([0.5 * alpha] * 2, abs=0.04)


def test_elsewhere_it_is_refused_in_one_sentence():
    with pytest.raises(MethodError, match=r"cep\.support='data' takes .* leave it at 'behaviour'"):
        CEP(support="data").components(tiny_setup())
