"""The losses of the two guidance networks: values by hand, gradients, and what minimises them."""

import math
from collections.abc import Callable
from typing import Any

import pytest
import torch
from scipy.optimize import minimize
from tiny import tiny_data, tiny_setup
from torch import Tensor

from methods import SeedStreams, Step
from methods.cep import CEP, EnergyNet, contrastive_loss
from methods.core.guidance_net import fourier
from methods.ddice import in_sample_loss


def loss_and_slope(loss: Callable[..., Tensor], g: Any, *arguments: Any) -> tuple[Tensor, Tensor]:
    g = torch.as_tensor(g, dtype=torch.float64).requires_grad_()
    value = loss(g, *arguments)
    (slope,) = torch.autograd.grad(value.sum(), g)
    return value.detach(), slope


def plain_in_sample(g: Tensor, weight: Tensor) -> Tensor:
    """E[w e^{-g} + g], eq. 14 without stabilisation."""
    return (weight * torch.exp(-g) + g).mean(-1)


def test_in_sample_loss_by_hand():
    # g = 0, w = 2: d = 0, m = max(0, -1) = 0: 2 + 0. g = 1: d = -1 = m: 2 e^0 + e^1·1.
    # g = 5: d = -5 but m = -1: 2 e^-4 + e·5.
    weight = torch.tensor([[2.0]])
    assert in_sample_loss(torch.tensor([[0.0]]), weight).item() == pytest.approx(2)
    assert in_sample_loss(torch.tensor([[1.0]]), weight).item() == pytest.approx(2 + math.e)
    assert in_sample_loss(torch.tensor([[5.0]]), weight).item() == pytest.approx(2 * math.exp(-4) + 5 * math.e)
    # g = (0, 1): by rows the mean of 2 and 2 + e; with one m = 0 for both, of 2 and 2 e^-1 + 1.
    g, both = torch.tensor([[0.0, 1.0]]), weight.expand(1, 2)
    assert in_sample_loss(g, both).item() == pytest.approx(2 + math.e / 2)
    assert in_sample_loss(g, both, shift_per_batch=True).item() == pytest.approx((2 + 2 / math.e + 1) / 2)


