"""The regressed energy learns E[β Q | a_k]; the plug-in follows the gradient of β Q of the denoised action."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from closed_form import LogLinear
from exact_policies import guided_denoiser
from tiny import ACTIONS, OBSERVATIONS, tiny_data, tiny_setup
from torch import Tensor

from methods import Data, SeedStreams, Step
from methods.diffusion.schedule import Schedule
from methods.dps import DPS
from methods.mse import MSE, RegressedNet

LAW = LogLinear()
BATCH = 40_000
BETA = 2.0
RHO = 3.0
LEVEL = 1


def regressed(method: MSE, levels: int = 4) -> RegressedNet:
    component = method.components(tiny_setup(levels=levels))["guidance"]
    assert isinstance(component, RegressedNet)
    return component


def test_the_value_is_beta_q_of_every_transition():
    setup, data = tiny_setup(), tiny_data()
    critic = setup.critic().build(SeedStreams([0, 1], "x")).requires_grad_(False)
    step = Step(data, {"critic": critic}, SeedStreams([0, 1], "y"))
    value = regressed(MSE(inverse_temperature=BETA)).precompute(step)["value"]
    assert value.shape == (2, len(data))
    for row in (0, 7, 47):
        q = critic.q(data.observations[[row]].expand(2, 1, -1), data.actions[[row]].expand(2, 1, -1))
        torch.testing.assert_close(value[:, row], BETA * q[:, 0])


@dataclass
class Guess:
    """E[l a_0 | a_k] of the Gaussian behaviour plus tilt l² C_k/2, which at tilt 1 is log E[e^{l a_0} | a_k]."""

    tilt: float
    schedule: Schedule

    def variance(self, level: Any) -> Tensor:
        alpha, sigma = self.schedule.alpha[level], self.schedule.sigma[level]
        return (LAW.std * sigma).square() / ((alpha * LAW.std).square() + sigma.square())

    def __call__(self, z: Tensor, level: Any, observations: Tensor) -> Tensor:
        alpha, sigma = self.schedule.alpha[level], self.schedule.sigma[level]
        total = (alpha * LAW.std).square() + sigma.square()
        mean = (alpha * LAW.std**2 * z[..., 0] + sigma.square() * LAW.mean) / total
        return LAW.slope * mean + self.tilt * LAW.slope**2 * self.variance(level) / 2


@pytest.mark.parametrize("tilt", [0.0, 1.0])
def test_the_regressed_energy_is_the_mean_of_the_log_weight_not_the_log_of_the_mean_weight(
    tilt: float, monkeypatch: pytest.MonkeyPatch
):
    """The least squared error is the conditional variance l² C_k; the log-mean-exp adds (l² C_k/2)² to it."""
    component = regressed(MSE(batch_size=BATCH), levels=8)
    net = component.build(SeedStreams([0], "x"))
    guess = Guess(tilt, net.schedule)
    monkeypatch.setattr(net, "forward", guess)
    actions = LAW.mean + LAW.std * SeedStreams([0], "actions").normal(BATCH, 1)[0]
    nothing = torch.zeros(BATCH)
    data = Data(nothing[:, None], actions, nothing, nothing[:, None], nothing)
    value = LAW.slope * actions[:, 0][None]
    loss = component.losses(net, Step(data, {}, SeedStreams([0], "noise"), {"value": value}))["loss"]
    unknown = LAW.slope**2 * guess.variance(torch.arange(8))
    expected = (unknown + tilt * (unknown / 2).square()).mean().item()
    assert loss.shape == (1,)
    # A squared error spreads by √2 of its mean, so 3 % are four standard errors of 40,000; the tilt adds 14 %.
    assert loss.item() == pytest.approx(expected, rel=0.03)
    assert expected / unknown.mean() == pytest.approx(1 + 0.142 * tilt, abs=0.002)


def inputs(channels: int) -> tuple[Tensor, Tensor]:
    streams = SeedStreams([0, 1], "inputs")
    return streams.normal(6, channels).double(), streams.normal(6, OBSERVATIONS).double()


def test_the_plug_in_gradient_goes_through_critic_and_denoiser():
    setup = tiny_setup()
    denoiser = setup.behaviour().build(SeedStreams([0, 1], "x")).double().requires_grad_(False)
    critic = setup.critic().build(SeedStreams([0, 1], "y")).double().requires_grad_(False)
    z, observations = inputs(ACTIONS)

    def value(z: Tensor) -> Tensor:
        return BETA * critic.q(observations, denoiser(z, LEVEL, observations))

    columns = []
    for channel in range(ACTIONS):
        shift = torch.zeros_like(z)
        shift[..., channel] = 1e-6
        columns.append((value(z + shift) - value(z - shift)) / 2e-6)
    expected = torch.stack(columns, -1)
    assert expected.abs().min() > 1e-3
    models = {"denoiser": denoiser, "critic": critic}
    guided = guided_denoiser(DPS(inverse_temperature=BETA), models, RHO, 6, seeds=2)
    alpha_bar = guided.schedule.alpha[LEVEL].double().square()
    factor = RHO * (1 - alpha_bar) / alpha_bar.sqrt()
    with torch.no_grad():
        moved = guided(z, LEVEL, observations) - denoiser(z, LEVEL, observations)
    torch.testing.assert_close(moved / factor, expected, rtol=1e-5, atol=1e-7)
    counts = guided.counts.of_seed(1)
    assert counts["interventions"] == {"nan_gradients": [0] * 4}
    assert counts["evaluations"] == {"function": 6, "gradient": 6, "beside": 0, "guided_rows": 6}
    assert not moved.requires_grad


def test_a_plug_in_without_a_finite_gradient_stays_unguided_and_is_counted():
    denoiser = tiny_setup().behaviour().build(SeedStreams([0, 1], "x")).requires_grad_(False)
    broken_critic = SimpleNamespace(
        q=lambda observations, actions: torch.where(observations[..., 0] > 0, torch.nan, 1.0) * actions.sum(-1)
    )
    z, observations = (part.float() for part in inputs(ACTIONS))
    guided = guided_denoiser(DPS(), {"denoiser": denoiser, "critic": broken_critic}, RHO, 6, seeds=2)
    plain, moved = (wrapped(z, LEVEL, observations) for wrapped in (denoiser, guided))
    broken = observations[..., 0] > 0
    assert broken.any()
    assert not broken.all()
    assert torch.equal(plain[broken], moved[broken])
    assert (plain[~broken] != moved[~broken]).all()
    for row in (0, 1):
        at_level = guided.counts.of_seed(row)["interventions"]["nan_gradients"]
        assert at_level == [0, int(broken[row].sum()), 0, 0]
