"""AEPO's energy against integrals, its variances against Gaussian ones, its loss against a plain one."""

import itertools

import numpy as np
import pytest
import torch
from tiny import tiny_data, tiny_setup
from torch import Tensor

from methods import Batch, SeedStreams, Step
from methods.aepo import AEPO, AnalyticNet, Posterior, analytic_energy, estimate_variance, value_and_slope
from methods.diffusion.schedule import make_schedule

NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
SLOPE = np.array([0.8, -1.3])


def integrate_energy(beta: float, mean: np.ndarray, std: float, curvature: float) -> float:
    """log E[e^{βQ(a)}] for a ~ N(mean, std² I) in the plane and Q = SLOPE·a - curvature |a|²/2, by quadrature."""
    total = 0.0
    for (x, u), (y, v) in itertools.product(zip(NODES, WEIGHTS, strict=True), repeat=2):
        action = mean + std * np.array([x, y])
        total += u * v * np.exp(beta * (SLOPE @ action - curvature * action @ action / 2)) / (2 * np.pi)
    return float(np.log(total))


def expand(beta: float, place: np.ndarray, mean: np.ndarray, std: float, curvature: float) -> float:
    """The analytic energy of the same Q, expanded at a place."""
    value = SLOPE @ place - curvature * place @ place / 2
    slope = SLOPE - curvature * place
    given = (torch.tensor(x, dtype=torch.float64) for x in (value, slope, mean - place, std**2))
    return analytic_energy(beta, *given).item()


@pytest.mark.parametrize("place", [(0.0, 0.0), (0.3, -0.2), (-0.9, 0.4)])
@pytest.mark.parametrize("beta", [0.5, 3.0])
def test_with_a_linear_q_the_energy_is_exact_wherever_it_is_expanded(beta, place):
    mean, std = np.array([0.3, -0.2]), 0.6
    exact = integrate_energy(beta, mean, std, 0.0)
    assert expand(beta, np.array(place), mean, std, 0.0) == pytest.approx(exact, abs=1e-9)


@pytest.mark.parametrize("beta", [0.5, 2.0])
def test_with_a_quadratic_q_the_error_is_the_predicted_one(beta):
    """With h the curvature, g = Q'(μ̃) and t = 1 + β h s²: E = βQ(μ̃) + ½ β² s² |g|²/t - log t in the plane.

    Expanded at μ̃ the energy lacks the two parts with t, so that it is too large by ½ β² s² |g|² (1 - 1/t) + log t.
    """
    mean, std, h = np.array([0.3, -0.2]), 0.5, 0.7
    exact = integrate_energy(beta, mean, std, h)
    t, slope = 1 + beta * h * std**2, SLOPE - h * mean
    predicted = 0.5 * (beta * std) ** 2 * (slope @ slope) * (1 - 1 / t) + np.log(t)
    assert expand(beta, mean, mean, std, h) - exact == pytest.approx(predicted, abs=1e-9)


@pytest.mark.parametrize("level", [0, 4, 11, 14])
@pytest.mark.parametrize("posterior", ["noise", "data", "error"])
def test_every_posterior_has_the_variance_of_a_gaussian(posterior: Posterior, level):
    """For a_0 ~ N(m, s²), Var(a_0 | a_k) = s² σ²/(α² s² + σ²) and E[ε | a_k] = σ (a_k - α m)/(α² s² + σ²)."""
    numbers, spread, centre = torch.Generator().manual_seed(level), 0.4, 0.3
    actions = centre + spread * torch.randn(2, 200_000, 3, generator=numbers, dtype=torch.float64)
    noise = torch.randn(actions.shape, generator=numbers, dtype=torch.float64)
    alpha, sigma = make_schedule("vp", 15).coefficients[level]
    total = (alpha * spread) ** 2 + sigma**2
    predicted = sigma * (alpha * actions + sigma * noise - alpha * centre) / total
    found = estimate_variance(posterior, actions, noise, predicted, alpha, sigma)
    exact = (spread * sigma) ** 2 / total
    # 600,000 numbers have a relative error of sqrt(2/600,000) = 0.002; σ²/α² and Var(a_0) enlarge it, for they
    # are multiplied with it before what is alike is taken away.
    error = 0.002 * max((sigma / alpha) ** 2 if posterior == "noise" else spread**2, exact)
    torch.testing.assert_close(found, torch.full_like(found, exact), rtol=0, atol=5 * error)


