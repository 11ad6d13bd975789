"""The regressed energy learns E[β Q | a_k]; the plug-in follows the gradient of β Q of the denoised action."""

from dataclasses import dataclass

import pytest
import torch
from closed_form import LogLinear
from tiny import ACTIONS, OBSERVATIONS, tiny_data, tiny_shared

from methods.diffusion.schedule import Schedule
from methods.dps import DPS
from methods.mse import MSE
from training.component import Batch
from training.seeds import SeedStreams

LAW = LogLinear()
BATCH = 40_000
BETA = 2.0
RHO = 3.0
LEVEL = 1


def test_the_table_is_beta_q_of_every_transition():
    shared, data = tiny_shared(), tiny_data()
    energy = MSE(inverse_temperature=BETA).components(shared)["energy"]
    critic = shared.critic.build(SeedStreams([0, 1], "x")).requires_grad_(False)
    table = energy.tables(data, {"critic": critic}, 2)["value"]
    assert table.shape == (2, len(data))
    for row in (0, 7, 47):
        q = critic.q(data.observations[[row]].expand(2, 1, -1), data.actions[[row]].expand(2, 1, -1))
        torch.testing.assert_close(table[:, row], BETA * q[:, 0])


@dataclass
class Guess:
    """E[l a_0 | a_k] of the Gaussian behaviour plus tilt l² C_k/2, which at tilt 1 is log E[e^{l a_0} | a_k]."""

    tilt: float
    schedule: Schedule

    def variance(self, level):
        alpha, sigma = self.schedule.alpha[level], self.schedule.sigma[level]
        return (LAW.std * sigma).square() / ((alpha * LAW.std).square() + sigma.square())

    def __call__(self, z, level, observations):
        alpha, sigma = self.schedule.alpha[level], self.schedule.sigma[level]
        total = (alpha * LAW.std).square() + sigma.square()
        mean = (alpha * LAW.std**2 * z[..., 0] + sigma.square() * LAW.mean) / total
        return LAW.slope * mean + self.tilt * LAW.slope**2 * self.variance(level) / 2


@pytest.mark.parametrize("tilt", [0.0, 1.0])
def test_the_regressed_energy_is_the_mean_of_the_log_weight_not_the_log_of_the_mean_weight(tilt):
    """The least squared error is the conditional variance l² C_k; the log-mean-exp adds (l² C_k/2)² to it."""
    energy = MSE().components(tiny_shared(levels=8))["energy"]
    net = energy.build(SeedStreams([0], "x"))
    guess = Guess(tilt, net.schedule)
    net.forward = guess
    actions = LAW.mean + LAW.std * SeedStreams([0], "actions").normal(BATCH, 1)
    nothing = torch.zeros(1, BATCH)
    index = torch.arange(BATCH)[None]
    batch = Batch(index, nothing[..., None], actions, nothing, nothing[..., None], nothing)
    tables = {"value": LAW.slope * actions[..., 0]}
    loss = energy.loss(net, batch, tables, {}, SeedStreams([0], "noise"))
    unknown = LAW.slope**2 * guess.variance(torch.arange(8))
    expected = (unknown + tilt * (unknown / 2).square()).mean().item()
    assert loss.shape == (1,)
    # A squared error spreads by √2 of its mean, so 3 % are four standard errors of 40,000; the tilt adds 14 %.
    assert loss.item() == pytest.approx(expected, rel=0.03)
    assert expected / unknown.mean() == pytest.approx(1 + 0.142 * tilt, abs=0.002)


def inputs(channels):
    streams = SeedStreams([0, 1], "inputs")
    return streams.normal(6, channels).double(), streams.normal(6, OBSERVATIONS).double()


def test_the_plug_in_gradient_goes_through_critic_and_denoiser():
    shared = tiny_shared()
    denoiser = shared.behaviour().build(SeedStreams([0, 1], "x")).double().requires_grad_(False)
    critic = shared.critic.build(SeedStreams([0, 1], "y")).double().requires_grad_(False)
    z, observations = inputs(ACTIONS)

    def value(z):
        return BETA * critic.q(observations, denoiser(z, LEVEL, observations))

    columns = []
    for channel in range(ACTIONS):
        shift = torch.zeros_like(z)
        shift[..., channel] = 1e-6
        columns.append((value(z + shift) - value(z - shift)) / 2e-6)
    expected = torch.stack(columns, -1)
    assert expected.abs().min() > 1e-3
    policy = DPS(inverse_temperature=BETA).policy({"denoiser": denoiser, "critic": critic}, shared, RHO)
    plug_in = policy.denoiser
    alpha_bar = plug_in.schedule.alpha[LEVEL].double().square()
    factor = RHO * (1 - alpha_bar) / alpha_bar.sqrt()
    with torch.no_grad():
        moved = plug_in(z, LEVEL, observations) - denoiser(z, LEVEL, observations)
    torch.testing.assert_close(moved / factor, expected, rtol=1e-5, atol=1e-7)
    assert policy.repairs.counts(1) == {"nan_gradients": 0, "clipped_weights": 0, "guided_rows": 6}
    assert not moved.requires_grad


def test_a_plug_in_without_a_finite_gradient_stays_unguided_and_is_counted():
    shared = tiny_shared()
    denoiser = shared.behaviour().build(SeedStreams([0, 1], "x")).requires_grad_(False)

    class Broken:
        def q(self, observations, actions):
            return torch.where(observations[..., 0] > 0, torch.nan, 1.0) * actions.sum(-1)

        def v(self, observations):
            return observations[..., 0]

    z, observations = (part.float() for part in inputs(ACTIONS))
    policy = DPS().policy({"denoiser": denoiser, "critic": Broken()}, shared, RHO)
    plain, moved = (wrapped(z, LEVEL, observations) for wrapped in (denoiser, policy.denoiser))
    broken = observations[..., 0] > 0
    assert broken.any()
    assert not broken.all()
    assert torch.equal(plain[broken], moved[broken])
    assert (plain[~broken] != moved[~broken]).all()
    assert [policy.repairs.counts(row)["nan_gradients"] for row in (0, 1)] == broken.sum(1).tolist()