@pytest.mark.parametrize("per_batch", [False, True])
@pytest.mark.parametrize("shift", [-30.0, -3.0, 0.0, 0.7, 4.0])
def test_the_in_sample_gradient_is_the_plain_one_times_a_factor(shift, per_batch):
    """e^{-m} with m = max(-g, -1) of the row, or the greatest of its seed's batch."""
    numbers = torch.Generator().manual_seed(0)
    g = shift + torch.randn(3, 20, generator=numbers, dtype=torch.float64)
    weight = torch.rand(3, 20, generator=numbers, dtype=torch.float64) * 4
    _, slope = loss_and_slope(in_sample_loss, g, weight, per_batch)
    _, plain = loss_and_slope(plain_in_sample, g, weight)
    least = g.amin(-1, keepdim=True) if per_batch else g
    torch.testing.assert_close(slope, torch.exp(least.clamp(max=1.0)) * plain, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("per_batch", [False, True])
def test_the_in_sample_gradient_stays_finite_where_the_plain_one_does_not(per_batch):
    g, weight = torch.tensor([[-500.0, 1.0], [2.0, 300.0]]), torch.ones(2, 2)
    for seed in (slice(0, 1), slice(1, 2)):
        leaf = g[seed].clone().requires_grad_()
        loss = in_sample_loss(leaf, weight[seed], per_batch)
        (slope,) = torch.autograd.grad(loss.sum(), leaf)
        assert loss.isfinite().all()
        assert slope.isfinite().all()
        assert slope[0, 0] != 0


def test_the_in_sample_minimiser_is_the_log_of_the_mean_weight():
    weight = torch.rand(1, 200, generator=torch.Generator().manual_seed(1), dtype=torch.float64) * 5

    def objective(g):
        loss, slope = loss_and_slope(plain_in_sample, [[g.item()]], weight.mean(-1, keepdim=True))
        return loss.item(), slope.numpy().ravel()

    plain = minimize(objective, [0.0], jac=True).x[0]
    assert plain == pytest.approx(weight.mean().log().item(), abs=1e-5)
    # The stabilised loss rescales with g, so it is followed by its gradient, as training does.
    g = torch.zeros(1, 1, dtype=torch.float64)
    for _ in range(400):
        _, slope = loss_and_slope(lambda g: in_sample_loss(g.expand(1, 200), weight), g)
        g = g - 0.05 * slope
    assert g.item() == pytest.approx(weight.mean().log().item(), abs=1e-6)


def test_contrastive_loss_by_hand():
    # Equal energies: softmax = 1/2 each, so the loss is log 2 whatever the target.
    assert contrastive_loss(torch.zeros(2), torch.tensor([0.9, 0.1])).item() == pytest.approx(math.log(2))
    # Energies (log 3, 0): softmax (3/4, 1/4): -(0.5 log 0.75 + 0.5 log 0.25) = 0.8369882.
    energy = torch.tensor([math.log(3), 0.0])
    assert contrastive_loss(energy, torch.tensor([0.5, 0.5])).item() == pytest.approx(0.8369882)


def test_contrastive_loss_is_least_where_the_energy_is_the_log_weight():
    q = torch.randn(5, 8, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    beta = 3.0
    target = (beta * q).softmax(-1)
    best, slope = loss_and_slope(contrastive_loss, beta * q + 7.0, target)
    assert slope.abs().max() < 1e-12
    # The least cross-entropy is the target's own entropy.
    torch.testing.assert_close(best, torch.special.entr(target).sum(-1))
    other, slope = loss_and_slope(contrastive_loss, beta * q + torch.linspace(0, 1, 8), target)
    assert (other > best).all()
    torch.testing.assert_close(slope, (beta * q + torch.linspace(0, 1, 8)).softmax(-1) - target)


def test_the_target_is_the_softmax_of_beta_q_over_each_states_actions():
    setup = tiny_setup()
    method = CEP(inverse_temperature=2.0, support_actions=3, support_states=5)
    energy = method.components(setup)["guidance"]
    assert isinstance(energy, EnergyNet)
    support = energy.support.build(SeedStreams([0, 1], "x"))
    streams = SeedStreams([0, 1], "y")
    observations, actions = streams.normal(5, setup.observation_dim), streams.normal(5, 3, setup.action_dim)
    support.get_buffer("observations").copy_(observations)
    support.get_buffer("actions").copy_(actions)
    critic = setup.critic().build(SeedStreams([0, 1], "z")).requires_grad_(False)
    step = Step(tiny_data(), {"support": support, "critic": critic}, SeedStreams([0, 1], "noise"))
    target = energy.precompute(step)["target"]
    assert target.shape == (2, 5, 3)
    for state in range(5):
        here = observations[:, state : state + 1]
        q = [critic.q(here, actions[:, state, [one]]) for one in range(3)]
        torch.testing.assert_close(target[:, state], (2.0 * torch.cat(q, 1)).softmax(-1))


@pytest.mark.parametrize("levels", [2, 5, 15, 100])
def test_every_two_levels_have_different_features(levels):
    features = fourier(levels)
    assert features.shape == (levels, 32)
    assert torch.pdist(features).min() > 0.05


def test_on_a_fine_schedule_neighbouring_levels_have_features_that_are_alike():
    features = fourier(1000)
    apart = torch.pdist(features).min()
    assert apart > 0.05
    step = features.diff(dim=0).norm(dim=-1)
    # The finest of 16 pairs turns 64 times over the schedule, 0.40 rad from one level to the next.
    assert step.max() < (16 * 2 * (1 - math.cos(2 * math.pi * 64 / 1000))) ** 0.5
