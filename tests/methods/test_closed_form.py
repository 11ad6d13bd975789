"""Where the guided law is known exactly, every guidance with every sampler gives it.

Levels and draws: 100 levels leave the standard deviation 0.008 (DDIM, cosine) to 0.024 (DDPM, vp) short of its
limit, first order in the number of levels, DPM-Solver++ 0.003 at most, and the mean within 0.001: `sampled_law`
computes this without sampling, and tests here hold it to the closed form. With 20,000 draws the standard error is
s/√n = 0.0035 for the mean and s/√(2n) = 0.0025 for the standard deviation; 4.5 of them are allowed.
"""

from typing import Any

import numpy as np
import pytest
import torch
from closed_form import ExactBehaviour, ExactJoint, LogLinear, limit_law, sampled_law
from exact_policies import LAW, actions_of, assert_law, exact_models, guided_denoiser, one_dimensional
from scipy.integrate import quad
from scipy.stats import norm
from tiny import act

from methods import SeedStreams, SlotMethod, sample
from methods.cep import CEP
from methods.ddice import DiffusionDICE
from methods.diffusion.noise import StreamNoise
from methods.diffusion.sampler import Bounds, SamplerConfig
from methods.diffusion.schedule import SCHEDULES, Schedule, make_schedule
from methods.diffusion.solvers import SOLVERS
from methods.mse import MSE
from methods.swg import SWG
from methods.unguided import Unguided

DRAWS = 20_000
LEVELS = 100
DPM_SOLVERS = ("dpm++-multistep", "dpm++-singlestep")
VANISHING = ("vp", "cosine")  # the least noise of vp-linear is that of t = 1e-3, however many levels there are


def draws(rows: int) -> StreamNoise:
    """The noise of one seed."""
    return StreamNoise(SeedStreams([0], "draws"), rows)


def errors_of(schedule: str, solver: str, rho: float, levels: tuple[int, ...]) -> np.ndarray:
    """What is missing to the limit, (level count, mean and std)."""
    schedules = [make_schedule(schedule, count) for count in levels]
    laws = [(sampled_law(LAW, steps, solver, rho), limit_law(LAW, steps, solver, rho)) for steps in schedules]
    return np.array([np.subtract(*pair) for pair in laws])


@pytest.mark.parametrize("solver", ["ddpm", "ddim"])
@pytest.mark.parametrize("schedule", VANISHING)
@pytest.mark.parametrize("rho", [0.0, 1.0, 2.0])
def test_what_the_samplers_reach_tends_to_the_guided_law_in_first_order(solver, schedule, rho):
    mean_error, std_error = np.abs(errors_of(schedule, solver, rho, (100, 200, 400, 800))).T
    assert mean_error[0] < 0.002
    assert 0 < std_error[0] < 0.025
    ratios = std_error[:-1] / std_error[1:]
    assert ((ratios > 1.75) & (ratios < 2.05)).all(), ratios


@pytest.mark.parametrize("solver", DPM_SOLVERS)
@pytest.mark.parametrize("schedule", VANISHING)
@pytest.mark.parametrize("rho", [0.0, 2.0])
def test_on_a_whole_schedule_the_second_order_solvers_are_better_but_end_in_first_order(solver, schedule, rho):
    """The least noisy level has σ² = O(1/K), and from there to σ = 0 every solver takes ẑ_0 itself.

    E[a_0 | a_k] of a_k = α a_0 + σ ε has the standard deviation s (1 - σ²/(2 α² s²) + …): that much is missing in
    any case. The steps in λ next to it do not shrink with K either (log √2 between the last two levels of vp),
    but what they add is of the same size, since ẑ_0 moves there by O(σ²).
    """
    mean_error, std_error = np.abs(errors_of(schedule, solver, rho, (100, 1600, 3200))).T
    _, of_ddim = np.abs(errors_of(schedule, "ddim", rho, (100, 1600, 3200))).T
    assert mean_error[0] < 0.0003
    assert (std_error < of_ddim / 3.5).all()
    assert 1.75 < std_error[1] / std_error[2] < 2.25
    least = make_schedule(schedule, 3200).sigma[0].item() ** 2 / (2 * LAW.std)
    assert 0.5 * least < std_error[2] < 2 * least


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("rho", [0.0, 2.0])
def test_on_vp_linear_only_the_noise_at_the_earliest_time_stays_missing(solver, rho):
    """From there every solver takes ẑ_0 itself, whose standard deviation is short by σ²/(2s) = 1.1e-4."""
    levels = (100, 400, 1600, 6400)
    mean_error, std_error = np.abs(errors_of("vp-linear", solver, rho, levels)).T
    floor = -np.expm1(-(1e-6 * 19.9 / 2 + 1e-3 * 0.1)) / (2 * LAW.std)
    assert floor == pytest.approx(1.1e-4, rel=0.01)
    assert (mean_error < 2e-4).all()
    assert std_error[0] < 0.035
    assert std_error[-1] == pytest.approx(floor, rel=0.1 if solver in DPM_SOLVERS else 10)
    assert (np.abs(std_error - floor)[1:] < np.abs(std_error - floor)[:-1]).all()


