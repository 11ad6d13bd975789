"""CEP with the data's own actions for support: what it draws, what it learns, where it is refused."""

import dataclasses

import numpy as np
import pytest
import torch
from tiny import tiny_data, tiny_shared

from critics.iql import KnownCritic
from methods.cep import CEP, DataEnergyNet
from methods.core.guidance_net import GuidanceNetConfig
from methods.core.registry import MethodError
from methods.diffusion.schedule import make_schedule
from training.component import Data
from training.loop import fit
from training.seeds import SeedStreams

SUMS = KnownCritic("sums", lambda points: points.sum(-1), 3.0)


def on_toy(**changes):
    return dataclasses.replace(tiny_shared(), critic=SUMS, **changes)


def quiet(done, total):
    pass


def test_a_step_contrasts_rows_of_the_data_at_states_of_the_data():
    data = tiny_data()
    method = CEP(support="data", support_actions=7, batch_size=4, inverse_temperature=2.0)
    net = method.components(on_toy())["energy"]
    assert isinstance(net, DataEnergyNet)
    batch = net.draw(data, {}, {"critic": SUMS}, SeedStreams([0, 1], "x"))
    assert batch.actions.shape == (2, 4, 7, 2)
    for rows, table in ((batch.observations, data.observations), (batch.actions.flatten(1, 2), data.actions)):
        assert (rows[..., None, :] == table).all(-1).any(-1).all()
    odds = np.exp(2.0 * batch.observations[..., :1].numpy() * batch.actions.numpy().sum(-1))
    np.testing.assert_allclose(batch.target.numpy(), odds / odds.sum(-1, keepdims=True), rtol=1e-5)


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
    shared = on_toy(observation_dim=1, guidance_net=config)
    method = CEP(support="data", support_actions=64, batch_size=4, inverse_temperature=1.0)
    net = method.components(shared)["energy"]
    assert isinstance(net, DataEnergyNet)
    module, _ = fit(net, data, {"critic": SUMS}, (0,), quiet)
    schedule = make_schedule(shared.denoiser.schedule, shared.denoiser.levels)
    for level, alpha in enumerate(schedule.alpha.tolist()):
        z = torch.randn(1, 500, 2, generator=numbers, requires_grad=True)
        at = torch.full((1, 500, 1), 0.5)
        (slope,) = torch.autograd.grad(module(z, level, at).sum(), z)
        assert slope.mean((0, 1)).tolist() == pytest.approx([0.5 * alpha] * 2, abs=0.04)


def test_elsewhere_it_is_refused_in_one_sentence():
    with pytest.raises(MethodError, match=r"cep\.support='data' takes .* leave it at 'behaviour'"):
        CEP(support="data").components(tiny_shared())