def test_the_variance_stays_within_zero_and_that_of_the_actions():
    actions = torch.tensor([[[1.0], [-1.0]]])
    noise, none = torch.tensor([[[1.0], [1.0]]]), torch.zeros(1, 2, 1)
    assert estimate_variance("noise", actions, noise, none, 0.1, 0.995).item() == pytest.approx(1)
    assert estimate_variance("noise", actions, noise, 2 * noise, 0.1, 0.995).item() == 0
    # μ̃ = (0.6 (±1) + 0.8)/0.6, whose mean square is 1 + (4/3)²: more than the variance 1.
    assert estimate_variance("data", actions, noise, none, 0.6, 0.8).item() == 0
    # (σ/α)² E|ε - 0|² = 16/9, more than the variance 1.
    assert estimate_variance("error", actions, noise, none, 0.6, 0.8).item() == pytest.approx(1)
    assert estimate_variance("error", actions, noise, noise / 2, 0.6, 0.8).item() == pytest.approx(4 / 9)


def net_of(method: AEPO) -> AnalyticNet:
    component = method.components(tiny_setup())["guidance"]
    assert isinstance(component, AnalyticNet)
    return component


def given_of(component: AnalyticNet) -> dict[str, object]:
    streams = SeedStreams([3, 8], "models")
    return {name: needed.build(streams).requires_grad_(False) for name, needed in component.upstream().items()}


@pytest.mark.parametrize("expansion", ["action", "posterior-mean"])
def test_the_loss_equals_a_plain_one(expansion):
    """Row by row, with the gradient of Q by central differences in float64."""
    method = AEPO(batch_size=4, variance_rows=30, inverse_temperature=2.0, expansion=expansion, offset=0.1)
    component, data = net_of(method), tiny_data()
    models, streams = given_of(component), SeedStreams([3, 8], "training")
    step = Step(data, models, streams, component.precompute(Step(data, models, SeedStreams([3, 8], "before"))))
    module, start = component.build(SeedStreams([3, 8], "net")), streams.state()
    found = component.losses(module, step)["loss"]
    streams.restore(start)
    batch = step.sample_batch(4)
    level, noise = streams.integers(4, 4), streams.normal(4, 2)
    for seed, row in itertools.product(range(2), range(4)):
        energy = plain_energy(component, step, batch, level, noise, (seed, row))
        noisy = module.schedule.add_noise(batch.actions, level, noise)
        guess = module(noisy, level, batch.observations)[seed, row]
        found[seed] = found[seed] - (guess - energy) ** 2 / 4
    torch.testing.assert_close(found, torch.zeros(2), atol=2e-3, rtol=0)


def plain_energy(
    component: AnalyticNet, step: Step, batch: Batch, level: Tensor, noise: Tensor, at: tuple[int, int]
) -> float:
    critic, denoiser = step.models["critic"], step.models["denoiser"]
    s, a = batch.observations, batch.actions

    def q(action: np.ndarray) -> float:
        every = a.clone()
        every[at] = torch.tensor(action, dtype=torch.float32)
        return critic.q(s, every)[at].item()

    def slope(action: np.ndarray) -> np.ndarray:
        return np.array([(q(action + d) - q(action - d)) / 2e-2 for d in np.eye(2) * 1e-2])

    k = int(level[at])
    alpha, sigma = denoiser.schedule.coefficients[k]
    noisy = alpha * a + sigma * noise
    clean = denoiser(noisy.clone(), k, s)[at].numpy().astype(float)
    mean = np.clip(clean, component.low, component.high)
    beta, variance = component.inverse_temperature, step.precomputed["variance"][at[0], k].item()
    if component.expansion == "posterior-mean":
        place, gradient = mean, slope(mean)
    else:
        action = a[at].numpy().astype(float)
        gradient = slope(action)
        place = action - component.offset * gradient / np.linalg.norm(gradient)
    return beta * q(place) + beta * gradient @ (mean - place) + beta**2 * variance * gradient @ gradient / 2


def test_value_and_slope_are_those_of_the_critic():
    component = net_of(AEPO())
    critic, data = given_of(component)["critic"], tiny_data()
    s, a = data.observations[:5].expand(2, -1, -1), data.actions[:5].expand(2, -1, -1)
    value, slope = value_and_slope(critic, s, a)  # pyright: ignore[reportArgumentType]
    torch.testing.assert_close(value, critic.q(s, a))  # pyright: ignore[reportAttributeAccessIssue]
    for direction in range(2):
        shift = torch.zeros(2)
        shift[direction] = 1e-2
        ahead, behind = (critic.q(s, a + sign * shift) for sign in (1, -1))  # pyright: ignore
        torch.testing.assert_close(slope[..., direction], (ahead - behind) / 2e-2, atol=2e-3, rtol=0)