@pytest.mark.parametrize(("solver", "order"), [("ddim", 1), ("dpm++-multistep", 2), ("dpm++-singlestep", 2)])
@pytest.mark.parametrize("rho", [0.0, 2.0])
def test_between_two_given_noise_levels_each_solver_has_its_order(solver, order, rho):
    """Levels evenly in λ from -3 to 3, where the flow N(α m', V) → N(α m', V) is known: z - α m' grows as √V."""
    errors = []
    for steps in (20, 40, 80, 160):
        schedule = even_in_log_snr(-3.0, 3.0, steps + 1)
        guided = guided_denoiser(CEP(), exact_models(schedule, joint=False), rho, 200)
        z = sample(guided, torch.zeros(1, 200, 1), draws(200), SamplerConfig(solver=solver))
        start = SeedStreams([0], "draws").normal(200, 1)
        spread = ((schedule.alpha * LAW.std).square() + schedule.sigma.square()).sqrt()
        middle = schedule.alpha * LAW.target_mean(rho)
        end = middle[0] + (start - middle[-1]) * spread[0] / spread[-1]
        errors.append((z - guided(end, 0, end)).abs().max().item())
    rates = np.log2(np.divide(errors[:-1], errors[1:]))
    assert errors[0] < 0.15
    assert rates == pytest.approx(order, abs=0.15), rates


def even_in_log_snr(low: float, high: float, levels: int) -> Schedule:
    """σ² = 1/(1 + e^{2λ}), from the least noisy level."""
    place = torch.linspace(high, low, levels, dtype=torch.float64)
    return Schedule(torch.sigmoid(2 * place).sqrt().float(), torch.sigmoid(-2 * place).sqrt().float())


def test_the_limit_is_the_target_up_to_the_start():
    for solver in SOLVERS:
        assert limit_law(LAW, make_schedule("cosine", 100), solver, 1.0) == pytest.approx((0.7, 0.5), abs=1e-3)
    # vp ends at ᾱ = e^-5.05 = 0.0064 whatever K is, so the flow keeps 0.08 s m'/√V = 0.028 of the mean.
    vp = make_schedule("vp", 100)
    for solver in ("ddim", *DPM_SOLVERS):
        assert limit_law(LAW, vp, solver, 1.0)[0] == pytest.approx(0.7 - 0.0281, abs=2e-4)
    assert limit_law(LAW, vp, "ddpm", 1.0)[0] == pytest.approx(0.7 - 0.0011, abs=2e-4)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("rho", [1.0, 2.0])
def test_energy_guidance_samples_the_guided_law(schedule: str, solver: str, rho: float):
    steps = make_schedule(schedule, LEVELS)
    actions = actions_of(CEP(), steps, solver, rho, DRAWS)
    assert_law(actions, *sampled_law(LAW, steps, solver, rho))
    start = 0.0 if schedule == "cosine" else 0.05  # see the test above: 0.028 of the mean 0.7, 0.044 of 1.1
    assert_law(actions, LAW.target_mean(rho), LAW.std, slack=0.025 + start)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_network_guides_alike_whatever_it_was_trained_on(schedule: str, solver: str):
    """So what holds of CEP's energy, here and where log w is quadratic, holds of the others' too."""
    steps = make_schedule(schedule, 15)
    cep, ddice, mse = (actions_of(method, steps, solver, 1.5, 300) for method in (CEP(), DiffusionDICE(), MSE()))
    assert torch.equal(ddice, cep)
    assert torch.equal(mse, cep)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_self_weighted_guidance_samples_the_guided_law(schedule, solver):
    steps = make_schedule(schedule, LEVELS)
    actions = actions_of(SWG(), steps, solver, 1.0, DRAWS)
    # No recursion is exact for the joint denoiser; the weight, small beside the noise, hardly bends it.
    assert_law(actions, *sampled_law(LAW, steps, solver, 1.0), slack=0.003)
    assert_law(actions, LAW.target_mean(), LAW.std, slack=0.025 + (0.03 if schedule == "vp" else 0.0))


@pytest.mark.parametrize("solver", SOLVERS)
def test_self_weighted_guidance_with_a_weight_that_tells_the_action(solver):
    """w = σ(4a) varies as much as the action does, so the gradient through the weight channel carries weight."""

    def density(a):
        return norm.pdf(a, LAW.mean, LAW.std) / (1 + np.exp(-4 * a))

    mass, first, second = (quad(lambda a, p=p: a**p * density(a), -6, 6)[0] for p in (0, 1, 2))
    mean = first / mass
    std = (second / mass - mean**2) ** 0.5
    schedule = make_schedule("cosine", LEVELS)
    models = {"denoiser": ExactJoint(LAW, schedule, lambda a: torch.sigmoid(4 * a))}
    guided = guided_denoiser(SWG(), models, 1.0, DRAWS)
    z = sample(guided, torch.zeros(1, DRAWS, 1), draws(DRAWS), SamplerConfig(solver=solver))
    assert_law(z[0, :, 0].double(), mean, std, slack=0.015)
    torch.testing.assert_close(z[0, :, 1], torch.sigmoid(4 * z[0, :, 0]), atol=0.03, rtol=0)
    assert sum(guided.counts.of_seed(0)["interventions"]["nan_gradients"]) == 0


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("method", [CEP(), SWG()], ids=["energy", "self-weighted"])
def test_rho_zero_is_the_unguided_draw_exactly(solver: Any, method: SlotMethod):
    schedule = make_schedule("cosine", 20)
    models = exact_models(schedule, joint=isinstance(method, SWG))
    plain = models["denoiser"]
    bounds = Bounds(torch.tensor([-6.0, 1e-4])[: plain.channels], torch.tensor([6.0, 1.0])[: plain.channels])
    observations = torch.zeros(1, 500, 1)
    config = SamplerConfig(solver=solver)
    expected = sample(plain, observations, draws(500), config, bounds)
    guided = guided_denoiser(method, models, 0.0, 500)
    assert torch.equal(sample(guided, observations, draws(500), config, bounds), expected)
    policy = method.policy(models, one_dimensional(solver))
    assert torch.equal(act(policy, observations, 0.0, (0,)), expected[..., :1])
    counts = policy.counts.of_seed(0)
    assert counts["interventions"] == {"nan_gradients": []}
    assert counts["evaluations"] == {"function": 500 * 20, "gradient": 0, "beside": 0, "guided_rows": 0}


@pytest.mark.parametrize("solver", SOLVERS)
def test_unguided_policy_samples_the_behaviour(solver):
    schedule = make_schedule("cosine", LEVELS)
    actions = actions_of(Unguided(), schedule, solver, 0.0, DRAWS)
    assert_law(actions, *sampled_law(LAW, schedule, solver, 0.0))
    assert_law(actions, LAW.mean, LAW.std, slack=0.02)


def test_guidance_moves_the_posterior_mean_to_that_of_the_guided_law():
    """Bayes with prior N(m + ρ l s², s²) gives the guided E[a_0 | a_k] at every level, without any sampling."""
    schedule = make_schedule("vp", 15)
    z = torch.linspace(-2, 2, 9)[None, :, None]
    guided = guided_denoiser(CEP(), exact_models(schedule, joint=False), 3.0, 9)
    shifted = ExactBehaviour(LogLinear(mean=LAW.target_mean(3.0)), schedule)
    for level in range(15):
        expected = shifted(z, level, z)
        torch.testing.assert_close(guided(z, level, z), expected, atol=2e-6, rtol=1e-5)


@pytest.mark.parametrize("level", [0, 10, 30, 49])
def test_the_joint_instrument_agrees_with_brute_force_integration(level):
    schedule = make_schedule("cosine", 50)
    alpha, sigma = schedule.alpha[level].item(), schedule.sigma[level].item()
    grid = np.linspace(LAW.mean - 5, LAW.mean + 5, 400_001)
    weights = np.exp(LAW.slope * grid + LAW.offset)
    # A pair that the law makes likely: a_0 = 0.5 and half a standard deviation of noise.
    noisy = alpha * 0.5 + 0.5 * sigma, alpha * np.exp(LAW.slope * 0.5 + LAW.offset) - 0.5 * sigma
    log_mass = (
        norm.logpdf(grid, LAW.mean, LAW.std)
        + norm.logpdf(noisy[0], alpha * grid, sigma)
        + norm.logpdf(noisy[1], alpha * weights, sigma)
    )
    mass = np.exp(log_mass - log_mass.max())
    expected = [(mass * grid).sum() / mass.sum(), (mass * weights).sum() / mass.sum()]
    z = torch.tensor([[noisy]], dtype=torch.float64)
    got = ExactJoint(LAW, schedule)(z, level, z)[0, 0]
    np.testing.assert_allclose(got.numpy(), expected, rtol=1e-5)
